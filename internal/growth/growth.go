// Package growth checks in tests that work grows with the length of a text and not with
// its square, without a word about how long anything may take.
package growth

import (
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
// more than 32 times as long as the first. n should be so large that the first takes a
// few milliseconds. Other programs disturb the clock, so that the best of several
// attempts counts, and only a result that comes again is a failure.
func Linear(t testing.TB, name string, n int, prepare func(n int) (work func())) {
	t.Helper()
	small, big := prepare(n), prepare(factor*n)
	small() // what is made once is made now
	var ratio float64
	for range 4 {
		ratio = float64(best(1, big)) / float64(max(best(5, small), time.Microsecond))
		if ratio <= worst {
			return
		}
	}
	t.Errorf("%s: a text %d times as long takes %.0f times as long", name, factor, ratio)
}

func best(times int, work func()) time.Duration {
	var least time.Duration
	for i := range times {
		began := time.Now()
		work()
		if took := time.Since(began); i == 0 || took < least {
			least = took
		}
	}
	return least
}
