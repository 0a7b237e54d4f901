package flight

import (
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
