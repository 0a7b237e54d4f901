package growth

import (
	"math"
	"runtime"
	"testing"
)

// rounds is how often allocations are counted. The runtime counts those of the whole
// process, such as of goroutines that a test has left at work, and a collection empties
// pools that are then filled again, so that the least of several rounds counts.
const rounds = 10

// Allocs returns how many allocations work takes. The test must not be parallel.
func Allocs(work func()) float64 {
	least := math.Inf(1)
	for range rounds {
		least = min(least, testing.AllocsPerRun(3, work))
	}
	return least
}

// Bytes returns how many bytes work allocates; see Race. The test must not be parallel.
func Bytes(work func()) int64 {
	least := int64(math.MaxInt64)
	var before, after runtime.MemStats
	for range rounds {
		runtime.ReadMemStats(&before)
		work()
		runtime.ReadMemStats(&after)
		least = min(least, int64(after.TotalAlloc-before.TotalAlloc))
	}
	return least
}
