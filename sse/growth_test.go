package sse_test

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// resource is something that a process holds.
type resource struct {
	name string
	// floor is how much it may grow over a whole run whatever its level is: caches
	// and the kernel need some time to settle.
	floor float64
}

var resources = []resource{{"heap KiB", 64}, {"goroutines", 2}, {"descriptors", 2}, {"timers", 4}}

// growth is what the process held at the end of each round of a long run.
type growth struct {
	rows    [][]float64 // one value for each of resources
	streams []int64     // so far
}

// leastRounds is how many rounds it takes to tell growth from chance.
const leastRounds = 8

// add measures, when nothing is going on any more.
func (g *growth) add(t *testing.T, streams int64) {
	if len(g.rows) == 0 {
		runtime.MemProfileRate = 1 // to count timers; it holds for what is allocated from here on
		t.Cleanup(func() { runtime.MemProfileRate = 512 << 10 })
	}
	settled := func() bool {
		goroutines, fds := runtime.NumGoroutine(), descriptors()
		time.Sleep(700 * time.Millisecond) // longer than a connection lingers
		return runtime.NumGoroutine() == goroutines && descriptors() == fds
	}
	for range 10 {
		if settled() {
			break
		}
	}
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	row := []float64{float64(m.HeapAlloc) / 1024, float64(runtime.NumGoroutine()), float64(descriptors()), float64(timers())}
	g.rows, g.streams = append(g.rows, row), append(g.streams, streams)
	t.Logf("round %3d, %7d streams so far: %s", len(g.rows), streams, cells(row))
}

func cells(row []float64) string {
	var b strings.Builder
	for i, v := range row {
		fmt.Fprintf(&b, "  %s %.0f", resources[i].name, v)
	}
	return b.String()
}

// judge prints how fast each resource grows, and fails the test if one does. The
// first quarter of the rounds, in which buffers and caches fill, is left out.
func (g *growth) judge(t *testing.T) {
	from := (len(g.rows) + 3) / 4
	rows := g.rows[from:]
	t.Logf("%-12s %10s %22s %12s %12s", "", "level", "slope a round", "rise", "allowed")
	for i, r := range resources {
		var values []float64
		for _, row := range rows {
			values = append(values, row[i])
		}
		l := fit(values)
		t.Logf("%-12s %10.1f %12.3f ± %7.3f %12.1f %12.1f", r.name, l.level, l.slope, l.err, l.rise, r.allowed(l))
		if r.grows(l) {
			t.Errorf("%s: %.3f more each round, %.1f over %d streams", r.name, l.slope, l.rise, g.streams[len(g.streams)-1]-g.streams[from])
		}
	}
}

// allowed is how much a resource may rise over a run: a twentieth of its level,
// and the floor.
func (r resource) allowed(l line) float64 { return r.floor + l.level/20 }

// grows reports whether a resource grows more than it may, and more than chance
// explains: by three times the standard error of the slope.
func (r resource) grows(l line) bool { return l.rise > r.allowed(l) && l.slope > 3*l.err }

// line is a straight line through values, by least squares.
type line struct {
	level float64 // mean
	slope float64 // from one value to the next
	err   float64 // standard error of slope
	rise  float64 // from the first value to the last
}

func fit(values []float64) (l line) {
	n := float64(len(values))
	for _, v := range values {
		l.level += v / n
	}
	if n < 3 {
		return l
	}
	var xx, xy, rest float64
	mid := (n - 1) / 2
	for i, v := range values {
		x := float64(i) - mid
		xx += x * x
		xy += x * (v - l.level)
	}
	l.slope = xy / xx
	for i, v := range values {
		d := v - l.level - l.slope*(float64(i)-mid)
		rest += d * d
	}
	l.err = math.Sqrt(rest / (n - 2) / xx)
	l.rise = l.slope * (n - 1)
	return l
}

// A leak is told from noise, from a cache that fills, and from one outlier.
func TestGrowth(t *testing.T) {
	const n = 40
	tests := []struct {
		reason string
		value  func(i int) float64
		want   bool
	}{
		{"nothing happens", func(int) float64 { return 800 }, false},
		{"it goes up and down", func(i int) float64 { return 800 + 60*float64(i*7%5) }, false},
		{"it falls", func(i int) float64 { return 800 - 5*float64(i) }, false},
		{"a cache fills within the tolerance", func(i int) float64 { return 800 + 80*min(1, float64(i)/20) }, false},
		{"the last value is an outlier", func(i int) float64 { return 800 + 600*float64(i/(n-1)) }, false},
		{"it leaks", func(i int) float64 { return 800 + 4*float64(i) }, true},
		{"it leaks, and goes up and down", func(i int) float64 { return 800 + 6*float64(i) + 60*float64(i*7%5) }, true},
		{"it leaks every eighth round", func(i int) float64 { return 800 + 32*float64(i/8) }, true},
	}
	for _, tt := range tests {
		var values []float64
		for i := range n {
			values = append(values, tt.value(i))
		}
		if l := fit(values); resources[0].grows(l) != tt.want {
			t.Errorf("%s: grows is %t, for %+v", tt.reason, !tt.want, l)
		}
	}
}

// descriptors is the number of open files of the process, 0 where it is not known.
func descriptors() int {
	files, _ := os.ReadDir("/proc/self/fd")
	return len(files)
}

// timers is the number of timers in memory that were made after the memory profile
// was turned on: those that wait, and those that somebody still refers to.
func timers() (n int) {
	var records []runtime.MemProfileRecord
	for size, ok := 4096, false; !ok; size *= 2 {
		records = make([]runtime.MemProfileRecord, size)
		size, ok = runtime.MemProfile(records, false)
		records = records[:min(size, len(records))]
	}
	for i := range records {
		frames := runtime.CallersFrames(records[i].Stack())
		for {
			f, more := frames.Next()
			if f.Function == "time.newTimer" || f.Function == "time.AfterFunc" || f.Function == "time.NewTimer" {
				n += int(records[i].InUseObjects())
				break
			}
			if !more {
				break
			}
		}
	}
	return n
}
