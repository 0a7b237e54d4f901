package sfere_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/relay"
	"github.com/sfere-go/sfere/sse"
)

// TestPresenceConverges runs random comings and goings on several nodes, over a relay
// that splits, loses, delays and mixes up, while nodes are killed, drained and started.
// Whenever it has been whole for a moment, everybody who is there is in the list of
// every node and stays there; and when everybody has had their grace period, the lists
// are the truth. At all times Joined and Left of a person alternate.
func TestPresenceConverges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(timeless{t}, func(rt *rapid.T) {
			m := newConverging(t, rt)
			defer m.end()
			rt.Repeat(map[string]func(*rapid.T){
				"": m.check, "open": m.open, "open another": m.open, "leave": m.leave, "send away": m.sendAway,
				"split": m.split, "cut": m.cut, "heal": m.heal, "flaky": m.flaky, "bounce": m.bounce,
				"kill": m.kill, "drain": m.drain, "start": m.start, "watch more": m.watchMore,
				"advance": m.advance, "advance more": m.advance, "quiet": m.quiet,
			})
			m.quiet(rt)
			m.check(rt)
		})
	})
}

// converging are nodes and what is true of them.
type converging struct {
	t     *testing.T
	bus   *relay.Faulty
	links int
	log   int // changes for which no full state is needed
	nodes []*convergingNode
	off   map[int]bool // links
}

// convergingNode is one run of one program.
type convergingNode struct {
	*rig
	link int
	w    *sfere.Presence
	more *sfere.Presence
	tabs map[string][]*client
	gone chan struct{} // closed when its drain is over; nil if it does not drain

	mu   sync.Mutex // guards the fields below
	here map[string]bool
	errs []string
	left []string // who was told to have left since it was last asked
}

var convergingPeople = []string{"ann", "bob", "carl", "dora"}

func newConverging(t *testing.T, rt *rapid.T) *converging {
	rate := func(name string, most float64) float64 { return rapid.Float64Range(0, most).Draw(rt, name) }
	m := &converging{t: t, off: map[int]bool{}, log: rapid.SampledFrom([]int{0, 2, 1000}).Draw(rt, "log")}
	m.bus = relay.NewFaulty(relay.NewMemory(nil), &relay.FaultyOptions{
		Seed: rapid.Uint64().Draw(rt, "seed"), Drop: rate("drop", 0.5), Double: rate("double", 0.3), Reorder: rate("reorder", 0.3),
		Delay: time.Duration(rapid.IntRange(0, 40).Draw(rt, "delay")) * time.Millisecond,
	})
	m.bus.Calm(true)
	for range rapid.IntRange(2, 3).Draw(rt, "nodes") {
		m.start(rt)
	}
	return m
}

// start starts a program.
func (m *converging) start(rt *rapid.T) {
	if len(m.nodes) == 4 {
		rt.Skip("enough")
	}
	n := &convergingNode{link: m.links, tabs: map[string][]*client{}, here: map[string]bool{}}
	n.rig = joinRig(m.t, m.bus, n.link, setup{hub: sse.HubOptions{Heartbeat: -1}})
	m.links++
	n.conns.LimitPresence(1000, 1<<20, m.log)
	call := func(joins bool) func(sfere.Visitor) {
		return func(v sfere.Visitor) {
			n.mu.Lock()
			defer n.mu.Unlock()
			who := v.Key.ID
			if n.here[who] == joins {
				n.errs = append(n.errs, fmt.Sprintf("call %d: %s joined %v, and was so already", v.Seq, who, joins))
			}
			if n.here[who] = joins; !joins {
				delete(n.here, who)
				n.left = append(n.left, who)
			}
			there := map[string]bool{}
			list, seq := n.w.List()
			for _, v := range list {
				there[v.Key.ID] = true
			}
			if diff := cmp.Diff(n.here, there); diff != "" || seq != v.Seq {
				n.errs = append(n.errs, fmt.Sprintf("in call %d the list is as of %d (-want +got):\n%s", v.Seq, seq, diff))
			}
		}
	}
	var err error
	n.mu.Lock()
	n.w, err = n.conns.Watch(sfere.Category("lobby"), &sfere.PresenceOptions{Grace: graceT, Joined: call(true), Left: call(false)})
	n.mu.Unlock()
	if err != nil {
		rt.Fatal(err)
	}
	m.nodes = append(m.nodes, n)
	synctest.Wait()
}

// up returns a node that is neither killed nor draining.
func (m *converging) up(rt *rapid.T) *convergingNode {
	var up []*convergingNode
	for _, n := range m.nodes {
		if n.gone == nil {
			up = append(up, n)
		}
	}
	if len(up) == 0 {
		rt.Skip("no node")
	}
	return up[rapid.IntRange(0, len(up)-1).Draw(rt, "node")]
}

func (m *converging) person(rt *rapid.T) string {
	return rapid.SampledFrom(convergingPeople).Draw(rt, "person")
}

func (m *converging) open(rt *rapid.T) {
	n, who := m.up(rt), m.person(rt)
	n.tabs[who] = append(n.tabs[who], n.come(id(who)))
}

func (m *converging) leave(rt *rapid.T) {
	n, who := m.up(rt), m.person(rt)
	if len(n.tabs[who]) == 0 {
		rt.Skip("nobody")
	}
	n.tabs[who][0].close()
	n.tabs[who] = n.tabs[who][1:]
}

// sendAway closes somebody everywhere, as far as the relay goes.
func (m *converging) sendAway(rt *rapid.T) {
	m.up(rt).dispatch(sfere.Close{To: sfere.Exactly(key(m.person(rt)))})
	synctest.Wait()
}

func (m *converging) split(rt *rapid.T) { m.bus.Split(m.up(rt).link) }

// cut loses one direction.
func (m *converging) cut(rt *rapid.T) { m.bus.Cut(m.up(rt).link, m.up(rt).link) }

func (m *converging) heal(*rapid.T) {
	m.bus.Heal()
	m.bus.Calm(true)
	for link := range m.off {
		m.bus.Reconnect(link)
	}
	clear(m.off)
}

func (m *converging) flaky(*rapid.T) { m.bus.Calm(false) }

// bounce takes a node off the bus until the next heal.
func (m *converging) bounce(rt *rapid.T) {
	n := m.up(rt)
	m.bus.Disconnect(n.link)
	m.off[n.link] = true
}

func (m *converging) kill(rt *rapid.T) {
	n := m.up(rt)
	m.remove(n)
	m.bus.Disconnect(n.link)
	n.end()
}

func (m *converging) remove(n *convergingNode) {
	m.nodes = slices.DeleteFunc(m.nodes, func(o *convergingNode) bool { return o == n })
	delete(m.off, n.link)
}

// drain ends a node as a deployment does.
func (m *converging) drain(rt *rapid.T) {
	n := m.up(rt)
	n.gone = make(chan struct{})
	window := time.Duration(rapid.IntRange(0, 2).Draw(rt, "window")) * time.Second
	go func() {
		defer close(n.gone)
		if err := n.hub.Drain(context.Background(), window); err != nil {
			m.t.Error(err)
		}
		n.w.Stop()
		n.conns.Close()
	}()
	synctest.Wait()
}

// watchMore makes a node ask for what the others do not ask for.
func (m *converging) watchMore(rt *rapid.T) {
	n := m.up(rt)
	if n.more != nil {
		n.more.Stop()
		n.more = nil
		return
	}
	var err error
	if n.more, err = n.conns.Watch(sfere.Everyone(), nil); err != nil {
		rt.Fatal(err)
	}
}

func (m *converging) advance(rt *rapid.T) {
	time.Sleep(time.Duration(rapid.IntRange(1, 90).Draw(rt, "tenths")) * 100 * time.Millisecond)
	synctest.Wait()
	for _, n := range slices.Clone(m.nodes) {
		if n.gone != nil && isClosed(n.gone) {
			m.remove(n)
		}
	}
}

func isClosed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// truth returns who has a live stream.
func (m *converging) truth() map[string]bool {
	there := map[string]bool{}
	for _, n := range m.nodes {
		for who, tabs := range n.tabs {
			for _, c := range tabs {
				if !isClosed(c.left) {
					there[who] = true
				}
			}
		}
	}
	return there
}

// quiet heals everything, and says what has to be true then.
func (m *converging) quiet(rt *rapid.T) {
	m.heal(rt)
	for _, n := range slices.Clone(m.nodes) {
		if n.gone != nil {
			<-n.gone
			m.remove(n)
		}
	}
	time.Sleep(wholeT)
	synctest.Wait()
	truth := m.truth()
	for _, n := range m.nodes {
		n.mu.Lock()
		n.left = nil
		for who := range truth {
			if !n.here[who] {
				rt.Errorf("node %d does not know %s a while after everything has healed: %v, %+v", n.link, who, n.here, n.conns.ClusterPresence())
			}
		}
		n.mu.Unlock()
	}
	time.Sleep(downT + graceT)
	synctest.Wait()
	for _, n := range m.nodes {
		n.mu.Lock()
		if diff := cmp.Diff(truth, n.here); diff != "" {
			rt.Errorf("the list of node %d (-want +got):\n%s%+v", n.link, diff, n.conns.ClusterPresence())
		}
		for _, who := range n.left {
			if truth[who] {
				rt.Errorf("node %d told that %s has left, who is there", n.link, who)
			}
		}
		n.mu.Unlock()
		asking := func(o sfere.NodePresence) bool { return o.Asking }
		for range 10 { // it asks once in a while, to be sure
			if slices.ContainsFunc(n.conns.ClusterPresence(), asking) {
				time.Sleep(200 * time.Millisecond)
			}
		}
		for _, o := range n.conns.ClusterPresence() {
			if o.Refused > 0 || o.Asking {
				rt.Errorf("node %d knows that something is missing: %+v", n.link, o)
			}
		}
	}
	if rt.Failed() {
		rt.FailNow()
	}
}

func (m *converging) check(rt *rapid.T) {
	synctest.Wait()
	for _, n := range m.nodes {
		n.mu.Lock()
		if len(n.errs) > 0 {
			rt.Fatalf("node %d: %v", n.link, n.errs)
		}
		n.mu.Unlock()
	}
}

func (n *convergingNode) end() {
	for _, tabs := range n.tabs {
		for _, c := range tabs {
			c.close()
		}
	}
	n.w.Stop()
	n.conns.Close()
	synctest.Wait()
}

func (m *converging) end() {
	for _, n := range m.nodes {
		if n.gone != nil {
			<-n.gone
		}
		n.end()
	}
	synctest.Wait()
}
