package flight_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/sfere-go/sfere/internal/flight"
)

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
