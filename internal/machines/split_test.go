//go:build linux

package machines

import (
	"fmt"
	"testing"
	"time"

	"github.com/sfere-go/sfere/relay"
)

func serverIP(i int) string { return fmt.Sprintf("10.77.0.%d", 10+i) }
func nodeIP(i int) string   { return fmt.Sprintf("10.77.0.%d", 20+i) }

// threeOn starts a server and three nodes with pages, each with a network of its own.
func threeOn(t *testing.T, net *network) (f *fleet, nodes []*machine) {
	t.Helper()
	start(t, config{Role: "nats", Name: "nats", IP: serverIP(0), Listen: serverIP(0) + ":4222"}, nil, net)
	f = newFleet(t, config{})
	for i, name := range []string{"a", "b", "c"} {
		m := f.node(config{Name: name, IP: nodeIP(i), NATS: []string{natsAt(serverIP(0) + ":4222")}}, net)
		nodes = append(nodes, m)
		f.homePages(m, 2)
	}
	f.settle()
	return f, nodes
}

// The network loses what goes between one node and the server, in one direction or both,
// while everybody talks. The node serves its own pages, and when the network is well
// again everything is.
func TestSplitNetwork(t *testing.T) {
	for _, c := range []struct {
		name, reason string
		out, in      bool // what the node says, and what it is told
		long         bool // until the connection is given up
	}{
		{"both ways", "nothing comes through, and TCP sends it again", true, true, false},
		{"what the node says", "it is told, and is not heard", true, false, false},
		{"what the node is told", "it is heard, and hears nothing", false, true, false},
		{"both ways for long", "the connection is given up", true, true, true},
		{"what the node says for long", "only the node can know", true, false, true},
		{"what the node is told for long", "its questions have no answer", false, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.long && testing.Short() {
				t.Skip("-short")
			}
			net := newNetwork(t)
			f, nodes := threeOn(t, net)
			l := f.loadNodes(nodes...)
			l.more(t, 50)
			a, rest, server := nodes[0], nodes[1:], serverIP(0)
			net.cut(c.out, a.IP, server)
			net.cut(c.in, server, a.IP)
			// Either way nobody is acknowledged, so that a falls silent sooner or later.
			for _, m := range rest {
				f.sees(m, "that a is down", func(s status) bool { return s.state("a") == relay.Down })
			}
			l.more(t, 50)
			if s := f.say(a.url, "acme", "qa", "", false); s.err != nil || s.said.Delivered != 2 {
				t.Errorf("%s: alone, it serves its own pages no longer: %v %+v", c.reason, s.err, s.said)
			}
			if c.long {
				until(t, "a is told that there is no connection", func() error {
					if s := f.say(a.url, "acme", "qa", "", true); s.said.Relay == "" {
						return fmt.Errorf("%+v", s.said)
					}
					return nil
				})
			}
			l.end()
			f.behind(a)
			for _, d := range [][2]string{{a.IP, server}, {server, a.IP}} {
				if n, want := net.lost(d[0], d[1]), d[0] == a.IP && c.out || d[0] == server && c.in; n > 0 != want {
					t.Errorf("%d packets from %s to %s were lost", n, d[0], d[1])
				}
				net.cut(false, d[0], d[1])
			}
			for _, m := range rest {
				f.sees(m, "a again", func(s status) bool { return s.state("a") == relay.Live })
			}
			if c.long {
				f.sees(a, "that it was cut off", func(s status) bool { return s.count(relay.Reconnected) > 0 })
			}
			f.healed()
			l = f.loadNodes(nodes...)
			f.settle()
			l.more(t, 50)
			l.end()
			f.settle()
			if got := f.done(); got.failed > 0 {
				t.Errorf("%s: %d messages had no answer", c.reason, got.failed)
			}
		})
	}
}

// The servers of a cluster lose sight of one of them, with the node on it, which stays
// connected to its server all the time.
func TestSplitServers(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short")
	}
	net := newNetwork(t)
	f, _, nodes := nine(t, net)
	l := f.loadNodes(nodes...)
	l.more(t, 50)
	routes := func(cut bool) {
		for _, i := range []int{1, 2} {
			net.cut(cut, serverIP(0), serverIP(i))
			net.cut(cut, serverIP(i), serverIP(0))
		}
	}
	routes(true)
	for _, m := range nodes[1:] {
		f.sees(m, "that a is down", func(s status) bool { return s.state("a") == relay.Down })
		f.sees(nodes[0], "that "+m.Name+" is down", func(s status) bool { return s.state(m.Name) == relay.Down })
	}
	l.more(t, 200) // the servers give their routes up
	l.end()
	f.behind(nodes[0])
	routes(false)
	for _, m := range nodes[1:] {
		f.sees(m, "a again", func(s status) bool { return s.state("a") == relay.Live && s.count(relay.Returned) > 0 })
	}
	f.sees(nodes[0], "the others again", func(s status) bool {
		return s.state("b") == relay.Live && s.state("c") == relay.Live && s.count(relay.Returned) > 0
	})
	f.healed()
	l = f.loadNodes(nodes...)
	f.settle()
	l.more(t, 50)
	l.end()
	f.settle()
	if a := f.done(); a.failed > 0 {
		t.Errorf("%d messages had no answer", a.failed)
	}
	if s, err := nodes[0].status(f.client); err != nil || s.count(relay.Reconnected) > 0 {
		t.Errorf("a was cut off from its server: %+v %v", s.Gaps, err)
	}
}

// A node behind a bad link gets everything, late. It holds nobody up.
func TestBadLink(t *testing.T) {
	for _, c := range []struct {
		name, reason string
		set          func(l *link)
	}{
		{"slow", "80 ms each way, and 200 kB a second", func(l *link) { l.delay, l.rate = 80*time.Millisecond, 200_000 }},
		{"lossy", "one packet of twenty is lost, and TCP sends it again", func(l *link) { l.drop = 0.05 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			net := newNetwork(t)
			f, nodes := threeOn(t, net)
			a, server := nodes[0].IP, serverIP(0)
			net.set(a, server, c.set)
			net.set(server, a, c.set)
			l := f.loadNodes(nodes...)
			l.more(t, 200)
			l.end()
			f.settle()
			if got := f.done(); got.failed > 0 || got.lost > 0 {
				t.Errorf("%s: %+v: a link that is only bad loses nothing", c.reason, got)
			}
		})
	}
}
