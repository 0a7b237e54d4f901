package sfere

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sfere-go/sfere/sse"

	"github.com/jellydator/ttlcache/v3"
)

// TTLOptions adjust a [TTL]. Zero fields mean the defaults.
type TTLOptions struct {
	// TTL is how long a connection lasts. Default 10 minutes.
	TTL time.Duration
	// Fixed counts the time from the opening of the stream, whatever happens on it.
	// Default: from its last activity. Activity is an event that was written to it,
	// or a sign of life from its client ([Touch], [Conns.Touch], a request that
	// reuses it). No lookup is, nor is a broadcast that did not reach it, nor a
	// heartbeat: those go on for ever and prove only that the line is up.
	Fixed bool
	// MaxSize is how many connections there are at most. Default 10 000, negative
	// means no limit.
	MaxSize int
	// EvictOldest makes room for a new connection by ending the one that would
	// expire first. Its stream is cut, so its client comes back in a second: with
	// more clients than room they keep pushing each other out. Default: the new one
	// is refused with status 503.
	EvictOldest bool
	Clock       Clock // default: package time
}

// TTL is a [Store] that ends connections after a time, and bounds their number.
// Each connection has a time of its own; one that comes under the same key
// inherits nothing. Make one with [NewTTL].
//
// It has one timer, which runs while there are connections and is set for the
// one that is next; nothing has to look for anything to expire.
type TTL struct {
	opts  TTLOptions
	start time.Time // all times are counted from here, as monotonic clocks do

	// mu guards the fields below and those of every lease that say so. It may be
	// taken under the lock of a Conns; only touchMu and the lock of the clock
	// are taken under it, and no member is called.
	mu sync.Mutex
	// leases has those that are out in the order in which they were last active,
	// which is the order in which they end as all have the same length.
	//
	// Of ttlcache this takes the map in LRU order and not the clock, the
	// janitor and the eviction events: that clock is the system's, the janitor
	// is a goroutine that Stop misses if it has not begun to run, and an event
	// is a goroutine for each item that has to be found again under this lock.
	leases *ttlcache.Cache[*ttlLease, struct{}]
	stop   func() // the timer; nil while there are no leases
	closed bool

	// touched are the leases that have been active since the order was last
	// needed. A lease is among them once however often it was, so that an event
	// to a hundred thousand connections does not take mu as often.
	touchMu sync.Mutex // guards touched; no other lock is taken under it
	touched []*ttlLease
}

var _ Store = (*TTL)(nil)

type ttlLease struct {
	store   *TTL
	member  Member
	active  atomic.Int64  // time of the last activity
	pending atomic.Bool   // it is in touched
	counted time.Duration // active, as far as the order knows it; guarded by mu
	out     bool          // it is in leases; guarded by mu
}

// NewTTL returns an empty store; nil means the default options. It panics if an
// option is none.
func NewTTL(o *TTLOptions) *TTL {
	s := &TTL{leases: ttlcache.New[*ttlLease, struct{}]()}
	if o != nil {
		s.opts = *o
	}
	s.opts.TTL = cmp.Or(s.opts.TTL, 10*time.Minute)
	s.opts.MaxSize = cmp.Or(s.opts.MaxSize, 10_000)
	if s.opts.Clock == nil {
		s.opts.Clock = systemClock{}
	}
	if err := s.opts.check(); err != nil {
		panic(err)
	}
	s.start = s.opts.Clock.Now()
	return s
}

func (o *TTLOptions) check() error {
	switch {
	case o.TTL > 0 && o.TTL < shortest:
		return fmt.Errorf("sfere: TTLOptions.TTL is %v: use a duration such as 10*time.Minute", o.TTL)
	case o.TTL < 0:
		return fmt.Errorf("sfere: TTLOptions.TTL is %v: leave Options.Store nil for connections that do not expire", o.TTL)
	}
	return nil
}

// Len returns the number of leases that are out.
func (s *TTL) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.leases.Len()
}

func (s *TTL) now() time.Duration { return s.opts.Clock.Now().Sub(s.start) }

// Add implements [Store].
func (s *TTL) Add(m Member, leaving []Lease) (Lease, []Member, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, nil, ErrConnsClosed
	}
	size := s.leases.Len()
	for _, l := range leaving {
		if l, ok := l.(*ttlLease); ok && l.out {
			size--
		}
	}
	limit := s.opts.MaxSize
	if limit > 0 && size >= limit && !s.opts.EvictOldest {
		return nil, nil, ErrFull
	}
	for _, l := range leaving {
		if l, ok := l.(*ttlLease); ok {
			s.drop(l)
		}
	}
	s.order()
	var victims []Member
	for limit > 0 && s.leases.Len() >= limit {
		old := s.oldest()
		s.drop(old)
		victims = append(victims, old.member)
	}
	l := &ttlLease{store: s, member: m, counted: s.now(), out: true}
	l.active.Store(int64(l.counted))
	if s.stop == nil {
		s.stop = s.opts.Clock.AfterFunc(s.opts.TTL, s.expire)
	}
	s.leases.Set(l, struct{}{}, ttlcache.NoTTL)
	return l, victims, nil
}

// drop takes l out. s.mu is held.
func (s *TTL) drop(l *ttlLease) {
	if l.out {
		l.out = false
		s.leases.Delete(l)
	}
}

// order brings the leases into the order of their activity. Everything in the
// list was active before what has been touched since. s.mu is held.
func (s *TTL) order() {
	touched := s.takeTouched()
	for _, l := range touched {
		// In this order: whoever touches l in between finds it no longer pending,
		// and puts it into the next list.
		l.pending.Store(false)
		l.counted = time.Duration(l.active.Load())
	}
	slices.SortStableFunc(touched, func(a, b *ttlLease) int { return cmp.Compare(a.counted, b.counted) })
	for _, l := range touched {
		if l.out {
			s.leases.Touch(l)
		}
	}
}

func (s *TTL) takeTouched() []*ttlLease {
	s.touchMu.Lock()
	defer s.touchMu.Unlock()
	touched := s.touched
	s.touched = nil
	return touched
}

// oldest returns the lease that ends first, nil if there is none. s.mu is held.
func (s *TTL) oldest() (l *ttlLease) {
	s.leases.RangeBackwards(func(item *ttlcache.Item[*ttlLease, struct{}]) bool {
		l = item.Key()
		return false
	})
	return l
}

// expire ends what has run out and sets the timer for what comes next. The
// timer was set for a lease that may have been active since.
func (s *TTL) expire() {
	for _, m := range s.expired() {
		evict(m)
	}
}

// evict lets nobody suffer from the panic of another member.
func evict(m Member) {
	defer contain("member of a store")
	m.Evict(sse.CauseExpired)
}

// expired takes out what has run out.
func (s *TTL) expired() (out []Member) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stop = nil
	now := s.now()
	s.order()
	for l := s.oldest(); l != nil && !s.closed; l = s.oldest() {
		if wait := l.counted + s.opts.TTL - now; wait > 0 {
			s.stop = s.opts.Clock.AfterFunc(wait, s.expire)
			break
		}
		s.drop(l)
		out = append(out, l.member)
	}
	return out
}

// Close implements [Store].
func (s *TTL) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.stop != nil {
		s.stop()
		s.stop = nil
	}
}

// Touch implements [Lease].
func (l *ttlLease) Touch() {
	s := l.store
	if s.opts.Fixed {
		return
	}
	l.active.Store(int64(s.now()))
	if l.pending.Swap(true) {
		return
	}
	s.touchMu.Lock()
	defer s.touchMu.Unlock()
	s.touched = append(s.touched, l)
}

// Release implements [Lease].
func (l *ttlLease) Release() {
	l.store.mu.Lock()
	defer l.store.mu.Unlock()
	l.store.drop(l)
}
