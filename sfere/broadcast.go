package sfere

import (
	"context"
	"errors"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/twk"
)

// Broadcast runs effects against every live connection that matches a pattern.
// What is the same for all recipients is rendered once. Its value is a [Report].
//
// Recipients see their own stream and, through [RecipientOf], their own key;
// the sender's request, response and signals are not passed on. All events for
// one recipient are written together.
type Broadcast struct {
	To      Pattern     `json:"to"`
	Exclude Exclude     `json:"exclude,omitzero"`
	Effects effect.List `json:"effects"`
}

// EffectName returns "sfere/broadcast".
func (Broadcast) EffectName() string { return "sfere/broadcast" }

// Exclude says which connections a broadcast leaves out: those under any of the
// keys and those that match any of the patterns. Scopes missing from keys are
// filled in as in [Hold].
type Exclude struct {
	Keys     []effect.Late[Key] `json:"keys,omitempty"`
	Matching []Pattern          `json:"matching,omitempty"`
}

// Except excludes the connections under keys.
func Except(keys ...Key) Exclude {
	var x Exclude
	for _, k := range keys {
		x.Keys = append(x.Keys, effect.Of(k))
	}
	return x
}

// ExceptMatching excludes the connections that match any of the patterns.
func ExceptMatching(ps ...Pattern) Exclude { return Exclude{Matching: ps} }

// WithConnection runs effects against the connections under one key. Without
// one the report has no match and the error is ErrNotFound.
type WithConnection struct {
	Key     effect.Late[Key] `json:"key"`
	Effects effect.List      `json:"effects"`
}

// EffectName returns "sfere/with-connection".
func (WithConnection) EffectName() string { return "sfere/with-connection" }

// To returns the effect that runs effects against the connections under key.
func To(key Key, effects ...effect.Data) WithConnection {
	return WithConnection{Key: effect.Of(key), Effects: effects}
}

// Close closes every connection that matches a pattern. Its value is a [Report].
type Close struct {
	To Pattern `json:"to"`
	// Cause is why; empty means twk.CauseClosed.
	Cause twk.Cause `json:"cause,omitempty"`
}

// EffectName returns "sfere/close".
func (Close) EffectName() string { return "sfere/close" }

// Report says what became of a broadcast.
type Report struct {
	Matched   int `json:"matched"`   // connections that match and are not excluded
	Delivered int `json:"delivered"` // took everything into their outbox
	Dropped   int `json:"dropped"`   // were cut because their outbox was full
	Failed    int `json:"failed"`    // had closed, or an effect failed for them
	// Failures has an entry for each connection that counts as dropped or failed.
	Failures []Failure `json:"failures,omitempty"`
}

// Failure is one connection that did not get everything.
type Failure struct {
	Key  Key    `json:"key"`
	Conn uint64 `json:"conn"` // twk.ConnInfo.ID
	Err  error  `json:"-"`
}

// Add adds the numbers and failures of o to r.
func (r *Report) Add(o Report) {
	r.Matched += o.Matched
	r.Delivered += o.Delivered
	r.Dropped += o.Dropped
	r.Failed += o.Failed
	r.Failures = append(r.Failures, o.Failures...)
}

// ReportOf sums the reports in the outcomes of res.
func ReportOf(res *effect.Result) Report {
	var sum Report
	if res != nil {
		for _, o := range res.Outcomes {
			if r, ok := o.Value.(Report); ok {
				sum.Add(r)
			}
		}
	}
	return sum
}

// Recipient is the connection that a nested dispatch is for.
type Recipient struct {
	Key  Key
	Conn *twk.Conn
}

type recipientKey struct{}

// RecipientOf returns the recipient of the broadcast that ctx is part of; false
// outside one. Placeholders and per-recipient content use it.
func RecipientOf(ctx context.Context) (Recipient, bool) {
	r, ok := ctx.Value(recipientKey{}).(Recipient)
	return r, ok
}

func (c *Conns) broadcast(ctx context.Context, call *twk.Call, b Broadcast) (Report, error) {
	if err := b.To.Validate(); err != nil {
		return Report{}, err
	}
	except := excluded{patterns: b.Exclude.Matching}
	for _, p := range b.Exclude.Matching {
		if err := p.Validate(); err != nil {
			return Report{}, err
		}
	}
	for _, k := range b.Exclude.Keys {
		key, err := c.complete(k.Value, call.Ctx().Request)
		if err != nil {
			return Report{}, err
		}
		except.keys = append(except.keys, key)
	}
	conns, give := c.matching(b.To, except)
	defer give()
	return c.deliver(ctx, call, b.To, conns, b.Effects), nil
}

func (c *Conns) withConnection(ctx context.Context, call *twk.Call, w WithConnection) (Report, error) {
	k, err := c.complete(w.Key.Value, call.Ctx().Request)
	if err != nil {
		return Report{}, err
	}
	to := Exactly(k)
	conns, give := c.matching(to, excluded{})
	defer give()
	if len(conns) == 0 {
		return Report{}, &Error{Op: "sending to", Key: k, Err: ErrNotFound}
	}
	return c.deliver(ctx, call, to, conns, w.Effects), nil
}

func (c *Conns) close(_ context.Context, _ *twk.Call, e Close) (Report, error) {
	if err := e.To.Validate(); err != nil {
		return Report{}, err
	}
	if e.Cause == "" {
		e.Cause = twk.CauseClosed
	}
	conns, give := c.matching(e.To, excluded{})
	defer give()
	r := Report{Matched: len(conns)}
	for _, conn := range conns {
		if conn.Close(e.Cause) {
			r.Delivered++
		}
	}
	return r, nil
}

// step is a part of a broadcast: frames for everybody, or an effect that has to
// run for each recipient.
type step struct {
	frames []*twk.Frame
	item   effect.Data
}

// steps is the outlet that shared effects write to while they run once for all.
type steps struct {
	list []step
	held bool
}

// Emit adds frames to those of the step before, if it is one of frames.
func (s *steps) Emit(_ context.Context, frames ...*twk.Frame) error {
	if n := len(s.list); n > 0 && s.list[n-1].item == nil {
		s.list[n-1].frames = append(s.list[n-1].frames, frames...)
		return nil
	}
	s.list = append(s.list, step{frames: append([]*twk.Frame(nil), frames...)})
	return nil
}

func (s *steps) hold(item effect.Data) {
	s.list = append(s.list, step{item: item})
	s.held = true
}

// deliver runs items once for all conns where that is possible, and once for
// each where it is not.
func (c *Conns) deliver(ctx context.Context, call *twk.Call, to Pattern, conns []*twk.Conn, items effect.List) Report {
	r := Report{Matched: len(conns)}
	if len(conns) == 0 || len(items) == 0 {
		r.Delivered = len(conns)
		return r
	}
	var plan steps
	call.With(func(s *twk.Session) {
		s.Conn, s.Request, s.Response, s.Out = nil, nil, nil, &plan
	}).DispatchShared(ctx, plan.hold, items...)
	for i := range plan.list {
		plan.list[i].frames = conns[0].Hub().Prepare(plan.list[i].frames, c.audience(to))
	}
	if !plan.held {
		if len(plan.list) > 0 { // otherwise every item failed, which the dispatch reports
			r.Delivered = twk.Fanout(conns, plan.list[0].frames, func(conn *twk.Conn, err error) { c.failed(&r, conn, err) })
		}
		return r
	}
	for _, conn := range conns {
		if err := c.deliverTo(ctx, call, conn, plan.list); err != nil {
			c.failed(&r, conn, err)
		} else {
			r.Delivered++
		}
	}
	return r
}

// deliverTo runs the steps for one recipient and sends what comes of it in one
// piece. Errors of its effects are also in the result of the dispatch.
func (c *Conns) deliverTo(ctx context.Context, call *twk.Call, conn *twk.Conn, list []step) error {
	var out twk.Collector
	var errs []error
	ctx = context.WithValue(ctx, recipientKey{}, Recipient{Key: c.keyOf(conn), Conn: conn})
	own := call.With(func(s *twk.Session) {
		s.Conn, s.Request, s.Response, s.Out = conn, nil, nil, &out
	})
	for _, st := range list {
		if st.item == nil {
			out.Frames = append(out.Frames, st.frames...)
			continue
		}
		if err := own.Dispatch(ctx, st.item).Err(); err != nil {
			errs = append(errs, err)
		}
	}
	if len(out.Frames) > 0 {
		if err := conn.Emit(ctx, out.Frames...); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (c *Conns) failed(r *Report, conn *twk.Conn, err error) {
	if errors.Is(err, twk.ErrOverflow) {
		r.Dropped++
	} else {
		r.Failed++
	}
	r.Failures = append(r.Failures, Failure{Key: c.keyOf(conn), Conn: conn.ID(), Err: err})
}
