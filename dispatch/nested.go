package dispatch

import (
	"context"
	"errors"
	"fmt"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
)

// Root implements core.Runner.
func (r *run) Root() any { return r.root }

// Changed implements core.Runner.
func (r *run) Changed(change func(root any)) core.Runner {
	return &view{r, r.e.clone(r.root, change), false}
}

// Detach implements core.Runner.
func (r *run) Detach() core.Runner { return &view{r, r.root, true} }

// Failed implements core.Runner.
func (r *run) Failed() bool {
	m := r.more.Load()
	return m != nil && m.failed.Load()
}

// ID implements core.Runner.
func (r *run) ID() uint64 { return r.res.ID }

// Parent implements core.Runner.
func (r *run) Parent() uint64 { return r.res.Parent }

// view is a run seen by calls whose Ctx was changed or which are detached. It is
// immutable.
type view struct {
	*run
	root     any
	detached bool
}

// Root implements core.Runner.
func (v *view) Root() any { return v.root }

// Changed implements core.Runner.
func (v *view) Changed(change func(root any)) core.Runner {
	return &view{v.run, v.run.e.clone(v.root, change), v.detached}
}

// Detach implements core.Runner.
func (v *view) Detach() core.Runner { return &view{v.run, v.root, true} }

// Nested implements core.Runner.
func (v *view) Nested(ctx context.Context, call *core.Call, items, hold any) any {
	return v.run.nested(ctx, call, v.root, items.(effect.List), hold, v.detached)
}

// at returns the Runner of calls that see root.
func (r *run) at(root any) core.Runner {
	if root == r.root {
		return r
	}
	return &view{r, root, false}
}

// runOf returns the run behind a Runner of this package.
func runOf(runner core.Runner) *run {
	if v, ok := runner.(*view); ok {
		return v.run
	}
	return runner.(*run)
}

// Nested implements core.Runner.
func (r *run) Nested(ctx context.Context, call *core.Call, items, hold any) any {
	return r.nested(ctx, call, r.root, items.(effect.List), hold, false)
}

func (r *run) nested(ctx context.Context, call *core.Call, root any, items effect.List, hold any, detached bool) *effect.Result {
	child := &run{e: r.e, root: root, level: call.State().Level + 1, tree: r.tree}
	child.res.ID, child.res.Parent = r.e.ids.Add(1), r.res.ID
	m := r.extra()
	over := m.over()
	switch {
	case over: // its stack is gone, so nothing nests
		child.level, child.tree = 1, &tree{}
	case r.tree == nil:
		child.tree = &m.tree
	}
	if hold, _ := hold.(func(effect.Data)); hold != nil {
		child.extra().hold = hold
	}
	if m.dry != nil { // whatever ctx the handler passed on
		child.extra().dry, ctx = m.dry, m.dry.in(ctx)
	}
	if int(child.level) > r.e.opts.MaxDepth {
		var first effect.Data
		if len(items) > 0 {
			first = items[0]
		}
		err := fmt.Errorf("%w: %d continuations deep", ErrDepth, r.e.opts.MaxDepth)
		child.extra().stop = err
		child.fail(effect.PhaseLimit, effect.Path{}, first, "", err)
	}
	out := child.start(ctx, items)
	if !detached && !over && len(out.Errors) > 0 {
		r.addErrors(out.Errors...)
	}
	return out
}

// Resolve implements core.Runner.
func (r *run) Resolve(ctx context.Context, call *core.Call, ref any) (any, error) {
	v, _, err := r.resolve(ctx, call, ref, 0)
	return v, err
}

// resolved returns item with all references replaced; ok is false if that
// failed, which has been reported then.
func (r *run) resolved(ctx context.Context, call *core.Call, entry *core.Entry, item effect.Data, path effect.Path) (out effect.Data, ok bool) {
	v, by, err := r.resolveAll(ctx, call, entry, item, 0)
	if err != nil {
		r.fail(effect.PhasePlaceholder, path, item, by, err)
		return nil, false
	}
	return v.(effect.Data), true
}

// resolveAll returns item with all references replaced, or the name of the
// placeholder at fault.
func (r *run) resolveAll(ctx context.Context, call *core.Call, entry *core.Entry, item any, depth int) (out any, by string, err error) {
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
			if v, by, err = r.resolve(ctx, call, l.Ref(), depth); err != nil {
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
	if errors.Is(err, core.ErrValueDepth) && !errors.Is(err, ErrDepth) {
		return fmt.Errorf("%w: %w", ErrDepth, err)
	}
	return err
}

// resolve asks the placeholder that ref names, its own arguments first.
func (r *run) resolve(ctx context.Context, call *core.Call, ref any, depth int) (any, string, error) {
	data, ok := ref.(effect.Data)
	if !ok {
		return nil, "", fmt.Errorf("%T is not effect data", ref)
	}
	by := safeName(data)
	entry, data, _, err := r.e.lookup(data)
	if err != nil {
		return nil, by, err
	}
	if entry.Kind != core.Placeholder {
		return nil, by, fmt.Errorf("%s is not a placeholder", entry.Name)
	}
	level := call.State().Level + 1
	if err := r.mayAsk(int(level), depth); err != nil {
		return nil, by, err
	}
	args, inner, err := r.resolveAll(ctx, call, entry, data, depth+1)
	if err != nil {
		return nil, inner, err
	}
	own := *call
	own.State().Place, own.State().Level = entry.Place, level
	v, err := invoke(ctx, entry.Handle, &own, args)
	return v, by, err
}

// mayAsk limits how placeholders ask each other: depth counts those nested in
// arguments, level those asked from handlers.
func (r *run) mayAsk(level, depth int) error {
	limit := r.e.opts.MaxDepth
	if depth >= limit || level > int(r.level)+limit {
		return fmt.Errorf("%w: %d placeholders deep", ErrDepth, limit)
	}
	if level <= int(r.level)+treeFree {
		return nil
	}
	m := r.extra()
	if m == returned { // nowhere to count any more
		return fmt.Errorf("%w: %d placeholders deep after the dispatch returned", ErrDepth, treeFree)
	}
	if m.resolves.Add(1) > int64(r.e.opts.MaxItems) {
		return fmt.Errorf("%w: more than %d placeholders asking each other", ErrBudget, r.e.opts.MaxItems)
	}
	return nil
}
