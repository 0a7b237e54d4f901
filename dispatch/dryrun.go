package dispatch

import (
	"context"
	"slices"
	"sync"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
)

// Rehearsal is what a dry run would have done.
type Rehearsal struct {
	// Result is that of the dispatch. The value of an effect that was left out is
	// nil, as if it had succeeded and given none.
	Result *effect.Result
	// Plan has an entry for every effect that is not pure and whose turn came,
	// those of continuations included, in the order in which they began.
	Plan []Planned
}

// Planned is one effect of a dry run.
type Planned struct {
	Dispatch uint64 // Result.ID of the dispatch or continuation
	Parent   uint64 // Result.Parent
	Path     effect.Path
	Item     effect.Data
	Reach    effect.Reach
	// Ran tells whether the handler ran, in its dry form. Otherwise it knows
	// nothing of dry runs and was left out.
	Ran bool
	// Would is what the handler recorded with [effect.WouldDo].
	Would []any
}

// DryRun is [Dispatcher.Dispatch] that changes nothing: actions, placeholders,
// state functions, interceptors and pure effects run as always, effects marked
// [effect.About].Dry run in a form that only records what they would do, and all
// others are left out, in continuations too. Interceptors that change the world
// have to ask [effect.IsDry] themselves.
func (d *Dispatcher[C]) DryRun(ctx context.Context, c C, items ...effect.Data) *Rehearsal {
	dry := &rehearsal{}
	f := &first[C]{c: c}
	f.begin(d.e, &f.c)
	f.res.ID = d.e.ids.Add(1)
	f.extra().dry = dry
	return &Rehearsal{Result: f.start(dry.in(ctx), items), Plan: dry.end()}
}

// rehearsal collects the plan of one dry run, continuations included.
type rehearsal struct {
	mu   sync.Mutex // guards the fields below
	done bool
	plan []*Planned
}

// in marks ctx as part of the dry run, outside any effect.
func (d *rehearsal) in(ctx context.Context) context.Context {
	if ctx == nil {
		ctx = context.Background()
	}
	return core.Rehearsing(ctx, func(any) {})
}

// end returns the plan; what is recorded later is ignored.
func (d *rehearsal) end() []Planned {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.done = true
	out := make([]Planned, len(d.plan))
	for i, p := range d.plan {
		out[i] = *p
		out[i].Would = slices.Clone(p.Would)
	}
	return out
}

// handle runs the handler of entry as far as a dry run allows.
func (d *rehearsal) handle(ctx context.Context, r *run, call core.Call, entry *core.Entry, item effect.Data) (any, error) {
	reach := effect.Reach(entry.Reach)
	if reach == effect.Pure {
		return invoke(d.in(ctx), entry.Handle, call, item)
	}
	p := &Planned{
		Dispatch: r.res.ID, Parent: r.res.Parent, Path: effect.Call[any](call).Path(),
		Item: item, Reach: reach, Ran: entry.Dry,
	}
	d.mu.Lock()
	if !d.done {
		d.plan = append(d.plan, p)
	}
	d.mu.Unlock()
	if !entry.Dry {
		return nil, nil
	}
	return invoke(core.Rehearsing(ctx, func(v any) {
		d.mu.Lock()
		defer d.mu.Unlock()
		if !d.done {
			p.Would = append(p.Would, v)
		}
	}), entry.Handle, call, item)
}

// handle runs the handler of an effect.
func (r *run) handle(ctx context.Context, call core.Call, entry *core.Entry, item effect.Data) (any, error) {
	// The share is that of the call: an interceptor may have given up on the item, and
	// the run be at another.
	if share := call.Share(); share != nil { // it writes to the stream of its Ctx, whose it is it may not know
		if !entry.Shared { // an interceptor has put it in the place of one that is
			share.Ask()
			return struct{}{}, nil
		}
		call.State().At.Free = true
	}
	if m := r.more.Load(); m != nil {
		if ok, err := m.do(ctx, call); ok {
			return struct{}{}, err
		}
		if m.dry != nil {
			return m.dry.handle(ctx, r, call, entry, item)
		}
	}
	return invoke(ctx, entry.Handle, call, item)
}
