package sfere

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
	"github.com/sfere-go/sfere/relay"
	"github.com/sfere-go/sfere/twk"
)

// receive takes a message of another node. It is called for one after the other, and
// does at once what takes no time: what runs for each recipient has reserved its places
// in the streams when receive returns.
func (cl *cluster) receive(m relay.Received) {
	<-cl.up
	if cl.c.opts.Observer != nil {
		hop := max(time.Since(m.Sent), 0)
		cl.c.tell(func(o Observer) { o.Received(hop) })
	}
	switch b := m.Body.(type) {
	case relay.Refresh:
		cl.refreshed(b)
		return
	case relay.Presence:
		cl.sharing.others.told(m, b)
		return
	case relay.Interest:
		cl.sharing.feeds.asked(m.From, b)
		return
	case relay.Claims:
		cl.heard(m.From, b)
		return
	case relay.Claim:
		cl.challenged(m.From, m.To, b)
		return
	}
	to := patternOf(m.To)
	except := cl.excluded(m.Exclude)
	out := cl.result(m)
	if err := to.Validate(); err != nil {
		out.end(Report{}, err)
		return
	}
	c := cl.c
	switch b := m.Body.(type) {
	case relay.Broadcast:
		s := c.matching(to, except)
		defer c.give(s)
		cl.deliver(m, to, s, b.Steps, out, out.end)
	case relay.Close:
		ids, all := cl.mine(b.Streams), len(b.Streams) == 0
		if !all && len(ids) == 0 {
			out.end(Report{}, nil)
			return
		}
		out.end(c.end(context.Background(), to, except, ids, b.Cause), nil)
	case relay.Kick:
		s := cl.thrownOut(to, except, m.Exclude, b)
		defer c.give(s)
		all := c.targets(to, s, false)
		cl.deliver(m, to, s, b.Why, out, func(Report, error) {
			out.end(closeAll(context.Background(), all, CauseKicked), nil)
		})
	default: // of a newer program, or not handled yet
		out.end(Report{}, fmt.Errorf("%T means nothing here", b))
	}
}

// excluded returns x of another node, as far as it can concern streams here.
func (cl *cluster) excluded(x relay.Exclude) (out excluded) {
	for _, a := range x.Matching {
		out.patterns = append(out.patterns, patternOf(a))
	}
	out.streams = cl.mine(x.Streams)
	return out
}

// mine returns the ids of those streams that are of this node.
func (cl *cluster) mine(all []relay.Stream) (ids []uint64) {
	for _, s := range all {
		if s.Node == cl.node.ID() {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

// deliver runs the steps of another node's broadcast for everybody in s. done is called
// with what has become of it, perhaps later and on another goroutine. out is noted if
// the steps cannot be read.
func (cl *cluster) deliver(m relay.Received, to Pattern, s *snapshot, in []relay.Step, out *result, done func(Report, error)) {
	c, began := cl.c, time.Now()
	d := &delivery{conns: c, from: c.traced(context.Background(), m.Trace), to: to, foreign: cl}
	d.traced = d.from
	d.causes.r, d.report.Matched = &d.report, len(s.entries)
	if len(s.entries) == 0 || len(in) == 0 {
		d.report.Delivered = len(s.entries)
		done(d.report, nil)
		return
	}
	some := false
	for _, st := range in {
		one := step{frames: st.Frames}
		if len(st.Effect) > 0 {
			some, one.each = true, true // it is read for each dispatcher by itself
		}
		d.steps = append(d.steps, one)
	}
	ctx, cancel := context.Context((*unending)(d)), context.CancelFunc(func() {})
	if !m.Deadline.IsZero() {
		ctx, cancel = context.WithDeadline(ctx, m.Deadline)
	}
	d.room = c.rooms.of(to)
	end := func() {
		cancel()
		d.report.finish()
		if c.opts.Observer != nil {
			d.observed(began)
		}
		done(d.report, nil)
	}
	d.prepare(s.entries[0].stream.Hub())
	if !some {
		if frames := d.frames(); len(frames) > 0 {
			d.fanOut(ctx, s, frames)
		} else {
			d.report.Delivered = len(s.entries)
		}
		end()
		return
	}
	all := c.targets(to, s, false)
	lists := d.readEach(in, all)
	for _, l := range lists {
		if l.err != nil { // it is missed by those who would run it
			out.unread = l.err
			cl.gap(relay.Gap{To: m.To, From: m.From, Causes: []relay.Cause{relay.Unreadable}})
			break
		}
	}
	d.reserve(all, s)
	select { // when too many are at work, what arrives has to wait
	case cl.slots <- struct{}{}:
	case <-cl.ctx.Done():
		for i := range all {
			all[i].turn.End()
		}
		end()
		return
	}
	cl.running.Go(func() {
		defer func() { <-cl.slots }()
		defer end()
		spread(len(all), func(i int) {
			read := lists[engineOf(all[i].own)]
			if read.err != nil {
				all[i].turn.End()
				d.refuse(all[i].Key, read.err)
				return
			}
			d.serve(ctx, &all[i], read.items)
		})
	})
}

// readList are the effects of a list as one dispatcher reads them.
type readList struct {
	items effect.List
	err   error
}

// readEach reads what runs for each recipient, with the types of their dispatchers.
func (d *delivery) readEach(in []relay.Step, all []target) map[core.Runner]readList {
	lists := map[core.Runner]readList{}
	for i := range all {
		of := engineOf(all[i].own)
		if _, known := lists[of]; known {
			continue
		}
		var r readList
		for _, st := range in {
			if len(st.Effect) == 0 || r.err != nil {
				continue
			}
			var item effect.Data
			item, r.err = d.foreign.read(all[i].own, st.Effect)
			r.items = append(r.items, item)
		}
		lists[of] = r
	}
	return lists
}

// read reads one item of another machine and checks whether it may be run here.
func (cl *cluster) read(own twk.Call, text []byte) (effect.Data, error) {
	list, err := own.Decode(append(append([]byte{'['}, text...), ']'))
	switch {
	case err != nil:
		return nil, err
	case len(list) != 1:
		return nil, errors.New("it is not one effect")
	}
	return list[0], cl.permits(list[0])
}

// engineOf returns the dispatcher that call is of.
func engineOf(call twk.Call) core.Runner {
	c := core.Call(call)
	if s := c.State().Scope; s != nil {
		return s.Of
	}
	return nil
}

// alternate sends the frames of a list that another machine has made, and runs the
// effects between them, those in a row in one dispatch.
func (d *delivery) alternate(ctx context.Context, own twk.Call, out *batch, items effect.List) *effect.Result {
	all := &effect.Result{}
	n := 0 // effects that wait to be run
	run := func() {
		if n > 0 {
			res := own.Dispatch(ctx, items[:n]...)
			all.Errors = append(all.Errors, res.Errors...)
			items, n = items[n:], 0
		}
	}
	for _, st := range d.steps {
		if st.each {
			n++
			continue
		}
		run()
		_ = out.Emit(ctx, st.frames...) // gathers
	}
	run()
	return all
}

// refuse counts a recipient for whom the effects of another machine may not, or
// cannot, be run.
func (d *delivery) refuse(k Key, err error) {
	if d.causes.fail(k, err) {
		slog.Warn("sfere: an effect of another machine was not run", "to", d.to.String(), "error", core.SafeText(err))
	}
}
