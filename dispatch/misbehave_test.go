package dispatch_test

import (
	"context"
	"sync"
	"testing"

	"github.com/sfere-go/sfere/effect"
)

// Whatever an interceptor does with next and with calls, no dispatch crashes and
// every item is accounted for, under the race detector too.
func TestMisbehavingInterceptors(t *testing.T) {
	type step = func(ctx context.Context, c call, item effect.Data, next effect.EffectFunc[Env]) (any, error)
	var background sync.WaitGroup
	var mu sync.Mutex // guards kept
	var kept []call
	keep := func(c call) call {
		mu.Lock()
		defer mu.Unlock()
		kept = append(kept, c)
		return kept[0]
	}
	var none context.Context
	for _, row := range []struct {
		step   step
		reason string
	}{
		{func(ctx context.Context, c call, item effect.Data, next effect.EffectFunc[Env]) (any, error) {
			var both sync.WaitGroup
			for range 2 {
				both.Go(func() { _, _ = next(ctx, c, item) })
			}
			both.Wait()
			return "both", nil
		}, "it calls next twice at once"},
		{func(ctx context.Context, c call, item effect.Data, next effect.EffectFunc[Env]) (any, error) {
			background.Go(func() { _, _ = next(ctx, c, item) })
			return nil, nil
		}, "it leaves next running"},
		{func(ctx context.Context, c call, item effect.Data, next effect.EffectFunc[Env]) (any, error) {
			return next(none, c, item)
		}, "it passes no context"},
		{func(ctx context.Context, c call, item effect.Data, next effect.EffectFunc[Env]) (any, error) {
			return next(ctx, keep(c), item)
		}, "it passes the call of another item"},
		{func(ctx context.Context, c call, item effect.Data, next effect.EffectFunc[Env]) (any, error) {
			if c.Parent() != 0 {
				return next(ctx, c, item) // or it would go on for ever
			}
			first := keep(c)
			background.Go(func() {
				first.Dispatch(ctx, Fail{"late"})
				_ = c.With(func(e *Env) { e.Label = "late" }).Failed()
			})
			return next(ctx, c.Detached(), item)
		}, "it keeps calls and dispatches from them"},
		{func(ctx context.Context, c call, item effect.Data, next effect.EffectFunc[Env]) (any, error) {
			_, _ = next(ctx, c, nil)
			panic(nil)
		}, "it passes nothing and panics with nil"},
		{func(ctx context.Context, c call, item effect.Data, next effect.EffectFunc[Env]) (any, error) {
			return next(ctx, c, effect.Batch{Effects: effect.List{item}})
		}, "it passes a batch for an effect"},
		{func(ctx context.Context, c call, item effect.Data, next effect.EffectFunc[Env]) (any, error) {
			return next(ctx, call{}, item)
		}, "it passes the zero call"},
	} {
		d := tester(t, passEffects("outer"), aroundEffect("bad", row.step), passEffects("inner"),
			does(func(context.Context, call) (any, error) { return "done", nil }))
		res := d.Dispatch(t.Context(), newEnv(), Do{}, Fail{"x"}, Do{}, effect.Batch{Effects: effect.List{Do{}}})
		background.Wait()
		paths := map[string]bool{}
		for _, o := range res.Outcomes {
			paths[o.Path.String()] = true
		}
		for _, e := range res.Errors {
			if e.Dispatch == res.ID { // others are of continuations
				paths[e.Path.String()] = true
			}
		}
		for _, s := range res.Skipped {
			paths[s.Path.String()] = true
		}
		for _, want := range []string{"0", "1", "2", "3.0"} {
			if !paths[want] {
				t.Errorf("%s: item %s is nowhere in the result: %+v", row.reason, want, summarize(res))
			}
		}
		kept = nil
	}
}
