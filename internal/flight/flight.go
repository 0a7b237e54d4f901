package flight

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/sfere-go/sfere/effect"
)

// run is a worker: it renders what may be rendered until there is nothing.
func (s *Scheduler) run() {
	var seats []*Seat // its memory is used again
	for {
		v, ctx, f := s.begin()
		if v == nil {
			s.ended.Done()
			return
		}
		var mine bool
		if seats, mine = s.fly(ctx, v, f, seats[:0]); !mine {
			return // another has its slot, and the end of this one is not waited for
		}
		clear(seats)
	}
}

// begin takes the next value, the kinds in turn. It returns nil, and ends the
// worker, if there is none.
func (s *Scheduler) begin() (*Value, context.Context, Flight) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.ready) > 0 && !s.closed {
		k := s.ready[0]
		n := copy(s.ready, s.ready[1:])
		s.ready[n] = nil
		s.ready = s.ready[:n]
		var v *Value
		if k.listed = false; k.waits() {
			v = k.next()
		}
		if v != nil && s.lands(v, now) {
			v = nil
		}
		if v != nil {
			k.running++
		}
		if k.waits() {
			k.listed = true
			s.ready = append(s.ready, k)
		}
		if v == nil {
			continue
		}
		v.place, v.began, v.started, v.newcomers, v.abandoned = flies, v.want, now, false, false
		ctx, cancel := context.WithTimeoutCause(s.ctx, k.Deadline, ErrLate)
		v.cancel = cancel
		f := Flight{Version: v.began, After: v.after}
		if !v.notYet.IsZero() && now.Sub(v.notYet) >= k.Deadline {
			f.After = 0 // better late than never
		}
		return v, ctx, f
	}
	s.workers--
	s.settled()
	return nil, nil, Flight{}
}

// lands reports whether v, taken off its queue, is not rendered after all: nobody is
// shown it, or they have not taken what they were given last. s.mu is held.
func (s *Scheduler) lands(v *Value, now time.Time) bool {
	if len(v.seats) == 0 {
		v.place = rests
		s.rest(v, now)
		return true
	}
	if !v.kind.Held || s.opts.Waits == nil {
		return false
	}
	for _, seat := range v.seats {
		seat.blocked.Store(true) // before it is asked, or what is taken in between would be told to nobody
	}
	all := true
	for _, seat := range v.seats {
		all = all && s.opts.Waits(seat)
	}
	if all {
		v.place = blocked
		return true
	}
	for _, seat := range v.seats {
		seat.blocked.Store(false)
	}
	return false
}

// fly renders v and hands out the frame. mine is false if the render took so long
// that another worker has taken the slot.
func (s *Scheduler) fly(ctx context.Context, v *Value, f Flight, seats []*Seat) (_ []*Seat, mine bool) {
	late := time.AfterFunc(v.kind.Deadline+grace, func() { s.late(v, f) })
	frame, err := v.render(ctx, f)
	late.Stop()
	if err != nil && ctx.Err() != nil && errors.Is(context.Cause(ctx), ErrLate) {
		err = fmt.Errorf("%w: %w", ErrLate, err)
	}
	v.cancel()
	took := time.Since(v.started)
	if errors.Is(err, ErrGone) {
		mine = s.gone(v, err)
		s.landed(v, took, Gone)
		return seats, mine
	}
	v.giving.Lock()
	s.mu.Lock()
	seats = append(seats, v.seats...)
	s.mu.Unlock()
	same := false
	if err == nil {
		seats, same = s.handOut(v, frame, f, seats)
	}
	v.giving.Unlock()
	failed, first := s.land(v, f, err, took, same)
	s.landed(v, took, outcome(err, same, failed))
	if failed && s.opts.Failed != nil {
		s.failed(v, err)
	}
	if first && s.opts.Report != nil {
		s.opts.Report(v, err)
	}
	return seats, s.slot(v)
}

// grace is how long after its deadline a render may still return before its slot is
// given to another.
const grace = 50 * time.Millisecond

// render calls the render of the kind; a panic is an error.
func (v *Value) render(ctx context.Context, f Flight) (frame *Frame, err error) {
	defer func() {
		if p := recover(); p != nil {
			frame, err = nil, &effect.PanicError{Value: p, Stack: debug.Stack()}
		}
	}()
	if frame, err = v.kind.Render(ctx, v, f); err == nil && frame == nil {
		err = errors.New("it made no frame")
	}
	return frame, err
}

// handOut gives frame to those of seats who do not have the same already. giving is
// held.
func (s *Scheduler) handOut(v *Value, frame *Frame, f Flight, seats []*Seat) (given []*Seat, same bool) {
	if same = v.content != 0 && frame.Sum == v.sum; !same {
		v.content, v.sum = f.Version, frame.Sum
		frame.version = f.Version
	} else if v.frame != nil {
		frame = v.frame // with the version of those who have it
	} else {
		frame.version = v.content
	}
	behind := seats[:0]
	for _, seat := range seats {
		if !seat.left && seat.given < v.content {
			seat.given = v.content
			behind = append(behind, seat)
		}
	}
	clear(seats[len(behind):])
	if len(behind) > 0 {
		s.opts.Deliver(v, behind, frame)
	}
	v.keep(frame)
	return behind, same
}

// keep keeps frame for those who come, if there is room. giving is held.
func (v *Value) keep(frame *Frame) {
	s := v.s
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept -= v.kept
	v.kept, v.fresh, v.frame = 0, false, nil
	if len(v.seats) > 0 && v.kind.Keep && s.kept+frame.Size <= s.opts.MaxKept {
		v.kept, v.fresh, v.frame = frame.Size, true, frame
		s.kept += frame.Size
	}
}

// land ends a flight. It returns whether it has failed, and whether that is the first
// time in a row.
func (s *Scheduler) land(v *Value, f Flight, err error, took time.Duration, same bool) (failed, first bool) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	v.stats.add(took, same)
	v.notBefore = v.started.Add(max(v.kind.Interval, 2*took)) // at most half of a worker's time
	v.place = rests
	v.kind.running--
	s.list(v.kind)
	switch {
	case err == nil:
		v.done = v.began
		v.failures, v.notYets, v.notYet, v.stats.err = 0, 0, time.Time{}, nil
		if v.dirty = (time.Time{}); v.isDirty() {
			v.dirty = v.started // marked while it was rendered, or a moment before the end
		} else {
			v.after = 0
		}
		v.release(v.done, nil)
	case v.abandoned || len(v.seats) == 0: // cancelled, or of no interest
	case errors.Is(err, ErrNotYet) && f.After > 0:
		if v.notYet.IsZero() {
			v.notYet = v.started
		}
		v.notYets++
		v.notBefore = now.Add(soon(v.notYets))
	case s.ctx.Err() != nil:
		v.release(v.began, ErrClosed)
	default:
		v.failures++
		v.notBefore = now.Add(jitter(backoff(v.failures)))
		v.stats.err = err
		v.release(v.began, err)
		failed, first = true, v.failures == 1
	}
	s.rest(v, now)
	return failed, first
}

// failed tells those who have never been given a frame, and not been told yet.
func (s *Scheduler) failed(v *Value, err error) {
	v.giving.Lock()
	defer v.giving.Unlock()
	if v.content != 0 {
		return
	}
	var seats []*Seat
	s.mu.Lock()
	for _, seat := range v.seats {
		if !seat.told {
			seat.told = true
			seats = append(seats, seat)
		}
	}
	s.mu.Unlock()
	if len(seats) > 0 {
		s.opts.Failed(v, seats, err)
	}
}

// gone takes all seats of v away.
func (s *Scheduler) gone(v *Value, err error) (mine bool) {
	v.giving.Lock()
	s.mu.Lock()
	seats := v.seats
	v.seats = nil
	for _, seat := range seats {
		seat.index = -1
	}
	s.mu.Unlock()
	for _, seat := range seats {
		seat.left = true
	}
	if len(seats) > 0 && s.opts.Gone != nil {
		s.opts.Gone(v, seats, err)
	}
	v.frame, v.content = nil, 0
	v.giving.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(v)
	v.notBefore = v.started.Add(v.kind.Interval)
	v.done, v.dirty = v.began, time.Time{}
	v.place = rests
	v.kind.running--
	s.list(v.kind)
	v.release(v.want, nil)
	s.rest(v, time.Now())
	return s.slotLocked(v)
}

// late gives the slot of a render that does not heed its deadline to another one. The
// value keeps its place among those of its kind, so that a kind only ever blocks
// itself.
func (s *Scheduler) late(v *Value, f Flight) {
	s.mu.Lock()
	if v.place != flies || v.began != f.Version || v.stuck {
		s.mu.Unlock()
		return
	}
	v.stuck = true
	s.workers--
	s.ended.Done()
	s.settled()
	v.failures++
	v.stats.err = ErrLate
	v.release(v.began, ErrLate)
	first := v.failures == 1
	if len(s.ready) > 0 {
		s.list(s.ready[0])
	}
	s.mu.Unlock()
	if first && s.opts.Report != nil {
		s.opts.Report(v, fmt.Errorf("%w, and does not end", ErrLate))
	}
}

// slot reports whether the worker of v has its slot still.
func (s *Scheduler) slot(v *Value) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.slotLocked(v)
}

func (s *Scheduler) slotLocked(v *Value) bool {
	if !v.stuck {
		return true
	}
	v.stuck = false
	return false
}
