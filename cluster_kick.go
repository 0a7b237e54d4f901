package sfere

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"time"

	"github.com/sfere-go/sfere/internal/core"
	"github.com/sfere-go/sfere/relay"
)

// kicked is what is known of a key that is kept away.
type kicked struct {
	at     time.Time // of the Kick
	except *relay.Exclude
}

// control is what nodes say and ask each other beside messages: whom they keep away,
// and who has claimed what.
// It travels as a question to all, because a message reaches those only who have
// somebody under its address.
type control struct {
	Deny []denial  `json:"deny,omitempty"`
	Let  []letting `json:"let,omitempty"`
	Want bool      `json:"want,omitempty"` // the answer is all that the node has of it, and later its claims

	Bid    *bidding      `json:"bid,omitempty"`
	Votes  []verdict     `json:"votes,omitempty"` // the answer to Bid
	Claims *relay.Claims `json:"claims,omitempty"`

	List   *listQuestion `json:"list,omitempty"`   // see cluster_list.go
	Listed *listAnswer   `json:"listed,omitempty"` // the answer to it
}

// denial is a key that is kept away.
type denial struct {
	Key    Key            `json:"key"`
	At     time.Time      `json:"at"`
	Until  time.Time      `json:"until"`
	Except *relay.Exclude `json:"except,omitempty"` // those under the key are spared
}

// letting is an [Admit].
type letting struct {
	To relay.Address `json:"to"`
	At time.Time     `json:"at"`
}

// saying is a control on its way.
type saying struct {
	control
	of    []relay.ID // nil: all
	tries int
}

// sweep is a key that was denied by another node: who is under it still is closed a
// little later, when the Kick itself has come or is lost.
type sweep struct {
	denial
	due time.Time
}

const (
	sweepAfter  = time.Second
	maxLettings = 1000
	maxDenials  = 1000 // that are told at once
	sayTries    = 3
)

// sayTo tells nodes something, all if none is given. It does not wait.
func (cl *cluster) sayTo(c control, of ...relay.ID) {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	cl.sayings = append(cl.sayings, saying{control: c, of: of})
	poke(cl.say)
}

// talk tells nodes what is to be told and takes their answers.
func (cl *cluster) talk() {
	for {
		select {
		case <-cl.ctx.Done():
			return
		case <-cl.say:
		}
		cl.mu.Lock()
		all := cl.sayings
		cl.sayings = nil
		cl.mu.Unlock()
		for _, s := range joined(all) {
			cl.tell(s)
		}
	}
}

// joined makes one of what all nodes are told.
func joined(all []saying) (out []saying) {
	at := -1
	for _, s := range all {
		switch {
		case len(s.of) > 0 || s.tries > 0:
			out = append(out, s)
		case at < 0 || len(out[at].Deny)+len(s.Deny) > maxDenials:
			at, out = len(out), append(out, s)
		default:
			out[at].Deny = append(out[at].Deny, s.Deny...)
			out[at].Let = append(out[at].Let, s.Let...)
			out[at].Want = out[at].Want || s.Want
		}
	}
	return out
}

func (cl *cluster) tell(s saying) {
	text, err := json.Marshal(s.control)
	if err != nil {
		slog.Error("sfere: other machines cannot be told whom to keep away", "error", core.SafeText(err))
		return
	}
	answers, err := cl.node.Ask(cl.ctx, relay.Sent{}, text, s.of...)
	var silent []relay.ID
	for _, a := range answers {
		switch a.Fate {
		case relay.Taken:
			var c control
			if json.Unmarshal(a.Data, &c) == nil {
				cl.learn(c)
			}
		default:
			silent = append(silent, a.Node)
		}
	}
	// A node that is cut off learns it when it is back: it asks for everything then.
	if s.tries++; (err != nil || len(silent) > 0) && s.tries < sayTries && cl.ctx.Err() == nil {
		s.of = silent
		cl.mu.Lock()
		cl.sayings = append(cl.sayings, s)
		poke(cl.say)
		cl.mu.Unlock()
	}
}

// asked answers what another node says and asks.
func (cl *cluster) asked(from relay.ID, text []byte) (json.RawMessage, error) {
	var c control
	if err := json.Unmarshal(text, &c); err != nil {
		return nil, err
	}
	if c.Bid != nil {
		return json.Marshal(control{Votes: cl.vote(from, *c.Bid)})
	}
	if c.List != nil {
		return cl.answerList(*c.List)
	}
	cl.learn(c)
	if c.Claims != nil {
		cl.heard(from, *c.Claims)
	}
	if !c.Want {
		return json.RawMessage("{}"), nil
	}
	cl.sync(from)
	return json.Marshal(cl.known())
}

// known returns whom this node keeps away.
func (cl *cluster) known() (c control) {
	now := time.Now()
	cl.c.mu.Lock()
	cl.c.kicked.sweep(now)
	for k, i := range cl.c.kicked.items.m {
		if len(c.Deny) == maxDenials {
			break
		}
		c.Deny = append(c.Deny, denial{k, i.value.at, i.end, i.value.except})
	}
	cl.c.mu.Unlock()
	cl.mu.Lock()
	c.Let = slices.Clone(cl.lettings)
	cl.mu.Unlock()
	return c
}

// learn takes over whom another node keeps away or lets in.
func (cl *cluster) learn(c control) {
	now := time.Now()
	for _, l := range c.Let {
		if to := patternOf(l.To); to.Validate() == nil && cl.note(l) {
			cl.c.admitKeys(to, now, l.At)
		}
	}
	cl.mu.Lock()
	lettings := slices.Clone(cl.lettings)
	cl.mu.Unlock()
	for _, d := range c.Deny {
		if d.Key.Validate() != nil || !d.Until.After(now) ||
			slices.ContainsFunc(lettings, func(l letting) bool { return !l.At.Before(d.At) && patternOf(l.To).Matches(d.Key) }) {
			continue
		}
		if cl.c.deny(cl, d, now) {
			cl.mu.Lock()
			cl.sweeps = append(cl.sweeps, sweep{d, now.Add(sweepAfter)})
			poke(cl.wake)
			cl.mu.Unlock()
		}
	}
}

// note remembers an Admit, against denials that come late. It reports whether it is
// news.
func (cl *cluster) note(l letting) bool {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	for i, old := range cl.lettings {
		if old.To == l.To {
			if !l.At.After(old.At) {
				return false
			}
			cl.lettings = slices.Delete(cl.lettings, i, i+1)
			break
		}
	}
	if len(cl.lettings) >= maxLettings {
		cl.lettings = slices.Delete(cl.lettings, 0, 1)
	}
	cl.lettings = append(cl.lettings, l)
	return true
}

// deny keeps a key away because another node does, and reports whether that is news. A
// key of a stream here that the Kick spares is not kept away.
func (c *Conns) deny(cl *cluster, d denial, now time.Time) bool {
	except := cl.spared(d)
	s := c.snapshot()
	defer c.give(s)
	c.mu.Lock()
	defer c.mu.Unlock()
	for spared := range c.choose(s, Exactly(d.Key), except) {
		if spared.has(d.Key) {
			return false
		}
	}
	if i := c.kicked.get(d.Key, now); i != nil && !d.Until.After(i.end) {
		return false
	}
	c.keepAway(d.Key, now, d.Until, kicked{d.At, d.Except})
	return true
}

// spared returns who is under the key of d and may stay.
func (cl *cluster) spared(d denial) excluded {
	if d.Except == nil {
		return excluded{}
	}
	return cl.excluded(*d.Except)
}

// sweep closes who is still under keys that other nodes keep away. It returns when
// there is more to do.
func (cl *cluster) sweep() (next time.Time) {
	now := time.Now()
	cl.mu.Lock()
	var due []sweep
	for len(cl.sweeps) > 0 && !cl.sweeps[0].due.After(now) {
		due = append(due, cl.sweeps[0])
		cl.sweeps = cl.sweeps[1:]
	}
	if len(cl.sweeps) > 0 {
		next = cl.sweeps[0].due
	}
	cl.mu.Unlock()
	for _, s := range due {
		if cl.c.KeptAway(s.Key) > 0 {
			cl.c.end(context.Background(), Exactly(s.Key), cl.spared(s.denial), nil, CauseKicked)
		}
	}
	return next
}

// thrownOut throws out who matches a Kick of another node, and tells all nodes the keys
// that it has found and keeps away for it.
func (cl *cluster) thrownOut(to Pattern, except excluded, x relay.Exclude, b relay.Kick) *snapshot {
	keep := time.Duration(-1)
	if !b.Until.IsZero() {
		keep = time.Until(b.Until)
	}
	s, keys := cl.c.throwOut(to, except, keep, kicked{time.Now(), notEmpty(x)})
	if _, shape, _ := to.fixed(); shape != shapeExact { // one key the sender tells them itself
		cl.denied(keys, x, keep)
	}
	return s
}

// denied tells all nodes the keys that are kept away.
func (cl *cluster) denied(keys []Key, x relay.Exclude, keep time.Duration) {
	if len(keys) == 0 {
		return
	}
	now := time.Now()
	for some := range slices.Chunk(keys, maxDenials) {
		var c control
		for _, k := range some {
			c.Deny = append(c.Deny, denial{k, now, now.Add(keep), notEmpty(x)})
		}
		cl.sayTo(c)
	}
}

func notEmpty(x relay.Exclude) *relay.Exclude {
	if len(x.Matching)+len(x.Streams) == 0 {
		return nil
	}
	return &x
}
