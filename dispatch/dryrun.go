package dispatch

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
)

// Rehearsal is what a dry run would have done.
type Rehearsal struct {
	// Result is that of the dispatch. The value of an effect that was left out is
	// nil, as if it had succeeded and given none.
	Result *effect.Result
	// Plan has an entry for every effect that is not pure and whose turn came,
	// those of continuations included, in the order in which they began. What runs
	// for each recipient of a broadcast has one entry for all of them.
	Plan []Planned
}

// Planned is one effect of a dry run.
type Planned struct {
	Dispatch uint64 // Result.ID of the dispatch or continuation
	Parent   uint64 // Result.Parent
	Path     effect.Path
	Item     effect.Data
	Reach    effect.Reach
	// Rehearsed tells whether the handler knows of dry runs and was called.
	// Otherwise it was left out.
	Rehearsed bool
	// Value is what the handler returned, nil if it failed or was left out.
	Value any
	// Times is how often the effect would run. It is more than 1 only for one that
	// a broadcast runs for several recipients. The fields above are then of the
	// first of them.
	Times int
	// Would is what the handler recorded with [effect.WouldDo], of all times, and
	// More how many values beyond the first 32 it recorded.
	Would []any
	More  int
}

const (
	// maxWould bounds Planned.Would, and maxText the bytes of text that the values
	// of one dry run keep.
	maxWould = 32
	maxText  = 1 << 20
)

// DryRun is [Dispatcher.Dispatch] that changes nothing: actions, placeholders,
// state functions, interceptors and pure effects run as always, effects marked
// [effect.About].Dry run in a form that only records what they would do, and all
// others are left out, in continuations too. Interceptors that change the world
// have to ask [effect.IsDry] themselves. What is kept grows with the items, and
// not with the recipients of a broadcast.
func (d *Dispatcher[C]) DryRun(ctx context.Context, c C, items ...effect.Data) *Rehearsal {
	all := &rehearsal{}
	all.room.Store(maxText)
	f := &first[C]{c: c}
	f.begin(d.e, &f.c)
	f.res.ID = d.e.ids.Add(1)
	dry := &dryRun{rehearsal: all}
	f.extra().dry = dry
	return &Rehearsal{Result: f.start(dry.in(ctx), items), Plan: all.end()}
}

// rehearsal collects the plan of one dry run, continuations included.
type rehearsal struct {
	room atomic.Int64 // bytes, see maxText

	mu   sync.Mutex // guards the fields below
	done bool
	plan []*Planned
	// forMany finds the entry of what runs for many recipients.
	forMany map[manyKey]*Planned
}

// manyKey names an effect that runs for many recipients.
type manyKey struct{ at, name string }

// dryRun is one dispatch of a rehearsal.
type dryRun struct {
	*rehearsal
	// at is where this dispatch is, if it is one of many of the same list: those at
	// the same place are for different recipients. Empty for any other dispatch.
	at       string
	children atomic.Int64
}

// nested returns the dry run of a continuation of the effect at path in the
// dispatch id. recipient tells that it is one of many.
func (d *dryRun) nested(id uint64, path effect.Path, recipient bool) *dryRun {
	child := &dryRun{rehearsal: d.rehearsal}
	switch {
	case d.at == "" && recipient:
		child.at = fmt.Sprintf("%d:%s", id, path)
	case d.at != "" && recipient:
		child.at = fmt.Sprintf("%s>%s", d.at, path)
	case d.at != "":
		child.at = fmt.Sprintf("%s>%s#%d", d.at, path, d.children.Add(1))
	}
	return child
}

// in marks ctx as part of the dry run, outside any effect.
func (d *rehearsal) in(ctx context.Context) context.Context {
	if ctx == nil {
		ctx = context.Background()
	}
	return core.Rehearsing(ctx, &core.Dry{Record: func(any) {}, Room: &d.room})
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

// planned returns the entry for an effect that p describes, and adds it if there
// is none.
func (d *dryRun) planned(p *Planned) *Planned {
	var key manyKey
	if d.at != "" {
		key = manyKey{d.at + ">" + p.Path.String(), core.SafeName(p.Item)}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.done {
		return p
	}
	if d.at != "" {
		if old := d.forMany[key]; old != nil {
			old.Times++
			return old
		}
		if d.forMany == nil {
			d.forMany = map[manyKey]*Planned{}
		}
		d.forMany[key] = p
	}
	d.plan = append(d.plan, p)
	return p
}

// record adds v to what p would do.
func (d *rehearsal) record(p *Planned, v any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.done:
	case len(p.Would) < maxWould:
		p.Would = append(p.Would, v)
	default:
		p.More++
	}
}

// handle runs the handler of entry as far as a dry run allows.
func (d *dryRun) handle(ctx context.Context, r *run, call core.Call, entry *core.Entry, item effect.Data) (any, error) {
	reach := effect.Reach(entry.Reach)
	if reach == effect.Pure {
		return invoke(d.in(ctx), entry.Handle, call, item)
	}
	p := d.planned(&Planned{
		Dispatch: r.res.ID, Parent: r.res.Parent, Path: effect.Call[any](call).Path(),
		Item: item, Reach: reach, Rehearsed: entry.Dry, Times: 1,
	})
	if !entry.Dry {
		return nil, nil
	}
	v, err := invoke(core.Rehearsing(ctx, &core.Dry{Record: func(v any) { d.record(p, v) }, Room: &d.room}), entry.Handle, call, item)
	if err == nil && v != any(struct{}{}) {
		d.mu.Lock()
		defer d.mu.Unlock()
		if !d.done && p.Value == nil {
			p.Value = v
		}
	}
	return v, err
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
