package dispatch

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
)

// wrap builds the three chains, the first interceptor outermost. The innermost
// steps find the run and the item through the call.
func (e *engine) wrap(ics []*core.Interceptor) {
	effects, actions, dispatches := core.Handler(e.lastEffect), core.Handler(e.lastAction), core.DispatchFunc(lastDispatch)
	var anyEffect, anyAction, anyDispatch bool
	for i := len(ics) - 1; i >= 0; i-- {
		ic := ics[i]
		if ic.Effect != nil {
			effects, anyEffect = layer(ic.Name, ic.Effect(effects)), true
		}
		if ic.Action != nil {
			actions, anyAction = layer(ic.Name, ic.Action(actions)), true
		}
		if ic.Dispatch != nil {
			dispatches, anyDispatch = dispatchLayer(ic.Name, ic.Dispatch(dispatches)), true
		}
	}
	if anyEffect {
		e.aroundEffect = effects
	}
	if anyAction {
		e.aroundAction = actions
	}
	if anyDispatch {
		e.aroundDispatch = dispatches
	}
}

// layer contains the panics of one interceptor and remembers which one an
// error came from.
func layer(name string, step core.Handler) core.Handler {
	return func(ctx context.Context, call *core.Call, item any) (v any, err error) {
		slot := call.State().Slot
		slot.Seen = name
		defer func() {
			if p := recover(); p != nil {
				v, err = nil, &effect.PanicError{Value: p, Stack: debug.Stack()}
				slot.Err, slot.By = err, name
			}
		}()
		v, err = step(ctx, call, item)
		if err != nil && !same(err, slot.Err) {
			slot.Err, slot.By = err, name
		}
		return v, err
	}
}

// same compares errors without panicking on types that cannot be compared.
func same(a, b error) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	if !reflect.TypeOf(a).Comparable() || !reflect.TypeOf(b).Comparable() {
		return reflect.TypeOf(a) == reflect.TypeOf(b)
	}
	return a == b
}

// inside is what the steps of one item share.
type inside struct {
	core.Slot
	reached bool        // next was called all the way
	item    effect.Data // as executed
	inner   error       // of the last step itself
	phase   effect.Phase
}

// lastEffect runs the handler of an effect that came through its interceptors.
func (e *engine) lastEffect(ctx context.Context, call *core.Call, item any) (any, error) {
	s := call.State()
	r, in := s.Runner.(*run), s.Inside.(*inside)
	entry, data, phase, err := e.lookup(item.(effect.Data))
	if err == nil && entry.Kind != core.Effect {
		phase, err = effect.PhaseLookup, fmt.Errorf("%s is not an effect: an interceptor cannot put it in the place of one", entry.Name)
	}
	own := *call
	own.State().Path = nil
	if err == nil {
		own.State().Path = entry.Path
		var resolved any
		if resolved, _, err = r.resolveAll(ctx, &own, entry, data, 0); err != nil {
			phase = effect.PhasePlaceholder
		} else {
			data = resolved.(effect.Data)
		}
	}
	in.item = data
	var v any
	if err == nil {
		phase = effect.PhaseEffect
		v, err = invoke(ctx, entry.Handle, &own, data)
	}
	return in.finish(v, phase, err)
}

// lastAction expands an action that came through its interceptors.
func (e *engine) lastAction(ctx context.Context, call *core.Call, item any) (any, error) {
	s := call.State()
	r, in := s.Runner.(*run), s.Inside.(*inside)
	entry, data, phase, err := e.lookup(item.(effect.Data))
	if err == nil && entry.Kind != core.Action {
		phase, err = effect.PhaseLookup, fmt.Errorf("%s is not an action: an interceptor cannot put it in the place of one", entry.Name)
	}
	in.item = data
	if err != nil {
		return in.finish(nil, phase, err)
	}
	own := *call
	own.State().Path = entry.Path
	v, phase, err := r.expandOnce(ctx, &own, entry, data)
	return in.finish(v, phase, err)
}

func (in *inside) finish(v any, phase effect.Phase, err error) (any, error) {
	in.reached, in.phase, in.inner = true, phase, err
	in.Ran, in.Value = err == nil, v
	in.Err, in.By = err, ""
	return v, err
}

// through sends an item through a chain and reports its failure or skipping.
// ok is false if there is nothing to go on with.
func (r *run) through(ctx context.Context, chain core.Handler, call *core.Call, item effect.Data, path effect.Path) (v any, in *inside, ok bool) {
	in = &inside{item: item}
	s := call.State()
	s.Slot, s.Inside = &in.Slot, in
	v, err := chain(ctx, call, item)
	switch {
	case err == nil && !in.reached && v == nil:
		r.skip(path, item, in.Seen, effect.ErrNotCalled)
		return nil, in, false
	case err == nil:
		return v, in, true
	case !in.reached && effect.IsSkip(err):
		r.skip(path, item, in.By, err)
		return nil, in, false
	case in.reached && in.inner != nil && (same(err, in.inner) || errors.Is(err, in.inner)):
		r.fail(in.phase, path, in.item, "", err)
		return nil, in, false
	}
	r.fail(effect.PhaseInterceptor, path, in.item, in.By, err)
	return in.Value, in, in.Ran
}

// intercepted runs an effect through its interceptors.
func (r *run) intercepted(ctx context.Context, call *core.Call, item effect.Data, path effect.Path) {
	v, in, ok := r.through(ctx, r.e.aroundEffect, call, item, path)
	if ok {
		r.res.Outcomes = append(r.res.Outcomes, effect.Outcome{Path: path, Item: in.item, Value: v, Answered: !in.Ran})
	}
}

// expand gives the list an action stands for, through its interceptors.
func (r *run) expand(ctx context.Context, call *core.Call, entry *core.Entry, item effect.Data, path effect.Path) (effect.List, bool) {
	if r.e.aroundAction == nil {
		v, phase, err := r.expandOnce(ctx, call, entry, item)
		if err != nil {
			r.fail(phase, path, item, "", err)
			return nil, false
		}
		list, _ := v.(effect.List)
		return list, true
	}
	v, _, ok := r.through(ctx, r.e.aroundAction, call, item, path)
	list, _ := v.(effect.List)
	return list, ok
}

// dispatchState is what the dispatch interceptors of one run share.
type dispatchState struct {
	reached bool
	seen    string
}

// dispatchLayer contains the panics of one interceptor.
func dispatchLayer(name string, step core.DispatchFunc) core.DispatchFunc {
	return func(ctx context.Context, call *core.Call, items any) (out any) {
		s := call.State()
		s.Inside.(*dispatchState).seen = name
		r := s.Runner.(*run)
		defer func() {
			if p := recover(); p != nil {
				r.failDispatch(name, &effect.PanicError{Value: p, Stack: debug.Stack()})
				out = &r.res
			}
		}()
		res, _ := step(ctx, call, items).(*effect.Result)
		if res == nil {
			r.failDispatch(name, errors.New("it returned no result: return what next returned, or a new effect.Result"))
			return &r.res
		}
		return res
	}
}

func (r *run) failDispatch(by string, err error) {
	r.addErrors(&effect.Error{Phase: effect.PhaseInterceptor, Name: "dispatch", By: by, Dispatch: r.res.ID, Parent: r.res.Parent, Err: err})
}

func lastDispatch(ctx context.Context, call *core.Call, items any) any {
	s := call.State()
	s.Inside.(*dispatchState).reached = true
	r := s.Runner.(*run)
	r.list(ctx, s.Root, items.(effect.List), effect.Path{})
	return &r.res
}

// around runs items with the dispatch interceptors around them.
func (r *run) around(ctx context.Context, root any, items effect.List) *effect.Result {
	var call core.Call
	st := &dispatchState{}
	*call.State() = core.CallState{Runner: r, Root: root, Level: r.level, Inside: st}
	out := r.e.aroundDispatch(ctx, &call, items).(*effect.Result)
	if !st.reached && out == &r.res {
		for i, item := range items {
			r.skip(effect.NewPath(i), item, st.seen, effect.ErrNotCalled)
		}
	}
	return out
}
