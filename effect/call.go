package effect

import (
	"context"
	"errors"
	"reflect"

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
	if s.Scope.Slot != nil && !s.At.Free {
		s.Scope.Slot.Share.Ask()
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
	if s.Scope.Slot != nil && !s.At.Free {
		s.Scope.Slot.Share.Ask()
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
// dispatcher's MaxDepth and run as many items together as its MaxTotal; over a limit
// nothing runs, no interceptor either, and that is the error of the result, added to
// the dispatch once. One that starts after its dispatch returned begins to count
// anew.
//
// A handler that returns the error of the result has not failed once more: see
// [Error].Outer.
func (c Call[C]) Dispatch(ctx context.Context, items ...Data) *Result {
	return c.nested(ctx, items, nil)
}

// DispatchWith is c.With(change).Dispatch(ctx, items...).
func (c Call[C]) DispatchWith(ctx context.Context, change func(*C), items ...Data) *Result {
	return c.With(change).Dispatch(ctx, items...)
}

// DispatchShared is for handlers that run one list for many recipients, such as a
// broadcast. It tries each item once for all of them: against a zero Ctx that
// many.SetUp may change, and with no data of the program in ctx but under keys whose
// type has a method ForRecipients(). Only an effect marked
// [About].Shared runs that way, or an action. An item has to run for each
// recipient instead if it is something else, if its method PerRecipient() bool
// says so, or if anything on the way asks who the recipient is: a placeholder, an
// interceptor or a state function that looks at its Ctx, or whatever asks the
// package of the handler.
//
// many is told before and after each item, on the calling goroutine. each tells
// that the item has to run for each recipient; then what it did and failed with is
// left out of the result. item is its [Data] with the late values resolved.
// DispatchShared returns also whether a Dispatch hook has asked, which makes all
// items run for each.
func (c Call[C]) DispatchShared(ctx context.Context, many interface {
	SetUp(*C)
	Begin(index int)
	End(index int, item any, each bool)
}, items ...Data) (res *Result, each bool) {
	t := &together[C]{place: (*core.Call)(&c).State().Place, setUp: many}
	t.Ctx, t.Track = t, many
	res = c.nested(t.Bare(ctx), items, &t.Together)
	return res, t.All.Asked()
}

// together is everything that such a dispatch needs, in one piece.
type together[C any] struct {
	core.Together
	place *core.Place
	setUp interface{ SetUp(*C) }
}

// Change sets up the Ctx inside root.
func (t *together[C]) Change(root any) { t.setUp.SetUp(ctxIn[C](t.place, root)) }

// DispatchPrepared is [Call.Dispatch] for one of the recipients of such a list.
// prepared runs an item that needs no more than what was done for all; it
// reports false for an item that has to run. Interceptors see both.
func (c Call[C]) DispatchPrepared(ctx context.Context, prepared func(ctx context.Context, index int) (bool, error), items ...Data) *Result {
	return c.nested(ctx, items, &core.Prepared{Do: prepared})
}

// Gather returns what the effects of one dispatch gather under key, so that they do
// one thing together at its end: the first that asks gets what fresh returns, the
// others the same v. end is called once, when all items of the dispatch have run and
// before it returns, on the goroutine that runs them; a continuation is a dispatch of
// its own. v is shared by whatever runs at the same time, so it has its own lock. ok
// is false if the dispatch has ended, or there is none; then nobody will call end.
func (c Call[C]) Gather(key any, fresh func() (v any, end func())) (v any, ok bool) {
	if of := c.runner(); of != nil {
		return of.Gather(key, fresh)
	}
	return nil, false
}

// Adopt adds the errors of res, the result of a [Call.Detached] continuation, to
// those of the dispatch, if that has not returned yet.
func (c Call[C]) Adopt(res *Result) {
	if of := c.runner(); of != nil && res != nil {
		of.Adopt(res)
	}
}

// Kept returns a call that has the Ctx of c and belongs to no dispatch: a small
// value to keep for long, for [Call.Against]. What it dispatches is a dispatch from
// outside, of the same dispatcher, as after its own has returned.
func (c Call[C]) Kept() Call[C] {
	s := (*core.Call)(&c).State()
	if s.Scope == nil {
		return c
	}
	kept := &core.Scope{Root: s.Scope.Root}
	if s.Scope.Of != nil {
		kept.Of = s.Scope.Of.Outside()
	}
	return Call[C](core.NewCall(core.CallState{Scope: kept, Place: s.Place}))
}

// Decode reads a list in wire form into the types of the dispatcher that c belongs to;
// see dispatch.Dispatcher.Decode. Unlike items in wire form that are dispatched, they
// can be looked at before they run.
func (c Call[C]) Decode(text []byte) (List, error) {
	of := c.runner()
	if of == nil {
		return nil, errNoDispatch
	}
	list, err := of.Decode(text)
	if err != nil {
		return nil, err
	}
	return list.(List), nil
}

// Against returns a call that belongs to the dispatch of c and has the Ctx of
// other. ok is false if the dispatcher of other has another type of Ctx.
func (c Call[C]) Against(other Call[C]) (own Call[C], ok bool) {
	s, o := (*core.Call)(&c).State(), (*core.Call)(&other).State()
	if s.Scope == nil || o.Scope == nil || reflect.TypeOf(s.Scope.Root) != reflect.TypeOf(o.Scope.Root) {
		return c, false
	}
	s.Scope = &core.Scope{Root: o.Scope.Root, Of: s.Scope.Of}
	return c, true
}

// Root returns the whole Ctx of the dispatch that c belongs to, of which C may be
// a part; ok is false if it is no R.
func Root[R, C any](c Call[C]) (root R, ok bool) {
	s := (*core.Call)(&c).State()
	if s.Scope == nil {
		return root, false
	}
	p, ok := s.Scope.Root.(*R)
	if ok {
		root = *p
	}
	return root, ok
}

func (c Call[C]) nested(ctx context.Context, items List, how any) *Result {
	of := c.runner()
	if of == nil {
		return &Result{Errors: []*Error{{Phase: "lookup", Name: "dispatch", Err: errNoDispatch}}}
	}
	return of.Nested(ctx, core.Call(c), items, how).(*Result)
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
