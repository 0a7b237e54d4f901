package sfere

import (
	"context"
	"time"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/internal/flight"
	"github.com/sfere-go/sfere/relay"
	"github.com/sfere-go/sfere/sse"
)

// Observer is told of what a [Conns] does, such as for metrics and traces. Package
// telemetry has one. Its methods may be called from several goroutines at once, and must
// not block. A panic is contained and logged. Dry runs are not told.
type Observer interface {
	// Sent is called after each broadcast, by this machine or another one, with the
	// context of the dispatch that has sent it.
	Sent(ctx context.Context, s Sent)
	// Refreshed is called after each [Refresh], by this machine or another one.
	Refreshed(r Refreshed)
	// Rendered is called after each render of a view.
	Rendered(r Rendered)
	// Received is called for each message of another machine, with how long ago it was
	// sent by the clock of that one.
	Received(hop time.Duration)
	// Missed is called for each gap of the relay.
	Missed(g relay.Gap)
	// Trace returns what other machines are told of the trace that ctx belongs to, in at
	// most [relay.MaxTrace] bytes; empty for nothing.
	Trace(ctx context.Context) string
	// Traced returns ctx as part of a trace that another machine has told of. The text
	// comes from outside.
	Traced(ctx context.Context, trace string) context.Context
}

// Sent is one broadcast, or what another machine has sent.
type Sent struct {
	Report  Report // of this machine
	Took    time.Duration
	Bytes   int  // of the events that are the same for everybody
	Each    bool // something ran for each recipient
	Foreign bool // another machine has sent it
}

// Rendered is one render of a view.
type Rendered struct {
	View string // its name
	Took time.Duration
	// Outcome is "sent", "unchanged" if it came to the same as before, "gone", "not-yet"
	// ([ErrNotYet]), "failed", "late" if it has failed by its deadline, or "abandoned" if
	// nobody shows it any more.
	Outcome string
}

// AppObserver is told of everything that an [App] does.
type AppObserver interface {
	Observer
	dispatch.Observer
	// Written is [sse.HubOptions].OnWritten.
	Written(w sse.Written)
	// Watch is called once by BuildApp, with what the App has made.
	Watch(hub *sse.Hub, conns *Conns)
}

// tell calls a method of the observer, of which there is one.
func (c *Conns) tell(call func(o Observer)) {
	defer contain("method of the observer")
	call(c.opts.Observer)
}

// observed tells the observer of a delivery that has ended.
func (d *delivery) observed(began time.Time) {
	s := Sent{Report: d.report, Took: time.Since(began), Foreign: d.foreign != nil}
	for _, st := range d.steps {
		s.Each = s.Each || st.each
		for _, f := range st.frames {
			s.Bytes += f.Len()
		}
	}
	d.conns.tell(func(o Observer) { o.Sent(d.from, s) })
}

// trace returns what other machines are told of the trace of ctx.
func (c *Conns) trace(ctx context.Context) (text string) {
	if c.opts.Observer != nil {
		c.tell(func(o Observer) { text = o.Trace(ctx) })
	}
	if len(text) > relay.MaxTrace {
		return ""
	}
	return text
}

// traced returns ctx as part of a trace.
func (c *Conns) traced(ctx context.Context, trace string) context.Context {
	if c.opts.Observer == nil || trace == "" {
		return ctx
	}
	own := ctx
	c.tell(func(o Observer) { own = o.Traced(ctx, trace) })
	if own == nil {
		return ctx
	}
	return own
}

// refreshed tells the observer of a refresh.
func (c *Conns) refreshed(r Refreshed) {
	if c.opts.Observer != nil {
		c.tell(func(o Observer) { o.Refreshed(r) })
	}
}

// landed returns what tells the observer of a render; nil if there is none.
func (c *Conns) landed() func(v *flight.Value, took time.Duration, o flight.Outcome) {
	if c.opts.Observer == nil {
		return nil
	}
	return func(v *flight.Value, took time.Duration, outcome flight.Outcome) {
		c.tell(func(o Observer) { o.Rendered(Rendered{v.Kind().Name, took, string(outcome)}) })
	}
}
