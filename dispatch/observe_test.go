package dispatch_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
)

// observer writes down what it is told.
type observer struct {
	mu     sync.Mutex
	log    []string
	panics string // the method that does
}

type observedKey struct{}

func (o *observer) note(method, format string, args ...any) {
	o.mu.Lock()
	o.log = append(o.log, method+" "+fmt.Sprintf(format, args...))
	o.mu.Unlock()
	if o.panics == method {
		panic("an observer that is wrong")
	}
}

func (o *observer) Begin(ctx context.Context, d dispatch.Started) context.Context {
	o.note("begin", "%d of %d, %d items, in %v", d.ID, d.Parent, len(d.Items), ctx.Value(observedKey{}))
	return context.WithValue(ctx, observedKey{}, d.ID)
}

func (o *observer) End(ctx context.Context, res *effect.Result) {
	o.note("end", "%d, in %v", res.ID, ctx.Value(observedKey{}))
}

func (o *observer) Ran(res *effect.Result) {
	own := 0
	for _, e := range res.Errors {
		if e.Dispatch == res.ID {
			own++
		}
	}
	o.note("ran", "%d of %d: %d outcomes, %d errors of its own of %d", res.ID, res.Parent, len(res.Outcomes), own, len(res.Errors))
}

func TestObserver(t *testing.T) {
	var late func()
	effects := does(
		func(ctx context.Context, c call) (any, error) { // 0: a continuation
			c.Dispatch(ctx, Note{"a"}, Fail{"b"})
			return nil, nil
		},
		func(ctx context.Context, c call) (any, error) { // 1: one that comes after the dispatch, with one of its own
			late = func() { c.Dispatch(ctx, Do{0}) }
			return nil, nil
		},
		func(ctx context.Context, c call) (any, error) { // 2: for many
			nothing := func(int, effect.Data, bool) {}
			c.DispatchShared(ctx, track{func(int) {}, nothing}, Say{effect.Now("x")})
			c.DispatchShared(ctx, track{func(int) {}, nothing}, Say{effect.Now("x")}, Say{effect.Now("y")})
			return nil, nil
		},
	)
	for _, tt := range []struct {
		name, reason string
		items        effect.List
		late         bool
		panics       string
		want         []string
	}{
		{"outside", "from the beginning to the end, in the ctx of Begin", effect.List{Note{"a"}, Note{"b"}}, false, "", []string{
			"begin 1 of 0, 2 items, in <nil>", "ran 1 of 0: 2 outcomes, 0 errors of its own of 0", "end 1, in 1"}},
		{"continuation", "it is part of the dispatch, and its failures are its own", effect.List{Do{0}}, false, "", []string{
			"begin 1 of 0, 1 items, in <nil>", "ran 2 of 1: 1 outcomes, 1 errors of its own of 1", "ran 1 of 0: 1 outcomes, 0 errors of its own of 1", "end 1, in 1"}},
		{"late", "a continuation of a dispatch that has returned stands for itself, and knows where it comes from; what it continues with is part of it", effect.List{Do{1}}, true, "", []string{
			"begin 1 of 0, 1 items, in <nil>", "ran 1 of 0: 1 outcomes, 0 errors of its own of 0", "end 1, in 1",
			"begin 2 of 1, 1 items, in 1", "ran 3 of 2: 1 outcomes, 1 errors of its own of 1", "ran 2 of 1: 1 outcomes, 0 errors of its own of 1", "end 2, in 2"}},
		{"for many", "the short way of one effect is told, too", effect.List{Do{2}}, false, "", []string{
			"begin 1 of 0, 1 items, in <nil>", "ran 2 of 1: 1 outcomes, 0 errors of its own of 0", "ran 3 of 1: 2 outcomes, 0 errors of its own of 0",
			"ran 1 of 0: 1 outcomes, 0 errors of its own of 0", "end 1, in 1"}},
		{"begin panics", "it is no failure of the dispatch", effect.List{Note{"a"}}, false, "begin", []string{
			"begin 1 of 0, 1 items, in <nil>", "ran 1 of 0: 1 outcomes, 0 errors of its own of 0", "end 1, in <nil>"}},
		{"ran panics", "so is this", effect.List{Note{"a"}}, false, "ran", []string{
			"begin 1 of 0, 1 items, in <nil>", "ran 1 of 0: 1 outcomes, 0 errors of its own of 0", "end 1, in 1"}},
		{"end panics", "and this", effect.List{Note{"a"}}, false, "end", []string{
			"begin 1 of 0, 1 items, in <nil>", "ran 1 of 0: 1 outcomes, 0 errors of its own of 0", "end 1, in 1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := &observer{panics: tt.panics}
			var log []string
			d := testerWith(t, &dispatch.Options{Observer: o}, effects, say(&log))
			res := d.Dispatch(t.Context(), newEnv(), tt.items...)
			if tt.late {
				late()
			}
			if diff := cmp.Diff(tt.want, o.log); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
			if tt.panics != "" && res.Err() != nil {
				t.Errorf("the dispatch failed: %v", res.Err())
			}
			o.log = nil
			d.DryRun(t.Context(), newEnv(), tt.items...)
			if len(o.log) > 0 {
				t.Errorf("of a dry run it was told %q", o.log)
			}
		})
	}
}
