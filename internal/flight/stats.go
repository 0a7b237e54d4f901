package flight

import (
	"errors"
	"slices"
	"time"
)

// stats are what is known of the flights of a value; Scheduler.mu guards them.
type stats struct {
	flights, unchanged uint64
	last               time.Duration
	recent             [16]uint32 // microseconds, rounded up
	err                error      // nil after a flight that succeeded
}

func (s *stats) add(took time.Duration, same bool) {
	if same {
		s.unchanged++
	}
	s.recent[s.flights%uint64(len(s.recent))] = uint32(min((took + time.Microsecond - 1).Microseconds(), 1<<32-1))
	s.last = took
	s.flights++
}

// slowest returns the longest of the last flights.
func (s *stats) slowest() time.Duration {
	return time.Duration(slices.Max(s.recent[:])) * time.Microsecond
}

// Info is what can be seen of a value.
type Info struct {
	ID        any
	Kind      string
	Seats     int
	Version   uint64        // of the last flight whose frame was handed out
	Dirty     time.Time     // since when it waits to be rendered; zero if it does not
	Flights   uint64        // renders
	Unchanged uint64        // renders that came to the same as before
	Last      time.Duration // how long the last render took
	Slowest   time.Duration // the longest of the last 16
	Kept      int           // bytes
	Stuck     bool          // its render does not heed its deadline
	Err       error         // what the last render failed with
}

// info returns what can be seen of v; s.mu is held.
func (v *Value) info() Info {
	return Info{
		ID: v.id, Kind: v.kind.Name, Seats: len(v.seats), Version: v.done, Dirty: v.dirty,
		Flights: v.stats.flights, Unchanged: v.stats.unchanged, Last: v.stats.last, Slowest: v.stats.slowest(),
		Kept: v.kept, Stuck: v.stuck, Err: v.stats.err,
	}
}

// Info returns what can be seen of v.
func (s *Scheduler) Info(v *Value) Info {
	s.mu.Lock()
	defer s.mu.Unlock()
	return v.info()
}

// Outcome says what has become of a flight.
type Outcome string

// The outcomes.
const (
	Sent      Outcome = "sent"
	Unchanged Outcome = "unchanged" // it came to the same as before
	Gone      Outcome = "gone"
	NotYet    Outcome = "not-yet"
	Failed    Outcome = "failed"
	Late      Outcome = "late"      // it has failed by its deadline
	Abandoned Outcome = "abandoned" // nobody is shown it any more
)

// outcome returns what has become of a flight.
func outcome(err error, same, failed bool) Outcome {
	switch {
	case err == nil && same:
		return Unchanged
	case err == nil:
		return Sent
	case failed && errors.Is(err, ErrLate):
		return Late
	case failed:
		return Failed
	case errors.Is(err, ErrNotYet):
		return NotYet
	}
	return Abandoned
}

// landed tells of the end of a flight. No lock is held.
func (s *Scheduler) landed(v *Value, took time.Duration, o Outcome) {
	if s.opts.Landed != nil {
		s.opts.Landed(v, took, o)
	}
}
