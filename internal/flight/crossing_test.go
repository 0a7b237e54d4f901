package flight_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/internal/flight"
)

// slowly is a render that reads the state at its start, and takes a time whatever
// becomes of its context.
func (w *world) slowly(d time.Duration) func(context.Context, *flight.Value, flight.Flight) (*flight.Frame, error) {
	return func(_ context.Context, v *flight.Value, f flight.Flight) (*flight.Frame, error) {
		frame, err := w.render(context.Background(), v, f)
		time.Sleep(d)
		return frame, err
	}
}

// Who comes while a render runs that nobody wants any more does not end with what
// that one has read: nobody could be told what has changed since.
func TestJoinDuringAnAbandonedFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w *world
		w = newWorld(t, flight.Options{}, flight.Kind{Keep: true, Render: func(ctx context.Context, v *flight.Value, f flight.Flight) (*flight.Frame, error) {
			return w.slowly(interval/2)(ctx, v, f)
		}})
		v := w.join(t, "board")
		time.Sleep(interval / 10) // it has read 0
		w.leave(v)
		w.set("board", 1)
		next := w.join(t, "board")
		time.Sleep(time.Second)
		if got := next.last(); got != 1 {
			t.Errorf("shows %d, want 1", got)
		}
		if len(w.complaints()) > 0 {
			t.Error(w.wrong)
		}
	})
}

// Who waits during a flight waits for the next one.
func TestWaitDuringAFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, flight.Options{}, flight.Kind{})
		w.takes("board", interval/2)
		v := w.join(t, "board")
		time.Sleep(interval / 10) // it has read 0
		w.set("board", 1)
		if err := w.wait(t, v); err != nil {
			t.Error(err)
		}
		if got := v.last(); got != 1 {
			t.Errorf("shows %d when the waiting ends, want 1", got)
		}
	})
}

// The render that runs for the last viewer ends with it, is no failure, and the next
// viewer has one of its own.
func TestLastViewerEndsTheRender(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ends []error
		var w *world
		w = newWorld(t, flight.Options{}, flight.Kind{Deadline: time.Hour, Render: func(ctx context.Context, v *flight.Value, f flight.Flight) (*flight.Frame, error) {
			if len(ends) == 0 {
				<-ctx.Done()
				ends = append(ends, ctx.Err())
				return nil, ctx.Err()
			}
			return w.render(ctx, v, f)
		}})
		v := w.join(t, "board")
		other := w.join(t, "board")
		time.Sleep(time.Second)
		w.leave(other)
		synctest.Wait()
		if len(ends) > 0 {
			t.Fatal("the render has ended, and one viewer is left")
		}
		w.leave(v)
		synctest.Wait()
		if len(ends) != 1 || !errors.Is(ends[0], context.Canceled) {
			t.Fatalf("the render has ended with %v, want once: canceled", ends)
		}
		next := w.join(t, "board")
		time.Sleep(2 * time.Second) // as long again as that one has taken, at least
		if got := next.last(); got != 0 {
			t.Errorf("the next viewer shows %d, want 0", got)
		}
		if told := w.told(); len(told) > 0 {
			t.Errorf("was reported: %q", told)
		}
	})
}

// Of the positions that a value has to have seen the highest counts, also when it is
// named during a flight that is not for it.
func TestHighestPositionCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked []uint64
		var w *world
		w = newWorld(t, flight.Options{}, flight.Kind{Render: func(ctx context.Context, v *flight.Value, f flight.Flight) (*flight.Frame, error) {
			asked = append(asked, f.After)
			return w.slowly(interval/2)(ctx, v, f)
		}})
		v := w.join(t, "board")
		time.Sleep(interval / 10) // its first render runs
		for _, after := range []uint64{3, 7, 5} {
			w.s.Mark(v.seat.Value(), flight.Mark{After: after})
		}
		time.Sleep(time.Second)
		w.s.Mark(v.seat.Value(), flight.Mark{})
		time.Sleep(time.Second)
		synctest.Wait()
		if diff := cmp.Diff([]uint64{0, 7, 0}, asked); diff != "" {
			t.Errorf("renders were asked for (-want +got):\n%s", diff)
		}
	})
}

// Who waits is told when nobody is shown the value any more, when the scheduler is
// closed, and when the time is up.
func TestWaitingEnds(t *testing.T) {
	for _, tt := range []struct {
		reason string
		end    func(w *world, v *viewer, cancel context.CancelFunc) // of what is waited for
		want   error
	}{
		{"there is nobody left to wait for", func(w *world, v *viewer, _ context.CancelFunc) { w.leave(v) }, nil},
		{"nothing is rendered any more", func(w *world, _ *viewer, _ context.CancelFunc) { w.s.Close() }, flight.ErrClosed},
		{"nobody waits for ever", func(_ *world, _ *viewer, cancel context.CancelFunc) { cancel() }, context.Canceled},
	} {
		for _, flies := range []bool{true, false} { // or it waits for its interval
			synctest.Test(t, func(t *testing.T) {
				rest := time.Hour
				if flies {
					rest = interval
				}
				w := newWorld(t, flight.Options{}, flight.Kind{Deadline: time.Hour, Interval: rest})
				v := w.join(t, "board")
				time.Sleep(time.Second)
				w.takes("board", 24*time.Hour) // until its context ends
				ticket, _ := w.s.Ticket(v.seat.Value(), flight.Mark{})
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				done := make(chan error, 1)
				go func() { done <- ticket.Wait(ctx) }()
				time.Sleep(time.Second)
				tt.end(w, v, cancel)
				synctest.Wait()
				select {
				case err := <-done:
					if !errors.Is(err, tt.want) {
						t.Errorf("%s, flies %t: it ends with %v, want %v", tt.reason, flies, err, tt.want)
					}
				default:
					t.Errorf("%s, flies %t: it still waits", tt.reason, flies)
				}
				w.s.Close()
			})
		}
	}
}

// A drain ends when what was to be rendered has been handed out.
func TestDrainWaitsForRenders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, flight.Options{}, flight.Kind{})
		v := w.join(t, "board")
		time.Sleep(time.Second)
		w.takes("board", time.Second)
		w.set("board", 1)
		w.s.Mark(v.seat.Value(), flight.Mark{})
		time.Sleep(interval) // it runs, and nothing else waits
		if err := w.s.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		if got := v.last(); got != 1 {
			t.Errorf("shows %d after the drain, want 1", got)
		}
	})
}
