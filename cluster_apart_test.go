package sfere_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/relay"
)

// alive returns which of streams have not ended.
func alive(streams []*client) (open []int) {
	synctest.Wait()
	for i, c := range streams {
		if !c.isLeft() {
			open = append(open, i)
		}
	}
	return open
}

// wantAlive fails the test unless just these streams are open.
func wantAlive(t *testing.T, streams []*client, want ...int) {
	t.Helper()
	if got := alive(streams); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the streams %v are open, want %v", got, want)
	}
}

// Of streams that replace each other one is left, wherever they are.
func TestReplaceOverNodes(t *testing.T) {
	const replace = "&policy=replace"
	faulty := func() relay.Relay { return relay.NewFaulty(relay.NewMemory(nil), nil) }
	for _, tt := range []struct {
		name, reason string
		bus          func() relay.Relay
		do           func(t *testing.T, bus relay.Relay, ns nodes)
	}{
		{"one after the other", "the newer one closes the older one on another node", memoryBus, func(t *testing.T, _ relay.Relay, ns nodes) {
			var all []*client
			for i := range 6 {
				all = append(all, ns.open(t, i%3, id("me")+replace, http.StatusOK))
				settle()
				wantAlive(t, all, i)
			}
			if rm := ns[0].removal(); rm.Cause != sfere.CauseReplaced {
				t.Errorf("cause %q", rm.Cause)
			}
		}},
		{"joined", "older streams leave whatever their policy was; newer ones that join stay", memoryBus, func(t *testing.T, _ relay.Relay, ns nodes) {
			all := []*client{ns.open(t, 0, id("me"), http.StatusOK), ns.open(t, 1, id("me"), http.StatusOK)}
			settle()
			all = append(all, ns.open(t, 2, id("me")+replace, http.StatusOK))
			settle()
			all = append(all, ns.open(t, 0, id("me"), http.StatusOK), ns.open(t, 1, id("you"), http.StatusOK))
			time.Sleep(time.Minute)
			wantAlive(t, all, 2, 3, 4)
		}},
		{"at once", "of those that open in one moment on all nodes one is left", memoryBus, func(t *testing.T, _ relay.Relay, ns nodes) {
			var all []*client
			for i := range 9 {
				all = append(all, ns[i%3].visit(id("me")+replace))
			}
			settle()
			if n := len(alive(all)); n != 1 {
				t.Errorf("%d streams are open", n)
			}
		}},
		{"here first", "it does not wait for nodes that do not answer", faulty, func(t *testing.T, bus relay.Relay, ns nodes) {
			bus.(*relay.Faulty).Split(0)
			c := ns[0].visit(id("me") + replace)
			if synctest.Wait(); !strings.Contains(c.text(), "hello") {
				t.Error("it has waited")
			}
		}},
		{"cut off", "after a heal the newest is left", faulty, func(t *testing.T, bus relay.Relay, ns nodes) {
			f := bus.(*relay.Faulty)
			for _, long := range []time.Duration{time.Second, time.Minute} {
				all := []*client{ns.open(t, 0, id("me")+replace, http.StatusOK)}
				settle()
				f.Split(0)
				all = append(all, ns.open(t, 1, id("me")+replace, http.StatusOK))
				time.Sleep(long)
				wantAlive(t, all, 0, 1)
				f.Heal()
				time.Sleep(5 * time.Second)
				wantAlive(t, all, 1)
				f.Split(1)
				all = append(all, ns.open(t, 2, id("me")+replace, http.StatusOK), ns.open(t, 0, id("me")+replace, http.StatusOK))
				time.Sleep(long)
				wantAlive(t, all, 1, 3)
				f.Heal()
				time.Sleep(5 * time.Second)
				wantAlive(t, all, 3)
			}
		}},
		{"one way", "whoever has missed a newer one is told of it when it says its own again", faulty, func(t *testing.T, bus relay.Relay, ns nodes) {
			f := bus.(*relay.Faulty)
			all := []*client{ns.open(t, 0, id("me")+replace, http.StatusOK)}
			settle()
			f.Cut(1, 0)
			all = append(all, ns.open(t, 1, id("me")+replace, http.StatusOK))
			time.Sleep(3 * time.Second)
			wantAlive(t, all, 0, 1)
			f.Heal()
			time.Sleep(5 * time.Second)
			wantAlive(t, all, 1)
		}},
		{"late subscriptions", "in a NATS cluster a subscription takes a moment: it is said once more", func() relay.Relay { return lateBus{relay.NewMemory(nil)} }, func(t *testing.T, _ relay.Relay, ns nodes) {
			all := []*client{ns[2].visit(id("me"))}
			time.Sleep(time.Millisecond)
			all = append(all, ns[0].visit(id("me")+replace))
			time.Sleep(5 * time.Second)
			wantAlive(t, all, 1)
		}},
		{"lost", "a message that is lost is made good", func() relay.Relay {
			return relay.NewFaulty(relay.NewMemory(nil), &relay.FaultyOptions{Seed: 4, Drop: 0.4, Reorder: 0.2, Double: 0.1})
		}, func(t *testing.T, bus relay.Relay, ns nodes) {
			of := map[string][]*client{}
			for i := range 90 {
				me := fmt.Sprint("p", i%30)
				of[me] = append(of[me], ns[i*7%3].visit(id(me)+replace))
				time.Sleep(10 * time.Millisecond)
			}
			bus.(*relay.Faulty).Calm(true)
			time.Sleep(10 * time.Second)
			for me, all := range of {
				if open := alive(all); len(open) != 1 {
					t.Errorf("of %s %v are open", me, open)
				}
			}
		}},
		{"of an owner", "a claim keeps others away, and its owner replaces their own stream", memoryBus, func(t *testing.T, _ relay.Relay, ns nodes) {
			all := []*client{ns.open(t, 0, owned("me", "ann")+replace, http.StatusOK)}
			settle()
			all = append(all, ns.open(t, 1, owned("me", "bob")+replace, http.StatusConflict), ns.open(t, 1, id("me")+replace, http.StatusConflict))
			wantAlive(t, all, 0)
			all = append(all, ns.open(t, 2, owned("me", "ann")+replace, http.StatusOK))
			settle()
			wantAlive(t, all, 3)
		}},
		{"live stream", "a key that a stream gets later replaces others from then on", memoryBus, func(t *testing.T, _ relay.Relay, ns nodes) {
			late, take := ns[0].serveKey(t, sfere.Replace)
			settle()
			all := []*client{late, ns.open(t, 1, id("seat"), http.StatusOK)}
			settle()
			ns[0].dispatch(take)
			settle()
			wantAlive(t, all, 0)
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

// lateBus is a bus on which the subscriptions of programs take effect late.
type lateBus struct{ relay.Relay }

func (b lateBus) Connect(ctx context.Context, to relay.Receiver) (relay.Link, error) {
	l, err := b.Relay.Connect(ctx, to)
	return lateLink{l}, err
}

type lateLink struct{ relay.Link }

func (l lateLink) Subscribe(subject string) error {
	if !strings.Contains(subject, ".key.") {
		return l.Link.Subscribe(subject)
	}
	time.AfterFunc(100*time.Millisecond, func() { _ = l.Link.Subscribe(subject) })
	return nil
}

// serveKey opens a stream under the key "first", which takes "seat" when what is
// returned is dispatched.
func (r *rig) serveKey(t *testing.T, p sfere.Policy) (*client, effect.Data) {
	t.Helper()
	c := r.visit(id("first"))
	synctest.Wait()
	return c, sfere.Tell(sfere.Exactly(key("first")), asking(p, "seat"))
}

// Of streams that want a key for themselves one has it, wherever they are.
func TestRejectOverNodes(t *testing.T) {
	const reject = "&policy=reject"
	const ok, conflict = http.StatusOK, http.StatusConflict
	faulty := func() relay.Relay { return relay.NewFaulty(relay.NewMemory(nil), nil) }
	for _, tt := range []struct {
		name, reason string
		bus          func() relay.Relay
		do           func(t *testing.T, bus relay.Relay, ns nodes)
	}{
		{"one after the other", "the newer one is refused on every node until the older one has left", memoryBus, func(t *testing.T, _ relay.Relay, ns nodes) {
			for i := range 6 {
				c := ns.open(t, i%3, id("seat")+reject, ok)
				for n := range ns {
					ns.open(t, n, id("seat")+reject, conflict)
				}
				c.close()
			}
		}},
		{"joined", "a stream that shares its key stands against it; it stands against none that shares", memoryBus, func(t *testing.T, _ relay.Relay, ns nodes) {
			c := ns.open(t, 0, id("seat"), ok)
			ns.open(t, 1, id("seat")+reject, conflict)
			c.close()
			all := []*client{ns.open(t, 1, id("seat")+reject, ok), ns.open(t, 0, id("seat"), ok), ns.open(t, 2, id("seat"), ok)}
			time.Sleep(time.Minute)
			wantAlive(t, all, 0, 1, 2)
		}},
		{"at once", "exactly one of those that open in one moment on all nodes", memoryBus, func(t *testing.T, _ relay.Relay, ns nodes) {
			for range 20 {
				var all []*client
				for i := range 9 {
					all = append(all, ns[i%3].visit(id("seat")+reject))
				}
				time.Sleep(2 * time.Second)
				if open := alive(all); len(open) != 1 {
					t.Errorf("the streams %v are open", open)
				}
				for _, i := range alive(all) {
					all[i].close()
				}
			}
		}},
		{"replaced", "a stream that replaces does not ask, and closes it", memoryBus, func(t *testing.T, _ relay.Relay, ns nodes) {
			all := []*client{ns.open(t, 0, id("seat")+reject, ok)}
			settle()
			all = append(all, ns.open(t, 1, id("seat")+"&policy=replace", ok))
			settle()
			wantAlive(t, all, 1)
		}},
		{"several keys", "all of them or none: what one node refuses keeps nothing on the others", memoryBus, func(t *testing.T, _ relay.Relay, ns nodes) {
			ns.open(t, 0, id("b"), ok)
			c := ns[1].visitWithOpen("", asking(sfere.Reject, "a"), asking(sfere.Reject, "b"), sfere.HoldStream{Key: sfere.ID("lobby", "c"), Owner: "ann"})
			time.Sleep(time.Second)
			if !c.isLeft() || c.writer.status != conflict {
				t.Errorf("status %d", c.writer.status)
			}
			settle()
			ns.open(t, 2, id("a")+reject, ok)
			ns.open(t, 2, id("c"), ok)
		}},
		{"refused by its node", "a stream that its own node refuses in the end has taken nothing", memoryBus, func(t *testing.T, _ relay.Relay, ns nodes) {
			ns.open(t, 0, id("seat")+reject+"&then=zero", http.StatusInternalServerError)
			ns.open(t, 1, id("seat")+reject, ok)
		}},
		{"live stream", "a key that a stream wants later is asked for in the same way", memoryBus, func(t *testing.T, _ relay.Relay, ns nodes) {
			late, take := ns[0].serveKey(t, sfere.Reject)
			settle()
			seat := ns.open(t, 1, id("seat"), ok)
			settle()
			res := ns[0].d.Dispatch(t.Context(), app{}, take)
			if rep := sfere.ReportOf(res); rep.Failed != 1 {
				t.Errorf("the report is %+v", rep)
			}
			seat.close()
			ns[0].dispatch(take)
			ns.open(t, 1, id("seat")+reject, conflict)
			late.close()
		}},
		{"cut off", "after a heal the older one is left; the later one is closed with a cause that says so", faulty, func(t *testing.T, bus relay.Relay, ns nodes) {
			f := bus.(*relay.Faulty)
			for _, long := range []time.Duration{2 * time.Second, time.Minute} {
				f.Split(0)
				all := []*client{ns.open(t, 0, id("seat")+reject, ok), ns.open(t, 1, id("seat")+reject, ok)}
				time.Sleep(long)
				wantAlive(t, all, 0, 1)
				f.Heal()
				time.Sleep(5 * time.Second)
				wantAlive(t, all, 0)
				if rm := ns[1].removal(); rm.Cause != sfere.CauseForfeited {
					t.Errorf("cause %q", rm.Cause)
				}
				all[0].close()
				for len(ns[0].removed) > 0 {
					<-ns[0].removed
				}
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := setup{opts: sfere.Options{WhenDown: sfere.AdmitWhenDown}}
			inCluster(t, tt.bus, 3, s, func(t *testing.T, bus relay.Relay, rs []*rig) {
				tt.do(t, bus, rs)
				if t.Failed() {
					t.Log(tt.reason)
				}
			})
		})
	}
}
