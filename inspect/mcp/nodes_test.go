package mcp_test

import (
	"strings"
	"testing"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/internal/consoletest"
)

// A model sees all machines, and is told which one is silent.
func TestNodesTool(t *testing.T) {
	ps, bus := consoletest.Nodes(t, nil, "a", "b", "c")
	for i, name := range []string{"ann", "bob", "carl"} {
		ps[i].Join(t, name)
	}
	bus.Split(2)
	s := connect(t, ps[0], nil)
	var page sfere.Page
	text, _ := use(t, s, "connections", map[string]any{"nodes": true, "n": 1}, &page)
	if page.Matched != 2 || len(page.Conns) != 1 || page.Next == "" {
		t.Errorf("a page is %+v", page)
	}
	for _, want := range []string{"2 match, 2 in all", "not counted: what is at c (", "): silent", " default/lobby/ann at a (", "more after "} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
	use(t, s, "connections", map[string]any{"nodes": true, "after": page.Next}, &page)
	if len(page.Conns) != 1 || !strings.HasPrefix(page.Conns[0].Node, "b (") {
		t.Errorf("after it there is %+v", page)
	}
	var got struct{ Nodes []sfere.NodeInfo }
	text, _ = use(t, s, "nodes", nil, &got)
	if len(got.Nodes) != 3 || got.Nodes[2].Count != nil || got.Nodes[1].Stats == nil {
		t.Errorf("nodes are %+v", got)
	}
	for _, want := range []string{"3 nodes", "live, the one that answers here, 1 connection, ", " gaps, ", "): silent"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
	if text, isError := use(t, connect(t, consoletest.New(t, nil), nil), "nodes", nil, nil); !isError || !strings.Contains(text, "no relay") {
		t.Errorf("one machine is answered %s", text)
	}
}
