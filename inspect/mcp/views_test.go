package mcp_test

import (
	"strings"
	"testing"

	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/internal/consoletest"
)

// A model sees what is shown, how it fares, and what a refresh would do.
func TestViewsTool(t *testing.T) {
	p := consoletest.New(t, nil)
	s := connect(t, p, nil)
	ann := p.Join(t, "ann")
	for board := range 3 {
		p.Show(t, ann, "ann", board)
	}
	p.Show(t, ann, "ann", -1)
	var got console.Views
	text, _ := use(t, s, "views", map[string]any{"n": 2}, &got)
	if len(got.Views) != 2 || got.Next == 0 || got.Matched != 4 {
		t.Errorf("2 of 4 are %+v", got)
	}
	for _, want := range []string{"4 values are shown", "test/board 4", `test/board {"id":0} in default: 1 viewer`, "more after "} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
	use(t, s, "views", map[string]any{"after": got.Next, "text": "boa"}, &got)
	if len(got.Views) != 2 || string(got.Views[0].Value) != `{"id":2}` {
		t.Errorf("after these there is %+v", got)
	}
	if text, _ := use(t, s, "views", map[string]any{"count": true}, nil); strings.Contains(text, "viewer") {
		t.Errorf("the counts are %s", text)
	}
	if text, isError := use(t, s, "views", map[string]any{"n": 101}, nil); !isError {
		t.Errorf("too many are answered %s", text)
	}
	text, _ = use(t, s, "dry_run", map[string]any{"effects": []any{map[string]any{"effect": "sfere/refresh", "args": map[string]any{"topic": "board/1"}}}}, nil)
	for _, want := range []string{"1 value would be rendered again, for 1 viewer", `test/board {"id":1} in default: 1 viewer`} {
		if !strings.Contains(text, want) {
			t.Errorf("a dry run has no %q: %s", want, text)
		}
	}
	if text, _ := use(t, s, "connections", nil, nil); !strings.Contains(text, `shows test/board {"id":0}, test/board {"id":1}, test/board {"id":2} and 1 more`) {
		t.Errorf("connections are %s", text)
	}
}

// An answer does not grow with the values that it does not list.
func TestViewsToolSize(t *testing.T) {
	p := consoletest.New(t, nil)
	s := connect(t, p, nil)
	ann := p.Join(t, "ann")
	n, few := 20, 0
	for board := range 8 * n {
		p.Show(t, ann, "ann", board)
		if board == n-1 {
			text, data := sizes(t, s, "views", map[string]any{})
			few = text + data
		}
	}
	if text, data := sizes(t, s, "views", map[string]any{}); text > 4500 || text+data > few*3/2 {
		t.Errorf("%d bytes for %d values, %d for %d", few, n, text+data, 8*n)
	}
}
