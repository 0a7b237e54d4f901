package console_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/internal/consoletest"
)

// What is shown comes in pages, with the counts of all, and without connections it is
// not offered.
func TestViews(t *testing.T) {
	p := consoletest.New(t, nil)
	ann := p.Join(t, "ann")
	if v, err := p.Console.Views(console.ViewQuery{}); err != nil || v.Views == nil || v.Matched != 0 {
		t.Errorf("at first there is %+v, %v", v, err)
	}
	for board := range 5 {
		p.Show(t, ann, "ann", board)
	}
	for _, test := range []struct {
		reason string
		q      console.ViewQuery
		listed int
		more   bool
	}{
		{"all", console.ViewQuery{}, 5, false},
		{"a page", console.ViewQuery{Limit: 2}, 2, true},
		{"as many as there are", console.ViewQuery{Limit: 5}, 5, false},
		{"counts only", console.ViewQuery{Limit: -1}, 0, false},
		{"by name", console.ViewQuery{Text: "board"}, 5, false},
	} {
		v, err := p.Console.Views(test.q)
		if err != nil || len(v.Views) != test.listed || v.Next != 0 != test.more || v.Matched != 5 || v.Counts["test/board"] != 5 {
			t.Errorf("%s: %+v, %v", test.reason, v, err)
		}
	}
	if v, err := p.Console.Views(console.ViewQuery{Text: "inbox"}); err != nil || v.Matched != 0 || len(v.Views) != 0 {
		t.Errorf("of a view that is not shown there is %+v, %v", v, err)
	}
	first, _ := p.Console.Views(console.ViewQuery{Limit: 2})
	if rest, err := p.Console.Views(console.ViewQuery{After: first.Next}); err != nil || len(rest.Views) != 3 || string(rest.Views[0].Value) != `{"id":2}` {
		t.Errorf("after the first two there is %+v, %v", rest, err)
	}
	if _, err := p.Console.Views(console.ViewQuery{Limit: 1001}); err == nil || !strings.Contains(err.Error(), "at most 1000") {
		t.Errorf("too many are answered %v", err)
	}
	if _, err := console.New(p.Dispatcher, nil, nil).Views(console.ViewQuery{}); !errors.Is(err, console.ErrNotOffered) {
		t.Errorf("without connections: %v", err)
	}
}

// A dry run of a refresh says which views would be rendered, and for how many.
func TestDryRunOfRefresh(t *testing.T) {
	p := consoletest.New(t, nil)
	for _, id := range []string{"ann", "bob"} {
		p.Show(t, p.Join(t, id), id, 7)
	}
	r, err := p.Console.DryRun(t.Context(), console.Command{Effects: json.RawMessage(`[{"effect":"sfere/refresh","args":{"topic":"board"}}]`)})
	if err != nil {
		t.Fatal(err)
	}
	want := &sfere.Refreshed{Values: 1, Streams: 2, Sample: []sfere.ViewInfo{{Name: "test/board", Value: json.RawMessage(`{"id":7}`), Scope: "default", Viewers: 2}}}
	if diff := cmp.Diff(want, r.Plan[0].Renders); diff != "" || len(r.Plan[0].Would) != 0 {
		t.Errorf("would render (-want +got):\n%s\nand %s", diff, r.Plan[0].Would)
	}
}
