package flight_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/internal/flight"
)

var errNo = errors.New("no")

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
