package dispatch_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
)

// The short way of a broadcast with one effect gives what the long way does, which a
// dispatcher with a Validate option takes.
func TestAloneIsTheSame(t *testing.T) {
	about := effect.About{Shared: true}
	nothing := func(int, effect.Data, bool) {}
	type way struct {
		Res    summary
		Outer  summary
		Each   bool
		Ran    int
		Parent bool // the result is a continuation of the sender's
	}
	for _, tt := range []struct {
		name, reason string
		do           func(ctx context.Context, c call) error
		track        track
	}{
		{"plain", "the usual broadcast", func(context.Context, call) error { return nil }, track{func(int) {}, nothing}},
		{"fails", "an error belongs to the item, and to the sender's dispatch", func(context.Context, call) error { return errFail }, track{func(int) {}, nothing}},
		{"panics", "so does a panic", func(context.Context, call) error { panic("boom") }, track{func(int) {}, nothing}},
		{"asks nothing", "an effect that is marked may look at its Ctx, which is nobody's", func(_ context.Context, c call) error { c.Ctx(); return nil }, track{func(int) {}, nothing}},
		{"goes on", "a continuation runs for many, too", func(ctx context.Context, c call) error { c.Dispatch(ctx, Fail{"later"}); return nil }, track{func(int) {}, nothing}},
		{"ignores a failure", "a failure of a continuation belongs to the result", func(ctx context.Context, c call) error { c.Dispatch(ctx, Nope{}); return nil }, track{func(int) {}, nothing}},
		{"passes a failure on", "and is one failure", func(ctx context.Context, c call) error { return c.Dispatch(ctx, Nope{}).Err() }, track{func(int) {}, nothing}},
		{"goes on and asks", "what is begun anew for each has not failed yet", func(ctx context.Context, c call) error {
			c.Dispatch(ctx, effect.Raw{Effect: "test/unknown"})
			core.ShareOf(ctx).Ask()
			return nil
		}, track{func(int) {}, nothing}},
		{"begin panics", "the functions of the caller are contained", func(context.Context, call) error { return nil }, track{func(int) { panic("begin") }, nothing}},
		{"end panics", "all of them", func(context.Context, call) error { return nil }, track{func(int) {}, func(int, effect.Data, bool) { panic("end") }}},
	} {
		run := func(validate func(effect.Data) error) (w way) {
			h := effect.Do("Do what the row says.", func(ctx context.Context, c call, _ Pair) error { w.Ran++; return tt.do(ctx, c) }).About(about)
			share := func(ctx context.Context, c call) (any, error) {
				res, all := c.DispatchShared(ctx, tt.track, Pair{})
				w.Res, w.Each, w.Parent = summarize(res), all, res.Parent == c.ID()
				return nil, nil
			}
			w.Outer = summarize(testerWith(t, &dispatch.Options{Validate: validate}, does(share), h).Dispatch(t.Context(), newEnv(), Do{}))
			return w
		}
		t.Run(tt.name, func(t *testing.T) {
			short, long := run(nil), run(func(effect.Data) error { return nil })
			if diff := cmp.Diff(long, short); diff != "" {
				t.Errorf("%s (-long +short):\n%s", tt.reason, diff)
			}
		})
	}
}
