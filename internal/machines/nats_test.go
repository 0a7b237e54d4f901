//go:build linux

package machines

import (
	"fmt"
	"syscall"
	"testing"

	"github.com/sfere-go/sfere/relay"
)

// The only server is killed and comes back on its port. Meanwhile each node serves its
// own pages, and says that the others were not reached. Afterwards each is told one gap.
func TestServerBounce(t *testing.T) {
	t.Parallel()
	f, nats, nodes := three(t, config{})
	l := f.loadNodes(nodes...)
	l.more(t, 100)
	nats.kill()
	for _, m := range nodes {
		until(t, "the senders at "+m.Name+" are told, and its own pages served", func() error {
			s := f.say(m.url, "acme", "q"+m.Name, "", true)
			if s.err != nil || s.said.Relay == "" || s.said.Delivered != 2 {
				return fmt.Errorf("%v %+v", s.err, s.said)
			}
			return nil
		})
	}
	l.more(t, 50)
	l.end()
	f.behind(nodes[1])
	nats = startNATS(t, nats.Listen)
	f.backOnce(nodes, 1)
	f.healed()
	l = f.loadNodes(nodes...)
	f.settle()
	l.more(t, 50)
	l.end()
	f.settle()
	if a := f.done(); a.lost == 0 || a.failed > 0 {
		t.Errorf("%+v: nothing was lost over a dead server, or somebody had no answer", a)
	}

	// Nobody says anything while it bounces again: each node renders what it shows once
	// for each gap, and everything is as before.
	renders := map[string]int{}
	gaps := map[string]int{}
	for _, m := range nodes {
		s, err := m.status(f.client)
		if err != nil {
			t.Fatal(err)
		}
		renders[m.Name], gaps[m.Name] = s.Renders, len(s.Gaps)
	}
	nats.kill()
	startNATS(t, nats.Listen)
	f.backOnce(nodes, 2)
	for _, m := range nodes {
		f.sees(m, "that it has rendered", func(s status) bool { return s.Renders >= renders[m.Name]+len(scopes) })
		s, err := m.status(f.client)
		if err != nil {
			t.Fatal(err)
		}
		// One render of each room may have been on its way before.
		if got, most := s.Renders-renders[m.Name], len(scopes)*(len(s.Gaps)-gaps[m.Name]+1); got > most {
			t.Errorf("%s has rendered %d times, want at most %d: once for each room and gap", m.Name, got, most)
		}
	}
	f.settle()
	f.done()
}

// The only server stands still, shorter than until the connections are given up. All that
// was said meanwhile comes when it goes on.
func TestServerStandsStill(t *testing.T) {
	t.Parallel()
	f, nats, nodes := three(t, config{})
	l := f.loadNodes(nodes...)
	l.more(t, 50)
	nats.signal(syscall.SIGSTOP)
	for _, m := range nodes {
		f.sees(m, "that the others are down", func(s status) bool {
			down := 0
			for _, o := range s.Members {
				if o.State == relay.Down {
					down++
				}
			}
			return down == 2
		})
	}
	l.end()
	f.behind(nodes[1])
	nats.signal(syscall.SIGCONT)
	for _, m := range nodes {
		f.sees(m, "the others again", func(s status) bool { return s.count(relay.Returned) > 0 })
	}
	f.healed()
	f.settle()
	if a := f.done(); a.failed > 0 {
		t.Errorf("%d messages had no answer", a.failed)
	}
}

// backOnce waits until each node has been told of the n-th reconnection, and checks
// that it has not been told more than that.
func (f *fleet) backOnce(nodes []*machine, n int) {
	f.t.Helper()
	for _, m := range nodes {
		f.sees(m, fmt.Sprintf("%d reconnections", n), func(s status) bool { return s.count(relay.Reconnected) >= n })
	}
	for _, m := range nodes {
		if s, err := m.status(f.client); err != nil || s.count(relay.Reconnected) != n {
			f.t.Errorf("%s has been told of %d reconnections, want %d (%v)", m.Name, s.count(relay.Reconnected), n, err)
		}
	}
}

// One of three servers is killed. The node on it goes to another one.
func TestServerClusterLosesOne(t *testing.T) {
	t.Parallel()
	f, servers, nodes := nine(t, nil)
	l := f.loadNodes(nodes...)
	l.more(t, 100)
	servers[0].kill()
	f.backOnce(nodes[:1], 1)
	f.settle()
	l.more(t, 50)
	// It comes back; nobody has to go back to it.
	again := servers[0].config
	start(t, again, nil, nil)
	l.more(t, 50)
	l.end()
	f.settle()
	if a := f.done(); a.failed > 0 {
		t.Errorf("%d messages had no answer", a.failed)
	}
	for _, m := range nodes[1:] {
		if s, err := m.status(f.client); err != nil || s.count(relay.Reconnected) > 0 {
			t.Errorf("%s, whose server was not killed, was cut off: %+v %v", m.Name, s.Gaps, err)
		}
	}
}

// nine starts three servers that are one, and a node with pages at each of them. On a
// network each server and each node has a namespace.
func nine(t *testing.T, net *network) (f *fleet, servers, nodes []*machine) {
	t.Helper()
	var clients, routes [3]string
	for i := range 3 {
		clients[i], routes[i] = fmt.Sprintf("%s:4222", serverIP(i)), fmt.Sprintf("%s:6222", serverIP(i))
		if net == nil {
			clients[i], routes[i] = freeAddr(t), freeAddr(t)
		}
	}
	for i := range 3 {
		c := config{Role: "nats", Name: fmt.Sprintf("nats-%d", i), Listen: clients[i], Cluster: routes[i]}
		if net != nil {
			c.IP = serverIP(i)
		}
		for j := range 3 {
			if j != i {
				c.Routes = append(c.Routes, routes[j])
			}
		}
		servers = append(servers, start(t, c, nil, net))
	}
	f = newFleet(t, config{})
	for i, name := range []string{"a", "b", "c"} {
		c := config{Name: name}
		for j := range 3 {
			c.NATS = append(c.NATS, natsAt(clients[(i+j)%3]))
		}
		if net != nil {
			c.IP, c.NATS = nodeIP(i), c.NATS[:1]
		}
		m := f.node(c, net)
		nodes = append(nodes, m)
		f.homePages(m, 2)
	}
	f.settle()
	return f, servers, nodes
}
