//go:build linux

package machines

import (
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/sfere-go/sfere/relay"
)

// startNATS starts one server and returns it.
func startNATS(t *testing.T, addr string) *machine {
	t.Helper()
	return start(t, config{Role: "nats", Name: "nats-" + addr, Listen: addr}, nil, nil)
}

// three starts a server, three nodes, and two pages of each scope at each of them.
func three(t *testing.T, more config) (f *fleet, nats *machine, nodes []*machine) {
	t.Helper()
	addr := freeAddr(t)
	nats = startNATS(t, addr)
	f = newFleet(t, more)
	for _, name := range []string{"a", "b", "c"} {
		nodes = append(nodes, f.node(config{Name: name, NATS: []string{natsAt(addr)}}, nil))
	}
	for _, m := range nodes {
		f.homePages(m, 2)
	}
	f.settle()
	return f, nats, nodes
}

// state returns how the node of a name is, as far as another one knows.
func (s status) state(name string) (st relay.State) {
	for _, m := range s.Members {
		if m.Name == name {
			st = m.State
		}
	}
	return st
}

func (s status) count(c relay.Cause) (n int) {
	for _, g := range s.Gaps {
		if slices.Contains(g.Causes, c) {
			n++
		}
	}
	return n
}

// A node is killed while everybody talks. Its pages come back elsewhere, the others
// find out, and nothing is lost in silence.
func TestKilledNode(t *testing.T) {
	t.Parallel()
	f, _, nodes := three(t, config{})
	l := f.loadNodes(nodes...)
	l.more(t, 100)
	b := nodes[1]
	f.note(b)
	b.kill()
	for _, m := range []*machine{nodes[0], nodes[2]} {
		f.sees(m, "that b is down", func(s status) bool { return s.state("b") == relay.Down })
	}
	l.more(t, 100)
	f.settle()
	// The program is started again on that machine, as another node.
	f.node(config{Name: "b2", NATS: nodes[0].NATS}, nil)
	f.settle()
	l.more(t, 100)
	l.end()
	f.settle()
	a := f.done()
	if a.failed > 20 {
		t.Errorf("%d messages had no answer: only what was on its way to the node may", a.failed)
	}
}

// A node changes the state and dies before it has told anybody. The pages of the others
// show it all the same.
func TestLastWordsOfANode(t *testing.T) {
	t.Parallel()
	addr := freeAddr(t)
	startNATS(t, addr)
	f := newFleet(t, config{})
	var nodes []*machine
	for _, name := range []string{"a", "b", "c"} {
		nodes = append(nodes, f.node(config{Name: name, NATS: []string{natsAt(addr)}}, nil))
	}
	f.homePages(nodes[0], 2)
	f.homePages(nodes[1], 2)
	f.settle()
	l := f.loadNodes(nodes...)
	l.more(t, 30)
	l.end()
	f.healed()
	f.quiet()
	c := nodes[2]
	c.wanted.Store(true)
	if s := f.say(c.url, "acme", "last", "last words", false); s.err == nil {
		t.Fatal("it has answered")
	}
	if f.shown() == nil {
		t.Error("the pages show what nobody was told: the test says nothing")
	}
	f.healed()
	f.settle()
	f.done()
}

// A node stands still for longer than the others wait, and goes on.
func TestStoppedNode(t *testing.T) {
	for _, c := range []struct {
		name, reason string
		beat         time.Duration
		long         bool
	}{
		{"for a moment", "the others have taken it for down", 100 * time.Millisecond, false},
		{"for 15 s", "with the heartbeat that programs have", time.Second, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.long && testing.Short() {
				t.Skip("-short")
			}
			f, _, nodes := three(t, config{Beat: c.beat})
			l := f.loadNodes(nodes...)
			l.more(t, 50)
			b, began := nodes[1], time.Now()
			b.signal(syscall.SIGSTOP)
			for _, m := range []*machine{nodes[0], nodes[2]} {
				f.sees(m, "that b is down", func(s status) bool { return s.state("b") == relay.Down })
			}
			l.more(t, 50)
			if c.long { // as long as the design says
				time.Sleep(15*time.Second - time.Since(began))
			}
			b.signal(syscall.SIGCONT)
			f.sees(b, "that it stood still", func(s status) bool { return s.count(relay.Asleep) > 0 })
			for _, m := range []*machine{nodes[0], nodes[2]} {
				f.sees(m, "b again", func(s status) bool { return s.state("b") == relay.Live && s.count(relay.Returned) > 0 })
			}
			f.settle()
			l.more(t, 50)
			l.end()
			f.settle()
			if a := f.done(); a.failed > 0 {
				t.Errorf("%s: %d messages had no answer", c.reason, a.failed)
			}
		})
	}
}
