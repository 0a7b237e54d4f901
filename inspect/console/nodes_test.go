package console_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/internal/consoletest"
)

// conditions returns how each node is, by name.
func conditions(nodes []sfere.NodeInfo) (out []string) {
	for _, n := range nodes {
		out = append(out, n.Name+" "+n.Condition())
	}
	return out
}

// The console lists the connections of all machines, and says which machine is silent.
func TestNodes(t *testing.T) {
	ps, bus := consoletest.Nodes(t, nil, "a", "b", "c")
	for i, name := range []string{"ann", "bob", "carl"} {
		ps[i].Join(t, name)
	}
	c := ps[0].Console
	page, err := c.Connections(t.Context(), console.ConnQuery{Pattern: "*/lobby/*", Nodes: true})
	if err != nil || page.Matched != 3 || len(page.Conns) != 3 || len(page.Unheard()) != 0 {
		t.Errorf("%+v, %v", page, err)
	}
	if here, err := c.Connections(t.Context(), console.ConnQuery{}); err != nil || here.Matched != 1 || here.Nodes != nil || here.Conns[0].Node != "" {
		t.Errorf("of this machine: %+v, %v", here, err)
	}
	bus.Split(2)
	page, err = c.Connections(t.Context(), console.ConnQuery{Nodes: true, Limit: 2})
	if err != nil || page.Matched != 2 || len(page.Unheard()) != 1 || page.Unheard()[0].Name != "c" {
		t.Errorf("with one that is silent: %+v, %v", page, err)
	}
	nodes, err := c.Nodes(t.Context())
	if diff := cmp.Diff([]string{"a live", "b live", "c silent"}, conditions(nodes)); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if _, err := c.Connections(t.Context(), console.ConnQuery{Nodes: true, After: "default/lobby/ann#1"}); err == nil {
		t.Error("a place of another kind of page is no error")
	}
}

// A program that is one machine, or holds its connections elsewhere, does not offer it.
func TestNodesAreNotOffered(t *testing.T) {
	p := consoletest.New(t, nil)
	if _, err := p.Console.Nodes(t.Context()); !errors.Is(err, console.ErrNotOffered) {
		t.Errorf("without a relay: %v", err)
	}
	p.Join(t, "ann")
	if page, err := p.Console.Connections(t.Context(), console.ConnQuery{Nodes: true}); err != nil || page.Matched != 1 || page.Nodes != nil {
		t.Errorf("the connections of all machines: %+v, %v", page, err)
	}
	if _, err := console.New(p.Dispatcher, nil, nil).Nodes(t.Context()); !errors.Is(err, console.ErrNotOffered) {
		t.Errorf("without connections: %v", err)
	}
}
