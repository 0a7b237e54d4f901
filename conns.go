package sfere

import (
	"cmp"
	"sync"

	"github.com/sfere-go/sfere/sse"

	"github.com/sfere-go/sfere/twk"
)

// Options adjust a [Conns]. Zero fields mean the defaults.
type Options struct {
	// Scope gives the scope of the connections and keys of a request: who may
	// see them. It should come from an authenticated session, never from what
	// the client chose. An error refuses the stream, with the status the error
	// asks for ([sse.StatusOf]); an empty scope refuses it with 403. It may be
	// called concurrently and several times for one request.
	// Default: DefaultScope for everybody.
	Scope func(r *twk.Request) (string, error)
	// Store decides how long connections stay and how many there are, such as
	// [NewTTL]. Default: they stay until they end, however many.
	Store Store
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
	Info  sse.ConnInfo // as it was when OnRemove was called
	Cause sse.Cause    // why it was removed; a stream that ended at the same time may have a cause of its own in Info
}

// Conns holds live connections under keys. All methods may be called from any
// goroutine. Make one with [New].
type Conns struct {
	opts  Options
	store Store

	// mu guards the fields below, the fields of every entry that say so, and
	// which entry a connection has. It is held for in-memory work only. Under
	// it may be taken: the locks of the store, the lock of a Presence, the state
	// lock of a Conn; and none of these under another of them. Nothing is sent,
	// closed or called under it but Add and Release of the store, which has to be
	// as careful; a panic of those is contained.
	mu      sync.RWMutex
	index   index[*entry]
	claims  claims
	kicked  expiring[struct{}] // keys that are kept away
	watches []*Presence
	closed  bool

	snapshots sync.Pool // of *[]*sse.Conn

	audMu     sync.Mutex // guards audiences; no other lock is taken under it
	audiences map[Pattern]*sse.Audience
}

// New returns an empty Conns; nil means the default options. Close it with
// [Conns.Close].
func New(o *Options) *Conns {
	c := &Conns{audiences: map[Pattern]*sse.Audience{}}
	if o != nil {
		c.opts = *o
	}
	if c.store = c.opts.Store; c.store == nil {
		c.store = &memory{}
	}
	c.opts.Policy = cmp.Or(c.opts.Policy, Join)
	return c
}

// Close closes the store and takes in no more connections. Those that are
// registered stay until they end by themselves; sse.Hub.Drain ends them all.
func (c *Conns) Close() {
	c.refuse()
	defer contain("store")
	c.store.Close()
}

// refuse takes in nobody any more.
func (c *Conns) refuse() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
}

// maxAudiences bounds how many patterns have a history for compression. A
// pattern that loses its history costs a longer event once.
const maxAudiences = 1024

func (c *Conns) audience(p Pattern) *sse.Audience {
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
		a = &sse.Audience{}
		c.audiences[p] = a
	}
	return a
}
