package sfere

import (
	"cmp"
	"fmt"
	"sync"
	"time"

	"github.com/jellydator/ttlcache/v3"

	"github.com/sfere-go/sfere/twk"
)

// Expiry says what a [TTL] counts from.
type Expiry string

// The ways to expire. The empty one means Sliding.
const (
	// Sliding ends a connection that has been inactive for the whole time.
	// Activity is an event that was written to it, or a sign of life from its
	// client ([Touch], [Conns.Touch], a request that reuses it). No lookup is,
	// nor is a broadcast that did not reach it, nor a heartbeat: those go on
	// for ever and prove only that the line is up, so with them nothing would
	// be idle.
	Sliding Expiry = "sliding"
	// Fixed ends a connection after its time, whatever happens on it.
	Fixed Expiry = "fixed"
)

// Full says what happens to a new connection if a [TTL] has no room.
type Full string

// The ways to be full. The empty one means RejectNew.
const (
	// RejectNew refuses it with status 503.
	RejectNew Full = "reject"
	// EvictOldest ends the connection that would expire first: the one that has
	// been inactive longest if Sliding, the oldest if Fixed. The stream is cut,
	// so its client comes back in a second: with more clients than room they
	// keep pushing each other out.
	EvictOldest Full = "evict-oldest"
)

// TTLOptions adjust a [TTL]. Zero fields mean the defaults.
type TTLOptions struct {
	TTL      time.Duration // default 10 minutes
	Expiry   Expiry        // default Sliding
	MaxSize  int           // connections; default 10 000, negative means no limit
	WhenFull Full          // default RejectNew
	Clock    Clock         // default: package time
}

// TTL is a [Store] that ends connections after a time, and bounds their number.
// Each connection has a time of its own; one that comes under the same key
// inherits nothing. Make one with [NewTTL].
//
// It has one timer, which runs while there are connections and is set for the
// one that is next; nothing has to look for anything to expire.
type TTL struct {
	opts TTLOptions

	// mu guards the fields below and the deadline of every lease. It may be
	// taken under the lock of a Conns; only the lock of the clock is taken under
	// it, and no member is called.
	mu sync.Mutex
	// leases has those that are out in the order in which they were last
	// renewed, which is the order in which they end as all have the same length.
	//
	// Of ttlcache this takes the map in LRU order and not the clock, the
	// janitor and the eviction events: that clock is the system's, the janitor
	// is a goroutine that Stop misses if it has not begun to run, and an event
	// is a goroutine for each item that has to be found again under this lock.
	leases *ttlcache.Cache[*ttlLease, struct{}]
	stop   func() // the timer; nil while there are no leases
	closed bool
}

var _ Store = (*TTL)(nil)

type ttlLease struct {
	store    *TTL
	member   Member
	deadline time.Time
}

// NewTTL returns an empty store; nil means the default options. It panics if an
// option is none.
func NewTTL(o *TTLOptions) *TTL {
	s := &TTL{leases: ttlcache.New[*ttlLease, struct{}]()}
	if o != nil {
		s.opts = *o
	}
	s.opts.TTL = cmp.Or(s.opts.TTL, 10*time.Minute)
	s.opts.Expiry = cmp.Or(s.opts.Expiry, Sliding)
	s.opts.MaxSize = cmp.Or(s.opts.MaxSize, 10_000)
	s.opts.WhenFull = cmp.Or(s.opts.WhenFull, RejectNew)
	if s.opts.Clock == nil {
		s.opts.Clock = systemClock{}
	}
	if err := s.opts.check(); err != nil {
		panic(err)
	}
	return s
}

func (o *TTLOptions) check() error {
	switch {
	case o.TTL < 0:
		return fmt.Errorf("sfere: TTLOptions.TTL is %v: use sfere.Memory for connections that do not expire", o.TTL)
	case o.Expiry != Sliding && o.Expiry != Fixed:
		return fmt.Errorf("sfere: TTLOptions.Expiry is %q: use sfere.Sliding or sfere.Fixed", o.Expiry)
	case o.WhenFull != RejectNew && o.WhenFull != EvictOldest:
		return fmt.Errorf("sfere: TTLOptions.WhenFull is %q: use sfere.RejectNew or sfere.EvictOldest", o.WhenFull)
	}
	return nil
}

// Len returns the number of leases that are out.
func (s *TTL) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.leases.Len()
}

// Add implements [Store].
func (s *TTL) Add(m Member, leaving []Lease) (Lease, []Member, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, nil, ErrConnsClosed
	}
	size := s.leases.Len()
	for _, l := range leaving {
		if l, ok := l.(*ttlLease); ok && s.leases.Has(l) {
			size--
		}
	}
	if limit := s.opts.MaxSize; limit > 0 && size >= limit && s.opts.WhenFull == RejectNew {
		return nil, nil, ErrFull
	}
	for _, l := range leaving {
		if l, ok := l.(*ttlLease); ok {
			s.leases.Delete(l)
		}
	}
	var victims []Member
	for limit := s.opts.MaxSize; limit > 0 && s.leases.Len() >= limit; {
		old := s.oldest()
		s.leases.Delete(old)
		victims = append(victims, old.member)
	}
	l := &ttlLease{store: s, member: m, deadline: s.opts.Clock.Now().Add(s.opts.TTL)}
	s.leases.Set(l, struct{}{}, ttlcache.NoTTL)
	if s.stop == nil {
		s.stop = s.opts.Clock.AfterFunc(s.opts.TTL, s.expire)
	}
	return l, victims, nil
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
// timer was set for a lease that may have been renewed since.
func (s *TTL) expire() {
	var out []Member
	s.mu.Lock()
	s.stop = nil
	now := s.opts.Clock.Now()
	for l := s.oldest(); l != nil && !s.closed; l = s.oldest() {
		if wait := l.deadline.Sub(now); wait > 0 {
			s.stop = s.opts.Clock.AfterFunc(wait, s.expire)
			break
		}
		s.leases.Delete(l)
		out = append(out, l.member)
	}
	s.mu.Unlock()
	for _, m := range out {
		m.Evict(twk.CauseExpired)
	}
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
	if s.opts.Expiry == Fixed {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leases.Has(l) {
		l.deadline = s.opts.Clock.Now().Add(s.opts.TTL)
		s.leases.Touch(l)
	}
}

// Release implements [Lease].
func (l *ttlLease) Release() {
	l.store.mu.Lock()
	defer l.store.mu.Unlock()
	l.store.leases.Delete(l)
}
