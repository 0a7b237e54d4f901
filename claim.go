package sfere

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/relay"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
)

// Claim takes a key for an owner: a name or a seat, also before there is a stream.
// While it lasts nobody else can claim the key, and a stream is held under it only
// by a [HoldStream] with the same Owner. A claim lasts while a stream of its owner
// is held under the key, and otherwise For since it was made or renewed, or since
// the last such stream ended. Claiming again renews it.
//
// Its value is true if the claim is new, false if it was renewed. If somebody else
// has claimed the key, or has a live stream under it, the effect fails with an
// [*Error] that names the key, wraps [ErrTaken] and asks for status 409. It fails
// with 409 as well for a key that a [Kick] keeps away, and with [ErrFull] if 65 536
// claims have no stream.
//
// With a relay the claim holds on all machines. They are asked for it, which takes
// Options.Node.AnswerWithin at most, unless the owner has claimed the key on this
// machine already; Options.WhenDown says what happens when one does not answer.
//
// Keys are compared as they are. Names that only look the same are claimed under a
// key that is made from their folded form.
type Claim struct {
	Key Key `json:"key" jsonschema:"description=the key; without a scope it gets that of the dispatch"`
	// Owner tells owners apart: the id of a session, or another string of up to
	// 1024 bytes that others cannot guess.
	Owner string `json:"owner" jsonschema:"minLength=1,maxLength=1024,description=who claims it, such as the id of a session"`
	// For is how long the claim lasts without a stream. Default 30 s.
	For time.Duration `json:"for,omitempty" jsonschema:"minimum=0,description=how long it lasts without a stream, in nanoseconds; 0 means 30 s"`
}

// EffectName returns "sfere/claim".
func (Claim) EffectName() string { return "sfere/claim" }

// Release gives up a [Claim], with a relay on all machines. Streams that are held under it stay, and the claim
// ends with the last of them. Its value is false if the owner has no claim of the
// key; then nothing happens.
type Release struct {
	Key   Key    `json:"key" jsonschema:"description=the key; without a scope it gets that of the dispatch"`
	Owner string `json:"owner" jsonschema:"minLength=1,description=who has claimed it"`
}

// EffectName returns "sfere/release".
func (Release) EffectName() string { return "sfere/release" }

func (c *Conns) claimFor(ctx context.Context, call twk.Call, e Claim) (fresh bool, err error) {
	if e.Key, err = c.scoper(ctx, call).key(e.Key); err != nil {
		return false, err
	}
	if effect.IsDry(ctx) {
		effect.WouldDo(ctx, e)
		return false, e.check()
	}
	return c.claim(ctx, e)
}

func (c *Conns) release(ctx context.Context, call twk.Call, e Release) (had bool, err error) {
	if e.Key, err = c.scoper(ctx, call).key(e.Key); err != nil {
		return false, err
	}
	if effect.IsDry(ctx) {
		effect.WouldDo(ctx, e)
		return false, nil
	}
	return c.Release(e.Key, e.Owner), nil
}

// Claim is the effect [Claim] for code outside a dispatch, such as a handler that
// has to know before it answers; d is its For. With a relay it waits for the other
// machines, and must not be called by the functions of Options.Node. A key without a
// scope is in [DefaultScope], or an error in a program with scopes.
func (c *Conns) Claim(k Key, owner string, d time.Duration) error {
	k, err := c.outsideKey(k)
	if err != nil {
		return err
	}
	_, err = c.claim(context.Background(), Claim{Key: k, Owner: owner, For: d})
	return err
}

// Release is the effect [Release] for code outside a dispatch. A key without a
// scope is in [DefaultScope]; in a program with scopes nobody has claimed it.
func (c *Conns) Release(k Key, owner string) bool {
	k, _ = c.outsideKey(k)
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	had := false
	if cl := c.cluster.Load(); cl != nil && cl.book.has(k, owner, now) {
		cl.book.remove(k, now, func(r remoteClaim) bool { return !r.promised && r.owner == owner })
		cl.release(k, owner)
		had = true
	}
	i := c.claims.get(k, now)
	if i == nil || i.value.owner != owner {
		return had
	}
	i.value.keep = 0
	c.claims.rest(i, now)
	return true
}

// OwnerOf returns who has claimed k, on whatever machine, and false if nobody has, as
// far as this machine has been told. A key without a
// scope is in [DefaultScope]; in a program with scopes nobody has claimed it.
func (c *Conns) OwnerOf(k Key) (owner string, ok bool) {
	k, _ = c.outsideKey(k)
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := c.claims.get(k, now); i != nil {
		return i.value.owner, true
	}
	if cl := c.cluster.Load(); cl != nil {
		if there, ok := cl.book.first(k, now); ok {
			return there.owner, true
		}
	}
	return "", false
}

const (
	defaultClaim = 30 * time.Second
	maxClaims    = 1 << 16 // without a stream; those with one are bounded by the streams
	maxOwner     = 1024    // bytes
)

func (e *Claim) check() error {
	var err error
	switch {
	case e.Owner == "":
		err = errors.New("it has no owner: use the id of a session")
	case len(e.Owner) > maxOwner:
		err = fmt.Errorf("its owner has %d bytes, at most %d", len(e.Owner), maxOwner)
	case e.For < 0:
		err = fmt.Errorf("it is for %v", e.For)
	default:
		return nil
	}
	return &Error{Op: "claiming", Key: e.Key, Status: http.StatusBadRequest, Err: err}
}

// claim makes or renews a claim; the key is complete.
func (c *Conns) claim(ctx context.Context, e Claim) (fresh bool, err error) {
	if err := e.check(); err != nil {
		return false, err
	}
	for {
		b, err := c.secure(ctx, "claiming", func(now time.Time) ([]want, error) {
			if err := c.mayClaim(e, now, nil); err != nil {
				return nil, err
			}
			return c.wantsOf([]ask{{e.Key, Join, e.Owner}}, now), nil
		})
		if err != nil {
			return false, err
		}
		fresh, taken, err := c.take(e, b)
		b.end()
		if taken || err != nil {
			return fresh, err
		}
	}
}

// mayClaim checks whether e may be made; with b, that has been won for it. c.mu is held.
func (c *Conns) mayClaim(e Claim, now time.Time, b *bid) error {
	var err error
	i := c.claims.get(e.Key, now)
	switch {
	case c.closed:
		err = ErrConnsClosed
	case c.kicked.get(e.Key, now) != nil:
		return &Error{Op: "claiming", Key: e.Key, Status: http.StatusConflict, Err: errKicked}
	case i != nil && i.value.owner != e.Owner, i == nil && len(c.live(e.Key)) > 0, c.isElsewhere(e.Key, e.Owner, true, now, b):
		return &Error{Op: "claiming", Key: e.Key, Status: http.StatusConflict, Err: ErrTaken}
	case i == nil && len(c.claims.ends) >= maxClaims:
		err = ErrFull
	default:
		return nil
	}
	return &Error{Op: "claiming", Key: e.Key, Status: statusOf(err), Err: err}
}

// take gives e its key. taken is false if other nodes have to be asked first.
func (c *Conns) take(e Claim, b *bid) (fresh, taken bool, err error) {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.mayClaim(e, now, b); err != nil {
		return false, false, err
	}
	cl := c.cluster.Load()
	i := c.claims.get(e.Key, now)
	if fresh = i == nil; fresh {
		if cl != nil && !b.covers(e.Key) {
			return false, false, nil
		}
		i = c.claims.add(e.Key, claimed{owner: e.Owner})
	}
	i.value.keep, i.value.byStream = cmp.Or(e.For, defaultClaim), false
	if cl != nil {
		fresh = !cl.dated(i, b, now) && fresh
	}
	c.claims.rest(i, now)
	return fresh, true, nil
}

// mayHold checks whether a stream of an owner, who may be nobody, may be held under
// k. With alone no other stream has it; what b has won is not somebody else's. c.mu is
// held.
func (c *Conns) mayHold(k Key, owner string, alone bool, now time.Time, b *bid) error {
	err := error(nil)
	switch i := c.claims.get(k, now); {
	case c.kicked.get(k, now) != nil:
		err = &Error{Op: "holding", Key: k, Status: http.StatusNoContent, Err: errKicked}
	case len(owner) > maxOwner:
		err = &Error{Op: "holding", Key: k, Status: http.StatusBadRequest, Err: fmt.Errorf("its owner has %d bytes, at most %d", len(owner), maxOwner)}
	case i != nil && i.value.owner != owner, i == nil && owner != "" && len(c.live(k)) > 0, c.isElsewhere(k, owner, owner != "" || alone, now, b):
		err = &Error{Op: "holding", Key: k, Status: http.StatusConflict, Err: ErrTaken}
	}
	return err
}

// claims has the claims of a Conns, whose mu guards it. An invariant: if a key is
// claimed, all streams under it are those of the owner.
type claims struct {
	expiring[claimed]
	changed func(Key) // told of each claim that is new, over, or lasts in another way; nil without a relay
}

// claim is one claim. It ends only while it has no stream.
type claim = item[claimed]

type claimed struct {
	owner    string
	keep     time.Duration // how long it lasts without a stream; 0: it has been released
	streams  int
	byStream bool // a stream made it, and it was not renewed since

	// With a relay: when the owner got the key, on whatever node, and when the claim was
	// made or renewed here.
	since, made relay.Clock
}

// hold puts the stream of h under a claim of owner, if that is not empty. mayHold
// has been asked.
func (x *claims) hold(h *holding, owner string) {
	if owner == "" {
		return
	}
	i := x.items.m[h.key]
	if i == nil {
		i = x.add(h.key, claimed{owner: owner, byStream: true})
	}
	i.value.keep = cmp.Or(i.value.keep, defaultClaim)
	if i.value.streams++; i.value.streams == 1 {
		x.told(i.key)
	}
	x.expiring.keep(i)
	h.claim = i
}

// left is called when the stream of h is gone.
func (x *claims) left(h *holding, cause sse.Cause, now time.Time) {
	i := h.claim
	if i == nil {
		return
	}
	h.claim = nil
	if i.value.streams--; i.value.streams > 0 {
		return
	}
	if cause == sse.CauseRefused && i.value.byStream { // it has changed nothing
		i.value.keep = 0
	}
	x.rest(i, now)
}

// rest makes i end in its time, unless it has a stream.
func (x *claims) rest(i *claim, now time.Time) {
	switch {
	case i.value.streams > 0:
	case i.value.keep == 0:
		x.drop(i)
	default:
		if i.at < 0 && len(x.ends) >= maxClaims { // streams that came and went
			x.told(x.ends[0].key)
			x.drop(x.ends[0])
		}
		x.until(i, now.Add(i.value.keep))
	}
	x.told(i.key)
}

func (x *claims) told(k Key) {
	if x.changed != nil {
		x.changed(k)
	}
}
