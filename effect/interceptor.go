package effect

import (
	"context"
	"fmt"

	"github.com/sfere-go/sfere/internal/core"
)

// Handler runs one effect; see [Interceptor].
type Handler[C any] func(ctx context.Context, call *Call[C], item Data) (any, error)

// Expander expands one action; see [Interceptor].
type Expander[C any] func(ctx context.Context, call *Call[C], item Data) (List, error)

// Dispatcher runs one list; see [Interceptor].
type Dispatcher[C any] func(ctx context.Context, call *Call[C], items List) *Result

// Interceptor wraps what every dispatch, action and effect does, also those of
// other registries joined to its own. Each hook is a function from the next
// step to a new step; the interceptor registered first is outermost. Nil hooks
// are left out. Hooks are called once, when the dispatcher is built; the steps
// they return run concurrently.
//
// A step may pass on another ctx (with more data), another call ([Call.With]) or
// another item; look at and replace what comes back; or not call next:
//
//   - an error that came from [Skip] lists the item in Result.Skipped;
//   - any other error blocks the item and is reported with the interceptor's name;
//   - a value answers in place of the handler;
//   - neither is a skip with [ErrNotCalled].
//
// An error returned after next succeeded is reported and the effect's outcome
// is kept.
//
// A step may call next again after it returned, to retry: the last attempt
// counts. It may also give up on a next that it started on another goroutine,
// for a timeout; what that attempt still does is ignored. After a step returned
// its next must not be called any more and returns [ErrReturned].
//
// Late values are resolved before the steps of their item, so that a guard sees
// what the handler will see; references in a rewritten item are resolved after
// them. A rewritten item is validated again.
type Interceptor[C any] struct {
	Name     string // required; appears in errors
	Dispatch func(next Dispatcher[C]) Dispatcher[C]
	Action   func(next Expander[C]) Expander[C]
	Effect   func(next Handler[C]) Handler[C]
}

// Intercepting is an interceptor that is about to be registered.
type Intercepting[C any] struct {
	in   Interceptor[C]
	site string
}

// Intercept makes in part of a registry.
func Intercept[C any](in Interceptor[C]) Intercepting[C] { return Intercepting[C]{in, site(2)} }

func (i Intercepting[C]) bind(path func(any) *C) *Bound {
	b := &Bound{interceptor: &core.Interceptor{Name: i.in.Name, Site: i.site}}
	if i.in.Name == "" {
		b.errs = append(b.errs, fmt.Errorf("interceptor made at %s has no name: set Interceptor.Name", i.site))
	}
	place := placeOf(path)
	// at gives this interceptor a call through which it sees its own C.
	at := func(call *core.Call) *Call[C] {
		if call.State().Place == place {
			return (*Call[C])(call)
		}
		mine := *call
		mine.State().Place = place
		return (*Call[C])(&mine)
	}
	c := b.interceptor
	if hook := i.in.Dispatch; hook != nil {
		c.Dispatch = func(next core.DispatchFunc) core.DispatchFunc {
			step := hook(func(ctx context.Context, call *Call[C], items List) *Result {
				return next(ctx, (*core.Call)(call), items).(*Result)
			})
			if step == nil {
				return nil
			}
			return func(ctx context.Context, call *core.Call, items any) any {
				return step(ctx, at(call), items.(List))
			}
		}
	}
	if hook := i.in.Effect; hook != nil {
		c.Effect = func(next core.Handler) core.Handler {
			step := hook(func(ctx context.Context, call *Call[C], item Data) (any, error) {
				return next(ctx, (*core.Call)(call), item)
			})
			if step == nil {
				return nil
			}
			return func(ctx context.Context, call *core.Call, item any) (any, error) {
				data, _ := item.(Data) // nil stays nil, it is an error further in
				return step(ctx, at(call), data)
			}
		}
	}
	if hook := i.in.Action; hook != nil {
		c.Action = func(next core.Handler) core.Handler {
			step := hook(func(ctx context.Context, call *Call[C], item Data) (List, error) {
				list, err := next(ctx, (*core.Call)(call), item)
				l, _ := list.(List)
				return l, err
			})
			if step == nil {
				return nil
			}
			return func(ctx context.Context, call *core.Call, item any) (any, error) {
				data, _ := item.(Data)
				l, err := step(ctx, at(call), data)
				if l == nil {
					return nil, err // an untyped nil tells that nothing was answered
				}
				return l, err
			}
		}
	}
	return b
}
