package flight

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Value is one thing that is shown, to any number of seats.
type Value struct {
	id   any
	kind *Kind
	s    *Scheduler
	// number tells the value apart from every other of the process, also from one
	// with the same id before or after it.
	number uint64

	// Guarded by Scheduler.mu.
	want, began, done uint64
	after             uint64 // highest of the marks
	seats             []*Seat
	place             place
	index             int // in Scheduler.later
	due               time.Time
	notBefore         time.Time // of the next flight
	started           time.Time // the flight that runs, or the last
	dirty             time.Time // since when; zero if clean
	stuck             bool      // its render has not heeded the deadline
	cancel            context.CancelFunc
	failures          int       // in a row
	notYet            time.Time // since when it is too old; zero if it is not
	notYets           int       // in a row
	abandoned         bool      // the flight has been cancelled, as nobody was left
	newcomers         bool      // a seat has come that was given nothing yet
	kept              int       // size of the frame that is kept for those who come
	fresh             bool      // there is such a frame
	waiters           []waiter
	stats             stats

	// giving is held while a frame is handed out.
	giving  sync.Mutex
	content uint64 // under giving: version of the flight that last changed what is seen; 0 before the first
	sum     [32]byte
	frame   *Frame // under giving: nil if none is kept
}

// place is where a value is.
type place uint8

const (
	rests   place = iota
	waits         // in Scheduler.later
	ready         // in a queue of its kind
	flies         // its flight is on
	blocked       // the frame before has not been taken
	retired       // no more
)

// ID returns what the value was joined under.
func (v *Value) ID() any { return v.id }

// Kind returns the kind of the value.
func (v *Value) Kind() *Kind { return v.kind }

// Number returns a number that no other value has, also none that had the same id
// before.
func (v *Value) Number() uint64 { return v.number }

// Seat is one viewer of a value.
type Seat struct {
	// Viewer is of the caller. Constant.
	Viewer any

	value *Value
	greet bool   // what is kept will do; constant
	index int    // under Scheduler.mu: in value.seats; -1 when it has left
	given uint64 // under value.giving: content of the value as it was given last; 0 for nothing
	left  bool   // under value.giving: it is given nothing any more
	told  bool   // under value.giving: that there is nothing to give, for the value fails

	blocked atomic.Bool // the value is not rendered until what was given has been taken
}

// Blocked reports whether a render waits until the frame before has been taken
// ([Scheduler.Taken]). It is for those who are told of every frame that is taken,
// which is often.
func (s *Seat) Blocked() bool { return s.blocked.Load() }

// Value returns what the seat is for.
func (s *Seat) Value() *Value { return s.value }

// waiter waits for a flight that began when want was at least its want.
type waiter struct {
	want uint64
	done chan error // has room for one
}

// isDirty reports whether v has to be rendered. s.mu is held.
func (v *Value) isDirty() bool { return v.want > v.done }

// raise asks for a newer state. s.mu is held.
func (v *Value) raise(now time.Time) {
	v.want++
	if v.dirty.IsZero() {
		v.dirty = now
	}
}

// backoff is how long a value rests after it has failed n times in a row.
func backoff(n int) time.Duration {
	d := 250 * time.Millisecond << min(n-1, 7)
	return min(d, 30*time.Second)
}

// soon is when a value is tried again that was not yet as new as it should be.
func soon(n int) time.Duration { return 20 * time.Millisecond << min(n-1, 4) }
