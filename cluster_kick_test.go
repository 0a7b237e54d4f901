package sfere_test

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/relay"
)

// Who is thrown out of one node is thrown out of all, and cannot come back anywhere.
func TestKickHoldsOnEveryNode(t *testing.T) {
	lobby := func(name string) sfere.Pattern { return sfere.Exactly(key(name)) }
	faulty := func() relay.Relay { return relay.NewFaulty(relay.NewMemory(nil), nil) }
	type rigs = []*rig
	// away checks on which nodes a name is kept away.
	away := func(t *testing.T, rs rigs, name string, want ...bool) {
		t.Helper()
		for i, r := range rs {
			status, c := r.status("id=" + name)
			if got := status == http.StatusNoContent; got != want[i] {
				t.Errorf("node %d answers %s with status %d", i, name, status)
			}
			if c != nil {
				c.close()
			}
		}
	}
	for _, tt := range []struct {
		name, reason string
		bus          func() relay.Relay
		do           func(t *testing.T, bus relay.Relay, rs rigs)
	}{
		{"exact", "also on nodes on which nobody has the key at the moment", memoryBus, func(t *testing.T, _ relay.Relay, rs rigs) {
			ann := rs[1].visit("id=ann")
			settle()
			rep := sfere.ReportOf(rs[0].dispatch(sfere.Kick{To: lobby("ann"), Why: effect.List{tell("why")}, Report: "cluster"}))
			if diff := cmp.Diff(sfere.Report{Matched: 1, Delivered: 1}, rep); diff != "" {
				t.Errorf("report (-want +got):\n%s", diff)
			}
			<-ann.left
			if got := ann.texts(); got != "hello why" {
				t.Errorf("she got %q", got)
			}
			settle()
			away(t, rs, "ann", true, true, true)
			away(t, rs, "bob", false, false, false)
			time.Sleep(time.Minute)
			away(t, rs, "ann", false, false, false)
		}},
		{"pattern", "whom the pattern finds on any node is kept away from all", memoryBus, func(t *testing.T, _ relay.Relay, rs rigs) {
			for i, r := range rs {
				r.visit(fmt.Sprint("id=p", i))
			}
			settle()
			rs[0].dispatch(sfere.Kick{To: sfere.Category("lobby"), Exclude: sfere.Except(key("p2"))})
			settle()
			away(t, rs, "p0", true, true, true)
			away(t, rs, "p1", true, true, true)
			away(t, rs, "p2", false, false, false)
			away(t, rs, "new", false, false, false)
		}},
		{"admitted", "on all nodes", memoryBus, func(t *testing.T, _ relay.Relay, rs rigs) {
			rs[0].dispatch(sfere.Kick{To: lobby("ann")}, sfere.Kick{To: lobby("bob")})
			settle()
			rs[1].dispatch(sfere.Admit{To: lobby("ann")})
			settle()
			away(t, rs, "ann", false, false, false)
			away(t, rs, "bob", true, true, true)
		}},
		{"joins later", "a node that comes while the time lasts", memoryBus, func(t *testing.T, bus relay.Relay, rs rigs) {
			rs[0].dispatch(sfere.Kick{To: lobby("ann"), For: time.Hour}, sfere.Kick{To: lobby("bob"), For: time.Hour}, sfere.Admit{To: lobby("bob")})
			late := joinRigs(t, bus, 1, setup{})
			settle()
			away(t, late, "ann", true)
			away(t, late, "bob", false)
			late[0].conns.Close()
		}},
		{"cut off", "a node that could not hear it learns it, and closes whom it still has", faulty, func(t *testing.T, bus relay.Relay, rs rigs) {
			f := bus.(*relay.Faulty)
			ann := rs[2].visit("id=ann")
			bob := rs[2].visit("id=bob")
			settle()
			f.Split(2)
			rs[0].dispatch(sfere.Kick{To: lobby("ann"), For: time.Hour})
			time.Sleep(time.Minute)
			away(t, rs, "ann", true, true, false)
			f.Heal()
			time.Sleep(10 * time.Second)
			away(t, rs, "ann", true, true, true)
			<-ann.left
			rs[2].wantCount(sfere.Category("lobby"), 1)
			bob.close()
		}},
		{"admitted while cut off", "what is let in again does not come back from a node that has not heard it", faulty, func(t *testing.T, bus relay.Relay, rs rigs) {
			f := bus.(*relay.Faulty)
			rs[0].dispatch(sfere.Kick{To: lobby("ann"), For: time.Hour})
			settle()
			f.Split(2)
			rs[0].dispatch(sfere.Admit{To: lobby("ann")})
			time.Sleep(time.Minute)
			away(t, rs, "ann", false, false, true)
			f.Heal()
			time.Sleep(10 * time.Second)
			away(t, rs, "ann", false, false, false)
		}},
		{"drops", "every third packet is lost", func() relay.Relay {
			return relay.NewFaulty(relay.NewMemory(nil), &relay.FaultyOptions{Seed: 7, Drop: 0.3, Reorder: 0.2, Double: 0.1})
		}, func(t *testing.T, bus relay.Relay, rs rigs) {
			var all []*client
			for i := range 20 {
				all = append(all, rs[i%3].visit(fmt.Sprint("id=p", i)))
			}
			settle()
			for i := range 20 {
				rs[(i+1)%3].dispatch(sfere.Kick{To: lobby(fmt.Sprint("p", i)), For: time.Hour})
			}
			time.Sleep(time.Second)
			bus.(*relay.Faulty).Calm(true)
			time.Sleep(20 * time.Second)
			for i := range 20 {
				away(t, rs, fmt.Sprint("p", i), true, true, true)
				<-all[i].left
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			inCluster(t, tt.bus, 3, setup{}, func(t *testing.T, bus relay.Relay, rs []*rig) {
				tt.do(t, bus, rs)
				if t.Failed() {
					t.Log(tt.reason)
				}
			})
		})
	}
}

// Close and Purge close the streams of all nodes.
func TestClusterClose(t *testing.T) {
	t.Parallel()
	inCluster(t, memoryBus, 2, setup{}, func(t *testing.T, _ relay.Relay, rs []*rig) {
		ann, bob, carl := rs[0].visit("id=ann"), rs[1].visit("id=bob"), rs[1].visit("id=carl")
		settle()
		rep := sfere.ReportOf(rs[0].dispatch(sfere.Close{To: sfere.Category("lobby"), Exclude: sfere.Except(key("carl")), Cause: "closing-time", Report: "cluster"}))
		if diff := cmp.Diff(sfere.Report{Matched: 2, Delivered: 2}, rep); diff != "" {
			t.Errorf("report (-want +got):\n%s", diff)
		}
		<-ann.left
		<-bob.left
		if rm := rs[1].removal(); rm.Cause != "closing-time" {
			t.Errorf("cause %q", rm.Cause)
		}
		if _, err := rs[0].conns.Purge(sfere.Everyone()); err != nil {
			t.Error(err)
		}
		<-carl.left
		synctest.Wait()
	})
}
