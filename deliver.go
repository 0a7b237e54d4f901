package sfere

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
)

// deliver runs items once for everybody in s where that is possible, and once
// for each where it is not. In a dry run everything is rendered, and what each
// recipient would get is recorded instead of sent.
func (c *Conns) deliver(ctx context.Context, call twk.Call, to Pattern, s *snapshot, items effect.List) Report {
	r := Report{Matched: len(s.entries)}
	if len(s.entries) == 0 || len(items) == 0 {
		r.Delivered = len(s.entries)
		return r
	}
	dry := effect.IsDry(ctx)
	if !dry {
		ctx = context.WithoutCancel(ctx)
	}
	steps, held, err := c.outline(ctx, call, items)
	r.Shared = err
	if hub := s.entries[0].conn.Hub(); hub.Compresses() && !dry {
		for i := range steps {
			steps[i].frames = hub.Prepare(steps[i].frames, c.audience(to))
		}
	}
	switch opener := call.Ctx().Opening(); {
	case len(steps) == 0: // nothing to send: all of it failed, or actions expanded to nothing
		r.Delivered = len(s.entries)
	case held || dry:
		for _, rc := range c.recipients(to, s, dry) {
			if err := c.deliverTo(ctx, call, rc, outletFor(rc, dry, opener), steps); err != nil {
				r.fail(rc.Key, rc.Conn, err)
			} else {
				r.Delivered++
			}
		}
	default:
		c.fanOut(ctx, &r, to, s, steps[0].frames, opener)
	}
	r.finish()
	return r
}

// fanOut gives frames to everybody in s. opener is the stream whose first effects
// send them, if it is one of them: they keep their place there.
func (c *Conns) fanOut(ctx context.Context, r *Report, to Pattern, s *snapshot, frames []*sse.Frame, opener *sse.Conn) {
	if opener != nil {
		if i := slices.IndexFunc(s.entries, func(e *entry) bool { return e.conn == opener }); i >= 0 {
			e := s.entries[i]
			s.entries = slices.Delete(s.entries, i, i+1)
			if err := opener.EmitFirst(ctx, frames...); err != nil {
				r.fail(c.keyOf(e, to), opener, err)
			} else {
				r.Delivered++
			}
		}
	}
	r.Delivered += sse.Fanout(s.streams(), frames, func(i int, err error) {
		e := s.entries[i]
		r.fail(c.keyOf(e, to), e.conn, err)
	})
}

func (c *Conns) keyOf(e *entry, to Pattern) Key {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return e.keyIn(to)
}

// recipients returns who is in s with their keys, sorted if plans of the same
// thing are to look the same.
func (c *Conns) recipients(to Pattern, s *snapshot, sorted bool) []Recipient {
	out := make([]Recipient, len(s.entries))
	c.mu.RLock()
	for i, e := range s.entries {
		out[i] = Recipient{e.keyIn(to), e.conn}
	}
	c.mu.RUnlock()
	if sorted {
		slices.SortFunc(out, func(a, b Recipient) int {
			return cmp.Or(compareKeys(a.Key, b.Key), cmp.Compare(a.Conn.ID(), b.Conn.ID()))
		})
	}
	return out
}

// deliverTo runs the steps for one recipient and sends what comes of it in one
// piece. Errors of its effects are also in the result of the dispatch.
func (c *Conns) deliverTo(ctx context.Context, call twk.Call, to Recipient, out *batch, steps []step) error {
	ctx = context.WithValue(ctx, recipientKey{}, to)
	own := call.With(func(s *twk.Session) {
		*s = twk.Session{Conn: to.Conn, Out: out}
	})
	var errs []error
	for _, st := range steps {
		if st.item == nil {
			errs = append(errs, out.Emit(ctx, st.frames...))
		} else {
			errs = append(errs, own.Dispatch(ctx, st.item).Err())
		}
	}
	return errors.Join(append(errs, out.end(ctx))...)
}
