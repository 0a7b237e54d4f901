package relay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// told is a node and what it has been told, as text.
type told struct {
	*Node
	t  *testing.T
	mu sync.Mutex
	// all and members have what came, in order, since they were last taken.
	all, members []string
}

func (n *told) add(format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, fmt.Sprintf(format, args...))
}

// take returns what has come since, when nothing moves any more.
func (n *told) take() []string {
	synctest.Wait()
	n.mu.Lock()
	defer n.mu.Unlock()
	all := n.all
	n.all = nil
	return all
}

func (n *told) takeMembers() []string {
	synctest.Wait()
	n.mu.Lock()
	defer n.mu.Unlock()
	all := n.members
	n.members = nil
	return all
}

// joinT joins a node with the defaults. It is closed by leaveT.
func joinT(t *testing.T, r Relay, name string, change func(*Options)) *told {
	t.Helper()
	n := &told{t: t}
	o := Options{
		Name: name,
		Receive: func(m Received) {
			b, _ := m.Body.(Refresh)
			n.add("%s", b.Topic)
		},
		Gap:     func(g Gap) { n.add("gap %s %v", g.To.Scope, g.Causes) },
		Refused: func(r Refusal) { n.add("refused %v", r.Err) },
		Changed: func(m Member) {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.members = append(n.members, m.Name+" "+string(m.State))
		},
	}
	if change != nil {
		change(&o)
	}
	var err error
	if n.Node, err = Join(t.Context(), r, &o); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	return n
}

func leaveT(nodes ...*told) {
	for _, n := range nodes {
		if err := n.Close(context.Background()); err != nil {
			n.t.Error(err)
		}
	}
}

func (n *told) hold(to ...Address) {
	n.t.Helper()
	for _, a := range to {
		if err := n.Subscribe(a); err != nil {
			n.t.Fatal(err)
		}
	}
	if err := n.Flush(n.t.Context()); err != nil {
		n.t.Fatal(err)
	}
}

func (n *told) say(to Address, topic string) Sent {
	n.t.Helper()
	sent, err := n.Send(Envelope{To: to, Report: true, Body: Refresh{Topic: topic}})
	if err != nil {
		n.t.Fatal(err)
	}
	return sent
}

func (n *told) ask(about Sent) (out []string) {
	n.t.Helper()
	answers, err := n.Ask(n.t.Context(), about, nil)
	if err != nil {
		n.t.Fatal(err)
	}
	for _, a := range answers {
		out = append(out, a.Name+" "+string(a.Fate))
	}
	return out
}

func (n *told) want(what string, want ...string) {
	n.t.Helper()
	if got := n.take(); !slices.Equal(got, want) {
		n.t.Errorf("%s: %q, want %q", what, got, want)
	}
}

var (
	acme  = Address{Scope: "acme"}
	other = Address{Scope: "other"}
)

// settle lets everybody know everybody, and more time pass than slack.
func settle() { time.Sleep(2 * time.Second); synctest.Wait() }

// failing is what is called for an error.
func failing(t *testing.T, what string, err, want error) {
	t.Helper()
	if e, ok := errors.AsType[*Error](err); !ok || !errors.Is(err, want) {
		t.Errorf("%s: error %v (%T), want an *Error with %v", what, err, e, want)
	}
}
