package flight_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/internal/flight"
)

// What fails stays as it was, is told once, and is tried again by itself.
func TestFailure(t *testing.T) {
	for _, tt := range []struct {
		name   string
		render func(ctx context.Context) error
		want   string
	}{
		{"an error", func(context.Context) error { return errNo }, "board: no"},
		{"a panic", func(context.Context) error { panic("boom") }, "board: panic: boom"},
		{"too late", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, "board: the render took longer than its deadline: context deadline exceeded"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var bad bool
				var w *world
				w = newWorld(t, flight.Options{}, flight.Kind{Deadline: time.Second, Render: func(ctx context.Context, v *flight.Value, f flight.Flight) (*flight.Frame, error) {
					w.mu.Lock()
					fails := bad && v.ID() == "board"
					w.mu.Unlock()
					if fails {
						return nil, tt.render(ctx)
					}
					return w.render(ctx, v, f)
				}})
				v, other := w.join(t, "board"), w.join(t, "other")
				time.Sleep(time.Second)
				w.mu.Lock()
				bad = true
				w.mu.Unlock()
				w.set("board", 1)
				w.set("other", 1)
				w.s.Mark(other.seat.Value(), flight.Mark{})
				err := w.wait(t, v)
				if err == nil {
					t.Error("who waits is told that all is well")
				}
				time.Sleep(20 * time.Second)
				if v.last() != 0 || other.last() != 1 {
					t.Errorf("shows %d and %d, want 0 (the last good one) and 1", v.last(), other.last())
				}
				w.mu.Lock()
				bad = false
				w.mu.Unlock()
				time.Sleep(40 * time.Second)
				if got := v.last(); got != 1 {
					t.Errorf("shows %d after it has recovered, want 1", got)
				}
				if diff := cmp.Diff([]string{tt.want}, w.told()); diff != "" {
					t.Errorf("reports (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// Who is shown a value that has never had a frame is told, once in a streak.
func TestFailedAtFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, flight.Options{}, flight.Kind{})
		w.fails("board", errNo)
		v := w.join(t, "board")
		time.Sleep(time.Minute)
		late := w.join(t, "board")
		time.Sleep(time.Minute)
		if len(late.failures()) != 1 {
			t.Errorf("who came later was told %v, want once", late.failures())
		}
		if len(v.failures()) != 1 || !errors.Is(v.failures()[0], errNo) {
			t.Errorf("was told %v, want once: no", v.failures())
		}
		w.fails("board", nil)
		time.Sleep(40 * time.Second)
		if got := v.last(); got != 0 {
			t.Errorf("shows %d, want 0", got)
		}
	})
}

// A render that does not heed its deadline keeps its value, and a place among those
// of its kind, but no worker.
func TestStuckRender(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		var w *world
		w = newWorld(t, flight.Options{Workers: 1}, flight.Kind{Deadline: time.Second, Most: 2, Render: func(ctx context.Context, v *flight.Value, f flight.Flight) (*flight.Frame, error) {
			if v.ID() == "stuck" {
				<-hang
			}
			return w.render(ctx, v, f)
		}})
		stuck := w.join(t, "stuck")
		time.Sleep(10 * time.Second)
		good := w.join(t, "good")
		time.Sleep(10 * time.Second)
		if got := good.last(); got != 0 {
			t.Errorf("another value of the kind shows %d, want 0", got)
		}
		if info := w.s.Info(stuck.seat.Value()); !info.Stuck {
			t.Errorf("it is not said to be stuck: %+v", info)
		}
		w.set("stuck", 3)
		w.s.Mark(stuck.seat.Value(), flight.Mark{})
		close(hang)
		time.Sleep(time.Second)
		if got := stuck.last(); got != 3 {
			t.Errorf("shows %d after it was freed, want 3", got)
		}
		if len(w.complaints()) > 0 {
			t.Error(w.wrong)
		}
	})
}

// Renders that see an old state are tried again, and in the end what they give is
// better than nothing.
func TestNotYet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lag sync.Map
		lag.Store("at", uint64(0))
		var w *world
		w = newWorld(t, flight.Options{}, flight.Kind{Deadline: time.Second, Render: func(ctx context.Context, v *flight.Value, f flight.Flight) (*flight.Frame, error) {
			if at, _ := lag.Load("at"); at.(uint64) < f.After {
				return nil, fmt.Errorf("replica is at %d: %w", at, flight.ErrNotYet)
			}
			return w.render(ctx, v, f)
		}})
		v := w.join(t, "board")
		time.Sleep(time.Second)
		w.set("board", 1)
		w.s.Mark(v.seat.Value(), flight.Mark{After: 7})
		time.Sleep(300 * time.Millisecond)
		if got := v.last(); got != 0 {
			t.Errorf("shows %d from a replica that has not seen the change", got)
		}
		lag.Store("at", uint64(7))
		time.Sleep(400 * time.Millisecond)
		if got := v.last(); got != 1 {
			t.Errorf("shows %d after the replica has caught up", got)
		}
		w.set("board", 2)
		w.s.Mark(v.seat.Value(), flight.Mark{After: 8})
		time.Sleep(3 * time.Second)
		if got := v.last(); got != 2 {
			t.Errorf("shows %d, and the replica never came: want 2", got)
		}
		if len(w.told()) > 0 {
			t.Errorf("was reported: %v", w.told())
		}
	})
}

// A value that is gone loses its seats, and may come back.
func TestGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, flight.Options{}, flight.Kind{})
		v := w.join(t, "board")
		time.Sleep(time.Second)
		w.fails("board", flight.ErrGone)
		if err := w.wait(t, v); err != nil {
			t.Error(err)
		}
		if !v.isGone() {
			t.Error("the viewer was not told")
		}
		w.s.Leave(v.seat)
		w.fails("board", nil)
		w.set("board", 5)
		next := w.join(t, "board")
		time.Sleep(time.Second)
		if got := next.last(); got != 5 {
			t.Errorf("who comes later sees %d, want 5", got)
		}
	})
}
