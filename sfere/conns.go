package sfere

import (
	"cmp"
	"iter"
	"slices"
	"sync"

	"github.com/sfere-go/sfere/twk"
)

// Options adjust a [Conns]. Zero fields mean the defaults.
type Options struct {
	// Scope gives the scope of the connections and keys of a request: who may
	// see them. It should come from an authenticated session, never from what
	// the client chose. An error, or an empty scope, refuses the stream.
	// It may be called concurrently. Default: DefaultScope for everybody.
	Scope func(r *twk.Request) (string, error)
	// Policy is what happens when a key is taken already. Default Join.
	Policy Policy
	// OnRemove is called once for every connection that was registered, after it
	// has been removed, outside all locks, on the goroutine of the connection's
	// own request. It may take its time and may broadcast; a panic is contained.
	OnRemove func(Removal)
}

// Removal tells of a connection that is gone.
type Removal struct {
	Keys  []Key // sorted
	Info  twk.ConnInfo
	Cause twk.Cause
}

// Conns holds live connections under keys. All methods may be called from any
// goroutine. Make one with [NewMemory].
type Conns struct {
	opts Options

	// mu guards the fields below. It is held for in-memory work only; the lock
	// of a Presence, and then that of a Conn's state, may be taken under it, and
	// no code of others is called.
	mu      sync.RWMutex
	index   index[*twk.Conn]
	byConn  map[*twk.Conn]*entry
	watches []*Presence

	snapshots sync.Pool // of *[]*twk.Conn

	audMu     sync.Mutex // guards audiences
	audiences map[Pattern]*twk.Audience
}

// entry is one registered connection.
type entry struct {
	conn  *twk.Conn
	first holding // most connections have one key
	more  []*holding
}

type holding struct {
	slot slot[*twk.Conn]
	key  Key
}

func (e *entry) holdings() iter.Seq[*holding] {
	return func(yield func(*holding) bool) {
		if !yield(&e.first) {
			return
		}
		for _, h := range e.more {
			if !yield(h) {
				return
			}
		}
	}
}

func (e *entry) keys() []Key {
	var keys []Key
	for h := range e.holdings() {
		keys = append(keys, h.key)
	}
	slices.SortFunc(keys, compareKeys)
	return keys
}

// NewMemory returns an empty Conns that keeps connections as long as they live;
// nil means the default options.
func NewMemory(o *Options) *Conns {
	c := &Conns{byConn: map[*twk.Conn]*entry{}, audiences: map[Pattern]*twk.Audience{}}
	if o != nil {
		c.opts = *o
	}
	c.opts.Policy = cmp.Or(c.opts.Policy, Join)
	if c.opts.Scope == nil {
		c.opts.Scope = func(*twk.Request) (string, error) { return DefaultScope, nil }
	}
	return c
}

// complete fills in the scope of k from r; without a request it is DefaultScope.
func (c *Conns) complete(k Key, r *twk.Request) (Key, error) {
	if k.Scope == "" {
		k.Scope = DefaultScope
		if r != nil {
			scope, err := c.opts.Scope(r)
			if err == nil && scope == "" {
				err = ErrNoScope
			}
			if err != nil {
				return k, &Error{Op: "finding the scope", Err: err}
			}
			k.Scope = scope
		}
	}
	return k, k.Validate()
}

// register puts conn under k. It returns the connections that must be closed
// to make room, or the one to use instead.
func (c *Conns) register(conn *twk.Conn, k Key, policy Policy) (evict []*twk.Conn, instead *twk.Conn, fresh bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.byConn[conn]
	if e != nil {
		for h := range e.holdings() {
			if h.key == k {
				return nil, nil, false, nil
			}
		}
	}
	if policy != Join {
		switch present := c.index.appendKey(nil, k); {
		case len(present) == 0:
		case policy == Reuse:
			return nil, present[0], false, nil
		case policy == Replace:
			evict = present
		default:
			return nil, nil, false, &Error{Op: "holding", Key: k, Status: 409, Err: ErrTaken}
		}
	}
	if e == nil {
		e = &entry{conn: conn}
		e.first.key = k
		c.byConn[conn] = e
		c.index.add(&e.first.slot, k, conn, nil)
		fresh = true
	} else {
		last := &e.first
		if n := len(e.more); n > 0 {
			last = e.more[n-1]
		}
		h := &holding{key: k}
		e.more = append(e.more, h)
		c.index.add(&h.slot, k, conn, &last.slot)
	}
	for _, p := range c.watches {
		p.added(conn, k)
	}
	return evict, nil, fresh, nil
}

// remove takes conn out, whoever else has its keys by now. It returns nil if
// conn is not registered (any more).
func (c *Conns) remove(conn *twk.Conn, cause twk.Cause) *entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.byConn[conn]
	if e == nil {
		return nil
	}
	delete(c.byConn, conn)
	for h := range e.holdings() {
		c.index.remove(&h.slot)
	}
	for _, p := range c.watches {
		p.removed(conn, e, cause)
	}
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
		conns = slices.DeleteFunc(conns, func(conn *twk.Conn) bool { return out[conn] })
	}
	return conns, func() {
		clear(*buf)
		if cap(*buf) <= 1<<16 {
			c.snapshots.Put(buf)
		}
	}
}

// excluded is what a broadcast leaves out.
type excluded struct {
	keys     []Key
	patterns []Pattern
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

// keyOf returns the first key of conn, if it is registered.
func (c *Conns) keyOf(conn *twk.Conn) Key {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if e := c.byConn[conn]; e != nil {
		return e.first.key
	}
	return Key{}
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

// List returns the distinct keys that match p, sorted, with the error of
// [Pattern.Validate].
func (c *Conns) List(p Pattern) ([]Key, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	c.mu.RLock()
	counts := c.index.keys(p)
	c.mu.RUnlock()
	keys := make([]Key, len(counts))
	for i, k := range counts {
		keys[i] = k.Key
	}
	return keys, nil
}

// Count returns the number of connections that match p, without listing them,
// with the error of [Pattern.Validate].
func (c *Conns) Count(p Pattern) (int, error) {
	if err := p.Validate(); err != nil {
		return 0, err
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.index.count(p), nil
}

// Held is one registered connection as it was a moment ago.
type Held struct {
	Keys []Key        `json:"keys"` // sorted
	Conn twk.ConnInfo `json:"conn"`
}

// Snapshot returns the connections that match p, sorted by first key and then
// by age, with the error of [Pattern.Validate].
func (c *Conns) Snapshot(p Pattern) ([]Held, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	c.mu.RLock()
	conns := c.index.appendMatches(nil, p)
	out := make([]Held, len(conns))
	for i, conn := range conns {
		out[i].Keys = c.byConn[conn].keys()
	}
	c.mu.RUnlock()
	for i, conn := range conns {
		out[i].Conn = conn.Info()
	}
	slices.SortFunc(out, func(a, b Held) int {
		return cmp.Or(compareKeys(a.Keys[0], b.Keys[0]), cmp.Compare(a.Conn.ID, b.Conn.ID))
	})
	return out, nil
}

// Explain says which list answers p and how long it is.
func (c *Conns) Explain(p Pattern) string {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.index.explain(p).String()
}
