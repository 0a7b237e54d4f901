package sfere

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
)

// Policy is what happens when a stream is to be held under a key that a live
// stream of the same scope has already. A stream that is closed, or closing,
// has no key.
type Policy string

// The policies. The empty policy means the default of the [Conns].
const (
	// Join holds both; what is sent to the key reaches both, on all machines.
	Join Policy = "join"
	// Replace closes the older ones with sfere.CauseReplaced, under whatever keys
	// they are held, once the newer one opens. A tab that opened its stream with
	// attr.Stream comes back after a second, as after every end, and replaces the
	// newer one in turn: two such tabs of one person push each other out for
	// ever. Give each tab an id of its own instead, use Join, or answer a tab that
	// was replaced with 204 (twk.NoContent), which keeps every client away. With a
	// relay the newer one opens without waiting, and the older ones on other machines
	// are closed a moment later, by the clocks of the machines.
	Replace Policy = "replace"
	// Reject refuses the newer one with status 409. A client of attr.Stream asks
	// again, ever more slowly, and so gets the key when it is free. With a relay all
	// machines are asked while the stream opens; Options.WhenDown says what happens when
	// one does not answer.
	Reject Policy = "reject"
	// Reuse gives the effects of the newer one to the oldest, which counts as
	// activity there, and answers the newer one 204, after which its client stays
	// away; or 410 if the oldest ends before it has got them. It knows the streams of
	// this machine only.
	Reuse Policy = "reuse"
)

// check refuses a word that is no policy.
func (p Policy) check() error {
	switch p {
	case "", Join, Replace, Reject, Reuse:
		return nil
	}
	return fmt.Errorf("unknown policy %q: use Join, Replace, Reject or Reuse", p)
}

// Hold returns resp with the stream it opens held under key, from before its
// effects run until it ends. Without a scope key gets that of the request. A
// response that does not stay open is not held.
//
// A stream may be held under several keys, each with a policy of its own. It gets
// all of them or none when it opens, after everything in Response.Open has
// succeeded: until then nobody else sees it, and nobody has left for it.
//
// For a policy of its own write what Hold stands for:
//
//	twk.Stream().WithOpen(sfere.HoldStream{Key: key, Policy: sfere.Replace})
func Hold(key Key, resp twk.Response) twk.Response { return resp.WithOpen(HoldStream{Key: key}) }

// HoldStream holds the stream of the dispatch under a key. It belongs in
// twk.Response.Open, where [Hold] puts it. There it notes the key, and fails at
// once if the policy is Reject and a live stream has the key; the stream gets it
// when it opens. If another stream has come first by then, the policy decides
// again: of two streams that open at once with Reject, the first to open has the
// key and the other is refused. What other effects of Response.Open send to the
// key does not reach the stream, as it has no key yet.
//
// Run later, also when the stream has long been live, it adds a key at once;
// under a key that the stream has already it does nothing, and on a stream that
// has ended it fails with sse.ErrClosed. It fails with status 409 and [ErrTaken] if
// the key is somebody else's ([Claim]), and with status 204 if a [Kick] keeps the
// key away.
type HoldStream struct {
	Key    Key    `json:"key" jsonschema:"description=the key; without a scope it gets that of the dispatch"`
	Policy Policy `json:"policy,omitempty" jsonschema:"enum=,enum=join,enum=replace,enum=reject,enum=reuse,description=what happens if a live stream has the key; empty means the default of the program"`
	// Owner, unless empty, makes a [Claim] of the key for as long as the stream
	// lasts, or uses the one that the owner has. Default: the stream is refused
	// with 409 if anybody has claimed the key.
	Owner string `json:"owner,omitempty" jsonschema:"description=for whom the key is claimed; needed if it is claimed already"`
}

// EffectName returns "sfere/hold".
func (HoldStream) EffectName() string { return "sfere/hold" }

func (c *Conns) hold(ctx context.Context, call twk.Call, h HoldStream) (any, error) {
	s := call.Ctx()
	if s.Conn == nil {
		return nil, &Error{Op: "holding", Key: h.Key, Err: twk.ErrNoStream}
	}
	k, err := c.scoper(ctx, call).key(h.Key)
	if err != nil {
		return nil, err
	}
	policy := h.Policy
	if policy == "" {
		policy = c.opts.Policy
	}
	if err := policy.check(); err != nil {
		return nil, &Error{Op: "holding", Key: k, Err: err}
	}
	if effect.IsDry(ctx) {
		effect.WouldDo(ctx, HoldStream{Key: k, Policy: policy, Owner: h.Owner})
		return nil, nil
	}
	if s.Response != nil && !s.Response.Stay {
		if policy == Reuse {
			if owner, claimed := c.OwnerOf(k); claimed && owner != h.Owner {
				return nil, &Error{Op: "holding", Key: k, Status: http.StatusConflict, Err: ErrTaken}
			}
			if e := c.oldest(k); e != nil {
				e.touch()
				return twk.Reuse{Conn: e.conn}, nil
			}
		}
		return nil, nil
	}
	own := call.With(func(own *twk.Session) { *own = twk.Session{Conn: s.Conn} }).Kept()
	a, err := c.askAll(ctx, own, s.Conn, ask{k, policy, h.Owner})
	if err != nil {
		return nil, err
	}
	c.makeRoom(a)
	if a.instead != nil {
		return twk.Reuse{Conn: a.instead.conn}, nil
	}
	return nil, nil
}

// askAll is ask after the other nodes have agreed, if they have to be asked.
func (c *Conns) askAll(ctx context.Context, own twk.Call, conn *sse.Conn, a ask) (out admission, err error) {
	out, wait, err := c.ask(own, conn, a, nil)
	for wait && err == nil {
		var b *bid
		b, err = c.secure(ctx, "holding", func(now time.Time) ([]want, error) { return c.plan([]ask{a}, now) })
		if err == nil {
			out, wait, err = c.ask(own, conn, a, b)
		}
		b.end()
	}
	return out, err
}

// oldest returns the oldest live stream under k, nil if there is none.
func (c *Conns) oldest(k Key) *entry {
	c.mu.RLock()
	defer c.mu.RUnlock()
	es := c.live(k)
	if len(es) == 0 {
		return nil
	}
	return es[0]
}

// Touch says that the client of a key is there, which renews its time in a
// [TTL] store. It is for requests other than the stream itself, such as a
// heartbeat that the page sends. Its value is the number of connections.
type Touch struct {
	Key Key `json:"key" jsonschema:"description=the key; without a scope it gets that of the dispatch"`
}

// EffectName returns "sfere/touch".
func (Touch) EffectName() string { return "sfere/touch" }

func (c *Conns) touch(ctx context.Context, call twk.Call, t Touch) (int, error) {
	k, err := c.scoper(ctx, call).key(t.Key)
	if err != nil {
		return 0, err
	}
	if effect.IsDry(ctx) {
		effect.WouldDo(ctx, Touch{Key: k})
		return 0, nil
	}
	return c.Touch(k), nil
}

// Touch is the effect [Touch] for code outside a dispatch. A key without a scope
// means DefaultScope, and nobody in a program with Options.Scope.
func (c *Conns) Touch(k Key) int {
	if k.Scope == "" && c.opts.Scope == nil {
		k.Scope = DefaultScope
	}
	c.mu.RLock()
	es := c.index.appendKey(nil, k)
	c.mu.RUnlock()
	for _, e := range es {
		e.touch()
	}
	return len(es)
}
