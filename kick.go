package sfere

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/relay"
	"github.com/sfere-go/sfere/twk"
)

// Kick throws out every connection that matches a pattern: it runs Why for each of
// them, closes them with [CauseKicked], and keeps their keys away for a time. A
// [HoldStream] under such a key is refused with status 204, the one answer after
// which every client stays away, also one that comes back after every end. A
// [Claim] of it fails with 409. [Admit] lets the keys in again.
//
// Kept away are those keys of the connections that To matches. If To is one exact
// key, it is kept away also if no connection has it at the moment, as while its
// client comes back. A key that an excluded connection has too is not kept away.
//
// With a relay they are thrown out and kept away on all machines. A machine that
// cannot be reached learns it when it can be again, as one does that comes later, and
// then closes whom it still has. The time is by the clocks of all machines.
//
// Its value is a [Report] of how many were closed, as that of a [Close]. What goes
// wrong with Why is among the errors of the dispatch and stops nothing.
type Kick struct {
	To      Pattern     `json:"to" jsonschema:"description=who is thrown out"`
	Exclude Exclude     `json:"exclude,omitzero" jsonschema:"description=who of those is not"`
	Why     effect.List `json:"why,omitempty" jsonschema:"description=what they get before the end; in this order"`
	// For is how long they are kept away. Default 1 minute, negative means not at
	// all. At most 65 536 keys are kept away; then those go whose time is over first.
	For time.Duration `json:"for,omitempty" jsonschema:"description=how long they are kept away, in nanoseconds; 0 means one minute, negative not at all"`
	// Report is that of a [Broadcast].
	Report string `json:"report,omitempty" jsonschema:"enum=,enum=local,enum=cluster,description=which machines the report is about; local if empty"`
}

// EffectName returns "sfere/kick".
func (Kick) EffectName() string { return "sfere/kick" }

// Admit lets in again whom a [Kick] keeps away: all keys that match a pattern. Its
// value is how many keys those are on this machine; with a relay all machines let them
// in.
type Admit struct {
	To Pattern `json:"to" jsonschema:"description=who is let in again"`
}

// EffectName returns "sfere/admit".
func (Admit) EffectName() string { return "sfere/admit" }

const (
	defaultKick = time.Minute
	maxKicked   = 1 << 16
)

var errKicked = errors.New("it was thrown out and is kept away for now")

func (c *Conns) kick(ctx context.Context, call twk.Call, k Kick) (Report, error) {
	to, except, err := c.address(ctx, call, k.To, k.Exclude)
	if err != nil {
		return Report{}, err
	}
	keep := cmp.Or(k.For, defaultKick)
	if effect.IsDry(ctx) {
		keep = -1
	}
	now := time.Now()
	far, err := c.far(ctx, to, except, k.Report, func(why []relay.Step) relay.Body {
		b := relay.Kick{Why: why}
		if keep > 0 {
			b.Until = now.Add(keep)
		}
		return b
	})
	if err != nil {
		return Report{}, err
	}
	known := kicked{at: now}
	if far != nil {
		known.except = notEmpty(far.env.Exclude)
	}
	s, keys := c.throwOut(to, except, keep, known)
	defer c.give(s)
	all := c.targets(to, s, effect.IsDry(ctx)) // deliver may change s
	c.deliver(ctx, call, to, s, k.Why, false, far)
	if far != nil {
		if far.err != nil && len(k.Why) > 0 { // they are closed all the same
			far.fail(call)
			far.err = nil
			far.send(nil)
		}
		far.cl.denied(keys, far.env.Exclude, keep)
	}
	return far.complete(ctx, call, closeAll(ctx, all, CauseKicked)), nil
}

// throwOut returns who matches, and in the same moment begins to keep them away
// if keep is positive: keys are those that are kept away.
func (c *Conns) throwOut(to Pattern, except excluded, keep time.Duration, known kicked) (s *snapshot, keys []Key) {
	s = c.snapshot()
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	spared := c.choose(s, to, except)
	if keep <= 0 {
		return s, nil
	}
	stay := map[Key]bool{}
	for e := range spared {
		for h := range e.holdings() {
			stay[h.key] = true
		}
	}
	away := func(k Key) {
		if !stay[k] {
			c.keepAway(k, now, now.Add(keep), known)
			keys = append(keys, k)
		}
	}
	if k, shape, ok := to.fixed(); ok && shape == shapeExact {
		away(k)
	}
	for _, e := range s.entries {
		for h := range e.holdings() {
			if to.Matches(h.key) {
				away(h.key)
			}
		}
	}
	return s, keys
}

// keepAway keeps k away until a time, or longer if it is already. c.mu is held.
func (c *Conns) keepAway(k Key, now, until time.Time, known kicked) {
	i := c.kicked.get(k, now)
	switch {
	case i == nil:
		if len(c.kicked.ends) >= maxKicked {
			c.kicked.drop(c.kicked.ends[0])
		}
		i = c.kicked.add(k, known)
	case !until.After(i.end):
		return
	}
	i.value = known
	c.kicked.until(i, until)
}

func (c *Conns) letIn(ctx context.Context, call twk.Call, a Admit) (_ int, err error) {
	if a.To, err = c.scoper(ctx, call).pattern(a.To); err != nil {
		return 0, err
	}
	if effect.IsDry(ctx) {
		effect.WouldDo(ctx, a)
		return 0, nil
	}
	now := time.Now()
	if cl := c.cluster.Load(); cl != nil {
		l := letting{a.To.address(), now}
		cl.note(l)
		cl.sayTo(control{Let: []letting{l}})
	}
	return c.admitKeys(a.To, now, now), nil
}

// admitKeys lets in again who matches to and was thrown out before a time.
func (c *Conns) admitKeys(to Pattern, now, before time.Time) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k, shape, ok := to.fixed(); ok && shape == shapeExact {
		i := c.kicked.get(k, now)
		if i == nil || i.value.at.After(before) {
			return 0
		}
		c.kicked.drop(i)
		return 1
	}
	c.kicked.sweep(now)
	var in []*item[kicked]
	for k, i := range c.kicked.items.m {
		if to.Matches(k) && !i.value.at.After(before) {
			in = append(in, i)
		}
	}
	for _, i := range in {
		c.kicked.drop(i)
	}
	return len(in)
}

// KeptAway returns how long a [Kick] still keeps k away, 0 if it does not. A key
// without a scope is in [DefaultScope]; in a program with scopes none is kept away.
func (c *Conns) KeptAway(k Key) time.Duration {
	k, _ = c.outsideKey(k)
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := c.kicked.get(k, now); i != nil {
		return i.end.Sub(now)
	}
	return 0
}
