package flight

import (
	"context"
	"errors"
	"time"
)

var (
	// ErrGone is returned by a render whose value is no more: it loses its seats.
	ErrGone = errors.New("what it shows is gone")
	// ErrNotYet is returned by a render that sees an older state than it was asked
	// for. It is tried again soon, until it may no longer say so.
	ErrNotYet = errors.New("the state is older than what was asked for")
	// ErrClosed is the end of waiting for a scheduler that has been closed.
	ErrClosed = errors.New("the scheduler is closed")
	// ErrLate is the cause of a render that has exceeded its deadline.
	ErrLate = errors.New("the render took longer than its deadline")
)

// Kind is what all values of one type have in common. It must not be changed once
// it is in use.
type Kind struct {
	Name string
	// Interval is the least time between the starts of two flights of one value.
	Interval time.Duration
	// Deadline ends the context of a render.
	Deadline time.Duration
	// MaxAge is after how long a value is rendered again that nobody has marked; 0
	// means never.
	MaxAge time.Duration
	// Most is how many values of the kind are rendered at a time, those included
	// whose render has not heeded its deadline.
	Most int
	// Keep says that the last frame is kept for those who come.
	Keep bool
	// Held says that a value is not rendered while the frame before waits, see
	// [Options].Waits.
	Held bool
	// Render makes the frame of a value. It may be called for several values at
	// once. A panic is an error.
	Render func(ctx context.Context, v *Value, f Flight) (*Frame, error)

	// Guarded by Scheduler.mu.
	running int   // renders, also stuck ones
	first   queue // values with a seat that has nothing yet
	again   queue // the others
	streak  int   // first paints in a row
	listed  bool  // in Scheduler.ready
}

// Flight is what a render is told.
type Flight struct {
	// Version is higher than that of every earlier flight of the value.
	Version uint64
	// After is the highest Mark.After that this flight is for; 0 if the render must
	// not return ErrNotYet any more.
	After uint64
}

// Frame is what a render has made.
type Frame struct {
	Data any      // of the caller
	Sum  [32]byte // of what a viewer would see
	Size int      // in bytes, for the bound of what is kept

	version uint64
}

// Version returns the version of the flight that has made f.
func (f *Frame) Version() uint64 { return f.version }

// weight is how many first paints a kind has in a row before one value that is
// shown already has its turn.
const weight = 3

// next takes the next value of k off its queues, nil if there is none.
func (k *Kind) next() *Value {
	if k.first.len() > 0 && (k.streak < weight || k.again.len() == 0) {
		k.streak++
		return k.first.pop()
	}
	k.streak = 0
	return k.again.pop()
}

// waits reports whether a value of k may be rendered now.
func (k *Kind) waits() bool { return k.running < k.Most && k.first.len()+k.again.len() > 0 }

// queue is a list of values, first in, first out.
type queue struct {
	values []*Value
	head   int
}

func (q *queue) len() int { return len(q.values) - q.head }

func (q *queue) push(v *Value) { q.values = append(q.values, v) }

func (q *queue) pop() *Value {
	if q.len() == 0 {
		return nil
	}
	v := q.values[q.head]
	q.values[q.head] = nil
	if q.head++; q.head == len(q.values) {
		q.values, q.head = q.values[:0], 0
		if cap(q.values) > 1024 {
			q.values = nil
		}
	} else if q.head >= 64 && 2*q.head >= len(q.values) {
		n := copy(q.values, q.values[q.head:])
		clear(q.values[n:])
		q.values, q.head = q.values[:n], 0
	}
	return v
}
