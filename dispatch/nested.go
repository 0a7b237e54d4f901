package dispatch

import (
	"context"
	"fmt"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
)

// Clone implements core.Runner.
func (r *run) Clone(root any) any { return r.e.clone(root) }

// Failed implements core.Runner.
func (r *run) Failed() bool { return r.failed.Load() }

// ID implements core.Runner.
func (r *run) ID() uint64 { return r.res.ID }

// Parent implements core.Runner.
func (r *run) Parent() uint64 { return r.res.Parent }

// Nested implements core.Runner.
func (r *run) Nested(ctx context.Context, call *core.Call, items, hold any) any {
	s := call.State()
	child := &run{e: r.e}
	child.res.ID, child.res.Parent = r.e.ids.Add(1), r.res.ID
	child.hold, _ = hold.(func(effect.Data))
	var out *effect.Result
	if level := s.Level + 1; level > r.e.opts.MaxDepth {
		out = &child.res
		child.fail(effect.PhaseLimit, effect.Path{}, nil, "", fmt.Errorf("%w: %d continuations deep", ErrDepth, r.e.opts.MaxDepth))
	} else {
		out = child.start(ctx, s.Root, items.(effect.List), level)
	}
	if !s.Detached && len(out.Errors) > 0 {
		r.addErrors(out.Errors...)
	}
	return out
}

// Resolve implements core.Runner.
func (r *run) Resolve(ctx context.Context, call *core.Call, ref any) (any, error) {
	v, _, err := r.resolve(ctx, call, ref, 0)
	return v, err
}

// resolveAll returns item with all references replaced, or the name of the
// placeholder at fault.
func (r *run) resolveAll(ctx context.Context, call *core.Call, entry *core.Entry, item any, depth int) (out any, by string, err error) {
	if !entry.Plan.Refs(item) {
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
	return out, by, err
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
	if depth >= r.e.opts.MaxDepth || level > 2*r.e.opts.MaxDepth {
		return nil, by, fmt.Errorf("%w: %d placeholders deep", ErrDepth, r.e.opts.MaxDepth)
	}
	args, inner, err := r.resolveAll(ctx, call, entry, data, depth+1)
	if err != nil {
		return nil, inner, err
	}
	own := *call
	own.State().Path, own.State().Level = entry.Path, level
	v, err := invoke(ctx, entry.Handle, &own, args)
	return v, by, err
}
