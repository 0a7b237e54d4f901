package dispatch

import (
	"context"
	"fmt"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
)

// batch collects the effects of an effect.Batch while its actions are expanded.
type batch struct {
	effects []pending
	states  core.Snapshot
}

// pending is an effect that waits for the second phase of a batch.
type pending struct {
	entry *core.Entry
	item  effect.Data
	path  effect.Path
}

// batching returns the batch that is being collected, if any.
func (r *run) batching() *batch {
	if m := r.more.Load(); m != nil {
		return m.batch
	}
	return nil
}

// tooDeep reports whether path is at the depth limit, as an error the first
// time for an entry: a fanning runaway would report the same thousands of times.
func (r *run) tooDeep(entry *core.Entry, item effect.Data, path effect.Path) bool {
	limit := r.e.opts.MaxDepth
	if path.Depth() < limit {
		return false
	}
	err := fmt.Errorf("%w: %d actions deep", ErrDepth, limit)
	m := r.extra()
	if m.deep[entry] {
		r.skip(path, item, "", err)
		return true
	}
	if m.deep == nil {
		m.deep = map[*core.Entry]bool{}
	}
	m.deep[entry] = true
	r.fail(PhaseLimit, path, item, "", err)
	return true
}

func (r *run) action(ctx context.Context, call core.Call, scope *core.Scope, entry *core.Entry, item effect.Data, path effect.Path) {
	if r.tooDeep(entry, item, path) {
		return
	}
	if entry.Plan.HasLate() {
		var ok bool
		if item, ok = r.resolved(ctx, call, entry, item, path); !ok {
			return
		}
		r.settle(path, item)
	}
	list, ok := r.expand(ctx, call, entry, item, path)
	if !ok || len(list) == 0 {
		return
	}
	r.list(ctx, scope, list, path.Child(entry.Name, 0))
}

// snapshot returns the states of the batch that is being collected, nil if none. It
// is for the goroutine that runs the items.
func (r *run) snapshot() *core.Snapshot {
	if b := r.batching(); b != nil {
		return &b.states
	}
	return nil
}

// expandOnce is the innermost step of an expansion. states is what r.snapshot gave
// when the item began: an interceptor may have given up on this, and the run be at
// another batch.
func (r *run) expandOnce(ctx context.Context, call core.Call, entry *core.Entry, states *core.Snapshot, item effect.Data) (any, effect.Phase, error) {
	if m := r.more.Load(); m != nil {
		if ok, err := m.do(ctx, call); ok {
			return effect.List{}, PhaseExpand, err
		}
	}
	state, err := r.state(ctx, call, entry.State, states)
	if err != nil {
		return nil, PhaseState, err
	}
	v, err := invoke(ctx, func(ctx context.Context, call core.Call, item any) (any, error) {
		return entry.Expand(ctx, call, state, item)
	}, call, item)
	return v, PhaseExpand, err
}

// state gives the state that an action sees: a fresh one, or in a batch the
// same for all actions of a registry.
func (r *run) state(ctx context.Context, call core.Call, st *core.State, states *core.Snapshot) (any, error) {
	if st == nil {
		return nil, nil
	}
	fresh := func() (any, error) {
		call.State().Place = st.Place
		return invoke(ctx, func(ctx context.Context, call core.Call, _ any) (any, error) { return st.Func(ctx, call) }, call, nil)
	}
	if states == nil {
		return fresh()
	}
	return states.State(ctx, st, fresh)
}

// runBatch expands everything against one snapshot, then runs the effects.
func (r *run) runBatch(ctx context.Context, scope *core.Scope, entry *core.Entry, b effect.Batch, path effect.Path) {
	if r.tooDeep(entry, b, path) || len(b.Effects) == 0 {
		return
	}
	below := path.Child(entry.Name, 0)
	if r.batching() != nil { // a batch in a batch is part of it
		r.list(ctx, scope, b.Effects, below)
		return
	}
	m := r.extra()
	collected := &batch{}
	m.batch = collected
	r.list(ctx, scope, b.Effects, below)
	m.batch = nil
	for _, p := range collected.effects {
		if m.stop == nil && ctx.Err() != nil {
			m.stop = cancelled(ctx)
			r.fail(PhaseCancel, p.path, p.item, "", m.stop)
		}
		if m.stop != nil {
			r.skip(p.path, p.item, "", m.stop)
			continue
		}
		r.effect(ctx, r.callAt(scope, p.entry, p.path), p.entry, p.item, p.path)
	}
}
