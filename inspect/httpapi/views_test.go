package httpapi_test

import (
	"testing"

	"github.com/sfere-go/sfere/internal/consoletest"
)

func TestViewsAreServed(t *testing.T) {
	p := consoletest.New(t, nil)
	srv := serve(t, p, nil)
	ann := p.Join(t, "ann")
	for board := range 3 {
		p.Show(t, ann, "ann", board)
	}
	for _, test := range []struct {
		reason, path   string
		status, listed int
	}{
		{"all", "/views", 200, 3},
		{"some", "/views?limit=2", 200, 2},
		{"by name", "/views?q=board", 200, 3},
		{"none of the name", "/views?q=inbox", 200, 0},
		{"counts only", "/views?limit=-1", 200, 0},
		{"too many", "/views?limit=2000", 400, 0},
		{"no number", "/views?limit=x", 400, 0},
		{"no place", "/views?after=x", 400, 0},
	} {
		status, v := ask(t, srv, "GET", test.path, "")
		m, _ := v.(map[string]any)
		list, _ := m["views"].([]any)
		if status != test.status || len(list) != test.listed {
			t.Errorf("%s: %d %v", test.reason, status, v)
		}
	}
	_, v := ask(t, srv, "GET", "/views?limit=1", "")
	page := v.(map[string]any)
	row := page["views"].([]any)[0].(map[string]any)
	if page["matched"] != 3.0 || row["name"] != "test/board" || row["viewers"] != 1.0 || row["scope"] != "default" || row["value"].(map[string]any)["id"] != 0.0 {
		t.Errorf("a page is %v", page)
	}
	_, v = ask(t, srv, "GET", "/connections", "")
	if views := v.(map[string]any)["connections"].([]any)[0].(map[string]any)["views"].([]any); len(views) != 3 || views[0] != `test/board {"id":0}` {
		t.Errorf("the views of a connection are %v", views)
	}
}
