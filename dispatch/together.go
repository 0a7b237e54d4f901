package dispatch

import (
	"context"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
)

// listTogether tries every item once for all recipients. What an item did that
// has to run for each is forgotten: only effects that write to the stream of
// their Ctx, which is none here, have run.
func (r *run) listTogether(ctx context.Context, m *more, scope *core.Scope, items effect.List) {
	t := m.together
	var try *core.Trial
	for i, item := range items {
		path := effect.NewPath(i)
		if r.ends(ctx, path, item) {
			continue
		}
		before := r.mark(m)
		if try == nil {
			try = &t.First
			try.Begin(ctx, scope, m.after)
		} else if try.Share.Asked() {
			try = &core.Trial{}
			try.Begin(ctx, scope, m.after)
		}
		m.share, m.settled = &try.Share, item
		err := guard(func() error { t.Track.Begin(i); return nil })
		if err == nil {
			r.item(try.Ctx, &try.Scope, item, path)
		}
		each := try.Share.Asked()
		if each {
			r.reset(m, before)
			m.after = true
		}
		if err2 := guard(func() error { t.Track.End(i, m.settled, each); return nil }); err == nil {
			err = err2
		}
		if err != nil {
			r.fail(PhaseEffect, path, item, "share", err)
		}
	}
}

// alone is nested and listTogether for nearly every broadcast: one effect, nothing
// around it, nothing late in it, and nothing else to heed. Its calls belong to r, so
// that it needs no run of its own. It returns nil if there is more to do.
func (r *run) alone(ctx context.Context, call core.Call, items effect.List, t *core.Together) *effect.Result {
	e := r.e
	if len(items) != 1 || r.more.Load() != nil || r.tree != nil || e.aroundDispatch != nil || e.aroundEffect != nil || e.opts.Validate != nil ||
		e.keys.n.Load() != 0 || int(call.State().At.Level) >= e.opts.MaxDepth || ctx == nil || ctx.Err() != nil {
		return nil
	}
	item := items[0]
	entry := e.direct(item)
	if entry == nil || !mayShare(entry, item) || entry.Kind != core.Effect {
		return nil
	}
	if refs, err := entry.Plan.Refs(item); refs || err != nil {
		return nil
	}
	out := &struct {
		res effect.Result
		one [1]effect.Outcome
	}{}
	out.res.ID, out.res.Parent = e.ids.Add(1), r.res.ID
	try := &t.First
	try.Begin(ctx, &core.Scope{Root: e.fresh(t.Ctx), Of: r}, false)
	at := core.At{Level: call.State().At.Level + 1}
	var v any
	by := "share"
	err := guard(func() error { t.Track.Begin(0); return nil })
	if err == nil {
		by = ""
		v, err = r.handle(try.Ctx, core.NewCall(core.CallState{Scope: &try.Scope, Place: entry.Place, At: at}), entry, item)
	}
	each := try.Share.Asked()
	if each {
		err = nil
		if m := r.more.Load(); m != nil { // of continuations, which will run for each
			m.forget()
		}
	} else if err == nil {
		out.one[0] = effect.Outcome{Path: effect.NewPath(0), Item: item, Value: v}
		out.res.Outcomes = out.one[:]
	}
	if err2 := guard(func() error { t.Track.End(0, item, each); return nil }); err == nil && err2 != nil {
		by, err = "share", err2
	}
	if err != nil {
		e := &effect.Error{
			Phase: PhaseEffect, Path: effect.NewPath(0), Name: entry.Name, Item: item, By: by, Dispatch: out.res.ID, Parent: out.res.Parent, Err: err,
		}
		out.res.Errors = []*effect.Error{e}
		r.enter(e)
	}
	if m := r.more.Load(); m != nil && !each {
		if errs := m.reported(); len(errs) > 0 { // none of before, so they are of this
			out.res.Errors = errs
		}
	}
	if o := e.opts.Observer; o != nil {
		watch("Ran", func() { o.Ran(&out.res) })
	}
	return &out.res
}

// settle notes the late values of an item that runs for many.
func (r *run) settle(path effect.Path, item effect.Data) {
	if m := r.more.Load(); m != nil && m.together != nil && path.Up() == nil {
		m.settled = item
	}
}

// mark is how far a result has come.
type mark struct {
	outcomes, skipped, errs int
	failed                  bool
}

func (r *run) mark(m *more) mark {
	m.mu.Lock()
	defer m.mu.Unlock()
	return mark{len(r.res.Outcomes), len(r.res.Skipped), len(m.errs), m.failed.Load()}
}

func (r *run) reset(m *more, to mark) {
	r.res.Outcomes, r.res.Skipped = r.res.Outcomes[:to.outcomes], r.res.Skipped[:to.skipped]
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.errs) > to.errs {
		m.errs = m.errs[:to.errs]
		m.count.Store(int32(to.errs))
	}
	m.failed.Store(to.failed)
}

// forget takes back the errors so far.
func (m *more) forget() {
	if m == returned {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.errs = nil
	m.count.Store(0)
	m.failed.Store(false)
}

// shareable reports whether item may run once for all recipients. An item that
// cannot tell may not. Behind one that has to run for each, what may look at the
// state has to as well.
func (m *more) shareable(entry *core.Entry, item effect.Data) bool {
	if m.after {
		if entry.StateType != nil {
			return false
		}
		if refs, err := entry.Plan.Refs(item); refs || err != nil {
			return false
		}
	}
	return mayShare(entry, item)
}

// mayShare reports whether item, by itself, may run once for all recipients.
func mayShare(entry *core.Entry, item effect.Data) bool {
	if entry.Kind == core.Effect && !entry.Shared || entry.Kind > core.Action {
		return false
	}
	differs := false
	if p, ok := item.(interface{ PerRecipient() bool }); ok {
		if guard(func() error { differs = p.PerRecipient(); return nil }) != nil {
			return false
		}
	}
	return !differs
}

// do runs an item that has been prepared for all recipients.
func (m *more) do(ctx context.Context, call core.Call) (ok bool, err error) {
	if m.prepared == nil || call.State().Up != nil {
		return false, nil
	}
	err = guard(func() (err error) {
		ok, err = m.prepared.Do(ctx, int(call.State().At.Index))
		return err
	})
	return ok || err != nil, err
}
