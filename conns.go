package sfere

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/relay"
	"github.com/sfere-go/sfere/twk"
)

// Options adjust a [Conns]. Zero fields mean the defaults.
type Options struct {
	// Scope gives the scope of a request: who may see its connections. It should
	// come from an authenticated session, never from what the client chose. An
	// error refuses the stream, with the status the error asks for
	// ([sse.StatusOf]); an empty scope refuses it with 403. It may be called
	// concurrently and several times for one request.
	//
	// A [Key] or [Pattern] that an effect leaves without a scope means that of the
	// dispatch, which comes from, in this order: the request; in a broadcast the
	// key of the recipient; the key of the stream of the dispatch; DefaultScope
	// if there is no scope function. Otherwise it is an error with [ErrNoScope]:
	// out of band a program with scopes says which it means, by Pattern.In or
	// Pattern.AllScopes. Default: DefaultScope for all requests.
	Scope func(r *twk.Request) (string, error)
	// Store decides how long connections stay and how many there are, such as
	// [NewTTL]. Default: they stay until they end, however many.
	Store Store
	// RecipientTimeout bounds what runs for one recipient of a broadcast, and what
	// runs once for all; both end at the sender's deadline as well. Default 10 s.
	RecipientTimeout time.Duration
	// Policy is what happens when a key is taken already. Default Join.
	Policy Policy
	// KeepEvicted leaves a stream open that the store evicts because it is
	// expired or makes room: it is then out of reach but still there. Default:
	// it is cut, so that its client notices and comes back.
	KeepEvicted bool
	// RenderWorkers is how many views are rendered at a time. Keep it below the number
	// of connections to the database. Default 2 x GOMAXPROCS.
	RenderWorkers int
	// MaxRendered bounds the bytes of rendered views that are kept for streams that
	// come. Beyond it they are rendered again. Default 64 MiB.
	MaxRendered int
	// Relay connects this program to the same program on other machines; see
	// [Conns.JoinRelay]. What is sent, refreshed, closed and kicked then reaches the
	// streams of all of them. Presence, claims and policies are those of one machine.
	// Default: there are no other machines.
	Relay relay.Relay
	// Node adjusts how this program takes part in the relay: its name, its keys. The
	// functions Gap, Changed and Refused are called in addition to what Conns does
	// itself, Receive and Answer are not. Default: the defaults of package relay.
	Node *relay.Options
	// Observer is told of what is sent and rendered, such as for metrics and traces.
	// Default: nobody.
	Observer Observer
	// FromRelay are effects and placeholders, as sample values, that other machines may
	// have run for a recipient here. Those of packages effect, twk and sfere may be
	// anyway. What a broadcast runs once for all needs no entry: it travels as the
	// events it has made.
	FromRelay []effect.Data
	// OnViewError is told of a view that cannot be rendered, once until it can again,
	// on a goroutine of its own renders. Default: it is logged.
	OnViewError func(view effect.Data, err error)
	// Development looks at what views render for mistakes that show only later: views
	// of one stream that are about the same elements, elements without an id, values
	// without topics, and what overwrites what the user has typed (data-signals
	// without __ifmissing, <dialog open>, fields whose value changes). It costs time,
	// as all markup of views is parsed, and memory for each value. Default: off.
	Development bool
	// OnViewWarning is told of what Development finds, each kind once for each view. It
	// may be called from any goroutine, several at a time. Default: it is logged.
	OnViewWarning func(view effect.Data, warning string)
	// OnRemove is called once for every connection that was registered, after it
	// has been removed, outside all locks, on the goroutine of the connection's
	// own request; for one that KeepEvicted leaves open, on that of whoever
	// evicted it. It may block and may broadcast; a panic is contained.
	OnRemove func(Removal)
}

func (o *Options) check() error {
	if o == nil {
		return nil
	}
	if err := o.Policy.check(); err != nil {
		return fmt.Errorf("Options.Policy: %w", err)
	}
	if o.RenderWorkers < 0 || o.MaxRendered < 0 {
		return fmt.Errorf("Options.RenderWorkers is %d and Options.MaxRendered %d: use 0 for the default", o.RenderWorkers, o.MaxRendered)
	}
	if i := slices.Index(o.FromRelay, nil); i >= 0 {
		return fmt.Errorf("Options.FromRelay has nothing at index %d: use sample values of effects", i)
	}
	if d := o.RecipientTimeout; d != 0 && d < shortest {
		return fmt.Errorf("Options.RecipientTimeout is %v: use a duration such as 10*time.Second", d)
	}
	return nil
}

// shortest is the least duration that a program can mean as an option:
// time.Duration(15) is 15 ns.
const shortest = time.Millisecond

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
	index   index[indexed]
	held    int    // entries in the index
	seq     uint64 // entries so far
	claims  claims
	kicked  expiring[kicked] // keys that are kept away
	watches []*Presence
	closed  bool

	// viewing is held while a list is put in order for [Conns.Page], one at a time.
	// mu is taken under it.
	viewing sync.Mutex

	snapshots sync.Pool // of *[]*sse.Conn

	rooms rooms
	views *views
	gone  removals

	cluster atomic.Pointer[cluster] // nil without a relay; constant once it is set
}

// New returns an empty Conns; nil means the default options. Close it with
// [Conns.Close]. It panics if an option makes no sense.
func New(o *Options) *Conns {
	c := &Conns{}
	c.rooms.seed = maphash.MakeSeed()
	c.index.id = func(e indexed) uint64 { return e.seq }
	if o != nil {
		c.opts = *o
	}
	if c.store = c.opts.Store; c.store == nil {
		c.store = &memory{}
	}
	if err := c.opts.check(); err != nil {
		panic(&Error{Op: "making a Conns", Err: err})
	}
	c.opts.Policy = cmp.Or(c.opts.Policy, Join)
	c.opts.RecipientTimeout = cmp.Or(c.opts.RecipientTimeout, 10*time.Second)
	c.views = newViews(&c.opts, c.landed())
	return c
}

// Close leaves the relay, closes the store and takes in no more connections. Those that are
// registered stay until they end by themselves; sse.Hub.Drain ends them all.
func (c *Conns) Close() {
	c.refuse()
	if cl := c.cluster.Load(); cl != nil {
		cl.close()
	}
	c.views.close()
	defer contain("store")
	c.store.Close()
}

// refuse takes in nobody any more.
func (c *Conns) refuse() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
}
