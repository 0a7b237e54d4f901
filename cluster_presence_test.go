package sfere_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/relay"
	"github.com/sfere-go/sfere/sse"
)

func TestPresenceOverNodes(t *testing.T) {
	quiet := setup{hub: sse.HubOptions{Heartbeat: -1}}
	for _, tt := range []struct {
		name, reason string
		nodes        int
		do           func(t *testing.T, bus *relay.Faulty, n []watching)
	}{
		{"comes and goes", "each node tells of the people of all", 3, func(t *testing.T, _ *relay.Faulty, n []watching) {
			began := time.Now()
			ann := n[0].come(id("ann"))
			settle()
			for _, x := range n {
				x.d.told(t, "all nodes", "joined ann")
				there, seq := x.w.List()
				if len(there) != 1 || !there[0].Since.Equal(began) || there[0].Seq != 1 || seq != 1 || !x.w.Has(key("ann")) {
					t.Errorf("list %+v, %d changes", there, seq)
				}
			}
			ann.close()
			time.Sleep(graceT - time.Second)
			for _, x := range n {
				x.d.told(t, "in the grace period")
			}
			time.Sleep(2 * time.Second)
			for _, x := range n {
				x.d.told(t, "after the grace period", "left ann")
				wantNames(t, "at the end", x.w)
			}
		}},
		{"two nodes", "one person with a tab on each of two nodes leaves once, with the last of them", 3, func(t *testing.T, _ *relay.Faulty, n []watching) {
			one := n[0].come(id("ann"))
			settle()
			two := n[1].come(id("ann"))
			settle()
			for _, x := range n {
				x.d.told(t, "with two tabs", "joined ann")
			}
			one.close()
			time.Sleep(time.Minute)
			for _, x := range n {
				x.d.told(t, "with one of two")
			}
			two.close()
			time.Sleep(time.Minute)
			for _, x := range n {
				x.d.told(t, "with none", "left ann")
			}
		}},
		{"moves", "whoever reconnects elsewhere in time has not been away", 3, func(t *testing.T, _ *relay.Faulty, n []watching) {
			c := n[0].come(id("ann"))
			settle()
			for i := range 6 {
				c.close()
				time.Sleep(graceT - time.Second)
				c = n[(i+1)%3].come(id("ann"))
				settle()
			}
			for _, x := range n {
				x.d.told(t, "after six moves", "joined ann")
			}
		}},
		{"sent away", "nobody waits for one who was sent away, on any node; the others wait for who may come back", 2, func(t *testing.T, _ *relay.Faulty, n []watching) {
			n[0].come(id("ann"))
			n[0].come(id("bob"))
			settle()
			n[0].d.calls()
			n[1].d.calls()
			n[0].dispatch(sfere.Close{To: sfere.Exactly(key("ann"))})
			n[0].dispatch(sfere.Close{To: sfere.Exactly(key("bob")), Cause: sse.CauseShutdown})
			settle()
			for _, x := range n {
				x.d.told(t, "at once", "left ann")
			}
			time.Sleep(graceT)
			for _, x := range n {
				x.d.told(t, "after the grace period", "left bob")
			}
		}},
		{"a node is killed", "its people leave once: after it is down, and the grace period", 3, func(t *testing.T, bus *relay.Faulty, n []watching) {
			ann, both := n[0].come(id("ann")), n[0].come(id("bob"))
			settle()
			n[1].come(id("bob"))
			settle()
			kill(bus, 0, n[0].rig, ann, both)
			time.Sleep(9 * time.Second)
			for _, x := range n[1:] {
				x.d.told(t, "while it is only suspect", "joined ann", "joined bob")
				wantNames(t, "while it is only suspect", x.w, "ann", "bob")
			}
			time.Sleep(downT - 9*time.Second + graceT - 2*time.Second)
			for _, x := range n[1:] {
				x.d.told(t, "in the grace period")
			}
			time.Sleep(3 * time.Second)
			for _, x := range n[1:] {
				x.d.told(t, "then", "left ann")
				wantNames(t, "then", x.w, "bob")
			}
			time.Sleep(time.Minute)
			for _, x := range n[1:] {
				x.d.told(t, "and no more")
			}
		}},
		{"a node leaves", "its people have the grace period from then on", 2, func(t *testing.T, _ *relay.Faulty, n []watching) {
			n[0].come(id("ann"))
			settle()
			n[0].conns.Close() // the stream stays, but nobody tells of it any more
			settle()
			n[1].d.told(t, "at once", "joined ann")
			time.Sleep(graceT)
			n[1].d.told(t, "later", "left ann")
		}},
		{"a node leaves at once", "what has just happened there is still told", 2, func(t *testing.T, _ *relay.Faulty, n []watching) {
			n[0].come(id("ann"))
			settle()
			n[1].d.told(t, "before", "joined ann")
			n[0].dispatch(sfere.Close{To: sfere.Exactly(key("ann"))})
			n[0].conns.Close()
			settle()
			n[1].d.told(t, "at once", "left ann")
		}},
		{"a node drains", "those who reconnect elsewhere in time are told of by nobody; who does not come back has left", 3, func(t *testing.T, _ *relay.Faulty, n []watching) {
			ann, bob := n[0].come(id("ann")), n[0].come(id("bob"))
			settle()
			for _, x := range n {
				x.d.told(t, "before", "joined ann", "joined bob")
			}
			drained := make(chan error, 1)
			go func() {
				drained <- n[0].hub.Drain(context.Background(), time.Second)
				n[0].conns.Close()
			}()
			<-ann.left
			<-bob.left
			time.Sleep(2 * time.Second)
			n[1].come(id("ann"))
			time.Sleep(time.Minute)
			if err := <-drained; err != nil {
				t.Error(err)
			}
			for _, x := range n[1:] {
				x.d.told(t, "of who came back and who did not", "left bob")
				wantNames(t, "at the end", x.w, "ann")
			}
		}},
		{"a change is lost", "the next one does not follow, and what is missing is asked for", 2, func(t *testing.T, bus *relay.Faulty, n []watching) {
			ann := n[0].come(id("ann"))
			settle()
			bus.Cut(0, 1)
			ann.close()
			n[0].come(id("bob"))
			time.Sleep(time.Second)
			bus.Heal()
			n[0].come(id("carl"))
			settle()
			n[1].d.told(t, "long before a beat", "joined ann", "joined bob", "joined carl")
			time.Sleep(graceT)
			n[1].d.told(t, "the end that was lost as well", "left ann")
		}},
		{"the last change is lost", "the mark in the beat does not fit", 2, func(t *testing.T, bus *relay.Faulty, n []watching) {
			bus.Cut(0, 1)
			n[0].come(id("ann"))
			time.Sleep(time.Second / 2)
			bus.Heal()
			time.Sleep(wholeT)
			n[1].d.told(t, "within some beats", "joined ann")
		}},
		{"apart", "each side keeps the people of the other until that is down, and the grace period; then they come again", 2, func(t *testing.T, bus *relay.Faulty, n []watching) {
			n[0].come(id("ann"))
			n[1].come(id("bob"))
			settle()
			n[0].d.calls()
			n[1].d.calls()
			bus.Split(0)
			time.Sleep(9 * time.Second)
			for _, x := range n {
				x.d.told(t, "only suspect")
			}
			bus.Heal()
			time.Sleep(wholeT)
			for _, x := range n {
				x.d.told(t, "healed in time")
			}
			bus.Split(0)
			time.Sleep(downT + graceT)
			n[0].d.told(t, "one side", "left bob")
			n[1].d.told(t, "the other side", "left ann")
			n[0].come(id("carl")) // local first
			synctest.Wait()
			n[0].d.told(t, "alone", "joined carl")
			bus.Heal()
			time.Sleep(wholeT)
			n[0].d.told(t, "healed", "joined bob")
			for _, x := range n {
				wantNames(t, "healed", x.w, "ann", "bob", "carl")
			}
		}},
		{"down and back within the grace period", "nothing is told", 2, func(t *testing.T, bus *relay.Faulty, n []watching) {
			n[0].come(id("ann"))
			settle()
			n[1].d.calls()
			bus.Split(0)
			time.Sleep(downT + time.Second)
			bus.Heal()
			time.Sleep(time.Minute)
			n[1].d.told(t, "of a node that was down for a moment")
		}},
		{"no grace", "a negative one means none, for those of other nodes as well", 2, func(t *testing.T, _ *relay.Faulty, n []watching) {
			w, d := n[1].watch(-1)
			settle()
			c := n[0].come(id("ann"))
			settle()
			c.close()
			settle()
			d.told(t, "without", "joined ann", "left ann")
			w.Stop()
		}},
		{"local", "a watch of this machine only", 2, func(t *testing.T, _ *relay.Faulty, n []watching) {
			w, err := n[1].conns.Watch(sfere.Category("lobby"), &sfere.PresenceOptions{Local: true})
			if err != nil {
				t.Fatal(err)
			}
			n[0].come(id("ann"))
			n[1].come(id("bob"))
			settle()
			wantNames(t, "of one machine", w, "bob")
			wantNames(t, "of all", n[1].w, "ann", "bob")
			w.Stop()
		}},
		{"watched later", "who is known already is in the list; who is not is announced", 2, func(t *testing.T, _ *relay.Faulty, n []watching) {
			n[0].come(id("ann"))
			n[0].come("cat=admin&" + id("root"))
			settle()
			w, d := n[1].watch(graceT)
			there, seq := w.List()
			if len(there) != 1 || there[0].Key != key("ann") || there[0].Seq != 0 || seq != 0 {
				t.Errorf("list %+v, %d changes", there, seq)
			}
			settle()
			d.told(t, "known")
			called := make(chan string, 10)
			all, err := n[1].conns.Watch(sfere.Everyone(), &sfere.PresenceOptions{Joined: func(v sfere.Visitor) { called <- v.Key.ID }})
			if err != nil {
				t.Fatal(err)
			}
			if got := names(all); len(got) > 0 {
				t.Errorf("known before anybody was asked: %v", got)
			}
			settle()
			if got := []string{<-called, <-called}; !slices.Contains(got, "ann") || !slices.Contains(got, "root") {
				t.Errorf("announced: %v", got)
			}
			n[1].w.Stop()
			n[0].come(id("bob"))
			settle()
			d.told(t, "after another watch of the same has stopped", "joined bob")
			w.Stop()
			all.Stop()
			n[0].come(id("carl"))
			settle()
			d.told(t, "after all have stopped")
			if got := n[1].conns.ClusterPresence(); len(got) != 2 || got[1].Addresses != 0 || got[1].Keys != 0 {
				t.Errorf("what is kept when nobody watches: %+v", got)
			}
		}},
		{"an opening stream", "a stream that may be refused neither ends the presence of another node nor makes one", 2, func(t *testing.T, _ *relay.Faulty, n []watching) {
			ann := n[0].come(id("ann"))
			settle()
			<-n[1].come(id("ann") + "&then=zero").left
			<-n[1].come(id("bob") + "&then=zero").left
			settle()
			n[0].d.told(t, "there", "joined ann")
			n[1].d.told(t, "here", "joined ann")
			ann.close()
			time.Sleep(graceT - time.Second)
			<-n[1].come(id("ann") + "&then=zero").left
			n[1].d.told(t, "in the grace period")
			time.Sleep(time.Second + settleT)
			n[1].d.told(t, "which nothing extends", "left ann")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			inCluster(t, faultyBus, tt.nodes, quiet, func(t *testing.T, bus relay.Relay, rigs []*rig) {
				n := watchAll(rigs, graceT)
				tt.do(t, bus.(*relay.Faulty), n)
				if t.Failed() {
					t.Log(tt.reason)
				}
				for _, x := range n {
					x.w.Stop()
				}
			})
		})
	}
}

// A program that was killed and started again is another node. Whoever reconnects to it
// has not been away, and whoever does not leaves once, after the old one is down.
func TestPresenceOfANewIncarnation(t *testing.T) {
	t.Parallel()
	s := setup{hub: sse.HubOptions{Heartbeat: -1}}
	inCluster(t, faultyBus, 2, s, func(t *testing.T, bus relay.Relay, rigs []*rig) {
		n := watchAll(rigs, graceT)
		ann, bob := n[1].come(id("ann")), n[1].come(id("bob"))
		settle()
		n[0].d.told(t, "at first", "joined ann", "joined bob")
		kill(bus, 1, rigs[1], ann, bob)
		again := joinRig(t, bus, 1, s)
		ann = again.come(id("ann"))
		w, d := again.watch(graceT)
		time.Sleep(wholeT)
		d.told(t, "the new one knows its own")
		wantNames(t, "the new one", w, "ann")
		time.Sleep(downT + graceT)
		n[0].d.told(t, "the other one", "left bob")
		wantNames(t, "the other one", n[0].w, "ann")
		for _, node := range rigs[0].conns.ClusterPresence() {
			if node.Keys != 1 && !node.Self {
				t.Errorf("what is left of the old one: %+v", node)
			}
		}
		ann.close()
		time.Sleep(2 * graceT)
		n[0].d.told(t, "at last", "left ann")
		w.Stop()
		again.conns.Close()
	})
}

// A watch that was there before the relay is about all machines from then on.
func TestPresenceBeforeTheRelay(t *testing.T) {
	t.Parallel()
	s := setup{hub: sse.HubOptions{Heartbeat: -1}}
	inCluster(t, memoryBus, 1, s, func(t *testing.T, bus relay.Relay, rigs []*rig) {
		rigs[0].come(id("ann"))
		s.opts.Relay = bus
		r := newRig(t, s)
		w, d := r.watch(graceT)
		stopped, _ := r.watch(graceT)
		stopped.Stop()
		bob := r.come(id("bob"))
		settle()
		d.told(t, "alone", "joined bob")
		if err := r.conns.JoinRelay(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(wholeT)
		d.told(t, "with the relay", "joined ann")
		w.Stop()
		if all := r.conns.ClusterPresence(); len(all) != 2 || all[1].Addresses != 0 {
			t.Errorf("what is asked for when nobody watches: %+v", all)
		}
		bob.close()
		r.conns.Close()
	})
}
