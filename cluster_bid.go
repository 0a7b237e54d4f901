package sfere

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"github.com/sfere-go/sfere/relay"
)

// A key that only one may have is asked for at all nodes, because a relay keeps
// nothing. Whoever wants it makes a bid: it is noted here, so that nobody else here
// gets the key meanwhile, and then every node is asked. A node refuses what somebody
// has there, and what it has bid for earlier itself; its own later bid it gives up. So
// two bids are settled at the two nodes that make them, and of those that hear each
// other exactly one is won.

// bid is the wish of a stream or of a Claim for keys that are not shared.
type bid struct {
	cl    *cluster
	wants []want        // sorted by key; constant
	at    relay.Clock   // orders bids, with the id of the node; constant
	done  chan struct{} // closed when it is not in the ledger any more

	// Conns.mu guards the rest.
	lost bool // given up for an earlier one
	won  bool // nobody else gets it until it ends
}

// want is one key of a bid.
type want struct {
	Key   Key    `json:"key"`
	Owner string `json:"owner,omitempty"`
	Alone bool   `json:"alone,omitempty"` // no live stream may have it, not even of the owner
}

// clashes reports whether two who want one key cannot both get it.
func (w want) clashes(o want) bool { return w.Owner == "" || w.Owner != o.Owner || w.Alone || o.Alone }

const (
	maxWants = 256 // keys of one bid
	// pollTries is how often a node is asked that does not answer.
	pollTries = 3
	// meetSlack is how long the answers of other nodes to the greeting of this one may
	// be on the way.
	meetSlack = 100 * time.Millisecond
	// firstRetry is after which time, at most, a bid that another one stood against is
	// made again. It doubles up to lastRetry.
	firstRetry = 4 * time.Millisecond
	lastRetry  = 64 * time.Millisecond
)

// dated notes when a claim was made, and since when its owner has the key. It reports
// whether that was on another node before. Conns.mu is held.
func (cl *cluster) dated(i *claim, b *bid, now time.Time) (before bool) {
	v := &i.value
	v.made = cl.book.tick()
	if v.since == 0 {
		if v.since = v.made; b.covers(i.key) {
			v.since = b.at
		}
	}
	for _, r := range cl.book.of(i.key, now) {
		if r.owner == v.owner && !r.promised && !r.over {
			before, v.since = true, min(v.since, r.since)
			if v.byStream && r.keep > 0 {
				v.keep = r.keep
			}
		}
	}
	return before
}

// covers reports whether b has won k. A nil bid covers nothing.
func (b *bid) covers(k Key) bool {
	return b != nil && b.won && slices.ContainsFunc(b.wants, func(w want) bool { return w.Key == k })
}

// wantsOf returns what of asks is to be asked for at other nodes. A stream of an owner
// whose claim is here already asks for nothing. c.mu is held.
func (c *Conns) wantsOf(asks []ask, now time.Time) (wants []want) {
	for _, a := range asks {
		w := want{a.key, a.owner, a.policy == Reject}
		if !w.Alone {
			if i := c.claims.get(a.key, now); a.owner == "" || i != nil && i.value.owner == a.owner {
				continue
			}
		}
		wants = append(wants, w)
	}
	slices.SortFunc(wants, func(v, w want) int { return compareKeys(v.Key, w.Key) })
	return wants
}

// isToAsk reports whether other nodes have to be asked for some of asks, beside what b
// has won. c.mu is held.
func (c *Conns) isToAsk(asks []ask, b *bid) bool {
	if c.cluster.Load() == nil {
		return false
	}
	return slices.ContainsFunc(c.wantsOf(asks, time.Now()), func(w want) bool { return !b.covers(w.Key) })
}

// plan returns what streams are to ask for, and why they need not. c.mu is held.
func (c *Conns) plan(asks []ask, now time.Time) ([]want, error) {
	_, instead, err := c.judge(asks, nil)
	if instead != nil || err != nil {
		return nil, err
	}
	return c.wantsOf(asks, now), nil
}

// isElsewhere reports whether somebody else has claimed k on another node. Whoever is
// not to ask the nodes must not have it either while somebody is asking for it. What b
// has won is nobody else's. c.mu is held.
func (c *Conns) isElsewhere(k Key, owner string, asks bool, now time.Time, b *bid) bool {
	cl := c.cluster.Load()
	if cl == nil || b.covers(k) {
		return false
	}
	if other := cl.book.bids[k]; other != nil && !asks && other.claims(k) {
		return true
	}
	return cl.book.rival(k, owner, !asks, now)
}

// claims reports whether b is for an owner of k.
func (b *bid) claims(k Key) bool {
	return slices.ContainsFunc(b.wants, func(w want) bool { return w.Key == k && w.Owner != "" })
}

// secure asks the other nodes for what a stream or claim wants, if there are any. plan
// says what that is and what speaks against it here; it is called under c.mu, perhaps
// several times. The caller must end the bid, which is nil if there is nothing to ask
// for. No lock may be held. The error is an *Error.
func (c *Conns) secure(ctx context.Context, op string, plan func(now time.Time) ([]want, error)) (*bid, error) {
	cl := c.cluster.Load()
	if cl == nil {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, cl.within)
	defer cancel()
	var b *bid
	for wait := firstRetry; ; wait = min(2*wait, lastRetry) {
		next, other, err := cl.begin(b, op, plan)
		if next != nil {
			b, err = next, cl.ask(ctx, op, next)
			if err == nil {
				return b, nil
			}
			b.drop()
		}
		again := err == errBusy || other != nil
		if again && !pause(ctx, cl, other, rand.N(wait)+wait/2) {
			again, err = false, cl.late(ctx, op, cmp.Or(other, b).wants[0].Key)
		}
		if !again {
			b.end()
			return nil, err
		}
	}
}

// pause waits for the end of another bid, or without one for a time. It reports false
// if there is no time left. When another one has ended there always is: whoever waited
// for the same nodes need not do so again.
func pause(ctx context.Context, cl *cluster, other *bid, d time.Duration) bool {
	var after <-chan time.Time
	var done <-chan struct{}
	if other == nil {
		timer := time.NewTimer(d)
		defer timer.Stop()
		after = timer.C
	} else {
		done = other.done
	}
	select {
	case <-done:
		return cl.ctx.Err() == nil
	case <-after:
	case <-ctx.Done():
	case <-cl.ctx.Done():
	}
	select {
	case <-done:
		return cl.ctx.Err() == nil
	default:
		return ctx.Err() == nil && cl.ctx.Err() == nil
	}
}

// errBusy says that another bid stands against one.
var errBusy = errors.New("another bid is being decided")

// late is the error of a bid that did not come to be asked.
func (cl *cluster) late(ctx context.Context, op string, k Key) error {
	switch {
	case cl.ctx.Err() != nil:
		return &Error{Op: op, Key: k, Status: statusOf(ErrConnsClosed), Err: ErrConnsClosed}
	case errors.Is(ctx.Err(), context.Canceled):
		return &Error{Op: op, Key: k, Err: ctx.Err()}
	}
	return &Error{Op: op, Key: k, Status: http.StatusConflict, Err: ErrTaken}
}

// begin notes a bid, which is as old as the last one if that is not nil, so that it is
// not younger each time. It returns the one that is to be waited for instead if somebody
// here is bidding for one of the keys.
func (cl *cluster) begin(last *bid, op string, plan func(time.Time) ([]want, error)) (b, other *bid, err error) {
	c := cl.c
	c.mu.Lock()
	defer c.mu.Unlock()
	wants, err := plan(time.Now())
	switch {
	case err != nil || len(wants) == 0:
		return nil, nil, err
	case len(wants) > maxWants:
		return nil, nil, &Error{Op: op, Key: wants[0].Key, Status: http.StatusBadRequest, Err: fmt.Errorf("it is to have %d keys that are not shared, at most %d", len(wants), maxWants)}
	}
	for _, w := range wants {
		if other := cl.book.bids[w.Key]; other != nil {
			return nil, other, nil
		}
	}
	b = &bid{cl: cl, wants: wants, at: cl.book.tick(), done: make(chan struct{})}
	if last != nil {
		b.at = last.at
	}
	for _, w := range wants {
		cl.book.bids[w.Key] = b
	}
	return b, nil, nil
}

// drop takes b out of the ledger. It may be called again, and for nil. Other nodes keep
// the keys for a while.
func (b *bid) drop() {
	if b == nil {
		return
	}
	b.cl.c.mu.Lock()
	defer b.cl.c.mu.Unlock()
	if b.cl.book.bids[b.wants[0].Key] != b {
		return
	}
	b.won = false
	for _, w := range b.wants {
		delete(b.cl.book.bids, w.Key)
	}
	close(b.done)
}

// end drops b and tells the others what has become of its keys. It may be nil.
func (b *bid) end() {
	if b.drop(); b != nil {
		b.cl.told(b.wants)
	}
}
