package flight_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sfere-go/sfere/internal/flight"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is the state that is shown: a number for each id. It is also the viewer, and
// remembers everything that it saw.
type world struct {
	s    *flight.Scheduler
	kind *flight.Kind

	mu      sync.Mutex
	state   map[any]int
	running map[any]int
	starts  map[any][]time.Time
	failing map[any]error
	slow    map[any]time.Duration
	flights int
	reports []string
	wrong   []string
}

// viewer is one seat of the test.
type viewer struct {
	w    *world
	id   any
	seat *flight.Seat
	got  []int
	held bool // has a frame that it has not taken
	gone bool
	left bool
	fail []error
}

const interval = 100 * time.Millisecond

func newWorld(t testing.TB, o flight.Options, k flight.Kind) *world {
	w := &world{state: map[any]int{}, running: map[any]int{}, starts: map[any][]time.Time{}, failing: map[any]error{}, slow: map[any]time.Duration{}}
	o.Deliver = func(v *flight.Value, seats []*flight.Seat, f *flight.Frame) {
		for _, s := range seats {
			s.Viewer.(*viewer).take(f.Data.(int))
		}
	}
	o.Gone = func(_ *flight.Value, seats []*flight.Seat, _ error) {
		for _, s := range seats {
			v := s.Viewer.(*viewer)
			w.mu.Lock()
			v.gone = true
			w.mu.Unlock()
		}
	}
	o.Failed = func(_ *flight.Value, seats []*flight.Seat, err error) {
		for _, s := range seats {
			v := s.Viewer.(*viewer)
			w.mu.Lock()
			v.fail = append(v.fail, err)
			w.mu.Unlock()
		}
	}
	o.Waits = func(s *flight.Seat) bool {
		v := s.Viewer.(*viewer)
		v.w.mu.Lock()
		defer v.w.mu.Unlock()
		return v.held
	}
	o.Report = func(v *flight.Value, err error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.reports = append(w.reports, fmt.Sprintf("%v: %v", v.ID(), err))
	}
	if o.Workers == 0 {
		o.Workers = 2
	}
	if k.Interval == 0 {
		k.Interval = interval
	}
	if k.Deadline == 0 {
		k.Deadline = 5 * time.Second
	}
	if k.Most == 0 {
		k.Most = o.Workers
	}
	k.Name = "test"
	if k.Render == nil {
		k.Render = w.render
	}
	w.kind = &k
	w.s = flight.New(&o)
	t.Cleanup(w.s.Close)
	return w
}

func (v *viewer) take(n int) {
	v.w.mu.Lock()
	defer v.w.mu.Unlock()
	if v.left {
		v.w.wrong = append(v.w.wrong, fmt.Sprintf("%v: was given %d after it had left", v.id, n))
	}
	if len(v.got) > 0 && n < v.got[len(v.got)-1] {
		v.w.wrong = append(v.w.wrong, fmt.Sprintf("%v: saw %d after %d", v.id, n, v.got[len(v.got)-1]))
	}
	v.got, v.held = append(v.got, n), true
}

func (v *viewer) last() int {
	v.w.mu.Lock()
	defer v.w.mu.Unlock()
	if len(v.got) == 0 {
		return -1
	}
	return v.got[len(v.got)-1]
}

// render reads the state at its start, and takes its time.
func (w *world) render(ctx context.Context, v *flight.Value, _ flight.Flight) (*flight.Frame, error) {
	w.mu.Lock()
	n := w.state[v.ID()]
	w.flights++
	w.starts[v.ID()] = append(w.starts[v.ID()], time.Now())
	if w.running[v.ID()]++; w.running[v.ID()] > 1 {
		w.wrong = append(w.wrong, fmt.Sprintf("%v: is rendered twice at a time", v.ID()))
	}
	err, slow := w.failing[v.ID()], w.slow[v.ID()]
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		w.running[v.ID()]--
		w.mu.Unlock()
	}()
	if slow > 0 {
		select {
		case <-time.After(slow):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if err != nil {
		return nil, err
	}
	return frame(n), nil
}

func frame(n int) *flight.Frame {
	return &flight.Frame{Data: n, Sum: sha256.Sum256([]byte(fmt.Sprint(n))), Size: 8}
}

func (w *world) join(t testing.TB, id any) *viewer {
	v := &viewer{w: w, id: id}
	var err error
	if v.seat, err = w.s.Join(id, w.kind, v); err != nil {
		t.Fatal(err)
	}
	w.s.Greet(v.seat)
	return v
}

// wait marks what v is shown and waits for it.
func (w *world) wait(t testing.TB, v *viewer) error {
	ticket, _ := w.s.Ticket(v.seat.Value(), flight.Mark{})
	return ticket.Wait(t.Context())
}

func (w *world) leave(v *viewer) {
	w.s.Leave(v.seat)
	w.mu.Lock()
	v.left = true
	w.mu.Unlock()
}

// set changes the state.
func (w *world) set(id any, n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.state[id] = n
}

func (w *world) fails(id any, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failing[id] = err
}

func (w *world) takes(id any, d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.slow[id] = d
}

// count returns how many flights there have been.
func (w *world) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.flights
}

// complaints returns what must never happen and did.
func (w *world) complaints() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, starts := range w.starts {
		for i := 1; i < len(starts); i++ {
			if d := starts[i].Sub(starts[i-1]); d < w.kind.Interval && w.failing[id] == nil {
				w.wrong = append(w.wrong, fmt.Sprintf("%v: two flights began %v apart", id, d))
			}
		}
	}
	return w.wrong
}

// all returns everything that v has seen.
func (v *viewer) all() []int {
	v.w.mu.Lock()
	defer v.w.mu.Unlock()
	return slices.Clone(v.got)
}

func (v *viewer) failures() []error {
	v.w.mu.Lock()
	defer v.w.mu.Unlock()
	return slices.Clone(v.fail)
}

func (v *viewer) isGone() bool {
	v.w.mu.Lock()
	defer v.w.mu.Unlock()
	return v.gone
}

// told returns what was reported.
func (w *world) told() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.reports)
}

func (w *world) taken(v *viewer) {
	w.mu.Lock()
	v.held = false
	w.mu.Unlock()
	if v.seat.Blocked() {
		w.s.Taken(v.seat.Value())
	}
}
