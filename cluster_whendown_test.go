package sfere_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/relay"
)

// What becomes of those who want a key while a node does not answer is the program's to
// say.
func TestWhenDown(t *testing.T) {
	const ok, conflict, unavailable = http.StatusOK, http.StatusConflict, http.StatusServiceUnavailable
	claim := func(r *rig, owner string) error { return r.conns.Claim(key("name"), owner, time.Minute) }
	for _, tt := range []struct {
		name, reason string
		when         sfere.WhenDown
		do           func(t *testing.T, f *relay.Faulty, ns nodes)
	}{
		{"refuse", "the default refuses new names, and says because of whom", "", func(t *testing.T, f *relay.Faulty, ns nodes) {
			f.Split(2)
			err := claim(ns[0], "ann")
			wantStatus(t, err, unavailable)
			if !errors.Is(err, sfere.ErrUnanswered) || !strings.Contains(err.Error(), ": c (") {
				t.Errorf("error %v", err)
			}
			ns.open(t, 0, owned("name", "ann"), unavailable)
			ns.open(t, 0, id("name")+"&policy=reject", unavailable)
			ns.open(t, 0, id("name"), ok).close()
			ns.open(t, 0, id("name")+"&policy=replace", ok).close()
			ns.owners(t, "", "", "")
		}},
		{"refuse at once", "a node that is suspected is not waited for", sfere.RefuseWhenDown, func(t *testing.T, f *relay.Faulty, ns nodes) {
			f.Split(2)
			time.Sleep(5 * time.Second)
			start := time.Now()
			wantStatus(t, claim(ns[0], "ann"), unavailable)
			if d := time.Since(start); d != 0 {
				t.Errorf("it has waited for %v", d)
			}
		}},
		{"refuse until down", "a node that is down is not asked any more: a machine that dies locks nobody out for good", sfere.RefuseWhenDown, func(t *testing.T, f *relay.Faulty, ns nodes) {
			f.Split(2)
			time.Sleep(11 * time.Second)
			wantStatus(t, claim(ns[0], "ann"), 0)
			wantStatus(t, claim(ns[1], "bob"), conflict)
		}},
		{"node that ends", "a machine that is restarted has said good-bye", sfere.RefuseWhenDown, func(t *testing.T, f *relay.Faulty, ns nodes) {
			ns[2].conns.Close()
			synctest.Wait()
			wantStatus(t, claim(ns[0], "ann"), 0)
		}},
		{"owners are let in", "who has the name comes back on another machine while theirs is dying", sfere.RefuseWhenDown, func(t *testing.T, f *relay.Faulty, ns nodes) {
			ns.hold(t, 2, "ann", ok)
			settle()
			f.Split(2)
			ns.hold(t, 0, "ann", ok)
			ns.hold(t, 1, "bob", conflict)
		}},
		{"admit", "nobody waits for long, and the heal finds the double: the later claim ends with its streams", sfere.AdmitWhenDown, func(t *testing.T, f *relay.Faulty, ns nodes) {
			f.Split(2)
			ann, bob := ns.hold(t, 0, "ann", ok), ns.hold(t, 2, "bob", ok)
			ns.hold(t, 1, "bob", conflict) // node 0 answers
			f.Heal()
			time.Sleep(5 * time.Second)
			wantAlive(t, []*client{ann, bob}, 0)
			ns.owners(t, "ann", "ann", "ann")
			if rm := ns[2].removal(); rm.Cause != sfere.CauseForfeited {
				t.Errorf("cause %q", rm.Cause)
			}
			ns.hold(t, 2, "bob", conflict)
		}},
		{"admit the owner on two machines", "an owner has had the key since the first of their claims: the stream that came later keeps it, too", sfere.AdmitWhenDown, func(t *testing.T, f *relay.Faulty, ns nodes) {
			f.Split(2)
			ns.hold(t, 0, "ann", ok)
			time.Sleep(2 * time.Second)
			bob := ns.hold(t, 2, "bob", ok)
			time.Sleep(2 * time.Second)
			ann := ns.hold(t, 1, "ann", ok)
			f.Heal()
			time.Sleep(5 * time.Second)
			wantAlive(t, []*client{ann, bob}, 0)
			ns.owners(t, "ann", "ann", "ann")
		}},
		{"admit and come back", "a claim that was over meanwhile does not count against one that was made since", sfere.AdmitWhenDown, func(t *testing.T, f *relay.Faulty, ns nodes) {
			wantStatus(t, ns[2].conns.Claim(key("name"), "ann", time.Minute), 0)
			settle()
			f.Split(2)
			time.Sleep(80 * time.Second) // on the others it is over
			bob := ns.hold(t, 0, "bob", ok)
			time.Sleep(time.Second)
			wantStatus(t, ns[2].conns.Claim(key("name"), "ann", time.Minute), 0) // new: hers was over, too
			ann := ns.hold(t, 2, "ann", ok)
			f.Heal()
			time.Sleep(5 * time.Second)
			wantAlive(t, []*client{bob, ann}, 0)
			ns.owners(t, "bob", "bob", "bob")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			bus := func() relay.Relay { return relay.NewFaulty(relay.NewMemory(nil), nil) }
			inCluster(t, bus, 3, setup{opts: sfere.Options{WhenDown: tt.when}}, func(t *testing.T, bus relay.Relay, rs []*rig) {
				time.Sleep(time.Second)
				tt.do(t, bus.(*relay.Faulty), rs)
				if t.Failed() {
					t.Log(tt.reason)
				}
			})
		})
	}
}
