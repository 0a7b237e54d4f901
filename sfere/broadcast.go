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
	To      Pattern     `json:"to" jsonschema:"description=who gets it"`
	Exclude Exclude     `json:"exclude,omitzero" jsonschema:"description=who of those does not"`
	Effects effect.List `json:"effects" jsonschema:"description=what they get; in this order"`
}

// EffectName returns "sfere/broadcast".
func (Broadcast) EffectName() string { return "sfere/broadcast" }

// Exclude says which connections a [Broadcast] or [Close] leaves out: those
// under any of the keys and those that match any of the patterns, with all
// their keys. A scope missing from a key comes from the request.
type Exclude struct {
	Keys     []effect.Late[Key] `json:"keys,omitempty" jsonschema:"description=keys to leave out"`
	Matching []Pattern          `json:"matching,omitempty" jsonschema:"description=patterns to leave out"`
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

// WithConnection runs effects against the connections under one key, as
// [Broadcast] does. If there are none the key is in Report.Missing, which is
// [ErrNotFound] in Report.Err and no error of the dispatch.
type WithConnection struct {
	Key     effect.Late[Key] `json:"key" jsonschema:"description=the key; without a scope it gets that of the request"`
	Effects effect.List      `json:"effects" jsonschema:"description=what it gets; in this order"`
}

// EffectName returns "sfere/with-connection".
func (WithConnection) EffectName() string { return "sfere/with-connection" }

// To returns the effect that runs effects against the connections under key.
func To(key Key, effects ...effect.Data) WithConnection {
	return WithConnection{Key: effect.Of(key), Effects: effects}
}

// Close closes every connection that matches a pattern; what has been sent to
// them before is written. Its value is a [Report], in which those that are
// closing already count as failed with twk.ErrClosed. To say good-bye, put it
// after the broadcast that does, not among its effects.
type Close struct {
	To      Pattern `json:"to" jsonschema:"description=who is closed"`
	Exclude Exclude `json:"exclude,omitzero" jsonschema:"description=who of those is not"`
	// Cause is why; empty means twk.CauseClosed, after which the client stays
	// away.
	Cause twk.Cause `json:"cause,omitempty" jsonschema:"description=why; empty means closed"`
}

// EffectName returns "sfere/close".
func (Close) EffectName() string { return "sfere/close" }

func (c *Conns) broadcast(ctx context.Context, call *twk.Call, b Broadcast) (Report, error) {
	except, err := c.excluded(ctx, call, b.To, b.Exclude)
	if err != nil {
		return Report{}, err
	}
	conns, give := c.matching(b.To, except)
	defer give()
	return c.deliver(ctx, call, b.To, conns, b.Effects), nil
}

func (c *Conns) withConnection(ctx context.Context, call *twk.Call, w WithConnection) (Report, error) {
	k, err := c.complete(ctx, call.Ctx(), w.Key.Value)
	if err != nil {
		return Report{}, err
	}
	to := Exactly(k)
	conns, give := c.matching(to, excluded{})
	defer give()
	if len(conns) == 0 {
		return Report{Missing: []Key{k}}, nil
	}
	return c.deliver(ctx, call, to, conns, w.Effects), nil
}

func (c *Conns) closeMatching(ctx context.Context, call *twk.Call, e Close) (Report, error) {
	except, err := c.excluded(ctx, call, e.To, e.Exclude)
	if err != nil {
		return Report{}, err
	}
	conns, give := c.matching(e.To, except)
	defer give()
	if e.Cause == "" {
		e.Cause = twk.CauseClosed
	}
	if effect.IsDry(ctx) {
		return c.rehearseEnd(ctx, e.To, conns, e.Cause), nil
	}
	return c.end(e.To, conns, e.Cause), nil
}

// Purge closes the connections that match p with twk.CausePurged, from outside
// a dispatch; [Close] is the effect for it. The error is that of
// [Pattern.Validate].
func (c *Conns) Purge(p Pattern) (Report, error) {
	if err := p.Validate(); err != nil {
		return Report{}, err
	}
	conns, give := c.matching(p, excluded{})
	defer give()
	return c.end(p, conns, twk.CausePurged), nil
}

func (c *Conns) end(to Pattern, conns []*twk.Conn, cause twk.Cause) Report {
	r := Report{Matched: len(conns)}
	for _, conn := range conns {
		if conn.Close(cause) {
			r.Delivered++
		} else {
			r.fail(c.entryOf(conn).keyIn(to), conn, twk.ErrClosed)
		}
	}
	r.finish()
	return r
}

// excluded is an [Exclude] whose keys are complete.
type excluded struct {
	keys     []Key
	patterns []Pattern
}

// excluded checks to and x.
func (c *Conns) excluded(ctx context.Context, call *twk.Call, to Pattern, x Exclude) (excluded, error) {
	if err := to.Validate(); err != nil {
		return excluded{}, err
	}
	out := excluded{patterns: x.Matching}
	for _, p := range x.Matching {
		if err := p.Validate(); err != nil {
			return excluded{}, err
		}
	}
	for _, k := range x.Keys {
		key, err := c.complete(ctx, call.Ctx(), k.Value)
		if err != nil {
			return excluded{}, err
		}
		out.keys = append(out.keys, key)
	}
	return out, nil
}

// find returns the excluded connections; c.mu is held.
func (x excluded) find(c *Conns) map[*twk.Conn]bool {
	var conns []*twk.Conn
	for _, k := range x.keys {
		conns = c.index.appendKey(conns, k)
	}
	for _, p := range x.patterns {
		conns = c.index.appendMatches(conns, p)
	}
	if len(conns) == 0 {
		return nil
	}
	out := make(map[*twk.Conn]bool, len(conns))
	for _, conn := range conns {
		out[conn] = true
	}
	return out
}
