package sfere

import (
	"context"
	"fmt"
	"net/http"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/twk"
)

// Policy is what happens when a stream is to be held under a key that a live
// stream of the same scope has already. A stream that is closed, or closing,
// has no key.
type Policy string

// The policies. The empty policy means the default of the [Conns].
const (
	// Join holds both; what is sent to the key reaches both.
	Join Policy = "join"
	// Replace closes the older ones with sfere.CauseReplaced, under whatever keys
	// they are held. That ends their streams normally, so that a client with
	// default settings stays away. One with retry 'always' comes back after a
	// second and replaces the newer one in turn: two such tabs of one person
	// push each other out for ever. Give each tab an id of its own instead, use
	// Join, or answer a tab that was replaced with 204.
	Replace Policy = "replace"
	// Reject refuses the newer one with status 409, which ends it for good for a
	// client with default settings.
	Reject Policy = "reject"
	// Reuse gives the effects of the newer one to the oldest, which counts as
	// activity there, and answers the newer one 204.
	Reuse Policy = "reuse"
)

// Hold returns resp with the stream it opens held under key, from before its
// effects run until it ends. A scope missing from key comes from the request. A
// response that does not stay open is not held.
//
// For a policy of its own write what Hold stands for:
//
//	twk.Stream().WithOpen(sfere.HoldStream{Key: key, Policy: sfere.Replace})
func Hold(key Key, resp twk.Response) twk.Response { return resp.WithOpen(HoldStream{Key: key}) }

// HoldStream holds the stream of the dispatch under a key. It belongs into
// twk.Response.Open, where [Hold] puts it. Run later, also when the stream has
// long been live, it adds another key; under a key that the stream has already
// it does nothing, and on a stream that has ended it fails with sse.ErrClosed. It
// fails with status 409 and [ErrTaken] if the key is somebody else's ([Claim]), and
// with status 204 if a [Kick] keeps the key away.
type HoldStream struct {
	Key    Key    `json:"key" jsonschema:"description=the key; without a scope it gets that of the request"`
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
	k, err := c.complete(ctx, s, h.Key)
	if err != nil {
		return nil, err
	}
	policy := h.Policy
	if policy == "" {
		policy = c.opts.Policy
	}
	switch policy {
	case Join, Replace, Reject, Reuse:
	default:
		return nil, &Error{Op: "holding", Key: k, Err: fmt.Errorf("unknown policy %q", policy)}
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
				return twk.Reuse{Conn: e.conn}, nil
			}
		}
		return nil, nil
	}
	a, err := c.register(s.Conn, k, policy, h.Owner)
	if err != nil {
		return nil, err
	}
	c.makeRoom(a)
	if a.instead != nil {
		return twk.Reuse{Conn: a.instead.conn}, nil
	}
	return nil, nil
}

// oldest returns the oldest live stream under k, which is then active; nil if
// there is none.
func (c *Conns) oldest(k Key) *entry {
	es := c.liveUnder(k)
	if len(es) == 0 {
		return nil
	}
	es[0].touch()
	return es[0]
}

// liveUnder is live for who does not hold c.mu.
func (c *Conns) liveUnder(k Key) []*entry {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.live(k)
}

// Touch says that the client of a key is there, which renews its time in a
// [TTL] store. It is for requests other than the stream itself, such as a
// heartbeat that the page sends. Its value is the number of connections.
type Touch struct {
	Key Key `json:"key" jsonschema:"description=the key; without a scope it gets that of the request"`
}

// EffectName returns "sfere/touch".
func (Touch) EffectName() string { return "sfere/touch" }

func (c *Conns) touch(ctx context.Context, call twk.Call, t Touch) (int, error) {
	k, err := c.complete(ctx, call.Ctx(), t.Key)
	if err != nil {
		return 0, err
	}
	if effect.IsDry(ctx) {
		effect.WouldDo(ctx, Touch{Key: k})
		return 0, nil
	}
	return c.Touch(k), nil
}

// Touch is the effect [Touch] for code outside a dispatch; k needs its scope.
func (c *Conns) Touch(k Key) int {
	es := c.under(k)
	for _, e := range es {
		e.touch()
	}
	return len(es)
}

// under returns the streams under k.
func (c *Conns) under(k Key) []*entry {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.index.appendKey(nil, k)
}
