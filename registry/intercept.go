package registry

import (
	"context"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
)

// intercept takes in the i-th item, an interceptor.
func (b *binding[C]) intercept(i int, in effect.Interceptor[C]) {
	if in.Name == "" {
		b.fail("item %d passed to New at %s is an interceptor without a name: set Interceptor.Name", i, b.site)
	}
	b.set.Interceptors = append(b.set.Interceptors, &core.Interceptor{
		Name: in.Name, Site: b.site, Registry: b.name,
		Dispatch: b.dispatchHook(in.Dispatch), Action: b.actionHook(in.Action), Effect: b.effectHook(in.Effect),
	})
}

// at returns call as one through which an interceptor sees its own C. The next
// layer does the same, so the place need not be put back.
func (b *binding[C]) at(call core.Call) effect.Call[C] {
	call.State().Place = b.place
	return effect.Call[C](call)
}

func (b *binding[C]) dispatchHook(hook func(effect.DispatchFunc[C]) effect.DispatchFunc[C]) func(core.DispatchFunc) core.DispatchFunc {
	if hook == nil {
		return nil
	}
	return func(next core.DispatchFunc) core.DispatchFunc {
		step := hook(func(ctx context.Context, call effect.Call[C], items effect.List) *effect.Result {
			return next(ctx, core.Call(call), items).(*effect.Result)
		})
		if step == nil {
			return nil
		}
		return func(ctx context.Context, call core.Call, items any) any {
			return step(ctx, b.at(call), items.(effect.List))
		}
	}
}

func (b *binding[C]) effectHook(hook func(effect.EffectFunc[C]) effect.EffectFunc[C]) func(core.Handler) core.Handler {
	if hook == nil {
		return nil
	}
	return func(next core.Handler) core.Handler {
		step := hook(func(ctx context.Context, call effect.Call[C], item effect.Data) (any, error) {
			return next(ctx, core.Call(call), item)
		})
		if step == nil {
			return nil
		}
		return func(ctx context.Context, call core.Call, item any) (any, error) {
			data, _ := item.(effect.Data) // nil stays nil, it is an error further in
			return step(ctx, b.at(call), data)
		}
	}
}

func (b *binding[C]) actionHook(hook func(effect.ActionFunc[C]) effect.ActionFunc[C]) func(core.Handler) core.Handler {
	if hook == nil {
		return nil
	}
	return func(next core.Handler) core.Handler {
		step := hook(func(ctx context.Context, call effect.Call[C], item effect.Data) (effect.List, error) {
			list, err := next(ctx, core.Call(call), item)
			l, _ := list.(effect.List)
			return l, err
		})
		if step == nil {
			return nil
		}
		return func(ctx context.Context, call core.Call, item any) (any, error) {
			data, _ := item.(effect.Data)
			l, err := step(ctx, b.at(call), data)
			if l == nil {
				return nil, err // an untyped nil tells that nothing was answered
			}
			return l, err
		}
	}
}
