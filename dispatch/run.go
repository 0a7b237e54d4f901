package dispatch

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
)

// Causes of errors of phase "limit", and of skipped items.
var (
	ErrDepth  = errors.New("too deep: it expands or continues without end")
	ErrBudget = errors.New("too many items in one dispatch")
)

// run is one dispatch. Everything but the fields below mu belongs to the
// goroutine that runs it.
type run struct {
	e      *engine
	res    effect.Result
	failed atomic.Bool
	call   core.Call // of the first item; more come from calls
	used   bool
	calls  []core.Call
	one    [1]effect.Outcome
	n      int // items seen
	level  int
	stop   error // why the rest is skipped
	hold   func(effect.Data)
	states map[*core.State]any  // snapshot of a batch; nil outside
	batch  *[]pending           // where a batch collects; nil outside
	deep   map[*core.Entry]bool // actions whose depth error has been reported

	mu   sync.Mutex // guards res.Errors and done: continuations on other goroutines add to them
	done bool
}

// pending is an effect that waits for the second phase of a batch.
type pending struct {
	item effect.Data
	path effect.Path
}

// start runs items with all dispatch interceptors around and returns the result.
func (r *run) start(ctx context.Context, root any, items effect.List, level int) *effect.Result {
	r.level = level
	out := &r.res
	if r.e.aroundDispatch == nil {
		r.list(ctx, root, items, effect.Path{})
	} else {
		out = r.around(ctx, root, items)
	}
	r.mu.Lock()
	r.done = true
	r.mu.Unlock()
	return out
}

// list runs items whose paths are siblings of at.
func (r *run) list(ctx context.Context, root any, items effect.List, at effect.Path) {
	if r.res.Outcomes == nil {
		if len(items) <= 1 {
			r.res.Outcomes = r.one[:0]
		} else {
			r.res.Outcomes = make([]effect.Outcome, 0, len(items))
		}
	}
	if n := len(items); n > 1 && len(r.calls) == 0 {
		r.calls = make([]core.Call, 0, n)
	}
	for i, item := range items {
		path := at.Sibling(i)
		if r.stop == nil {
			if err := ctx.Err(); err != nil {
				r.stop = context.Cause(ctx)
				r.fail(effect.PhaseCancel, path, item, "", r.stop)
			} else if r.n++; r.n > r.e.opts.MaxItems {
				r.stop = fmt.Errorf("%w: more than %d", ErrBudget, r.e.opts.MaxItems)
				r.fail(effect.PhaseLimit, path, item, "", r.stop)
			}
		}
		if r.stop != nil {
			r.skip(path, item, "", r.stop)
			continue
		}
		r.item(ctx, root, item, path)
	}
}

func (r *run) item(ctx context.Context, root any, item effect.Data, path effect.Path) {
	entry, item, phase, err := r.e.lookup(item)
	if err != nil {
		r.fail(phase, path, item, "", err)
		return
	}
	if r.hold != nil && !shared(entry, item) {
		r.hold(item)
		return
	}
	if validate := r.e.opts.Validate; validate != nil {
		if err := guard(func() error { return validate(item) }); err != nil {
			r.fail(effect.PhaseValidate, path, item, "", err)
			return
		}
	}
	switch entry.Kind {
	case core.Effect:
		if r.batch != nil {
			*r.batch = append(*r.batch, pending{item, path})
			return
		}
		r.effect(ctx, root, entry, item, path)
	case core.Action:
		r.action(ctx, root, entry, item, path)
	case core.Batch:
		r.runBatch(ctx, root, entry, item.(effect.Batch), path)
	default:
		r.fail(effect.PhaseLookup, path, item, "", fmt.Errorf("%s is a placeholder: use it in a field of type effect.Late, with effect.From", entry.Name))
	}
}

// shared reports whether item does the same for every recipient.
func shared(entry *core.Entry, item effect.Data) bool {
	if p, ok := item.(interface{ PerRecipient() bool }); ok && p.PerRecipient() {
		return false
	}
	switch entry.Kind {
	case core.Effect:
		return entry.Shared && !entry.Plan.Refs(item)
	case core.Action:
		return entry.StateType == nil && !entry.Plan.Refs(item)
	}
	return false
}

// newCall returns the call of an item.
func (r *run) newCall(root any, path any, at effect.Path) *core.Call {
	var c *core.Call
	switch {
	case !r.used:
		r.used, c = true, &r.call
	case len(r.calls) < cap(r.calls):
		r.calls = r.calls[:len(r.calls)+1]
		c = &r.calls[len(r.calls)-1]
	default:
		c = new(core.Call)
	}
	*c.State() = core.CallState{Runner: r, Root: root, Path: path, Index: at.Index(), Up: at.Up(), Level: r.level}
	return c
}

func (r *run) effect(ctx context.Context, root any, entry *core.Entry, item effect.Data, path effect.Path) {
	call := r.newCall(root, entry.Path, path)
	if entry.Plan.HasLate() {
		resolved, by, err := r.resolveAll(ctx, call, entry, item, 0)
		if err != nil {
			r.fail(effect.PhasePlaceholder, path, item, by, err)
			return
		}
		item = resolved.(effect.Data)
	}
	if r.e.aroundEffect != nil {
		r.intercepted(ctx, call, item, path)
		return
	}
	v, err := invoke(ctx, entry.Handle, call, item)
	if err != nil {
		r.fail(effect.PhaseEffect, path, item, "", err)
		return
	}
	r.res.Outcomes = append(r.res.Outcomes, effect.Outcome{Path: path, Item: item, Value: v})
}

func (r *run) action(ctx context.Context, root any, entry *core.Entry, item effect.Data, path effect.Path) {
	if path.Depth() >= r.e.opts.MaxDepth {
		err := fmt.Errorf("%w: %d actions deep", ErrDepth, r.e.opts.MaxDepth)
		if r.deep[entry] { // a fanning runaway would report the same thousands of times
			r.skip(path, item, "", err)
			return
		}
		if r.deep == nil {
			r.deep = map[*core.Entry]bool{}
		}
		r.deep[entry] = true
		r.fail(effect.PhaseLimit, path, item, "", err)
		return
	}
	call := r.newCall(root, entry.Path, path)
	if entry.Plan.HasLate() {
		resolved, by, err := r.resolveAll(ctx, call, entry, item, 0)
		if err != nil {
			r.fail(effect.PhasePlaceholder, path, item, by, err)
			return
		}
		item = resolved.(effect.Data)
	}
	list, ok := r.expand(ctx, call, entry, item, path)
	if !ok || len(list) == 0 {
		return
	}
	r.list(ctx, root, list, path.Child(entry.Name, 0))
}

// expandOnce is the innermost step of an expansion.
func (r *run) expandOnce(ctx context.Context, call *core.Call, entry *core.Entry, item effect.Data) (any, effect.Phase, error) {
	var state any
	if st := entry.State; st != nil {
		known := false
		if r.states != nil {
			state, known = r.states[st]
		}
		if !known {
			at := *call
			at.State().Path = st.Path
			v, err := invoke(ctx, func(ctx context.Context, call *core.Call, _ any) (any, error) { return st.Func(ctx, call) }, &at, nil)
			if err != nil {
				return nil, effect.PhaseState, err
			}
			if state = v; r.states != nil {
				r.states[st] = v
			}
		}
	}
	v, err := invoke(ctx, func(ctx context.Context, call *core.Call, item any) (any, error) {
		return entry.Expand(ctx, call, state, item)
	}, call, item)
	return v, effect.PhaseExpand, err
}

// runBatch expands everything against one snapshot, then runs the effects.
func (r *run) runBatch(ctx context.Context, root any, entry *core.Entry, b effect.Batch, path effect.Path) {
	if r.batch != nil { // a batch in a batch is part of it
		r.list(ctx, root, b.Effects, path.Child(entry.Name, 0))
		return
	}
	var effects []pending
	r.batch, r.states = &effects, map[*core.State]any{}
	r.list(ctx, root, b.Effects, path.Child(entry.Name, 0))
	r.batch, r.states = nil, nil
	for _, p := range effects {
		if r.stop == nil && ctx.Err() != nil {
			r.stop = context.Cause(ctx)
			r.fail(effect.PhaseCancel, p.path, p.item, "", r.stop)
		}
		if r.stop != nil {
			r.skip(p.path, p.item, "", r.stop)
			continue
		}
		e, item, phase, err := r.e.lookup(p.item)
		if err != nil {
			r.fail(phase, p.path, item, "", err)
			continue
		}
		r.effect(ctx, root, e, item, p.path)
	}
}

func (r *run) fail(phase effect.Phase, path effect.Path, item effect.Data, by string, err error) {
	name := "nil item"
	if item != nil {
		name = safeName(item)
	}
	r.addErrors(&effect.Error{
		Phase: phase, Path: path, Name: name, Item: item, By: by, Chain: path.Chain(),
		Dispatch: r.res.ID, Parent: r.res.Parent, Err: err,
	})
}

// addErrors adds to the result unless it has already been returned.
func (r *run) addErrors(errs ...*effect.Error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.done {
		r.res.Errors = append(r.res.Errors, errs...)
		r.failed.Store(true)
	}
}

func (r *run) skip(path effect.Path, item effect.Data, by string, reason error) {
	r.res.Skipped = append(r.res.Skipped, effect.Skipped{Path: path, Item: item, By: by, Reason: reason})
}

// invoke calls h and turns a panic into an error.
func invoke(ctx context.Context, h core.Handler, call *core.Call, item any) (v any, err error) {
	defer func() {
		if p := recover(); p != nil {
			v, err = nil, &effect.PanicError{Value: p, Stack: debug.Stack()}
		}
	}()
	return h(ctx, call, item)
}

// guard calls f and turns a panic into an error.
func guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &effect.PanicError{Value: p, Stack: debug.Stack()}
		}
	}()
	return f()
}

// safeName survives an EffectName that panics, as one on a nil pointer does.
func safeName(item effect.Data) (name string) {
	defer func() {
		if recover() != nil {
			name = reflect.TypeOf(item).String()
		}
	}()
	return item.EffectName()
}
