package dispatch_test

import (
	"context"
	"testing"

	"github.com/sfere-go/sfere/effect"
)

// A dry run leaves effects out also where interceptors wrap them, retries and
// continuations included.
func TestDryRunWithInterceptors(t *testing.T) {
	for _, row := range []struct {
		with   []effect.Item[Env]
		reason string
	}{
		{nil, "without interceptors"},
		{[]effect.Item[Env]{passEffects("a")}, "with an effect interceptor"},
		{[]effect.Item[Env]{aroundDispatch("retry", func(ctx context.Context, c call, items effect.List, next effect.DispatchFunc[Env]) *effect.Result {
			next(ctx, c, items)
			return next(ctx, c, items)
		})}, "with a dispatch interceptor that retries"},
		{[]effect.Item[Env]{aroundEffect("continue", func(ctx context.Context, c call, item effect.Data, next effect.EffectFunc[Env]) (any, error) {
			if c.Parent() == 0 {
				c.Dispatch(context.Background(), Note{"continued"})
			}
			return next(ctx, c, item)
		})}, "with an interceptor that dispatches"},
	} {
		env := newEnv()
		r := tester(t, row.with...).DryRun(t.Context(), env, Note{"x"})
		if len(*env.Log) != 0 {
			t.Errorf("%s: handlers ran: %q", row.reason, *env.Log)
		}
		if len(r.Plan) == 0 || r.Plan[0].Rehearsed {
			t.Errorf("%s: plan %+v", row.reason, r.Plan)
		}
	}
}
