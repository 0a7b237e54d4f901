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
	var try *trial
	var tryCtx context.Context
	for i, item := range items {
		path := effect.NewPath(i)
		if r.ends(ctx, path, item) {
			continue
		}
		before := r.mark(m)
		if try == nil || try.share.Asked() {
			try = &trial{share: core.Share{After: m.after}}
			try.slot.Share = &try.share
			try.scope = core.Scope{Root: scope.Root, Of: scope.Of, Slot: &try.slot}
			tryCtx = core.WithShare(ctx, &try.share)
		}
		m.share, m.settled = &try.share, item
		err := guard(func() error { t.Track.Begin(i); return nil })
		if err == nil {
			r.item(tryCtx, &try.scope, item, path)
		}
		each := try.share.Asked()
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

// trial is what an item runs in once for all recipients, and the next one after it
// if nobody has asked.
type trial struct {
	share core.Share
	slot  core.Slot
	scope core.Scope
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

// shareable reports whether item may run once for all recipients. An item that
// cannot tell may not. Behind one that has to run for each, what may look at the
// state has to as well.
func (m *more) shareable(entry *core.Entry, item effect.Data) bool {
	if entry.Kind == core.Effect && !entry.Shared || entry.Kind > core.Action {
		return false
	}
	if m.after {
		if entry.StateType != nil {
			return false
		}
		if refs, err := entry.Plan.Refs(item); refs || err != nil {
			return false
		}
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
