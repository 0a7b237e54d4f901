package flight_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sfere-go/sfere/internal/flight"
)

// A value at rest that is marked is rendered at once, and again at the end of its
// interval, which is from start to start.
func TestIntervalIsFromStartToStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, flight.Options{}, flight.Kind{})
		v := w.join(t, "board")
		time.Sleep(time.Second)
		w.set("board", 1)
		w.s.Mark(v.seat.Value(), flight.Mark{})
		synctest.Wait()
		if got := v.last(); got != 1 {
			t.Errorf("shows %d after a mark at rest, want 1 at once", got)
		}
		time.Sleep(time.Second)
		w.takes("board", interval*4/10)
		before := w.count()
		for range 100 {
			w.s.Mark(v.seat.Value(), flight.Mark{})
			time.Sleep(interval / 10)
		}
		if n := w.count() - before; n < 10 || n > 11 {
			t.Errorf("%d renders in 10 intervals, want 10 or 11: a render of less than half an interval puts nothing off", n)
		}
	})
}

// Renders at a time are bounded by the workers, and for each kind by what it says.
func TestRendersAtATime(t *testing.T) {
	for _, tt := range []struct {
		reason             string
		workers, most, max int
	}{
		{"no more than there are workers", 2, 10, 2},
		{"no more than the kind may have", 8, 3, 3},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var now, most atomic.Int32
				w := newWorld(t, flight.Options{Workers: tt.workers}, flight.Kind{Most: tt.most, Render: func(context.Context, *flight.Value, flight.Flight) (*flight.Frame, error) {
					most.Store(max(most.Load(), now.Add(1)))
					time.Sleep(10 * time.Millisecond)
					now.Add(-1)
					return frame(0), nil
				}})
				var all []*viewer
				for id := range 20 {
					all = append(all, w.join(t, id))
				}
				time.Sleep(time.Second)
				if n := int(most.Load()); n != tt.max {
					t.Errorf("%d renders at a time, want %d", n, tt.max)
				}
				for _, v := range all {
					if v.last() != 0 {
						t.Errorf("%v shows nothing", v.id)
					}
				}
			})
		})
	}
}

// A render that does not end keeps the place of its kind, and only that.
func TestStuckRenderKeepsItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		var w *world
		w = newWorld(t, flight.Options{Workers: 2}, flight.Kind{Deadline: time.Second, Most: 1, Render: func(ctx context.Context, v *flight.Value, f flight.Flight) (*flight.Frame, error) {
			if v.ID() == "stuck" {
				<-hang
			}
			return w.render(ctx, v, f)
		}})
		w.join(t, "stuck")
		time.Sleep(time.Second / 2)
		behind := w.join(t, "behind")
		time.Sleep(10 * time.Second)
		late := w.join(t, "late")
		time.Sleep(10 * time.Second)
		for _, v := range []*viewer{behind, late} {
			if got := v.last(); got != -1 {
				t.Errorf("another value of the kind, %v, shows %d: two of them run, and the kind may have one", v.id, got)
			}
		}
		other := &flight.Kind{Name: "other", Interval: interval, Deadline: time.Second, Most: 1, Render: w.render}
		free := &viewer{w: w, id: "free"}
		var err error
		if free.seat, err = w.s.Join("free", other, free); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if got := free.last(); got != 0 {
			t.Errorf("a value of another kind shows %d, want 0", got)
		}
		close(hang)
		time.Sleep(time.Second)
		for _, v := range []*viewer{behind, late} {
			if got := v.last(); got != 0 {
				t.Errorf("%v shows %d after the place was free, want 0", v.id, got)
			}
		}
	})
}

// Frames are kept up to a bound, and what nobody is shown any more does not count.
func TestMaxKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, flight.Options{MaxKept: 20}, flight.Kind{Keep: true}) // frames have 8
		var all []*viewer
		for id := range 3 {
			all = append(all, w.join(t, id))
			time.Sleep(time.Second)
		}
		kept := func() string {
			s := ""
			for _, v := range all {
				s += fmt.Sprint(w.s.Info(v.seat.Value()).Kept, " ")
			}
			return s
		}
		if got, want := kept(), "8 8 0 "; got != want {
			t.Errorf("kept %s, want %s", got, want)
		}
		for range 5 { // what is rendered again is not counted twice
			if err := w.wait(t, all[0]); err != nil {
				t.Error(err)
			}
		}
		for range 5 { // nor is what has been left
			w.leave(all[0])
			time.Sleep(time.Second)
			all[0] = w.join(t, 0)
			time.Sleep(time.Second)
		}
		w.leave(all[1])
		if err := w.wait(t, all[2]); err != nil {
			t.Error(err)
		}
		if got, want := kept(), "8 0 8 "; got != want {
			t.Errorf("kept %s after one was left, want %s", got, want)
		}
	})
}

// A mark that may be put off is, and is not forgotten.
func TestDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, flight.Options{}, flight.Kind{})
		v := w.join(t, "board")
		time.Sleep(time.Second)
		w.set("board", 1)
		w.s.Mark(v.seat.Value(), flight.Mark{Delay: time.Minute})
		time.Sleep(59 * time.Second)
		if got := v.last(); got != 0 {
			t.Errorf("shows %d before the delay was over", got)
		}
		time.Sleep(2 * time.Second)
		if got := v.last(); got != 1 {
			t.Errorf("shows %d after the delay, want 1", got)
		}
	})
}

// A mark that may be put off holds up none that may not, and waits for nothing that
// would come later.
func TestDelayHoldsUpNobody(t *testing.T) {
	for _, tt := range []struct {
		reason string
		marks  []flight.Mark
		want   time.Duration
		age    time.Duration
	}{
		{"one that cannot wait comes after it", []flight.Mark{{Delay: time.Minute}, {}}, 0, 0},
		{"and before it", []flight.Mark{{}, {Delay: time.Minute}}, 0, 0},
		{"of two the shorter delay counts", []flight.Mark{{Delay: time.Minute}, {Delay: 2 * time.Second}}, 2 * time.Second, 0},
		{"in either order", []flight.Mark{{Delay: 2 * time.Second}, {Delay: time.Minute}}, 2 * time.Second, 0},
		{"it is before the value comes of age", []flight.Mark{{Delay: 2 * time.Second}}, 2 * time.Second, time.Hour},
		{"which is not put off by it", []flight.Mark{{Delay: 2 * time.Hour}}, time.Hour - time.Second, time.Hour},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, flight.Options{}, flight.Kind{MaxAge: tt.age})
				v := w.join(t, "board")
				time.Sleep(time.Second)
				w.set("board", 1)
				for _, m := range tt.marks {
					w.s.Mark(v.seat.Value(), m)
				}
				time.Sleep(max(0, tt.want-time.Millisecond))
				if got := v.last(); tt.want > 0 && got != 0 {
					t.Errorf("shows %d before %v", got, tt.want)
				}
				time.Sleep(2 * time.Millisecond)
				if got := v.last(); got != 1 {
					t.Errorf("shows %d after %v, want 1", got, tt.want)
				}
			})
		})
	}
}

// What fails is tried again after a time that doubles, up to half a minute.
func TestBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, flight.Options{}, flight.Kind{})
		w.fails("board", errNo)
		v := w.join(t, "board")
		for range 600 { // marks make it no faster
			w.s.Mark(v.seat.Value(), flight.Mark{})
			time.Sleep(100 * time.Millisecond)
			if w.count() > 100 { // at once, without any time
				break
			}
		}
		// 0.25 s doubling for a minute: 0, .25, .75, 1.75, 3.75, 7.75, 15.75, 31.75, each by at most a quarter more or less.
		if n := w.count(); n < 7 || n > 10 {
			t.Errorf("%d renders in the first minute of failures, want about 8", n)
		}
		before := w.count()
		time.Sleep(10 * time.Minute)
		if n := w.count() - before; n < 15 || n > 28 {
			t.Errorf("%d renders in ten minutes after it, want about 20", n)
		}
	})
}

// A streak of failures ends with a success: the next is told again, and soon tried
// again.
func TestStreaks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, flight.Options{}, flight.Kind{})
		v := w.join(t, "board")
		for i := range 3 {
			w.fails("board", errNo)
			w.s.Mark(v.seat.Value(), flight.Mark{})
			time.Sleep(time.Minute)
			w.fails("board", nil)
			time.Sleep(time.Minute)
			w.fails("board", errNo)
			w.set("board", i+1)
			w.s.Mark(v.seat.Value(), flight.Mark{})
			time.Sleep(interval)
			w.fails("board", nil)
			time.Sleep(time.Second / 2)
			if got := v.last(); got != i+1 {
				t.Errorf("shows %d, want %d: it has failed once", got, i+1)
			}
		}
		if told := w.told(); len(told) != 6 {
			t.Errorf("was reported %d times, want once for each of 6 streaks: %q", len(told), told)
		}
	})
}

// Newcomers that come faster than they can be rendered have most of the turns, and not
// all: who is there already is shown what has changed.
func TestNewcomersLeaveTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w *world
		w = newWorld(t, flight.Options{Workers: 1}, flight.Kind{Render: func(ctx context.Context, v *flight.Value, f flight.Flight) (*flight.Frame, error) {
			return w.slowly(20*time.Millisecond)(ctx, v, f)
		}})
		here := w.join(t, "here")
		time.Sleep(time.Second)
		var all []*viewer
		for i := range 500 { // twice as many as can be rendered
			all = append(all, w.join(t, i))
			w.set("here", i+1)
			w.s.Mark(here.seat.Value(), flight.Mark{})
			time.Sleep(10 * time.Millisecond)
		}
		painted := 0
		for _, v := range all {
			if v.last() == 0 {
				painted++
			}
		}
		again := len(here.all()) - 1
		if n := painted + again; n < 240 {
			t.Errorf("%d renders in 5 s, want 250", n)
		}
		if again < 25 {
			t.Errorf("who was there was given %d states in 5 s while others came", again)
		}
		if painted < 2*again {
			t.Errorf("%d first paints beside %d others: newcomers come first", painted, again)
		}
	})
}
