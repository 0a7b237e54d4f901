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
	"pgregory.net/rapid"

	"github.com/sfere-go/sfere/internal/flight"
)

var errNo = errors.New("no")

// At rest everybody who is shown a value sees its last state; nobody sees an older
// one after a newer; a value is rendered once at a time, and not more often than its
// interval says.
func TestModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		held := rapid.Bool().Draw(rt, "held")
		keep := rapid.Bool().Draw(rt, "keep")
		ops := rapid.SliceOfN(rapid.IntRange(0, 99), 30, 120).Draw(rt, "ops")
		gaps := rapid.SliceOfN(rapid.IntRange(0, 130), len(ops), len(ops)).Draw(rt, "gaps")
		who := rapid.SliceOfN(rapid.IntRange(0, 1000), len(ops), len(ops)).Draw(rt, "who")
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, flight.Options{}, flight.Kind{Held: held, Keep: keep})
			viewers := []*viewer{w.join(t, 0), w.join(t, 1)}
			here := func(i int) *viewer {
				if len(viewers) == 0 {
					return nil
				}
				return viewers[i%len(viewers)]
			}
			n := 0
			for i, op := range ops {
				id := who[i] / 7 % 3
				switch {
				case op < 35: // the state changes, and it is said
					n++
					w.set(id, n)
					if v := find(viewers, id); v != nil {
						w.s.Mark(v.seat.Value(), flight.Mark{})
					}
				case op < 55 && (!held || find(viewers, id) == nil):
					viewers = append(viewers, w.join(t, id))
				case op < 65:
					if v := here(who[i]); v != nil {
						w.leave(v)
						viewers = without(viewers, v)
					}
				case op < 72:
					w.takes(id, time.Duration(who[i]*7%250)*time.Millisecond)
				case op < 77:
					w.fails(id, errNo)
				case op < 84:
					w.fails(id, nil)
				case op < 90:
					if v := here(who[i]); v != nil {
						w.s.Reset(v.seat)
					}
				default:
					if v := here(who[i]); v != nil {
						w.taken(v)
					}
				}
				time.Sleep(time.Duration(gaps[i]) * time.Millisecond)
			}
			for id := range 3 {
				w.fails(id, nil)
			}
			for range 40 { // failed ones are tried again after at most 30 s
				for _, v := range viewers {
					w.taken(v)
				}
				time.Sleep(2 * time.Second)
			}
			synctest.Wait()
			for _, v := range viewers {
				w.mu.Lock()
				want := w.state[v.id]
				w.mu.Unlock()
				if got := v.last(); got != want {
					rt.Errorf("%v: shows %d and the state is %d (held %v, keep %v)", v.id, got, want, held, keep)
				}
			}
			if wrong := w.complaints(); len(wrong) > 0 && !failed(w) {
				rt.Errorf("%v", wrong)
			}
			w.s.Close()
		})
	})
}

// failed reports whether anything failed; what failed is tried again by other rules.
func failed(w *world) bool { return len(w.told()) > 0 }

func (w *world) taken(v *viewer) {
	w.mu.Lock()
	v.held = false
	w.mu.Unlock()
	if v.seat.Blocked() {
		w.s.Taken(v.seat.Value())
	}
}

func find(vs []*viewer, id any) *viewer {
	for _, v := range vs {
		if v.id == id {
			return v
		}
	}
	return nil
}

func without(vs []*viewer, v *viewer) (out []*viewer) {
	for _, x := range vs {
		if x != v {
			out = append(out, x)
		}
	}
	return out
}

// A mark during the first render of a value is not lost with it.
func TestMarkDuringTheFirstRender(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, flight.Options{}, flight.Kind{})
		w.takes("board", 50*time.Millisecond)
		v := w.join(t, "board")
		time.Sleep(20 * time.Millisecond) // it has read the state
		w.set("board", 1)
		w.s.Mark(v.seat.Value(), flight.Mark{})
		time.Sleep(time.Second)
		if got := v.last(); got != 1 {
			t.Errorf("the page shows %d after the mark, want 1", got)
		}
	})
}

// Endless marks are throttled and not put off: the first is answered at once.
func TestThrottle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, flight.Options{}, flight.Kind{})
		v := w.join(t, "board")
		synctest.Wait()
		if got := v.last(); got != 0 {
			t.Fatalf("the first paint waits: %d", got)
		}
		for i := range 10_000 {
			w.set("board", i+1)
			w.s.Mark(v.seat.Value(), flight.Mark{})
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Second)
		if n := w.count(); n < 95 || n > 103 {
			t.Errorf("%d renders in 10 s, want about 100", n)
		}
		if got := v.last(); got != 10_000 {
			t.Errorf("shows %d, want 10000", got)
		}
		for _, c := range w.complaints() {
			t.Error(c)
		}
	})
}

// A slow render takes at most half of a worker.
func TestSlowRenderLeavesTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, flight.Options{}, flight.Kind{})
		w.takes("board", time.Second)
		v := w.join(t, "board")
		for range 1000 {
			w.s.Mark(v.seat.Value(), flight.Mark{})
			time.Sleep(20 * time.Millisecond)
		}
		if n := w.count(); n < 9 || n > 11 {
			t.Errorf("%d renders of 1 s in 20 s, want about 10", n)
		}
	})
}

// When the last viewer leaves, what was shown is forgotten: nothing would tell that it
// has become old.
func TestNothingIsKeptForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, flight.Options{}, flight.Kind{Keep: true})
		v := w.join(t, "board")
		time.Sleep(10 * time.Millisecond)
		w.leave(v)
		w.set("board", 7) // nobody is there to be marked
		w.s.Mark(v.seat.Value(), flight.Mark{})
		next := w.join(t, "board")
		time.Sleep(time.Second)
		if diff := cmp.Diff([]int{7}, next.all()); diff != "" {
			t.Errorf("the next viewer (-want +got):\n%s", diff)
		}
		for _, c := range w.complaints() {
			t.Error(c)
		}
	})
}

// Who comes while a value is clean and young is given what is kept; otherwise it is
// rendered, once for all who come together.
func TestJoinsShareFlights(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, flight.Options{}, flight.Kind{Keep: true})
		w.takes("board", 5*time.Millisecond)
		first := w.join(t, "board")
		for range 999 {
			w.join(t, "board")
		}
		time.Sleep(time.Second)
		if n := w.count(); n > 2 {
			t.Errorf("%d renders for 1000 viewers, want at most 2: one for the first and one for all others", n)
		}
		if err := w.wait(t, first); err != nil {
			t.Error(err)
		}
		late := w.join(t, "board")
		if got := late.last(); got != 0 {
			t.Errorf("was given %d at once, want what is kept", got)
		}
		time.Sleep(time.Second)
		w.set("board", 1)
		old := w.join(t, "board") // nobody has said so, but what is kept is old
		time.Sleep(time.Second)
		if got := old.last(); got != 1 {
			t.Errorf("who came later sees %d, want 1", got)
		}
	})
}

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

// Many personal values that are always dirty do not keep a shared one of another kind
// from its turn, nor newcomers from theirs, nor newcomers the others.
func TestFairness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, flight.Options{Workers: 2}, flight.Kind{Most: 10})
		shared := &flight.Kind{Name: "shared", Interval: interval, Deadline: time.Second, Most: 2, Keep: true, Render: w.render}
		for id := range 10_000 {
			w.takes(id, 2*time.Millisecond)
		}
		w.takes("board", 2*time.Millisecond)
		var own []*viewer
		for id := range 5000 {
			own = append(own, w.join(t, id))
		}
		board := &viewer{w: w, id: "board"}
		board.seat, _ = w.s.Join("board", shared, board)
		w.s.Greet(board.seat)
		worst, set := time.Duration(0), []time.Time{time.Now()} // when each state came to be
		for i := range 2000 {                                   // 20 s
			for j := range 50 {
				w.s.Mark(own[(i*50+j)%len(own)].seat.Value(), flight.Mark{})
			}
			w.set("board", i+1)
			set = append(set, time.Now())
			w.s.Mark(board.seat.Value(), flight.Mark{})
			if i%2 == 0 {
				own = append(own, w.join(t, 5000+i)) // newcomers pour in
			}
			time.Sleep(10 * time.Millisecond)
			if shown := max(board.last(), 0); shown <= i {
				worst = max(worst, time.Since(set[shown+1]))
			}
		}
		if worst > 3*interval {
			t.Errorf("the shared value was %v old, want at most %v", worst, 3*interval)
		}
		blank := 0
		for _, v := range own[5000 : len(own)-100] {
			if v.last() < 0 {
				blank++
			}
		}
		if blank > 0 {
			t.Errorf("%d of %d newcomers show nothing", blank, len(own)-5100)
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

// A value that nobody marks is rendered again when it is of age, and what has not
// changed is given to nobody.
func TestMaxAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, flight.Options{}, flight.Kind{MaxAge: 10 * time.Second})
		v := w.join(t, "board")
		time.Sleep(35 * time.Second)
		w.set("board", 1)
		time.Sleep(10 * time.Second)
		if diff := cmp.Diff([]int{0, 1}, v.all()); diff != "" {
			t.Errorf("was given (-want +got):\n%s", diff)
		}
		if n := w.count(); n != 5 {
			t.Errorf("%d renders, want 5", n)
		}
	})
}

// Drain does what is due without waiting for intervals, and does not wait for what
// fails.
func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, flight.Options{}, flight.Kind{Interval: time.Hour})
		var viewers []*viewer
		for id := range 100 {
			viewers = append(viewers, w.join(t, id))
		}
		time.Sleep(time.Second)
		w.fails(13, errNo)
		for id := range 100 {
			w.set(id, 1)
			w.s.Mark(viewers[id].seat.Value(), flight.Mark{})
		}
		if err := w.s.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		for _, v := range viewers {
			if v.last() != 1 && v.id != 13 {
				t.Errorf("%v shows %d after the drain", v.id, v.last())
			}
		}
		w.s.Close()
		if _, err := w.s.Join("late", w.kind, &viewer{w: w}); !errors.Is(err, flight.ErrClosed) {
			t.Errorf("joined a closed scheduler: %v", err)
		}
	})
}

// Who has not taken the frame before is not rendered for; one render follows when it
// has.
func TestHeldUntilTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, flight.Options{}, flight.Kind{Held: true})
		v := w.join(t, "inbox")
		time.Sleep(time.Second)
		for i := range 100 {
			w.set("inbox", i+1)
			w.s.Mark(v.seat.Value(), flight.Mark{})
			time.Sleep(time.Second)
		}
		if n := w.count(); n != 1 {
			t.Errorf("%d renders for somebody who takes nothing, want 1", n)
		}
		w.taken(v)
		time.Sleep(time.Second)
		if diff := cmp.Diff([]int{0, 100}, v.all()); diff != "" {
			t.Errorf("was given (-want +got):\n%s", diff)
		}
		if n := w.count(); n != 2 {
			t.Errorf("%d renders, want 2", n)
		}
	})
}

// What a viewer was given counts for nothing after Reset, and nothing is given to one
// that has left.
func TestReset(t *testing.T) {
	for _, keep := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, flight.Options{}, flight.Kind{Keep: keep})
			v, other := w.join(t, "board"), w.join(t, "board")
			time.Sleep(time.Second)
			w.s.Reset(v.seat)
			time.Sleep(time.Second)
			w.leave(v)
			w.s.Reset(v.seat)
			time.Sleep(time.Second)
			if diff := cmp.Diff([][]int{{0, 0}, {0}}, [][]int{v.all(), other.all()}); diff != "" {
				t.Errorf("keep %v: were given (-want +got):\n%s", keep, diff)
			}
			for _, c := range w.complaints() {
				t.Error(c)
			}
		})
	}
}

// Who comes while a value waits for its next flight is not given what is known to be
// old.
func TestJoinWhileDirty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, flight.Options{}, flight.Kind{Keep: true})
		v := w.join(t, "board")
		time.Sleep(10 * time.Millisecond)
		w.set("board", 1)
		w.s.Mark(v.seat.Value(), flight.Mark{})
		next := w.join(t, "board")
		time.Sleep(time.Second)
		if diff := cmp.Diff([]int{1}, next.all()); diff != "" {
			t.Errorf("was given (-want +got):\n%s", diff)
		}
	})
}

// Values that are all marked all the time are rendered equally often.
func TestFairShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, flight.Options{Workers: 2}, flight.Kind{})
		var viewers []*viewer
		for id := range 10 {
			w.takes(id, 30*time.Millisecond) // 10 of them are 150 ms of two workers
			viewers = append(viewers, w.join(t, id))
		}
		for i := range 100_000 { // 100 s
			w.set(i%10, i)
			w.s.Mark(viewers[i%10].seat.Value(), flight.Mark{})
			time.Sleep(time.Millisecond)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		least, most := len(w.starts[0]), 0
		for _, starts := range w.starts {
			least, most = min(least, len(starts)), max(most, len(starts))
		}
		if most-least > most/100+1 || least < 600 {
			t.Errorf("%d to %d renders, want the same of each, and over 600", least, most)
		}
	})
}
