// Package growth checks in tests that work grows with the length of a text and not with
// its square, without a word about how long anything may take.
package growth

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

// factor is how much longer the long text is; worst is how much longer it may take. A
// quadratic algorithm takes 64 times as long.
const (
	factor = 8
	worst  = 32
)

// Linear prepares the work for n and for eight times n, and fails if the second takes
// more than 32 times the processor time of the first. n should be so large that what
// does not grow is less than what does. Other programs disturb the measurement, so that
// the best of several attempts counts, and only a result that comes again is a failure.
// Tests that run at the same time count as well: the test must not be parallel.
func Linear(t testing.TB, name string, n int, prepare func(n int) (work func())) {
	t.Helper()
	small, big := prepare(n), prepare(factor*n)
	small() // what is made once is made now
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	var ratio float64
	for range 4 {
		ratio = float64(best(big)) / float64(max(best(small), 1))
		if ratio <= worst {
			return
		}
	}
	t.Errorf("%s: a text %d times as long takes %.0f times as long", name, factor, ratio)
}

// enough is how much processor time is measured at once: more than the clock of the
// processor time is inexact by.
const enough = 10 * time.Millisecond

// best returns the least processor time that work took in three attempts.
func best(work func()) time.Duration {
	var least time.Duration
	for i := range 3 {
		runtime.GC()
		times, began, took := 0, processorTime(), time.Duration(0)
		for took < enough {
			work()
			times++
			took = processorTime() - began
		}
		if took /= time.Duration(times); i == 0 || took < least {
			least = took
		}
	}
	return least
}
