package dispatch

import (
	"context"
	"fmt"
	"reflect"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
)

// Changed implements core.Runner.
func (r *run) Changed(root any, change func(root any)) any { return r.e.clone(root, change) }

// Detach implements core.Runner.
func (r *run) Detach() core.Runner { return detached{run: r} }

// Failed implements core.Runner.
func (r *run) Failed() bool {
	m := r.more.Load()
	return m != nil && m.failed.Load()
}

// ID implements core.Runner.
func (r *run) ID() uint64 { return r.res.ID }

// Parent implements core.Runner.
func (r *run) Parent() uint64 { return r.res.Parent }

// Nested implements core.Runner.
func (r *run) Nested(ctx context.Context, call core.Call, items, how any) any {
	return r.nested(ctx, call, items.(effect.List), how, false)
}

// Adopt implements core.Runner.
func (r *run) Adopt(result any) {
	if errs := result.(*effect.Result).Errors; len(errs) > 0 {
		r.addErrors(errs...)
	}
}

// detached is a run seen by calls whose continuations keep their errors.
type detached struct {
	*run
	held *held // by the dispatch itself; nil if nothing
}

// Detach implements core.Runner.
func (d detached) Detach() core.Runner { return d }

// Nested implements core.Runner.
func (d detached) Nested(ctx context.Context, call core.Call, items, how any) any {
	return d.nested(ctx, call, items.(effect.List), how, true)
}

// runOf returns the run that call belongs to; nil if none.
func runOf(call core.Call) *run {
	scope := call.State().Scope
	if scope == nil {
		return nil
	}
	switch of := scope.Of.(type) {
	case *run:
		return of
	case detached:
		return of.run
	case inside:
		return of.run
	}
	return nil
}

func (r *run) nested(ctx context.Context, call core.Call, items effect.List, how any, detached bool) *effect.Result {
	if t, ok := how.(*core.Together); ok && !detached {
		if res := r.alone(ctx, call, items, t); res != nil {
			return res
		}
	}
	child := &run{level: int32(call.State().At.Level) + 1, tree: r.tree}
	child.begin(r.e, call.State().Scope.Root)
	child.res.ID, child.res.Parent = r.e.ids.Add(1), r.res.ID
	m := r.extra()
	over := m.over()
	switch {
	case over: // its stack is gone, so nothing nests
		child.level, child.tree = 1, &tree{free: true}
	case r.tree == nil:
		child.tree = &m.tree
	}
	switch how := how.(type) {
	case *core.Together:
		c := child.extra()
		c.together, c.share = how, &how.All
		child.scope.Root = r.e.fresh(how.Ctx)
	case *core.Prepared:
		child.extra().prepared = how
	default:
		if share := call.Share(); share != nil { // inside what runs for many
			c := child.extra()
			c.share, c.after = share, share.After
			child.scope.Slot = &core.Slot{Share: share} // what asks is found out also there
		}
	}
	if held := heldIn(call.State().Scope.Of).live(); held != nil {
		child.extra().held = held
	}
	if m.dry != nil { // whatever ctx the handler passed on
		_, recipient := how.(*core.Prepared)
		child.extra().dry, ctx = m.dry.nested(r.res.ID, effect.Call[any](call).Path(), recipient), m.dry.in(ctx)
	}
	tell := !detached && !over
	out, first := r.refused(m, child, items)
	if out == nil {
		out = child.start(ctx, items)
	} else {
		tell = tell && first
	}
	if tell && len(out.Errors) > 0 {
		r.addErrors(out.Errors...)
	}
	return out
}

// Resolve implements core.Runner.
func (r *run) Resolve(ctx context.Context, call core.Call, ref any) (any, error) {
	v, _, err := r.resolve(ctx, call, ref, nil, 0)
	return v, err
}

// resolved returns item with all references replaced; ok is false if that
// failed, which has been reported then.
func (r *run) resolved(ctx context.Context, call core.Call, entry *core.Entry, item effect.Data, path effect.Path) (out effect.Data, ok bool) {
	v, by, err := r.resolveAll(ctx, call, entry, item, 0)
	if err != nil {
		r.fail(PhasePlaceholder, path, item, by, err)
		return nil, false
	}
	return v.(effect.Data), true
}

// resolveAll returns item with all references replaced, or the name of the
// placeholder at fault.
func (r *run) resolveAll(ctx context.Context, call core.Call, entry *core.Entry, item any, depth int) (out any, by string, err error) {
	refs, err := entry.Plan.Refs(item)
	if err != nil {
		return nil, "", endless(err)
	}
	if !refs {
		return item, "", nil
	}
	err = guard(func() error {
		out, err = entry.Plan.MapLate(item, func(l core.Late) error {
			var v any
			if v, by, err = r.resolve(ctx, call, l.Ref(), wanted(l), depth); err != nil {
				return err
			}
			return l.Set(v)
		})
		return err
	})
	return out, by, endless(err)
}

// endless makes an error about a value that holds itself an ErrDepth.
func endless(err error) error {
	if wraps(err, core.ErrValueDepth) && !wraps(err, ErrDepth) {
		return fmt.Errorf("%w: %w", ErrDepth, err)
	}
	return err
}

// resolve asks the placeholder that ref names, its own arguments first. One that
// cannot give a want is not asked; nil wants anything.
func (r *run) resolve(ctx context.Context, call core.Call, ref any, want reflect.Type, depth int) (any, string, error) {
	data, ok := ref.(effect.Data)
	if !ok {
		return nil, "", fmt.Errorf("%T is not effect data", ref)
	}
	by := core.SafeName(data)
	entry, data, _, err := r.e.lookup(data)
	if err != nil {
		return nil, by, err
	}
	if entry.Kind != core.Placeholder {
		return nil, by, fmt.Errorf("%s is not a placeholder", entry.Name)
	}
	if err := suits(entry, want); err != nil {
		return nil, by, err
	}
	level := call.State().At.Level + 1
	if err := r.mayAsk(int(level), depth); err != nil {
		return nil, by, err
	}
	args, inner, err := r.resolveAll(ctx, call, entry, data, depth+1)
	if err != nil {
		return nil, inner, err
	}
	call.State().Place, call.State().At.Level, call.State().At.Free = entry.Place, level, false
	v, err := invoke(ctx, entry.Handle, call, args)
	return v, by, err
}

// mayAsk limits how placeholders ask each other: depth counts those nested in
// arguments, level those asked from handlers.
func (r *run) mayAsk(level, depth int) error {
	limit := r.e.opts.MaxDepth
	if depth >= limit || level > int(r.level)+limit {
		return fmt.Errorf("%w: %d placeholders deep", ErrDepth, limit)
	}
	if level <= int(r.level)+1 { // asked from an item
		return nil
	}
	m := r.extra()
	if m == returned { // nowhere to count any more
		if level <= int(r.level)+treeFree {
			return nil
		}
		return fmt.Errorf("%w: %d placeholders deep after the dispatch returned", ErrDepth, treeFree)
	}
	t := r.tree
	if t == nil {
		t = &m.tree
	}
	if err := t.add(0, &r.e.opts); err != nil || level <= int(r.level)+treeFree {
		return err
	}
	if m.resolves.Add(1) > int64(r.e.opts.MaxItems) {
		return fmt.Errorf("%w: more than %d placeholders asking each other", ErrBudget, r.e.opts.MaxItems)
	}
	return nil
}
