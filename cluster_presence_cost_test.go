package sfere_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/relay"
	"github.com/sfere-go/sfere/sse"
)

// sniffer counts what nodes say of presence: changes that all get, and what is for one.
type sniffer struct {
	relay.Relay

	mu         sync.Mutex // guards the fields below
	said       int
	private    int
	full, part int // bytes of the largest of each
}

func (s *sniffer) Connect(ctx context.Context, to relay.Receiver) (relay.Link, error) {
	l, err := s.Relay.Connect(ctx, to)
	return &sniffed{l, s}, err
}

type sniffed struct {
	relay.Link
	s *sniffer
}

func (l *sniffed) Publish(p relay.Packet) error {
	l.s.mu.Lock()
	switch {
	case strings.Contains(p.Subject, ".presence."):
		l.s.said++
		l.s.part = max(l.s.part, len(p.Data))
	case strings.Contains(string(p.Data), `"kind":"presence"`):
		l.s.private++
		l.s.full = max(l.s.full, len(p.Data))
	}
	l.s.mu.Unlock()
	return l.Link.Publish(p)
}

// take returns what was said since the last time.
func (s *sniffer) take() (said, private int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	said, private = s.said, s.private
	s.said, s.private = 0, 0
	return said, private
}

// sniffed runs a test of rigs without heartbeats on a bus that is counted.
func inSniffed(t *testing.T, n int, do func(t *testing.T, s *sniffer, rigs []*rig)) {
	t.Helper()
	bus := func() relay.Relay { return &sniffer{Relay: relay.NewFaulty(relay.NewMemory(nil), nil)} }
	inCluster(t, bus, n, setup{hub: sse.HubOptions{Heartbeat: -1}}, func(t *testing.T, b relay.Relay, rigs []*rig) {
		do(t, b.(*sniffer), rigs)
	})
}

// A node that nobody asks says nothing and keeps nothing, however many streams it has.
func TestPresenceCostsNothingIfNobodyAsks(t *testing.T) {
	t.Parallel()
	inSniffed(t, 2, func(t *testing.T, s *sniffer, rigs []*rig) {
		own, _ := rigs[0].watch(graceT) // is no reason to tell others
		for i := range 50 {
			rigs[0].visit("cat=elsewhere&" + id(fmt.Sprint("p", i)))
		}
		rigs[0].come(id("ann"))
		settle()
		want := func(what string, said int, kept int) {
			t.Helper()
			if got, _ := s.take(); got != said {
				t.Errorf("%s: %d messages, want %d", what, got, said)
			}
			if self := rigs[0].conns.ClusterPresence()[0]; self.Keys != kept || !self.Self {
				t.Errorf("%s: %+v, want %d keys that others are told of", what, self, kept)
			}
		}
		want("nobody asks", 0, 0)
		w, d := rigs[1].watch(graceT)
		time.Sleep(wholeT)
		d.told(t, "somebody does", "joined ann")
		want("who was there is not told to all", 0, 1)
		rigs[0].come("cat=elsewhere&" + id("more"))
		settle()
		want("another category", 0, 1)
		rigs[0].come(id("bob"))
		settle()
		want("the one that is asked for", 1, 2)
		w.Stop()
		time.Sleep(5 * time.Minute)
		rigs[0].come(id("carl"))
		settle()
		want("some minutes after nobody is interested any more", 0, 0)
		if rigs[0].conns.Feeding() {
			t.Error("streams still pay for it")
		}
		own.Stop()
	})
}

// A crowd is few messages, of a size that lets others through.
func TestPresenceOfACrowd(t *testing.T) {
	t.Parallel()
	inSniffed(t, 2, func(t *testing.T, s *sniffer, rigs []*rig) {
		n := watchAll(rigs, graceT)
		s.take()
		const people = 3000
		var tabs []*client
		for i := range people {
			tabs = append(tabs, rigs[0].visit(id(fmt.Sprint("person-", i))))
		}
		settle()
		if there, _ := n[1].w.List(); len(there) != people {
			t.Errorf("%d are there, want %d", len(there), people)
		}
		if said, _ := s.take(); said > 5 {
			t.Errorf("%d messages for %d arrivals at one moment", said, people)
		}
		// Who reloads within the time in which changes are gathered is not told of.
		for i := range 100 {
			tabs[i].close()
			tabs[i] = rigs[0].visit(id(fmt.Sprint("person-", i)))
		}
		settle()
		if said, _ := s.take(); said != 0 {
			t.Errorf("%d messages for reloads", said)
		}
		third := joinRig(t, s, 2, setup{hub: sse.HubOptions{Heartbeat: -1}})
		w, d := third.watch(graceT)
		time.Sleep(2 * time.Second)
		if got := len(d.calls()); got != people {
			t.Errorf("a new node was told of %d, want %d", got, people)
		}
		_, private := s.take()
		if private < 3 || s.full > 256<<10 || s.part > 256<<10 {
			t.Errorf("a full state is %d messages, the largest %d bytes, and of a change %d", private, s.full, s.part)
		}
		for _, c := range tabs {
			c.close()
		}
		settle()
		if said, _ := s.take(); said > 5 {
			t.Errorf("%d messages for %d departures at one moment", said, people)
		}
		time.Sleep(graceT)
		wantNames(t, "on the new node", w)
		w.Stop()
		for _, x := range n {
			x.w.Stop()
		}
		third.conns.Close()
	})
}

// A program is told when a node comes, goes or falls silent, and not whenever somebody
// comes or goes there.
func TestPresenceIsNoChangeOfANode(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex // guards changes
	var changes []string
	s := setup{hub: sse.HubOptions{Heartbeat: -1}, opts: sfere.Options{Node: &relay.Options{Changed: func(m relay.Member) {
		mu.Lock()
		defer mu.Unlock()
		if changes = append(changes, fmt.Sprint(m.Name, " ", m.State, " ", m.Draining)); m.Name == "a" {
			changes = changes[:len(changes)-1]
		}
	}}}}
	inCluster(t, memoryBus, 2, s, func(t *testing.T, _ relay.Relay, rigs []*rig) {
		n := watchAll(rigs, graceT)
		for i := range 10 {
			n[1].come(id(fmt.Sprint("p", i)))
			time.Sleep(time.Second)
		}
		n[0].d.calls()
		for _, x := range n {
			x.w.Stop()
		}
		rigs[1].conns.Close()
		settle()
		mu.Lock()
		defer mu.Unlock()
		if diff := cmp.Diff([]string{"b live false", "b left false"}, changes); diff != "" {
			t.Errorf("changes (-want +got):\n%s", diff)
		}
	})
}

// Whoever has missed little is told little, and whoever has missed too much gets the
// full state, also without those who have left.
func TestPresenceAfterAnAbsence(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		log  int // changes that are remembered
	}{{"a few changes", 1000}, {"the full state", 2}} {
		t.Run(tt.name, func(t *testing.T) {
			inSniffed(t, 2, func(t *testing.T, s *sniffer, rigs []*rig) {
				for _, r := range rigs {
					r.conns.LimitPresence(1000, 1<<20, tt.log)
				}
				n := watchAll(rigs, graceT)
				bus := s.Relay.(*relay.Faulty)
				for i := range 20 {
					n[0].visit(id(fmt.Sprint("stays-", i)))
				}
				ann, bob := n[0].come(id("ann")), n[0].come(id("bob"))
				settle()
				n[1].d.calls()
				s.take()
				bus.Split(0)
				ann.close()
				settle()
				bob.close()
				settle()
				n[0].come(id("carl"))
				settle()
				bus.Heal()
				time.Sleep(wholeT)
				n[1].d.told(t, "what was missed", "joined carl")
				time.Sleep(graceT)
				if diff := cmp.Diff(2, len(n[1].d.calls())); diff != "" || n[1].w.Has(key("ann")) || n[1].w.Has(key("bob")) {
					t.Errorf("who left meanwhile: %v (-want +got departures):\n%s", names(n[1].w), diff)
				}
				for _, x := range n {
					x.w.Stop()
				}
			})
		})
	}
}

// Nobody is told of a scope that is not watched, and a node that is asked for another
// one does not answer with it.
func TestPresenceScopesNeverMix(t *testing.T) {
	t.Parallel()
	s := setup{hub: sse.HubOptions{Heartbeat: -1}, opts: sfere.Options{Scope: tenantOf}}
	inCluster(t, memoryBus, 2, s, func(t *testing.T, _ relay.Relay, rigs []*rig) {
		var ws []*sfere.Presence
		watch := func(p sfere.Pattern) *sfere.Presence {
			w, err := rigs[1].conns.Watch(p, nil)
			if err != nil {
				t.Fatal(err)
			}
			ws = append(ws, w)
			return w
		}
		if _, err := rigs[1].conns.Watch(sfere.Category("lobby"), nil); err == nil {
			t.Error("a watch without a scope")
		}
		room, ids := watch(sfere.Category("lobby").In("acme")), watch(sfere.Pattern{Scope: sfere.Is("acme"), Category: sfere.Any, ID: sfere.Is("ann")})
		scope, exact := watch(sfere.Everyone().In("acme")), watch(sfere.Exactly(sfere.ID("lobby", "ann").In("globex")))
		category, all := watch(sfere.Category("lobby").AllScopes()), watch(sfere.Everyone())
		for _, q := range []string{"user=acme&id=ann", "user=acme&id=bob", "user=globex&id=ann", "user=globex&id=carl&cat=admin"} {
			rigs[0].come(q)
		}
		time.Sleep(wholeT)
		synctest.Wait()
		for _, tt := range []struct {
			what string
			w    *sfere.Presence
			want []string
		}{
			{"a room", room, []string{"acme/lobby/ann", "acme/lobby/bob"}},
			{"ids of a scope", ids, []string{"acme/lobby/ann"}},
			{"a scope", scope, []string{"acme/lobby/ann", "acme/lobby/bob"}},
			{"a key", exact, []string{"globex/lobby/ann"}},
			{"a category", category, []string{"acme/lobby/ann", "acme/lobby/bob", "globex/lobby/ann"}},
			{"all", all, []string{"acme/lobby/ann", "acme/lobby/bob", "globex/admin/carl", "globex/lobby/ann"}},
		} {
			there, _ := tt.w.List()
			got := map[string]bool{}
			for _, v := range there {
				got[v.Key.String()] = true
			}
			want := map[string]bool{}
			for _, k := range tt.want {
				want[k] = true
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.what, diff)
			}
		}
		for _, w := range ws {
			w.Stop()
		}
	})
}
