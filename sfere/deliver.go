package sfere

import (
	"context"
	"errors"
	"sync"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/twk"
)

// deliver runs items once for all conns where that is possible, and once for
// each where it is not.
func (c *Conns) deliver(ctx context.Context, call *twk.Call, to Pattern, conns []*twk.Conn, items effect.List) Report {
	r := Report{Matched: len(conns)}
	if len(conns) == 0 || len(items) == 0 {
		r.Delivered = len(conns)
		return r
	}
	if effect.IsDry(ctx) {
		return c.rehearse(ctx, call, to, conns, items)
	}
	ctx = context.WithoutCancel(ctx)
	list, held, err := c.outline(ctx, call, items)
	r.Shared = err
	if hub := conns[0].Hub(); hub.Compresses() {
		for i := range list {
			list[i].frames = hub.Prepare(list[i].frames, c.audience(to))
		}
	}
	switch {
	case held:
		for _, conn := range conns {
			key := c.entryOf(conn).keyIn(to)
			if err := c.deliverTo(ctx, call, Recipient{key, conn}, list); err != nil {
				r.fail(key, conn, err)
			} else {
				r.Delivered++
			}
		}
	case len(list) > 0:
		r.Delivered = twk.Fanout(conns, list[0].frames, func(conn *twk.Conn, err error) {
			r.fail(c.entryOf(conn).keyIn(to), conn, err)
		})
	default: // nothing to send: all of it failed, or actions expanded to nothing
		r.Delivered = len(conns)
	}
	r.finish()
	return r
}

// outline runs what is the same for all recipients and returns that and the
// rest in order. held tells whether there is a rest.
func (c *Conns) outline(ctx context.Context, call *twk.Call, items effect.List) (list []step, held bool, err error) {
	var plan outline
	err = call.With(func(s *twk.Session) {
		*s = twk.Session{Out: &plan}
	}).DispatchShared(context.WithValue(ctx, recipientKey{}, nil), plan.hold, items...).Err()
	list, held = plan.end()
	return list, held, err
}

// deliverTo runs the steps for one recipient and sends what comes of it in one
// piece. Errors of its effects are also in the result of the dispatch.
func (c *Conns) deliverTo(ctx context.Context, call *twk.Call, to Recipient, list []step) error {
	out := &batch{conn: to.Conn}
	ctx = context.WithValue(ctx, recipientKey{}, to)
	own := call.With(func(s *twk.Session) {
		*s = twk.Session{Conn: to.Conn, Out: out}
	})
	var errs []error
	for _, st := range list {
		if st.item == nil {
			errs = append(errs, out.Emit(ctx, st.frames...))
		} else {
			errs = append(errs, own.Dispatch(ctx, st.item).Err())
		}
	}
	return errors.Join(append(errs, out.end(ctx))...)
}

// step is a part of a broadcast: frames for everybody, or an effect that has to
// run for each recipient.
type step struct {
	frames []*twk.Frame
	item   effect.Data
}

// outline is the outlet that shared effects write to while they run once for all.
type outline struct {
	mu   sync.Mutex // guards the fields below; interceptors may run effects on goroutines of their own
	list []step
	held bool
	done bool

	// Most broadcasts have one step with one frame; this is its memory.
	one   [1]step
	frame [1]*twk.Frame
}

// Emit adds frames to those of the step before, if it is one of frames.
func (p *outline) Emit(_ context.Context, frames ...*twk.Frame) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done { // the recipients are no longer known
		return twk.ErrClosed
	}
	if n := len(p.list); n > 0 && p.list[n-1].item == nil {
		p.list[n-1].frames = append(p.list[n-1].frames, frames...)
		return nil
	}
	if p.list == nil {
		p.one[0].frames = append(p.frame[:0], frames...)
		p.list = p.one[:]
		return nil
	}
	p.list = append(p.list, step{frames: append([]*twk.Frame(nil), frames...)})
	return nil
}

// hold adds an item that has to run for each recipient.
func (p *outline) hold(item effect.Data) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.list = append(p.list, step{item: item})
	p.held = true
}

func (p *outline) end() (list []step, held bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done = true
	return p.list, p.held
}

// batch is the outlet of one recipient. It gathers frames while the broadcast
// runs; what comes later, from work that an effect has left behind, goes
// straight to the stream.
type batch struct {
	conn *twk.Conn

	mu     sync.Mutex // guards the fields below; no other lock is taken under it
	frames []*twk.Frame
	done   bool
}

// Emit implements [twk.Outlet].
func (b *batch) Emit(ctx context.Context, frames ...*twk.Frame) error {
	b.mu.Lock()
	if !b.done {
		b.frames = append(b.frames, frames...)
		b.mu.Unlock()
		return nil
	}
	b.mu.Unlock()
	return b.conn.Emit(ctx, frames...)
}

// Flush sends what has been gathered; twk.CloseSSE calls it.
func (b *batch) Flush(ctx context.Context) error {
	b.mu.Lock()
	frames := b.frames
	b.frames = nil
	b.mu.Unlock()
	if len(frames) == 0 {
		return nil
	}
	return b.conn.Emit(ctx, frames...)
}

func (b *batch) end(ctx context.Context) error {
	b.mu.Lock()
	b.done = true
	b.mu.Unlock()
	return b.Flush(ctx)
}
