package flight

import (
	"cmp"
	"context"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Options adjust a [Scheduler]. Zero fields mean the defaults.
type Options struct {
	// Workers is how many renders run at a time. Default 2 x GOMAXPROCS.
	Workers int
	// MaxKept bounds the bytes of frames that are kept for those who come. Beyond
	// it they are rendered again. Default 64 MiB.
	MaxKept int
	// Deliver gives f to seats. Required.
	Deliver func(v *Value, seats []*Seat, f *Frame)
	// Gone is told of the seats that v has lost because it is gone, and what the render
	// has returned. Default: nobody.
	Gone func(v *Value, seats []*Seat, err error)
	// Failed is told of the seats of a value that fails and has never had a frame, once
	// of each. Default: nobody.
	Failed func(v *Value, seats []*Seat, err error)
	// Report is told of each first failure in a row. Default: nobody.
	Report func(v *Value, err error)
	// Landed is told of the end of each flight. Default: nobody.
	Landed func(v *Value, took time.Duration, o Outcome)
	// Waits reports whether a frame that was given to s waits to be taken. It is
	// called under the lock of the Scheduler and must not call it. Whoever says so
	// calls [Scheduler.Taken] when the frame has been taken. Default: never.
	Waits func(s *Seat) bool
}

// numbers counts the values of the process.
var numbers atomic.Uint64

// Scheduler runs the flights of its values. All methods may be called from any
// goroutine. Make one with [New].
type Scheduler struct {
	opts Options
	ctx  context.Context // of renders
	stop context.CancelFunc

	mu       sync.Mutex // guards the fields below, and those of others that say so
	values   map[any]*Value
	ready    []*Kind // with a value that may be rendered, the next first
	later    later
	timer    *time.Timer
	rings    time.Time // when timer does; zero if it does not
	workers  int       // goroutines that hold a slot
	kept     int       // bytes
	closed   bool
	draining bool          // nothing waits for its interval any more
	idle     chan struct{} // closed when nothing is dirty; nil unless somebody waits for that
	ended    sync.WaitGroup
}

// New returns a Scheduler. End it with [Scheduler.Close].
func New(o *Options) *Scheduler {
	s := &Scheduler{opts: *o, values: map[any]*Value{}}
	s.opts.Workers = cmp.Or(s.opts.Workers, 2*runtime.GOMAXPROCS(0))
	s.opts.MaxKept = cmp.Or(s.opts.MaxKept, 64<<20)
	s.ctx, s.stop = context.WithCancel(context.Background())
	return s
}

// Workers returns how many renders run at a time.
func (s *Scheduler) Workers() int { return s.opts.Workers }

// Join gives viewer a seat of the value with an id, which must be comparable and
// stand for values of one kind only. The viewer is given a frame whose render
// begins after the seat exists, or, by [Scheduler.Greet], which has to be called
// next, one that is younger than the interval and not marked since. Join itself
// calls nobody. The error is ErrClosed.
func (s *Scheduler) Join(id any, k *Kind, viewer any) (*Seat, error) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	v := s.values[id]
	if v == nil {
		v = &Value{id: id, kind: k, s: s, number: numbers.Add(1), index: -1}
		s.values[id] = v
	}
	seat := &Seat{Viewer: viewer, value: v, index: len(v.seats)}
	v.seats = append(v.seats, seat)
	seat.greet = v.fresh && !v.isDirty() && now.Sub(v.started) < v.kind.Interval
	if !seat.greet {
		v.newcomers = true
		v.raise(now)
		s.plan(v, now)
	}
	return seat, nil
}

// Greet gives a seat that has just been made what is kept for those who come, if that
// will do.
func (s *Scheduler) Greet(seat *Seat) {
	if seat.greet {
		seat.value.give(seat)
	}
}

// give gives the frame that is kept to a seat.
func (v *Value) give(seat *Seat) {
	v.giving.Lock()
	defer v.giving.Unlock()
	if v.frame == nil { // gone meanwhile
		v.s.Mark(v, Mark{})
		return
	}
	if !seat.left && seat.given < v.content {
		seat.given = v.content
		v.s.opts.Deliver(v, []*Seat{seat}, v.frame)
	}
}

// Leave takes a seat away. When it returns, nothing more is given to the viewer.
// Leaving twice does nothing.
func (s *Scheduler) Leave(seat *Seat) {
	v := seat.value
	v.giving.Lock()
	defer v.giving.Unlock()
	seat.left = true
	s.mu.Lock()
	defer s.mu.Unlock()
	if v.remove(seat); len(v.seats) == 0 {
		s.abandon(v)
	}
}

// remove takes seat out of the list; s.mu is held.
func (v *Value) remove(seat *Seat) {
	if seat.index < 0 {
		return
	}
	last := len(v.seats) - 1
	moved := v.seats[last]
	v.seats[seat.index], moved.index = moved, seat.index
	v.seats[last] = nil
	v.seats = v.seats[:last]
	seat.index = -1
}

// abandon is for a value that has lost its last seat: what is kept of it would be
// old by the time that somebody comes. It is remembered until it might be rendered
// again. giving and s.mu are held.
func (s *Scheduler) abandon(v *Value) {
	v.frame, v.content = nil, 0
	s.drop(v)
	v.release(v.want, nil)
	v.failures, v.notYets, v.notYet = 0, 0, time.Time{}
	switch v.place {
	case flies:
		v.abandoned = true
		v.cancel()
	case waits:
		s.wait(v, v.notBefore)
	case ready: // the worker finds nobody
	default:
		s.rest(v, time.Now())
	}
}

// drop forgets that a frame of v is kept; s.mu is held.
func (s *Scheduler) drop(v *Value) {
	s.kept -= v.kept
	v.kept, v.fresh = 0, false
}

// Reset says that what was given to seat may not be what its viewer shows any
// more. It is given the newest frame again.
func (s *Scheduler) Reset(seat *Seat) {
	v := seat.value
	v.giving.Lock()
	defer v.giving.Unlock()
	seat.given = 0
	if seat.left || v.content == 0 {
		return
	}
	if v.frame != nil {
		seat.given = v.content
		s.opts.Deliver(v, []*Seat{seat}, v.frame)
		return
	}
	s.Mark(v, Mark{})
}

// Mark says why a value may have changed.
type Mark struct {
	// After is what the render has to have seen, such as a sequence number of a
	// database. Of several marks the highest counts.
	After uint64
	// Delay is how long the flight may be put off.
	Delay time.Duration
}

// Mark asks for a flight that begins after it. It reports whether the value was not
// marked already.
func (s *Scheduler) Mark(v *Value, m Mark) (news bool) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mark(v, m, now)
}

func (s *Scheduler) mark(v *Value, m Mark, now time.Time) (news bool) {
	if v.place == retired || len(v.seats) == 0 || s.closed {
		return false
	}
	news = !v.isDirty() || v.place == flies && v.want == v.began
	v.raise(now)
	v.after = max(v.after, m.After)
	if at := now.Add(m.Delay); m.Delay > 0 && at.After(v.notBefore) && (v.place == rests || v.place == waits) && !s.draining {
		if v.place == rests || v.due.After(at) { // notBefore stays: the next mark may be one that cannot wait
			s.wait(v, at)
		}
		return news
	}
	s.plan(v, now)
	return news
}

// Dirty reports whether v waits to be rendered.
func (s *Scheduler) Dirty(v *Value) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return v.isDirty()
}

// MarkAll marks every value, spread over a time.
func (s *Scheduler) MarkAll(over time.Duration) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range s.values {
		var delay time.Duration
		if over > 0 {
			delay = rand.N(over)
		}
		s.mark(v, Mark{Delay: delay}, now)
	}
}

// Ticket is a place in the line for the next flight of a value, see
// [Scheduler.Ticket].
type Ticket struct {
	v *Value
	w waiter
}

// Ticket marks v. The flight can be waited for.
func (s *Scheduler) Ticket(v *Value, m Mark) (t Ticket, news bool) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	news = s.mark(v, m, now)
	t = Ticket{v, waiter{v.want, make(chan error, 1)}}
	switch {
	case s.closed:
		t.w.done <- ErrClosed
	case v.place == retired || len(v.seats) == 0:
		t.w.done <- nil
	default:
		v.waiters = append(v.waiters, t.w)
	}
	return t, news
}

// Wait waits until a frame of a flight that began after the ticket was made has been
// handed out, or nobody is shown the value any more. The error is that of the
// flight, the cause of ctx, or ErrClosed. It must be called once.
func (t Ticket) Wait(ctx context.Context) error {
	select {
	case err := <-t.w.done:
		return err
	case <-ctx.Done():
		t.v.s.mu.Lock()
		defer t.v.s.mu.Unlock()
		t.v.waiters = slices.DeleteFunc(t.v.waiters, func(other waiter) bool { return other.done == t.w.done })
		return context.Cause(ctx)
	}
}

// release ends the waiting for flights up to one that began at want.
func (v *Value) release(want uint64, err error) {
	v.waiters = slices.DeleteFunc(v.waiters, func(w waiter) bool {
		if w.want <= want {
			w.done <- err
			return true
		}
		return false
	})
}

// Taken says that the frame that was given to the seat of v last has been taken.
func (s *Scheduler) Taken(v *Value) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if v.place == blocked {
		for _, seat := range v.seats {
			seat.blocked.Store(false)
		}
		v.place = rests
		s.plan(v, now)
	}
}

// plan sees to it that v is rendered when it may be. s.mu is held.
func (s *Scheduler) plan(v *Value, now time.Time) {
	switch v.place {
	case flies, ready, blocked, retired:
		return
	}
	if v.notBefore.After(now) && (!s.draining || v.failures > 0 || v.notYets > 0) {
		s.wait(v, v.notBefore)
		return
	}
	s.unwait(v)
	v.place = ready
	k := v.kind
	if v.newcomers {
		k.first.push(v)
	} else {
		k.again.push(v)
	}
	s.list(k)
}

// list makes k known to the workers, if it has a value that may be rendered. s.mu
// is held.
func (s *Scheduler) list(k *Kind) {
	if k.waits() && !k.listed {
		k.listed = true
		s.ready = append(s.ready, k)
	}
	if len(s.ready) > 0 && s.workers < s.opts.Workers && !s.closed {
		s.workers++
		s.ended.Add(1)
		go s.run()
	}
}
