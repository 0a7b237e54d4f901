package dispatch

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
)

// wrap builds the three chains, the first interceptor outermost. The innermost
// steps find the run and the item through the call.
func (e *engine) wrap(ics []*core.Interceptor) error {
	effects, actions, dispatches := core.Handler(e.lastEffect), core.Handler(e.lastAction), core.DispatchFunc(lastDispatch)
	var anyEffect, anyAction, anyDispatch bool
	var errs []error
	for i := len(ics) - 1; i >= 0; i-- {
		ic := ics[i]
		err := guard(func() error {
			if ic.Effect != nil {
				step := ic.Effect(effects)
				if step == nil {
					return errors.New("its Effect hook returned a nil step: return next to do nothing")
				}
				effects, anyEffect = layer(ic.Name, step), true
			}
			if ic.Action != nil {
				step := ic.Action(actions)
				if step == nil {
					return errors.New("its Action hook returned a nil step: return next to do nothing")
				}
				actions, anyAction = layer(ic.Name, step), true
			}
			if ic.Dispatch != nil {
				step := ic.Dispatch(dispatches)
				if step == nil {
					return errors.New("its Dispatch hook returned a nil step: return next to do nothing")
				}
				dispatches, anyDispatch = dispatchLayer(ic.Name, step), true
			}
			return nil
		})
		if err != nil {
			errs = append(errs, fmt.Errorf("registry %q: interceptor %s passed to registry.New at %s: %w", ic.Registry, ic.Name, ic.Site, err))
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
	return errors.Join(errs...)
}

// layer contains the panics of one interceptor and remembers which one an
// error came from.
func layer(name string, step core.Handler) core.Handler {
	return func(ctx context.Context, call core.Call, item any) (v any, err error) {
		v, err = invoke(ctx, step, call, item)
		if err == nil && v != nil {
			return v, nil
		}
		slot := call.Slot()
		if slot == nil {
			return nil, errForeign
		}
		slot.Mu.Lock()
		defer slot.Mu.Unlock()
		switch {
		case slot.Closed:
		case err != nil && !same(err, slot.Err):
			slot.Err, slot.By = err, name
		case err == nil && slot.Seen == "":
			slot.Seen = name // the first to return is the innermost
		}
		return v, err
	}
}

// same compares errors without panicking on values that cannot be compared.
func same(a, b error) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	if !reflect.ValueOf(a).Comparable() || !reflect.ValueOf(b).Comparable() {
		return reflect.TypeOf(a) == reflect.TypeOf(b)
	}
	return a == b
}

// wraps is errors.Is without its panic on values that cannot be compared.
func wraps(err, target error) (yes bool) {
	defer func() { _ = recover() }()
	return same(err, target) || errors.Is(err, target)
}

// isSkip is effect.IsSkip without the panics of the methods of err.
func isSkip(err error) (yes bool) {
	defer func() { _ = recover() }()
	return effect.IsSkip(err)
}

// enter begins the last step under slot; false if the interceptor that called
// next has returned.
func enter(slot *core.Slot) bool {
	slot.Mu.Lock()
	defer slot.Mu.Unlock()
	if slot.Closed {
		return false
	}
	slot.Entered = true
	return true
}

// leave ends the last step.
func leave(slot *core.Slot, item effect.Data, v any, phase effect.Phase, err error) (any, error) {
	slot.Mu.Lock()
	defer slot.Mu.Unlock()
	if !slot.Closed {
		slot.Item, slot.Phase, slot.Inner = item, string(phase), err
		slot.Ran, slot.Value = err == nil, v
		slot.Err, slot.By = err, ""
	}
	return v, err
}

// lastEffect runs the handler of an effect that came through its interceptors.
func (e *engine) lastEffect(ctx context.Context, call core.Call, item any) (any, error) {
	return e.last(ctx, call, item, core.Effect, func(r *run, call core.Call, entry *core.Entry, data effect.Data) (any, effect.Phase, error) {
		v, err := r.handle(ctx, call, entry, data)
		return v, PhaseEffect, err
	})
}

// lastAction expands an action that came through its interceptors.
func (e *engine) lastAction(ctx context.Context, call core.Call, item any) (any, error) {
	return e.last(ctx, call, item, core.Action, func(r *run, call core.Call, entry *core.Entry, data effect.Data) (any, effect.Phase, error) {
		return r.expandOnce(ctx, call, entry, call.Slot().States, data)
	})
}

// last is what the innermost steps have in common: they look at the item as the
// interceptors left it and resolve what they have put into it.
func (e *engine) last(ctx context.Context, call core.Call, item any, kind core.Kind,
	do func(*run, core.Call, *core.Entry, effect.Data) (any, effect.Phase, error)) (any, error) {
	slot, r := call.Slot(), runOf(call)
	if slot == nil || r == nil {
		return nil, errForeign
	}
	entry, data, phase, err := e.rewritten(item, kind, slot)
	if !enter(slot) {
		return nil, effect.ErrReturned
	}
	if err != nil {
		return leave(slot, data, nil, phase, err)
	}
	call.State().Place = entry.Place
	if entry.Plan.HasLate() {
		resolved, _, err := r.resolveAll(ctx, call, entry, data, 0)
		if err != nil {
			return leave(slot, data, nil, PhasePlaceholder, err)
		}
		data = resolved.(effect.Data)
	}
	v, phase, err := do(r, call, entry, data)
	return leave(slot, data, v, phase, err)
}

// rewritten looks up an item as the interceptors left it and checks it again if
// they changed it, or may have.
func (e *engine) rewritten(item any, kind core.Kind, slot *core.Slot) (*core.Entry, effect.Data, effect.Phase, error) {
	data, _ := item.(effect.Data)
	entry, data, phase, err := e.lookup(data)
	if err != nil {
		return nil, data, phase, err
	}
	if entry.Kind != kind {
		what := map[core.Kind]string{core.Effect: "effect", core.Action: "action"}[kind]
		return nil, data, PhaseLookup, fmt.Errorf("%s is not an %s: an interceptor cannot put it in the place of one", entry.Name, what)
	}
	if e.opts.Validate == nil {
		return entry, data, "", nil
	}
	if entry.Plan.Shares() { // it may have been changed in place, and so the item to compare it with
		if err := e.validate(data); err != nil {
			return nil, data, PhaseValidate, err
		}
		return entry, data, "", nil
	}
	slot.Mu.Lock()
	before := slot.Item
	slot.Mu.Unlock()
	if !reflect.DeepEqual(before, data) {
		if err := e.validate(data); err != nil {
			return nil, data, PhaseValidate, err
		}
	}
	return entry, data, "", nil
}

// through sends an item through a chain and reports its failure or skipping.
// ok is false if there is nothing to go on with.
func (r *run) through(ctx context.Context, chain core.Handler, call core.Call, item effect.Data, path effect.Path) (v any, in *core.Slot, ok bool) {
	in = core.NewSlot(item, call.State().Scope)
	in.States = r.snapshot()
	call.State().Scope, call.State().Place = &in.Scope, nil
	v, err := chain(ctx, call, item)
	in.Mu.Lock()
	in.Closed = true // nothing writes to it any more
	in.Mu.Unlock()
	executed, _ := in.Item.(effect.Data)
	switch {
	case err == nil && !in.Entered && v == nil:
		r.skip(path, item, in.Seen, effect.ErrNotCalled)
		return nil, in, false
	case err == nil:
		return v, in, true
	case !in.Entered && isSkip(err):
		r.skip(path, item, in.By, err)
		return nil, in, false
	case in.Inner != nil && wraps(err, in.Inner):
		r.fail(effect.Phase(in.Phase), path, executed, "", err)
		return nil, in, false
	}
	r.fail(PhaseInterceptor, path, executed, in.By, err)
	return in.Value, in, in.Ran
}

// intercepted runs an effect through its interceptors.
func (r *run) intercepted(ctx context.Context, call core.Call, item effect.Data, path effect.Path) {
	v, in, ok := r.through(ctx, r.e.aroundEffect, call, item, path)
	if ok {
		executed, _ := in.Item.(effect.Data)
		r.res.Outcomes = append(r.res.Outcomes, effect.Outcome{Path: path, Item: executed, Value: v, Answered: !in.Ran})
	}
}

// expand gives the list an action stands for, through its interceptors.
func (r *run) expand(ctx context.Context, call core.Call, entry *core.Entry, item effect.Data, path effect.Path) (effect.List, bool) {
	if r.e.aroundAction == nil {
		v, phase, err := r.expandOnce(ctx, call, entry, r.snapshot(), item)
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
