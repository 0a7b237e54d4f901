package growth

import (
	"math"
	"testing"
)

// Allocs returns how many allocations work takes. The runtime counts those of the whole
// process, such as of goroutines that a test has left at work, so the least of several
// rounds counts. The test must not be parallel.
func Allocs(work func()) float64 {
	least := math.Inf(1)
	for range 10 {
		least = min(least, testing.AllocsPerRun(3, work))
	}
	return least
}
