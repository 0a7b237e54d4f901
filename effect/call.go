package effect

import (
	"context"
	"errors"

	"github.com/sfere-go/sfere/internal/core"
)

// Call is what a handler knows of the dispatch it runs in: its Ctx value, its
// place, and the way to dispatch more. It is a small immutable value: pass it
// on and keep it as it is, also after the handler has returned and on any
// goroutine.
//
// The zero Call belongs to no dispatch, which is of use in tests of handlers
// without a dispatcher: its Ctx is zero until [Call.With] changes it, and what
// would dispatch or resolve through it fails with an error.
type Call[C any] core.Call

// errNoDispatch is the cause of errors of calls that belong to no dispatch.
var errNoDispatch = errors.New("the call belongs to no dispatch: use the one that the handler got")

// runner returns the dispatch that c belongs to; nil for none.
func (c Call[C]) runner() core.Runner {
	if s := (*core.Call)(&c).State(); s.Scope != nil {
		return s.Scope.Of
	}
	return nil
}

// ctxIn returns the C at place inside root.
func ctxIn[C any](place *core.Place, root any) *C {
	if place == nil { // C is the root
		return root.(*C)
	}
	return place.In.(func(any) *C)(root)
}

// Ctx returns a copy of the value that this effect runs against, as left by
// the interceptors around it.
func (c Call[C]) Ctx() C {
	s := (*core.Call)(&c).State()
	if s.Scope == nil {
		var zero C
		return zero
	}
	return *ctxIn[C](s.Place, s.Scope.Root)
}

// With returns a call whose Ctx is changed and everything else is the same;
// the original is untouched. In a lifted registry the change happens to its
// part of the outer Ctx and the rest is kept. An interceptor passes the new
// call to next; a handler starts continuations from it. change runs at once and
// must not keep its argument.
func (c Call[C]) With(change func(*C)) Call[C] {
	s := (*core.Call)(&c).State()
	if c.runner() == nil {
		ctx := c.Ctx()
		change(&ctx)
		s.Scope, s.Place = &core.Scope{Root: &ctx}, nil
		return c
	}
	place, of := s.Place, s.Scope.Of
	root := of.Changed(s.Scope.Root, func(root any) { change(ctxIn[C](place, root)) })
	s.Scope = &core.Scope{Root: root, Of: of, Slot: s.Scope.Slot}
	return c
}

// Detached returns a call whose continuations keep their errors to themselves;
// they are only in the Result that each of them returns.
func (c Call[C]) Detached() Call[C] {
	of := c.runner()
	if of == nil {
		return c
	}
	s := (*core.Call)(&c).State()
	s.Scope = &core.Scope{Root: s.Scope.Root, Of: of.Detach(), Slot: s.Scope.Slot}
	return c
}

// Dispatch runs items as a continuation: a full dispatch with the Ctx of this
// call and the data of ctx. Its errors are added to those of the dispatch that
// this call belongs to, if that has not returned yet, unless the call is
// [Call.Detached]. It may be called any number of times, from any goroutine,
// and ends early when ctx does. Continuations may nest as deep as the
// dispatcher's MaxDepth; one that starts after its dispatch returned begins
// to count anew.
func (c Call[C]) Dispatch(ctx context.Context, items ...Data) *Result {
	return c.nested(ctx, items, nil)
}

// DispatchWith is c.With(change).Dispatch(ctx, items...).
func (c Call[C]) DispatchWith(ctx context.Context, change func(*C), items ...Data) *Result {
	return c.With(change).Dispatch(ctx, items...)
}

// DispatchShared is [Call.Dispatch] for handlers that run one list for many
// recipients, such as a broadcast. It runs now only what is the same for every
// recipient (effects marked [About].Shared without late values, and
// stateless actions) and hands everything else to hold, in order, for the
// caller to dispatch once per recipient. hold runs on the calling goroutine, in
// turn with the effects that run now; a panic in it is an error of its item.
func (c Call[C]) DispatchShared(ctx context.Context, hold func(Data), items ...Data) *Result {
	return c.nested(ctx, items, hold)
}

func (c Call[C]) nested(ctx context.Context, items List, hold any) *Result {
	of := c.runner()
	if of == nil {
		return &Result{Errors: []*Error{{Phase: "lookup", Name: "dispatch", Err: errNoDispatch}}}
	}
	return of.Nested(ctx, core.Call(c), items, hold).(*Result)
}

// Failed reports whether the dispatch has collected an error so far.
func (c Call[C]) Failed() bool {
	of := c.runner()
	return of != nil && of.Failed()
}

// ID returns the Result.ID of the dispatch, 0 if there is none.
func (c Call[C]) ID() uint64 {
	if of := c.runner(); of != nil {
		return of.ID()
	}
	return 0
}

// Parent returns the ID of the dispatch that this one continues, 0 if none.
func (c Call[C]) Parent() uint64 {
	if of := c.runner(); of != nil {
		return of.Parent()
	}
	return 0
}

// Path returns where the item came from.
func (c Call[C]) Path() Path {
	s := (*core.Call)(&c).State()
	return Path{int(s.At.Index), s.Up}
}

// Resolve returns the value of l, asking its placeholder if it has one.
// Handlers need it only for late values outside their own data: those in it
// are resolved before the handler runs. It may be called from any goroutine.
// The error is that of the placeholder, or says that the value is not a T.
func Resolve[T, C any](ctx context.Context, call Call[C], l Late[T]) (T, error) {
	if l.From == nil {
		return l.Value, nil
	}
	of := call.runner()
	if of == nil {
		return l.Value, errNoDispatch
	}
	v, err := of.Resolve(ctx, core.Call(call), l.From)
	if err == nil {
		err = l.Set(v)
	}
	return l.Value, err
}
