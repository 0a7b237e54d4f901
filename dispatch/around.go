package dispatch

import (
	"context"
	"errors"
	"reflect"
	"runtime/debug"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
)

// around runs items with the dispatch interceptors around them.
func (r *run) around(ctx context.Context, items effect.List) *effect.Result {
	r.extra() // so that an attempt that is given up never meets the returned mark
	slot := core.NewSlot(items, &r.scope)
	slot.Runs = &attempts{first: r}
	slot.Share = r.extra().share
	call := core.NewCall(core.CallState{Scope: &slot.Scope, At: core.At{Level: int16(r.level)}})
	out := r.e.aroundDispatch(ctx, call, items).(*effect.Result)
	slot.Mu.Lock()
	slot.Closed = true
	slot.Mu.Unlock()
	var late []*effect.Error
	all := slot.Runs.(*attempts)
	late = append(late, all.first.finish()...)
	for _, attempt := range all.more {
		late = append(late, attempt.finish()...)
	}
	if len(late) > 0 {
		return withErrors(out, late...)
	}
	return out
}

// attempts are the runs of one list, which an interceptor may try again. Record.Mu
// guards more until the list is closed.
type attempts struct {
	first *run
	more  []*run
}

// dispatchLayer contains the panics of one interceptor.
func dispatchLayer(name string, step core.DispatchFunc) core.DispatchFunc {
	return func(ctx context.Context, call core.Call, items any) (out any) {
		slot, r := call.Slot(), runOf(call)
		if slot == nil || r == nil {
			return foreign(items)
		}
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
	return withErrors(base, &effect.Error{Phase: PhaseInterceptor, Name: "dispatch", By: by, Dispatch: r.res.ID, Parent: r.res.Parent, Err: err})
}

// errForeign is the cause of errors about calls that no step was given.
var errForeign = errors.New("next was called with a Call of no dispatch: pass on the one that the interceptor got, or one made from it with With")

// foreign is the result of a list that came with such a call.
func foreign(items any) *effect.Result {
	out := &effect.Result{Errors: []*effect.Error{{Phase: PhaseInterceptor, Name: "dispatch", Err: errForeign}}}
	list, _ := items.(effect.List)
	for i, item := range list {
		out.Skipped = append(out.Skipped, effect.Skipped{Path: effect.NewPath(i), Item: item, Reason: errForeign})
	}
	return out
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
func lastDispatch(ctx context.Context, call core.Call, items any) any {
	slot, r := call.Slot(), runOf(call)
	if slot == nil || r == nil {
		return foreign(items)
	}
	scope := call.State().Scope
	slot.Mu.Lock()
	if slot.Closed {
		slot.Mu.Unlock()
		return r.blame(slot, "", effect.ErrReturned)
	}
	if slot.Entered {
		first := r
		r = &run{level: first.level, tree: first.tree}
		if r.tree == nil { // all attempts have one budget
			r.tree = &first.extra().tree
		}
		_ = r.tree.add(r.level, &first.e.opts) // the first item finds out if that is too many
		r.begin(first.e, first.scope.Root)
		r.scope.Slot = first.scope.Slot
		r.res.ID, r.res.Parent = first.res.ID, first.res.Parent
		of, to := first.extra(), r.extra()
		to.dry, to.held, to.together, to.prepared, to.share = of.dry, of.held, of.together, of.prepared, of.share
		if to.together != nil {
			to.share = &to.together.All
		}
		all := slot.Runs.(*attempts)
		all.more = append(all.more, r)
	}
	slot.Entered = true
	before, list := slot.Item.(effect.List), items.(effect.List)
	slot.Mu.Unlock()
	if m := r.extra(); (m.together != nil || m.prepared != nil) && !sameList(before, list) {
		// What was or will be done for all goes by the places in the list.
		if m.prepared = nil; m.together != nil {
			m.together.All.Ask()
			list = nil
		}
	}
	if scope.Root == r.scope.Root {
		scope = &r.scope
	} else { // without the slot of the list, and of this attempt
		scope = &core.Scope{Root: scope.Root, Of: r, Slot: r.scope.Slot}
	}
	r.list(ctx, scope, list, effect.Path{})
	r.publish()
	slot.Mu.Lock()
	slot.Value = any(&r.res)
	slot.Mu.Unlock()
	return &r.res
}

// sameList reports whether a hook has passed on the list that it got.
func sameList(a, b effect.List) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0] || reflect.DeepEqual(a, b))
}
