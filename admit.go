package sfere

import (
	"cmp"
	"net/http"
	"runtime/debug"
	"slices"
	"time"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/sse"
)

// admission is what became of a call of register.
type admission struct {
	instead *entry   // the connection to use in place of the new one
	removed []*entry // had to make room; the caller ends them
	evict   []Member // likewise, of other Conns that share the store
}

// register puts conn under k, for an owner if that is not empty. The caller calls
// [Conns.makeRoom] with the result.
func (c *Conns) register(conn *sse.Conn, k Key, policy Policy, owner string) (a admission, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entryOf(conn)
	if e == nil || e.kept {
		e = &entry{owner: c, conn: conn}
	}
	switch {
	case c.closed:
		return a, &Error{Op: "holding", Key: k, Status: statusOf(ErrConnsClosed), Err: ErrConnsClosed}
	case e.state == entryGone || conn.Cause() != "":
		return a, &Error{Op: "holding", Key: k, Err: sse.ErrClosed}
	case e.state == entryHeld && e.has(k):
		return a, nil
	}
	if err := c.mayHold(k, owner, time.Now()); err != nil {
		return a, err
	}
	var older []*entry
	if policy != Join {
		present := c.live(k)
		switch {
		case len(present) == 0:
		case policy == Reuse:
			return admission{instead: present[0]}, nil
		case policy == Reject:
			return a, &Error{Op: "holding", Key: k, Status: http.StatusConflict, Err: ErrTaken}
		default:
			older = present
		}
	}
	if e.state == entryNew {
		victims, err := c.enroll(e, older)
		if err != nil {
			return a, &Error{Op: "holding", Key: k, Status: statusOf(err), Err: err}
		}
		for _, v := range victims {
			if old, ok := v.(*entry); ok && old.owner == c {
				if c.takeOut(old, sse.CauseSize) {
					a.removed = append(a.removed, old)
				}
			} else {
				a.evict = append(a.evict, v)
			}
		}
	}
	slot, earlier := e.hold(k)
	c.index.add(slot, k, e, earlier)
	c.claims.hold(e.latest(), owner)
	for _, w := range c.watches { // before those that it replaces go
		w.added(e, k)
	}
	for _, old := range older {
		if c.takeOut(old, CauseReplaced) {
			a.removed = append(a.removed, old)
		}
	}
	return a, nil
}

// live returns those of the live streams under k, the oldest first. Streams that
// are closed and about to be removed are not among them. c.mu is held.
func (c *Conns) live(k Key) []*entry {
	es := slices.DeleteFunc(c.index.appendKey(nil, k), func(e *entry) bool { return e.conn.Cause() != "" })
	slices.SortFunc(es, func(a, b *entry) int { return cmp.Compare(a.conn.ID(), b.conn.ID()) })
	return es
}

// enroll makes a new entry an owner of its stream and gives it its place in the
// store; older is who leaves for it. c.mu is held.
func (c *Conns) enroll(e *entry, older []*entry) (victims []Member, err error) {
	var leaving []Lease
	for _, old := range older {
		if old.lease != nil {
			leaving = append(leaving, old.lease)
		}
	}
	if !e.attached {
		if e.isLive, e.attached = e.conn.Attach(e); !e.attached {
			return nil, sse.ErrClosed
		}
	}
	if victims, err = c.place(e, leaving); err != nil {
		return nil, err
	}
	if e.lease != nil {
		e.conn.OnSent(e.lease.Touch)
	}
	return victims, nil
}

// place gives e its place in the store. A panic of the store refuses e. c.mu is
// held.
func (c *Conns) place(e *entry, leaving []Lease) (victims []Member, err error) {
	defer func() {
		if p := recover(); p != nil {
			e.lease, victims, err = nil, nil, &effect.PanicError{Value: p, Stack: debug.Stack()}
		}
	}()
	e.lease, victims, err = c.store.Add(e, leaving)
	return victims, err
}

// makeRoom ends what register has removed.
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

// remove is takeOut for who does not hold c.mu.
func (c *Conns) remove(e *entry, cause sse.Cause) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.takeOut(e, cause)
}

// takeOut removes e, whoever else has its keys by now. It reports false if e is
// not registered (any more). c.mu is held.
func (c *Conns) takeOut(e *entry, cause sse.Cause) bool {
	before := e.state
	e.state = entryGone
	if before != entryHeld {
		return false
	}
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
func (c *Conns) entryOf(conn *sse.Conn) (last *entry) {
	for o := range conn.Owners() {
		if e, ok := o.(*entry); ok && e.owner == c {
			last = e // a stream that was evicted and kept open gets a new one when it is held again
		}
	}
	return last
}
