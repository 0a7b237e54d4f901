package dispatch

import (
	"context"
	"errors"
	"runtime/debug"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
)

// around runs items with the dispatch interceptors around them.
func (r *run) around(ctx context.Context, items effect.List) *effect.Result {
	r.extra() // so that an attempt that is given up never meets the returned mark
	slot := &core.Slot{Item: items, Runs: []any{r}}
	call := &slot.Own
	*call.State() = core.CallState{Runner: r, Level: r.level, Slot: slot}
	out := r.e.aroundDispatch(ctx, call, items).(*effect.Result)
	slot.Mu.Lock()
	slot.Closed = true
	slot.Mu.Unlock()
	var late []*effect.Error
	for _, attempt := range slot.Runs {
		late = append(late, attempt.(*run).finish()...)
	}
	if len(late) > 0 {
		return withErrors(out, late...)
	}
	return out
}

// dispatchLayer contains the panics of one interceptor.
func dispatchLayer(name string, step core.DispatchFunc) core.DispatchFunc {
	return func(ctx context.Context, call *core.Call, items any) (out any) {
		slot := call.State().Slot
		r := runOf(call.State().Runner)
		slot.Mu.Lock()
		slot.Seen = name
		slot.Mu.Unlock()
		defer func() {
			if p := recover(); p != nil {
				out = r.blame(slot, name, &effect.PanicError{Value: p, Stack: debug.Stack()})
			}
			slot.Mu.Lock()
			slot.Value = out
			slot.Mu.Unlock()
		}()
		if res, _ := step(ctx, call, items).(*effect.Result); res != nil {
			return res
		}
		slot.Mu.Lock()
		entered := slot.Entered || slot.Value != nil
		slot.Mu.Unlock()
		if !entered {
			return r.unrun(slot, effect.ErrNotCalled)
		}
		return r.blame(slot, name, errors.New("it returned no result: return what next returned, or a new effect.Result"))
	}
}

// blame returns the result so far with an error of one interceptor.
func (r *run) blame(slot *core.Slot, by string, err error) *effect.Result {
	slot.Mu.Lock()
	base, _ := slot.Value.(*effect.Result)
	entered := slot.Entered
	slot.Mu.Unlock()
	switch {
	case base != nil:
	case entered: // given up while it runs; nobody knows what it did
		base = &effect.Result{ID: r.res.ID, Parent: r.res.Parent}
	default:
		base = r.unrun(slot, effect.ErrNotCalled)
	}
	return withErrors(base, &effect.Error{Phase: effect.PhaseInterceptor, Name: "dispatch", By: by, Dispatch: r.res.ID, Parent: r.res.Parent, Err: err})
}

// unrun is the result of a dispatch of which nothing ran.
func (r *run) unrun(slot *core.Slot, reason error) *effect.Result {
	slot.Mu.Lock()
	defer slot.Mu.Unlock()
	out := &effect.Result{ID: r.res.ID, Parent: r.res.Parent}
	for i, item := range slot.Item.(effect.List) {
		out.Skipped = append(out.Skipped, effect.Skipped{Path: effect.NewPath(i), Item: item, By: slot.Seen, Reason: reason})
	}
	return out
}

// lastDispatch runs a list that came through its interceptors. Every attempt has
// its own result.
func lastDispatch(ctx context.Context, call *core.Call, items any) any {
	s := call.State()
	slot, r := s.Slot, runOf(s.Runner)
	slot.Mu.Lock()
	if slot.Closed {
		slot.Mu.Unlock()
		return r.blame(slot, "", effect.ErrReturned)
	}
	if slot.Entered {
		first := r
		r = &run{e: first.e, root: first.root, level: first.level, tree: first.tree}
		r.res.ID, r.res.Parent = first.res.ID, first.res.Parent
		r.extra().hold, r.extra().dry = first.extra().hold, first.extra().dry
		slot.Runs = append(slot.Runs, r)
	}
	slot.Entered = true
	slot.Mu.Unlock()
	r.list(ctx, s.Runner.Root(), items.(effect.List), effect.Path{})
	r.publish()
	slot.Mu.Lock()
	slot.Value = any(&r.res)
	slot.Mu.Unlock()
	return &r.res
}
