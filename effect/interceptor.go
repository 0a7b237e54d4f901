package effect

import "context"

// EffectFunc is a step that runs one effect; see [Interceptor].
type EffectFunc[C any] func(ctx context.Context, call Call[C], item Data) (any, error)

// ActionFunc is a step that expands one action; see [Interceptor].
type ActionFunc[C any] func(ctx context.Context, call Call[C], item Data) (List, error)

// DispatchFunc is a step that runs one list; see [Interceptor].
type DispatchFunc[C any] func(ctx context.Context, call Call[C], items List) *Result

// Interceptor wraps what every dispatch, action and effect does, also those of
// other registries joined to its own. Each hook is a function from the next
// step to a new step; the interceptor registered first is outermost. Nil hooks
// are left out. Hooks are called once for every dispatcher, when it is built; the
// steps they return run concurrently. Pass the struct itself to registry.New:
// messages about it name the place of that call.
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
// To retry, a step may call next again after next has returned: the last attempt
// counts. For a timeout, it may give up on a next that it started on another
// goroutine: what that attempt still does is ignored. It must pass on the call
// that it was given, or one made from it. It must not call next after it has
// returned; next then returns [ErrReturned].
//
// Late values are resolved before the steps of their item, so that a guard sees
// what the handler will see; references in a rewritten item are resolved after
// them. A rewritten item is validated again, also one that was changed in place.
type Interceptor[C any] struct {
	Name     string // required; appears in errors
	Dispatch func(next DispatchFunc[C]) DispatchFunc[C]
	Action   func(next ActionFunc[C]) ActionFunc[C]
	Effect   func(next EffectFunc[C]) EffectFunc[C]
}

func (Interceptor[C]) item(*C) {}
