package effect

import (
	"context"

	"github.com/sfere-go/sfere/internal/core"
)

// Call is what a handler knows of the dispatch it runs in: its Ctx value, its
// place, and the way to dispatch more. It is immutable, may be used from any
// goroutine and may be kept after the handler has returned.
type Call[C any] core.Call

func (c *Call[C]) state() *core.CallState { return (*core.Call)(c).State() }

// ctxIn returns the C at place inside root.
func ctxIn[C any](place *core.Place, root any) *C {
	if place == nil { // C is the root
		return root.(*C)
	}
	return place.In.(func(any) *C)(root)
}

// placeOf returns the place that path leads to.
func placeOf[C any](path func(any) *C) *core.Place {
	if path == nil {
		return nil
	}
	return &core.Place{In: path}
}

// Ctx returns a copy of the value that this effect runs against, as left by
// the interceptors around it.
func (c *Call[C]) Ctx() C {
	s := c.state()
	return *ctxIn[C](s.Place, s.Runner.Root())
}

// With returns a call whose Ctx is changed and everything else is the same;
// the original is untouched. In a lifted registry the change happens to its
// part of the outer Ctx and the rest is kept. An interceptor passes the new
// call to next; a handler starts continuations from it. change runs at once.
func (c *Call[C]) With(change func(*C)) *Call[C] {
	n := *(*core.Call)(c)
	s := n.State()
	place := s.Place
	s.Runner = s.Runner.Changed(func(root any) { change(ctxIn[C](place, root)) })
	return (*Call[C])(&n)
}

// Detached returns a call whose continuations keep their errors to themselves;
// they are only in the Result that each of them returns.
func (c *Call[C]) Detached() *Call[C] {
	n := *(*core.Call)(c)
	s := n.State()
	s.Runner = s.Runner.Detach()
	return (*Call[C])(&n)
}

// Dispatch runs items as a continuation: a full dispatch with the Ctx of this
// call and the data of ctx. Its errors are added to those of the dispatch that
// this call belongs to, if that has not returned yet, unless the call is
// [Call.Detached]. It may be called any number of times, from any goroutine,
// and ends early when ctx does. Continuations may nest as deep as the
// dispatcher's MaxDepth; one that starts after its dispatch returned begins
// to count anew.
func (c *Call[C]) Dispatch(ctx context.Context, items ...Data) *Result {
	cc := (*core.Call)(c)
	return cc.State().Runner.Nested(ctx, cc, List(items), nil).(*Result)
}

// DispatchWith is c.With(change).Dispatch(ctx, items...).
func (c *Call[C]) DispatchWith(ctx context.Context, change func(*C), items ...Data) *Result {
	return c.With(change).Dispatch(ctx, items...)
}

// DispatchShared is [Call.Dispatch] for handlers that run one list for many
// recipients, such as a broadcast. It runs now only what is the same for every
// recipient (effects marked [About].Shared without late values, and
// stateless actions) and hands everything else to hold, in order, for the
// caller to dispatch once per recipient. hold runs on the calling goroutine, in
// turn with the effects that run now; a panic in it is an error of its item.
func (c *Call[C]) DispatchShared(ctx context.Context, hold func(Data), items ...Data) *Result {
	cc := (*core.Call)(c)
	return cc.State().Runner.Nested(ctx, cc, List(items), hold).(*Result)
}

// Failed reports whether the dispatch has collected an error so far.
func (c *Call[C]) Failed() bool { return c.state().Runner.Failed() }

// ID returns the Result.ID of the dispatch.
func (c *Call[C]) ID() uint64 { return c.state().Runner.ID() }

// Parent returns the ID of the dispatch that this one continues, 0 if none.
func (c *Call[C]) Parent() uint64 { return c.state().Runner.Parent() }

// Path returns where the item came from.
func (c *Call[C]) Path() Path {
	s := c.state()
	return Path{int(s.Index), s.Up}
}

// Resolve returns the value of l, asking its placeholder if it has one.
// Handlers need it only for late values outside their own data: those in it
// are resolved before the handler runs.
func Resolve[T, C any](ctx context.Context, call *Call[C], l Late[T]) (T, error) {
	if l.From == nil {
		return l.Value, nil
	}
	cc := (*core.Call)(call)
	v, err := cc.State().Runner.Resolve(ctx, cc, l.From)
	if err == nil {
		err = l.Set(v)
	}
	return l.Value, err
}
