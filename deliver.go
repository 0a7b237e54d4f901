package sfere

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
	"github.com/sfere-go/sfere/relay"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
)

// delivery is one broadcast on its way.
type delivery struct {
	conns  *Conns
	call   twk.Call        // of the sender
	from   context.Context // of the sender
	opener *sse.Conn       // the stream whose first effects send, nil if it is none's
	to     Pattern
	room   *room
	dry    *rehearsed   // nil unless this is a dry run
	far    *far         // what other machines are sent; nil for nothing
	wire   []relay.Step // of far
	// foreign is not nil if another machine sends: there is no dispatch of the sender
	// then, and everybody is served in a dispatch of their own dispatcher.
	foreign *cluster
	// traced has the trace of the sender, and nothing else of it; nil if there is none.
	traced context.Context
	steps   []step
	report  Report
	causes  causes

	// Memory of what each delivery needs once.
	outline outline
	trial   bounded
}

// unending is the context of a delivery: it does not end when that of the sender
// does, and has those of its values that go to recipients.
type unending delivery

func (*unending) Deadline() (deadline time.Time, ok bool) { return time.Time{}, false }
func (*unending) Done() <-chan struct{}                   { return nil }
func (*unending) Err() error                              { return nil }

func (u *unending) Value(key any) any {
	switch {
	case key == senderKey{}:
		return (*delivery)(u)
	case core.ForRecipients(key):
		return u.from.Value(key)
	case u.traced != nil:
		return u.traced.Value(key)
	}
	return nil
}

// deliver runs items once for everybody in s where that is possible, and once
// for each where it is not. In a dry run everything is rendered, and what would be
// sent is recorded, each text once. far, unless nil, is sent what others need.
func (c *Conns) deliver(ctx context.Context, call twk.Call, to Pattern, s *snapshot, items effect.List, each bool, far *far) Report {
	d := delivery{conns: c, call: call, from: ctx, opener: call.Ctx().Opening(), to: to, far: far}
	if effect.IsDry(ctx) {
		d.dry = &rehearsed{}
	} else if c.opts.Observer != nil {
		began := time.Now()
		d.run(ctx, s, items, each)
		d.observed(began)
		return d.report
	}
	d.run(ctx, s, items, each)
	return d.report
}

// run is deliver, whose report is in d then.
func (d *delivery) run(ctx context.Context, s *snapshot, items effect.List, each bool) {
	c, far := d.conns, d.far
	d.causes.r, d.report.Matched = &d.report, len(s.entries)
	if len(s.entries) == 0 && far == nil || len(items) == 0 {
		d.report.Delivered = len(s.entries)
		far.send(nil)
		return
	}
	// The sender may leave; its deadline stays. What belongs to the sender alone
	// is known to those who ask for it by name.
	deadline, limited := ctx.Deadline()
	ctx = (*unending)(d)
	if limited {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline)
		defer cancel()
	}
	var some bool
	d.trial.Context, d.trial.limit = ctx, c.opts.RecipientTimeout
	d.steps, some, d.report.Shared = d.outline.try(&d.trial, d.call, items, each)
	d.trial.end()
	d.wire = far.steps(d.steps)
	if len(s.entries) == 0 {
		far.send(d.wire)
		d.report.finish()
		return
	}
	d.room = c.rooms.of(d.to)
	d.prepare(s.entries[0].stream.Hub())
	frames := d.frames()
	switch {
	case some:
		if trace := c.trace(d.from); trace != "" {
			d.traced = c.traced(context.Background(), trace)
		}
		d.forEach(ctx, s)
	case len(frames) == 0: // all of it failed, or actions expanded to nothing
		d.report.Delivered = len(s.entries)
		far.send(d.wire)
	case d.dry != nil:
		d.rehearseAll(ctx, s, frames)
	default:
		d.begin()
		d.fanOut(ctx, s, frames)
		d.placed()
	}
	if d.dry != nil {
		d.dry.end(ctx)
	}
	d.report.finish()
}

// begin is called before a broadcast takes its places in the streams here, and placed
// after that. What goes to other machines is put into the queue of the relay in between,
// so that it has the same order there.
func (d *delivery) begin() {
	if d.far != nil {
		d.room.places.Lock()
	}
}

func (d *delivery) placed() {
	if d.far != nil {
		d.far.send(d.wire)
		d.room.places.Unlock()
	}
}

// prepare does what can be done once for all streams.
func (d *delivery) prepare(hub *sse.Hub) {
	if d.dry != nil || !hub.Compresses() {
		return
	}
	chain := d.conns.rooms.chain(d.to)
	for i := range d.steps {
		if st := &d.steps[i]; len(st.frames) > 0 {
			st.frames = hub.Prepare(st.frames, chain)
		}
	}
}

// frames returns the frames of all steps.
func (d *delivery) frames() []*sse.Frame {
	if len(d.steps) == 1 {
		return d.steps[0].frames
	}
	var all []*sse.Frame
	for _, st := range d.steps {
		all = append(all, st.frames...)
	}
	return all
}

// fanOut gives frames to everybody in s. The stream whose first effects send them
// is one of them, perhaps: they keep their place there.
func (d *delivery) fanOut(ctx context.Context, s *snapshot, frames []*sse.Frame) {
	c := d.conns
	if d.opener != nil {
		if i := slices.IndexFunc(s.entries, func(e indexed) bool { return e.stream == d.opener }); i >= 0 {
			e := s.entries[i]
			s.entries = slices.Delete(s.entries, i, i+1)
			if err := d.opener.EmitFirst(ctx, frames...); err != nil {
				d.causes.fail(c.keyOf(e.entry, d.to), err)
			} else {
				d.report.Delivered++
			}
		}
	}
	d.report.Delivered += d.room.Fanout(s.streams(), frames, func(i int, err error) {
		d.causes.fail(c.keyOf(s.entries[i].entry, d.to), err)
	})
}

func (c *Conns) keyOf(e *entry, to Pattern) Key {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return e.keyIn(to)
}

// target is one recipient of a broadcast that has something to run for each.
type target struct {
	Recipient
	own  twk.Call  // with the Ctx under which the stream was opened
	turn *sse.Turn // nil in a dry run, and if the stream is sending its first effects
}

// targets returns who is in s, sorted if plans of the same thing are to look the
// same.
func (c *Conns) targets(to Pattern, s *snapshot, sorted bool) []target {
	out := make([]target, len(s.entries))
	c.mu.RLock()
	for i, e := range s.entries {
		out[i] = target{Recipient: Recipient{e.keyIn(to), e.stream}, own: e.own}
	}
	c.mu.RUnlock()
	if sorted {
		slices.SortFunc(out, func(a, b target) int {
			return cmp.Or(compareKeys(a.Key, b.Key), cmp.Compare(a.Conn.ID(), b.Conn.ID()))
		})
	}
	return out
}

// forEach runs the list for each recipient.
func (d *delivery) forEach(ctx context.Context, s *snapshot) {
	all := d.conns.targets(d.to, s, d.dry != nil)
	items := make(effect.List, len(d.steps))
	for i, st := range d.steps {
		items[i] = st.item
	}
	if d.dry != nil {
		for i := range all {
			if err := d.from.Err(); err != nil { // nobody waits for the plan any more
				d.causes.fail(all[i].Key, fmt.Errorf("not rehearsed: %w", err))
				continue
			}
			d.serve(ctx, &all[i], items)
		}
	} else {
		d.begin()
		d.reserve(all, s)
		d.placed()
		spread(len(all), func(i int) { d.serve(ctx, &all[i], items) })
	}
}

// serve runs the list for one recipient and notes what became of it.
func (d *delivery) serve(ctx context.Context, to *target, items effect.List) {
	failed, err := d.one(ctx, to, items)
	if err == nil {
		d.causes.reach()
		return
	}
	switch first := d.causes.fail(to.Key, err); {
	case !first:
	case d.foreign != nil:
		slog.Warn("sfere: what another machine has sent was not run", "to", to.Key.String(), "error", core.SafeText(err))
	case failed != nil:
		d.call.Adopt(failed.result) // the dispatch of the sender is told of each cause once
	}
}

// reserve takes the places of what is made for each, in the one order of the room.
func (d *delivery) reserve(all []target, s *snapshot) {
	for i, turn := range d.room.Reserve(s.streams()) {
		if all[i].Conn == d.opener { // its first effects are in front of it
			turn.End()
			continue
		}
		all[i].turn = turn
	}
}

// failedFor is what the effects for one recipient failed with.
type failedFor struct{ result *effect.Result }

func (f *failedFor) Error() string { return core.SafeText(f.result.Err()) }
func (f *failedFor) Unwrap() error { return f.result.Err() }

// one runs the list for one recipient, in one dispatch, and sends what comes of it
// in one piece. failed is the part of err that is of the effects.
func (d *delivery) one(ctx context.Context, to *target, items effect.List) (failed *failedFor, err error) {
	if to.turn != nil {
		defer to.turn.End()
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("not reached in time: %w", context.Cause(ctx))
	}
	own := to.own
	if d.foreign == nil {
		var ok bool
		if own, ok = d.call.Against(to.own); !ok {
			return nil, ErrOtherCtx
		}
	}
	ctx, cancel := context.WithTimeout(ctx, d.conns.opts.RecipientTimeout)
	defer cancel()
	ctx = context.WithValue(ctx, recipientKey{}, to.Recipient)
	out := d.outlet(to)
	own = own.With(func(s *twk.Session) { *s = twk.Session{Conn: to.Conn, Out: out} }).Detached()
	var res *effect.Result
	if d.foreign != nil {
		res = d.alternate(ctx, own, out, items)
	} else {
		res = own.DispatchPrepared(ctx, func(ctx context.Context, i int) (bool, error) {
			st := &d.steps[i]
			switch {
			case st.each:
				return false, nil
			case st.failed:
				_ = out.Emit(ctx, st.frames...) // what it has sent before
				return true, errShared
			}
			return true, out.Emit(ctx, st.frames...)
		}, items...)
	}
	err = out.end(ctx)
	if errs := slices.DeleteFunc(slices.Clone(res.Errors), func(e *effect.Error) bool { return is(e.Err, errShared) }); len(errs) > 0 {
		some := *res
		some.Errors = errs
		failed = &failedFor{&some}
		err = errors.Join(err, failed)
	}
	return failed, err
}

const (
	// spreadAfter is how long recipients are served one after the other before
	// others help, and maxSpread how many do at most.
	spreadAfter = 5 * time.Millisecond
	maxSpread   = 8
)

// spread calls do for 0 to n-1. Slow recipients do not queue behind each other:
// if it takes long, some goroutines help, which have ended when spread returns.
func spread(n int, do func(i int)) {
	var next atomic.Int64
	work := func() {
		for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
			do(i)
		}
	}
	var helpers sync.WaitGroup
	helpers.Add(1)
	timer := time.AfterFunc(spreadAfter, func() {
		defer helpers.Done()
		for range min(maxSpread, n) - 1 {
			helpers.Go(work)
		}
	})
	work()
	if timer.Stop() {
		helpers.Done()
	}
	helpers.Wait()
}
