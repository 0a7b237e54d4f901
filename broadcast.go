package sfere

import (
	"context"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/twk"
)

// Broadcast runs effects against every live connection that matches a pattern.
// Its value is a [Report]. Nobody to reach, or nothing to send, is no error.
//
// What is the same for all recipients is rendered once and put into their
// outboxes; nothing waits for a client. Other effects run once for each
// recipient, who sees their own stream and, through [RecipientOf] and [OwnKey],
// their own key. The sender's request, response and signals are not passed on.
// All events for one recipient are written together.
//
// A broadcast that has begun reaches everybody, also if the sender goes away.
// An error of one recipient does not stop another; it is in the report and
// among the errors of the dispatch.
type Broadcast struct {
	// To is who gets it. Without a scope it stays in that of the dispatch.
	To      Pattern     `json:"to" jsonschema:"description=who gets it"`
	Exclude Exclude     `json:"exclude,omitzero" jsonschema:"description=who of those does not"`
	Effects effect.List `json:"effects" jsonschema:"description=what they get; in this order"`
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
// [Broadcast] does. If there are none the key is in Report.Missing, which is
// [ErrNotFound] in Report.Err and no error of the dispatch.
type WithConnection struct {
	Key     effect.Late[Key] `json:"key" jsonschema:"description=the key; without a scope it gets that of the dispatch"`
	Effects effect.List      `json:"effects" jsonschema:"description=what it gets; in this order"`
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
	s := c.matching(to, except)
	defer c.give(s)
	return c.deliver(ctx, call, to, s, b.Effects, b.Each), nil
}

func (c *Conns) withConnection(ctx context.Context, call twk.Call, w WithConnection) (Report, error) {
	k, err := c.scoper(ctx, call).key(w.Key.Value)
	if err != nil {
		return Report{}, err
	}
	to := c.matching(Exactly(k), excluded{})
	defer c.give(to)
	if len(to.entries) == 0 {
		return Report{Missing: []Key{k}}, nil
	}
	return c.deliver(ctx, call, Exactly(k), to, w.Effects, false), nil
}
