package sfere

import (
	"context"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/relay"
	"github.com/sfere-go/sfere/twk"
)

// Broadcast runs effects against every live connection that matches a pattern.
// Its value is a [Report]. It is not an error if nobody matches or nothing is
// sent.
//
// What is the same for all recipients runs once, and the result is put into their
// outboxes; nothing waits for a client. What asks who the recipient is
// ([RecipientOf], [OwnKey], an interceptor that looks at its Ctx), and every
// effect that is not About.Shared, runs for each recipient instead: in one
// dispatch, with the Ctx under which that stream was opened. The sender's
// request, response, signals and context values are not passed on; [SenderOf]
// asks for them. All events for one recipient are written together.
//
// With a relay ([Options].Relay) it reaches the streams of all machines, these here
// first. What is the same for everybody travels as events, and needs nothing there.
// What runs for each recipient travels in wire form and runs there, in dispatches of
// its own without [SenderOf], if it may come from another machine
// ([Options].FromRelay); an item that may not, or has no wire form, is an error of
// this dispatch, and nothing of the broadcast is sent to other machines then. All
// machines get the broadcasts of one dispatch to one pattern in one order.
//
// A broadcast that has begun goes on when its sender leaves, until the sender's
// deadline. An error of one recipient does not stop another. It is in the report
// and, once for each cause, among the errors of the dispatch.
type Broadcast struct {
	// To is who gets it. Without a scope it stays in that of the dispatch.
	To      Pattern     `json:"to" jsonschema:"description=who gets it"`
	Exclude Exclude     `json:"exclude,omitzero" jsonschema:"description=who of those does not"`
	Effects effect.List `json:"effects" jsonschema:"description=what they get; in this order"`
	// Report says what the Report is about with a relay: "local", the default, is this
	// machine, and does not wait; "cluster" is all of them, and waits for their answers
	// until [relay.Options].AnswerWithin.
	Report string `json:"report,omitempty" jsonschema:"enum=,enum=local,enum=cluster,description=which machines the report is about; local if empty"`
	// Each runs everything for each recipient, also what could run once for all.
	Each bool `json:"each,omitempty" jsonschema:"description=run everything for each recipient; also what could run once for all"`
}

// EffectName returns "sfere/broadcast".
func (Broadcast) EffectName() string { return "sfere/broadcast" }

// Tell returns the effect that runs effects against every connection that
// matches to.
func Tell(to Pattern, effects ...effect.Data) Broadcast {
	return Broadcast{To: to, Effects: effects}
}

// WithConnection runs effects against the connections under one key, as
// [Broadcast] does. If there are none, the key is in Report.Missing. That is
// [ErrNotFound] in Report.Err, and not an error of the dispatch. With a relay, and
// unless Report is "cluster", that says nothing of other machines.
type WithConnection struct {
	Key     effect.Late[Key] `json:"key" jsonschema:"description=the key; without a scope it gets that of the dispatch"`
	Effects effect.List      `json:"effects" jsonschema:"description=what it gets; in this order"`
	// Report is that of a [Broadcast].
	Report string `json:"report,omitempty" jsonschema:"enum=,enum=local,enum=cluster,description=which machines the report is about; local if empty"`
}

// EffectName returns "sfere/with-connection".
func (WithConnection) EffectName() string { return "sfere/with-connection" }

// Send returns the effect that runs effects against the connections under key.
func Send(key Key, effects ...effect.Data) WithConnection {
	return WithConnection{Key: effect.Now(key), Effects: effects}
}

func (c *Conns) broadcast(ctx context.Context, call twk.Call, b Broadcast) (Report, error) {
	to, except, err := c.address(ctx, call, b.To, b.Exclude)
	if err != nil {
		return Report{}, err
	}
	far, err := c.far(ctx, to, except, b.Report, broadcastOf)
	if err != nil {
		return Report{}, err
	}
	s := c.matching(to, except)
	defer c.give(s)
	return far.complete(ctx, call, c.deliver(ctx, call, to, s, b.Effects, b.Each, far)), nil
}

func broadcastOf(steps []relay.Step) relay.Body { return relay.Broadcast{Steps: steps} }

func (c *Conns) withConnection(ctx context.Context, call twk.Call, w WithConnection) (Report, error) {
	k, err := c.scoper(ctx, call).key(w.Key.Value)
	if err != nil {
		return Report{}, err
	}
	far, err := c.far(ctx, Exactly(k), excluded{}, w.Report, broadcastOf)
	if err != nil {
		return Report{}, err
	}
	to := c.matching(Exactly(k), excluded{})
	defer c.give(to)
	if len(to.entries) == 0 && far == nil {
		return Report{Missing: []Key{k}}, nil
	}
	r := far.complete(ctx, call, c.deliver(ctx, call, Exactly(k), to, w.Effects, false, far))
	if r.Matched == 0 {
		r.Missing = []Key{k}
	}
	return r, nil
}
