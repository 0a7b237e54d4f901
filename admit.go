package sfere

import (
	"cmp"
	"net/http"
	"runtime/debug"
	"slices"
	"time"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
)

// ask is a key that a stream wants.
type ask struct {
	key    Key
	policy Policy
	owner  string // for whom the key is claimed, empty for nobody
}

// admission is what became of an ask.
type admission struct {
	instead *entry   // the connection to use in place of the new one
	removed []*entry // had to make room; the caller ends them
	evict   []Member // likewise, of other Conns that share the store
}

// A stream gets its keys in one step, under the lock, after which it is held under
// all of them or nothing has changed. While it is pending its keys are only
// noted: nobody else sees them, so that two streams that want the same key
// decide it when they open, and the first one wins. What is known before is
// said at once, so that a stream that has no chance is refused early.

// ask gives a key to conn, or notes it if conn is pending; call has the Ctx of
// conn. The caller calls [Conns.makeRoom] with the result.
func (c *Conns) ask(call twk.Call, conn *sse.Conn, a ask) (out admission, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entryOf(conn)
	if e == nil || e.kept {
		e = &entry{owner: c, conn: conn, own: call}
	}
	if err := c.admissible(e); err != nil {
		return out, refused(a.key, err)
	}
	if e.wants(a.key) {
		return out, nil
	}
	asks := append(slices.Clip(e.asks), a)
	older, instead, err := c.judge(asks)
	if instead != nil || err != nil {
		return admission{instead: instead}, err
	}
	if !e.attached {
		if e.isLive, e.attached = conn.Attach(e); !e.attached {
			return out, refused(a.key, sse.ErrClosed)
		}
	}
	// In this order: if conn is pending after e has been attached, e will be asked.
	if len(e.asks) > 0 || conn.Pending() {
		e.asks = asks
		return out, nil
	}
	return c.admit(e, asks, older)
}

// open gives e the keys that it has asked for, all or none. The caller calls
// [Conns.makeRoom] with the result, in which instead is not nil if an older
// stream is to be used after all.
func (c *Conns) open(e *entry) (out admission, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	asks := e.asks
	e.asks = nil
	if len(asks) == 0 {
		return out, nil
	}
	defer func() {
		if e.state == entryNew { // it is refused: nothing that comes late may hold it
			e.state = entryGone
		}
	}()
	switch err := c.admissible(e); err {
	case nil:
	case sse.ErrClosed: // it ends as it has been told to, and has changed nothing
		return out, nil
	default:
		return out, refused(asks[0].key, err)
	}
	older, instead, err := c.judge(asks)
	if instead != nil || err != nil {
		return admission{instead: instead}, err
	}
	return c.admit(e, asks, older)
}

// admissible says why e can have no key; c.mu is held.
func (c *Conns) admissible(e *entry) error {
	switch {
	case c.closed:
		return ErrConnsClosed
	case e.state == entryGone || e.conn.Cause() != "":
		return sse.ErrClosed
	}
	return nil
}

// judge says what the policies make of asks, one after the other: who leaves for
// the new stream, or who is used in place of it, or why it is refused. It
// changes nothing. c.mu is held.
func (c *Conns) judge(asks []ask) (older []*entry, instead *entry, err error) {
	now := time.Now()
	for _, a := range asks {
		if err := c.mayHold(a.key, a.owner, now); err != nil {
			return nil, nil, err
		}
		if a.policy == Join {
			continue
		}
		present := slices.DeleteFunc(c.live(a.key), func(e *entry) bool { return slices.Contains(older, e) })
		switch {
		case len(present) == 0:
		case a.policy == Reuse:
			return nil, present[0], nil
		case a.policy == Reject:
			return nil, nil, &Error{Op: "holding", Key: a.key, Status: http.StatusConflict, Err: ErrTaken}
		default:
			older = append(older, present...)
		}
	}
	return older, nil, nil
}

// admit registers e under all keys in place of older, or changes nothing. c.mu is
// held.
func (c *Conns) admit(e *entry, asks []ask, older []*entry) (out admission, err error) {
	if e.state == entryNew {
		victims, err := c.enroll(e, older)
		if err != nil {
			return out, refused(asks[0].key, err)
		}
		for _, v := range victims {
			if old, ok := v.(*entry); ok && old.owner == c {
				if c.takeOut(old, sse.CauseSize) {
					out.removed = append(out.removed, old)
				}
			} else {
				out.evict = append(out.evict, v)
			}
		}
	}
	if e.state == entryNew {
		c.held++
		c.seq++
		e.seq = c.seq
	}
	for _, a := range asks {
		slot, earlier := e.hold(a.key)
		c.index.add(slot, a.key, indexed{e, e.conn}, earlier)
		c.claims.hold(e.latest(), a.owner)
		for _, w := range c.watches { // before those that it replaces go
			w.added(e, a.key)
		}
	}
	for _, old := range older {
		if c.takeOut(old, CauseReplaced) {
			out.removed = append(out.removed, old)
		}
	}
	return out, nil
}

// refused is the error of a stream that cannot be held under k.
func refused(k Key, err error) error {
	return &Error{Op: "holding", Key: k, Status: statusOf(err), Err: err}
}

// live returns those of the live streams under k, the oldest first. Streams that
// are closed and about to be removed are not among them. c.mu is held.
func (c *Conns) live(k Key) []*entry {
	var es []*entry
	for _, e := range c.index.appendKey(nil, k) {
		if e.stream.Cause() == "" {
			es = append(es, e.entry)
		}
	}
	slices.SortFunc(es, func(a, b *entry) int { return cmp.Compare(a.conn.ID(), b.conn.ID()) })
	return es
}

// enroll gives a new entry its place in the store; older is who leaves for it.
// c.mu is held.
func (c *Conns) enroll(e *entry, older []*entry) (victims []Member, err error) {
	var leaving []Lease
	for _, old := range older {
		if old.lease != nil {
			leaving = append(leaving, old.lease)
		}
	}
	defer func() {
		if p := recover(); p != nil {
			victims, err = nil, &effect.PanicError{Value: p, Stack: debug.Stack()}
		}
	}()
	lease, victims, err := c.store.Add(e, leaving)
	if err != nil {
		return nil, err
	}
	if e.lease = lease; lease != nil {
		e.conn.OnSent(lease.Touch)
	}
	return victims, nil
}

// makeRoom does what follows from an admission outside the lock: it ends what had
// to leave.
func (c *Conns) makeRoom(a admission) {
	for _, e := range a.removed {
		e.end()
	}
	for _, m := range a.evict {
		m.Evict(sse.CauseSize)
	}
	if a.instead != nil {
		a.instead.touch()
	}
}

// takeOut removes e, whoever else has its keys by now. It reports false if e is
// not registered (any more). c.mu is held.
func (c *Conns) takeOut(e *entry, cause sse.Cause) bool {
	before := e.state
	e.state = entryGone
	if before != entryHeld {
		return false
	}
	c.held--
	e.cause = cause
	e.kept = c.opts.KeepEvicted && (cause == sse.CauseExpired || cause == sse.CauseSize)
	now := time.Now()
	for h := range e.holdings() {
		c.index.remove(&h.slot)
		c.claims.left(h, cause, now)
	}
	for _, w := range c.watches {
		w.removed(e, cause)
	}
	e.release()
	return true
}

// entryOf returns the entry of conn, nil if it never had one. It may have been
// removed since.
func (c *Conns) entryOf(conn *sse.Conn) *entry {
	// A stream that was evicted and kept open gets a new one when it is held again.
	last, _ := conn.LastOwner(func(o sse.Owner) bool {
		e, ok := o.(*entry)
		return ok && e.owner == c
	}).(*entry)
	return last
}
