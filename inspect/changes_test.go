package inspect

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/inspect/record"
	"github.com/sfere-go/sfere/registry"
	"github.com/sfere-go/sfere/twk"
)

type nothing struct{}

func (nothing) EffectName() string { return "test/nothing" }

// What a page is sent from round to round.
func TestFeedChanges(t *testing.T) {
	conns := sfere.New(nil)
	t.Cleanup(conns.Close)
	rec := record.New(30)
	d := dispatch.Must(dispatch.New(
		registry.New("record", record.Interceptor[int](rec)),
		registry.New("test", effect.Handle("Nothing.", func(context.Context, effect.Call[int], nothing) (any, error) { return nil, nil })),
	))
	in := New(console.New(d, conns, &console.Options[int]{Recorder: rec}), nil)
	names := 0
	run := func(n int) func() {
		return func() {
			for range n {
				names++ // none is like another
				d.Dispatch(t.Context(), 0, nothing{}, effect.Raw{Effect: fmt.Sprint("test/", names)})
			}
		}
	}
	same := func(n int) func() {
		return func() {
			for range n {
				d.Dispatch(t.Context(), 0, nothing{})
			}
		}
	}
	type sends struct{ Patched, Prepended, Removed int }
	p := &feed{followPage: followPage{Tab: "dispatches"}, in: in, sent: map[string]uint64{}}
	for _, tt := range []struct {
		reason string
		before func()
		want   sends
	}{
		{"at first: counters and list", func() {}, sends{Patched: 2}},
		{"nothing has changed", func() {}, sends{}},
		{"the first dispatch comes in place of the note that there is none", run(1), sends{Patched: 2}},
		{"nothing has changed", func() {}, sends{}},
		{"two more, and the counters", run(2), sends{Patched: 1, Prepended: 2}},
		{"the old ones go", run(29), sends{Patched: 1, Prepended: 29, Removed: 2}},
		{"all are new: the list as a whole", run(30), sends{Patched: 2}},
		{"nothing has changed", func() {}, sends{}},
		{"two that are alike are one row, and two that had no room go", same(2), sends{Patched: 1, Prepended: 1, Removed: 2}},
		{"one more of them changes the row, and one goes", same(1), sends{Patched: 2, Removed: 1}},
		{"another one, and one goes", run(1), sends{Patched: 1, Prepended: 1, Removed: 1}},
		{"they are alike, and another row lies between", same(1), sends{Patched: 1, Prepended: 1, Removed: 1}},
	} {
		tt.before()
		var got sends
		for _, item := range p.changes(t.Context()) {
			switch item := item.(type) {
			case twk.RemoveElement:
				got.Removed++
			case twk.PatchElements:
				if item.Mode == twk.ModePrepend {
					got.Prepended++
				} else {
					got.Patched++
				}
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
		}
	}
}
