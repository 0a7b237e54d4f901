package sfere

import (
	"cmp"
	"net/http"
	"sync"

	"github.com/sfere-go/sfere/twk"
)

// Options adjust a [Conns]. Zero fields mean the defaults.
type Options struct {
	// Scope gives the scope of the connections and keys of a request: who may
	// see them. It should come from an authenticated session, never from what
	// the client chose. An error refuses the stream, with the status the error
	// asks for ([twk.StatusOf]); an empty scope refuses it with 403. It may be
	// called concurrently and several times for one request.
	// Default: DefaultScope for everybody.
	Scope func(r *twk.Request) (string, error)
	// Policy is what happens when a key is taken already. Default Join.
	Policy Policy
	// KeepEvicted leaves a stream open that the store evicts because it is
	// expired or makes room: it is then out of reach but still there. Default:
	// it is cut, so that its client notices and comes back.
	KeepEvicted bool
	// OnRemove is called once for every connection that was registered, after it
	// has been removed, outside all locks, on the goroutine of the connection's
	// own request; for one that KeepEvicted leaves open, on that of whoever
	// evicted it. It may take its time and may broadcast; a panic is contained.
	OnRemove func(Removal)
}

// Removal tells of a connection that is gone.
type Removal struct {
	Keys  []Key        // sorted
	Info  twk.ConnInfo // as it was when OnRemove was called
	Cause twk.Cause    // why it was removed; a stream that ended at the same time may have a cause of its own in Info
}

// Conns holds live connections under keys. All methods may be called from any
// goroutine. Make one with [NewMemory] or [New].
type Conns struct {
	opts  Options
	store Store

	// mu guards the fields below, the fields of every entry that say so, and
	// which entry a connection has. It is held for in-memory work only. Under
	// it may be taken: the lock of the store; the lock of a Presence, and under
	// that the state lock of a Conn. Nothing is sent, closed or called under it
	// but the store, which has to be as careful.
	mu      sync.RWMutex
	index   index[*twk.Conn]
	watches []*Presence
	closed  bool

	snapshots sync.Pool // of *[]*twk.Conn

	audMu     sync.Mutex // guards audiences; no other lock is taken under it
	audiences map[Pattern]*twk.Audience
}

// NewMemory returns an empty Conns that keeps connections as long as they live;
// nil means the default options.
func NewMemory(o *Options) *Conns { return New(Memory(), o) }

// New returns an empty Conns whose connections stay as long, and are as many,
// as store allows; nil means the default options. It is closed with
// [Conns.Close].
func New(store Store, o *Options) *Conns {
	c := &Conns{store: store, audiences: map[Pattern]*twk.Audience{}}
	if o != nil {
		c.opts = *o
	}
	c.opts.Policy = cmp.Or(c.opts.Policy, Join)
	return c
}

// Close closes the store and takes in no more connections. Those that are
// registered stay until they end by themselves; twk.Hub.Drain ends them all.
func (c *Conns) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.store.Close()
}

// admission is what became of a call of register.
type admission struct {
	instead *twk.Conn // the connection to use in place of the new one
	removed []*entry  // had to make room; the caller ends them
	evict   []Member  // likewise, of other Conns that share the store
	joined  []func()  // presence to announce, as the stream is live already
}

// register puts conn under k. The caller calls [Conns.makeRoom] with the result.
func (c *Conns) register(conn *twk.Conn, k Key, policy Policy) (a admission, err error) {
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
		return a, &Error{Op: "holding", Key: k, Err: twk.ErrClosed}
	case e.state == entryHeld && e.has(k):
		return a, nil
	}
	var older []*entry
	if policy != Join {
		present := c.live(k)
		switch {
		case len(present) == 0:
		case policy == Reuse:
			c.entryOf(present[0]).touch()
			return admission{instead: present[0]}, nil
		case policy == Reject:
			return a, &Error{Op: "holding", Key: k, Status: http.StatusConflict, Err: ErrTaken}
		default:
			for _, conn := range present {
				older = append(older, c.entryOf(conn))
			}
		}
	}
	if e.state == entryNew {
		victims, err := c.enroll(e, older)
		if err != nil {
			return a, &Error{Op: "holding", Key: k, Status: statusOf(err), Err: err}
		}
		for _, v := range victims {
			if old, ok := v.(*entry); ok && old.owner == c {
				if c.takeOut(old, twk.CauseSize) {
					a.removed = append(a.removed, old)
				}
			} else {
				a.evict = append(a.evict, v)
			}
		}
	}
	slot, earlier := e.hold(k)
	c.index.add(slot, k, conn, earlier)
	for _, w := range c.watches { // before those that it replaces go
		if f := w.added(conn, k); f != nil {
			a.joined = append(a.joined, f)
		}
	}
	for _, old := range older {
		if c.takeOut(old, twk.CauseReplaced) {
			a.removed = append(a.removed, old)
		}
	}
	return a, nil
}

// enroll gives a new entry its close hook and its place in the store; older is
// who leaves for it. c.mu is held.
func (c *Conns) enroll(e *entry, older []*entry) (victims []Member, err error) {
	if !e.conn.OnClose(e.closed) {
		return nil, twk.ErrClosed
	}
	var leaving []Lease
	for _, old := range older {
		if old.lease != nil {
			leaving = append(leaving, old.lease)
		}
	}
	if e.lease, victims, err = c.store.Add(e, leaving); err != nil {
		e.state = entryGone // the close hook has nothing to do
		return nil, err
	}
	if e.lease != nil {
		e.conn.OnSent(e.lease.Touch)
	}
	e.conn.SetValue(c, e)
	return victims, nil
}

// makeRoom ends what register has removed.
func (c *Conns) makeRoom(a admission) {
	for _, e := range a.removed {
		e.end()
	}
	for _, m := range a.evict {
		m.Evict(twk.CauseSize)
	}
	for _, f := range a.joined {
		f()
	}
}

// takeOut removes e, whoever else has its keys by now. It reports false if e is
// not registered (any more). c.mu is held.
func (c *Conns) takeOut(e *entry, cause twk.Cause) bool {
	before := e.state
	e.state = entryGone
	if before != entryHeld {
		return false
	}
	e.cause = cause
	e.kept = c.opts.KeepEvicted && (cause == twk.CauseExpired || cause == twk.CauseSize)
	for h := range e.holdings() {
		c.index.remove(&h.slot)
	}
	for _, w := range c.watches {
		e.after = append(e.after, w.removed(e, cause)...)
	}
	e.release()
	return true
}

// entryOf returns the entry of conn, nil if it never had one. It may have been
// removed since, unless c.mu is held and conn was found in the index.
func (c *Conns) entryOf(conn *twk.Conn) *entry {
	e, _ := conn.Value(c).(*entry)
	return e
}

// matching returns a snapshot of the connections that match p, without those
// under excluded keys. give returns its memory.
func (c *Conns) matching(p Pattern, except excluded) (conns []*twk.Conn, give func()) {
	buf, _ := c.snapshots.Get().(*[]*twk.Conn)
	if buf == nil {
		buf = new([]*twk.Conn)
	}
	c.mu.RLock()
	conns = c.index.appendMatches((*buf)[:0], p)
	out := except.find(c)
	c.mu.RUnlock()
	*buf = conns
	if len(out) > 0 {
		kept := conns[:0]
		for _, conn := range conns {
			if !out[conn] {
				kept = append(kept, conn)
			}
		}
		conns = kept
	}
	return conns, func() {
		clear(*buf)
		if cap(*buf) <= 1<<16 {
			c.snapshots.Put(buf)
		}
	}
}

// maxAudiences bounds how many patterns have a history for compression. A
// pattern that loses its history costs a longer event once.
const maxAudiences = 1024

func (c *Conns) audience(p Pattern) *twk.Audience {
	c.audMu.Lock()
	defer c.audMu.Unlock()
	a := c.audiences[p]
	if a == nil {
		if len(c.audiences) >= maxAudiences {
			for old := range c.audiences {
				delete(c.audiences, old)
				break
			}
		}
		a = &twk.Audience{}
		c.audiences[p] = a
	}
	return a
}
