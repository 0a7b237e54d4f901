package httpapi_test

import (
	"net/http"
	"testing"

	"github.com/sfere-go/sfere/inspect/httpapi"
	"github.com/sfere-go/sfere/internal/consoletest"
)

// What all machines have is served, and whoever may not look is not told.
func TestNodesAreServed(t *testing.T) {
	ps, bus := consoletest.Nodes(t, nil, "a", "b", "c")
	for i, name := range []string{"ann", "bob", "carl"} {
		ps[i].Join(t, name)
	}
	srv := serve(t, ps[0], nil)
	for _, test := range []struct {
		reason, path   string
		status, listed int
	}{
		{"all machines", "/connections?nodes=true", 200, 3},
		{"a page of them", "/connections?nodes=true&limit=1", 200, 1},
		{"by pattern", "/connections?nodes=true&pattern=*/*/bob", 200, 1},
		{"this machine", "/connections", 200, 1},
		{"this machine, said so", "/connections?nodes=false", 200, 1},
		{"neither", "/connections?nodes=both", 400, 0},
		{"a place of this machine", "/connections?nodes=true&after=default/lobby/ann%231", 400, 0},
	} {
		status, v := ask(t, srv, "GET", test.path, "")
		m, _ := v.(map[string]any)
		list, _ := m["connections"].([]any)
		if status != test.status || len(list) != test.listed {
			t.Errorf("%s: %d %v", test.reason, status, v)
		}
	}
	bus.Split(2)
	status, v := ask(t, srv, "GET", "/nodes", "")
	list, _ := v.([]any)
	if status != 200 || len(list) != 3 {
		t.Fatalf("%d %v", status, v)
	}
	for i, want := range []struct {
		name, state, fate string
		conns             any
	}{{"a", "live", "taken", 1.0}, {"b", "live", "taken", 1.0}, {"c", "live", "silent", nil}} {
		n := list[i].(map[string]any)
		count, _ := n["count"].(map[string]any)
		if n["name"] != want.name || n["state"] != want.state || n["fate"] != want.fate || count["all"] != want.conns || (n["stats"] == nil) != (want.conns == nil) {
			t.Errorf("node %d is %v, want %v", i, n, want)
		}
	}
	if status, v := ask(t, serve(t, consoletest.New(t, nil), nil), "GET", "/nodes", ""); status != 501 {
		t.Errorf("one machine: %d %v", status, v)
	}
	nobody := serve(t, ps[0], &httpapi.Options{Guard: func(*http.Request) httpapi.Caller { return httpapi.Caller{} }})
	for _, path := range []string{"/nodes", "/connections?nodes=true"} {
		if status, v := ask(t, nobody, "GET", path, ""); status != 403 {
			t.Errorf("%s without access: %d %v", path, status, v)
		}
	}
}
