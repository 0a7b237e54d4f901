//go:build unix

package bench

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
)

var (
	viewers  = flag.Int("viewers", 10000, "Views: streams")
	ownViews = flag.Int("own", 500, "Views: streams that have a view of their own each; 10000 takes minutes")
	viewTime = flag.Duration("viewtime", 2*time.Second, "Views: how long each workload lasts")
)

// cost is what a render takes.
type cost struct {
	name  string
	d     time.Duration
	burns bool // the processor
	spend func()
}

func costs() []cost {
	return []cost{
		{"2 ms of CPU", 2 * time.Millisecond, true, burning(2 * time.Millisecond)},
		{"5 ms of sleep", 5 * time.Millisecond, false, func() { time.Sleep(5 * time.Millisecond) }},
	}
}

// Who takes part.
const (
	byHandOnce  = "by hand: rendered once, channel of 1"
	byHandEach  = "by hand: each stream renders"
	byHandCount = "by hand: each stream renders (counted)"
	withViews   = "sfere: a view"
	withOwn     = "sfere: a view of each one's own"
	alone       = "sfere: only the shared view beside"
	plain       = "sfere: broadcasts of ready markup"
)

func (s *studio) exhibit(name string) exhibit {
	switch name {
	case byHandOnce:
		return newOnceFloor(s)
	case byHandEach, byHandCount:
		return &eachFloor{s: s}
	case plain:
		return newCaller(s)
	}
	return newMuseum(s, name == withOwn)
}

// workload is one group of rows.
type workload struct {
	name   string
	values int
	rate   int // commits/s
	still  bool
	stalls int // one stream in so many
	beside int // streams that look at a shared view beside, see crowd
}

// BenchmarkViews shows 10 000 streams a state that changes, with views and by hand.
// A latency runs from the commit until the sink has the event. Where each stream
// renders for itself, this cannot be run if it takes processor time: the renders of
// some commits are counted then, and the time that they would take is computed.
func BenchmarkViews(b *testing.B) {
	bare := 0.0 // p99 of a plain broadcast
	b.Run("broadcast", func(b *testing.B) {
		for b.Loop() {
			s := newStudio(1, func() {}, false)
			m := s.measure(b, plain, *viewers, workload{rate: 10})
			bare = m["p99-ms"]
			report(b, row{Group: fmt.Sprintf("views: %d viewers, no views, 10 commits/s", *viewers), Name: plain, Metrics: m})
		}
	})
	for _, cost := range costs() {
		for _, w := range []workload{
			{"1 value, 100 commits/s", 1, 100, false, 0, 0},
			{"1 value, 1000 commits/s", 1, 1000, false, 0, 0},
			{"10 values, 1000 commits/s", 10, 1000, false, 0, 0},
			{"1 value, 1000 commits/s that change nothing", 1, 1000, true, 0, 0},
			{"1 value, 100 commits/s, 1 % of the clients stalled", 1, 100, false, 100, 0},
		} {
			group := fmt.Sprintf("views: %d viewers, %s, %s", *viewers, w.name, cost.name)
			for _, name := range []string{byHandOnce, withViews, byHandEach} {
				b.Run(fmt.Sprintf("%s/%s/%s", cost.name, w.name, name), func(b *testing.B) {
					for b.Loop() {
						var m map[string]float64
						who := name
						if name == byHandEach {
							if w.stalls > 0 || w.still {
								b.Skip("says nothing new")
							}
							who = byHandCount
							m = counted(b, w, cost)
						} else {
							s := newStudio(w.values, cost.spend, w.still)
							m = s.measure(b, name, *viewers, w)
						}
						if name == withViews && !w.still {
							m["bound-ms"] = float64(interval+cost.d)/1e6 + 1.2*bare
						}
						report(b, row{Group: group, Name: who, Floor: name == byHandOnce, Metrics: m})
					}
				})
			}
		}
		reconnects(b, cost)
		owns(b, cost)
	}
}

// measure runs a workload with one exhibit.
func (s *studio) measure(b *testing.B, name string, n int, w workload) map[string]float64 {
	x := s.exhibit(name)
	defer x.close()
	c := gather(b, s, x, n, w.stalls, w.beside)
	defer c.disperse()
	time.Sleep(2 * interval) // the last ones may have asked for one more render
	frames := map[*gazer]int64{}
	for _, g := range c.gazers {
		frames[g] = g.frames.Load()
	}
	m := c.run(b, w.rate, *viewTime)
	if w.stalls > 0 {
		close(c.stalled)
		c.current(b, true)
		most := int64(0)
		for _, g := range c.gazers {
			if g.stall != nil {
				most = max(most, g.frames.Load()-frames[g]-1) // one was being written
			}
		}
		m["waiting-frames"] = float64(most)
	}
	return m
}

// counted counts the renders of some commits, when each stream renders, at no cost,
// and computes what they would take at the rate of the workload.
func counted(b *testing.B, w workload, cost cost) map[string]float64 {
	const commits = 10
	s := newStudio(w.values, func() {}, false)
	x := s.exhibit(byHandCount)
	defer x.close()
	c := gather(b, s, x, *viewers, 0, 0)
	defer c.disperse()
	before := s.renders.Load()
	for range commits {
		c.mutate()
		c.current(b, false)
	}
	m := map[string]float64{"renders/s": float64(s.renders.Load()-before) / commits * float64(w.rate)}
	if cost.burns {
		m["cpu-%"] = 100 * m["renders/s"] * cost.d.Seconds()
	}
	return m
}

// reconnects lets everybody come back within a second, while the state changes. The
// figures are medians of three runs.
func reconnects(b *testing.B, cost cost) {
	group := fmt.Sprintf("views: %d viewers reconnect within 1 s, 1 value, 100 commits/s, %s", *viewers, cost.name)
	for _, name := range []string{byHandOnce, withViews} {
		b.Run(fmt.Sprintf("%s/reconnect/%s", cost.name, name), func(b *testing.B) {
			for b.Loop() {
				var runs []map[string]float64
				for range 3 {
					runs = append(runs, reconnect(b, newStudio(1, cost.spend, false), name))
				}
				report(b, row{Group: group, Name: name, Floor: name == byHandOnce, Metrics: medians(runs)})
			}
		})
	}
}

// medians returns the median of each metric.
func medians(runs []map[string]float64) map[string]float64 {
	m := map[string]float64{}
	for name := range runs[0] {
		var all []float64
		for _, r := range runs {
			all = append(all, r[name])
		}
		slices.Sort(all)
		m[name] = all[len(all)/2]
	}
	return m
}

func reconnect(b *testing.B, s *studio, name string) map[string]float64 {
	x := s.exhibit(name)
	defer x.close()
	c := gather(b, s, x, *viewers, 0, 0)
	c.disperse()
	c.first = latencies{}
	before := c.usage(false)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				c.mutate()
			}
		}
	}()
	c.open(*viewers, 0, time.Second)
	defer c.disperse()
	opened := time.Now()
	c.wait(b, "everybody has a first paint", func(g *gazer) bool { return g.painted.Load() })
	painted := time.Now()
	close(stop)
	<-stopped
	after := c.usage(false)
	c.current(b, false)
	took := after.at.Sub(before.at).Seconds()
	return map[string]float64{
		"renders/s": float64(after.renders-before.renders) / took, "cpu-%": 100 * (after.cpu - before.cpu).Seconds() / took,
		"p50-ms": c.first.at(0.5), "p99-ms": c.first.at(0.99), "last-ms": float64(painted.Sub(opened)) / 1e6,
	}
}

// owns shows each stream a view of its own, all of which every commit concerns. 100
// streams beside show a view that is shared; it is measured without the others too.
// The commits are not in step with the interval, or latencies would be of one phase.
func owns(b *testing.B, cost cost) {
	group := fmt.Sprintf("views: %d viewers, each with a view of its own, all change 11 times/s, %s", *ownViews, cost.name)
	for _, row := range []row{{Name: byHandEach, Floor: true}, {Name: alone}, {Name: withOwn}} {
		b.Run(fmt.Sprintf("%s/own/%s", cost.name, row.Name), func(b *testing.B) {
			for b.Loop() {
				row.Group = group
				if row.Floor {
					row.Metrics = newStudio(1, cost.spend, false).measure(b, byHandEach, *ownViews, workload{rate: 11})
				} else {
					n := *ownViews
					if row.Name == alone {
						n = 0
					}
					row.Metrics = newStudio(2, cost.spend, false).measure(b, withOwn, n, workload{rate: 22, beside: 100})
				}
				report(b, row)
			}
		})
	}
}

// BenchmarkRefreshDirty refreshes a value that waits to be rendered already. 10 000
// streams may show it or one: it must not matter. The floor is the dispatch of an
// effect that does nothing.
func BenchmarkRefreshDirty(b *testing.B) {
	for _, n := range []int{1, 10000} {
		s := newStudio(1, func() {}, false)
		m := newMuseum(s, false)
		c := gather(b, s, m, n, 0, 0)
		const floor = "floor: an effect that does nothing"
		for _, name := range []string{floor, "sfere: Refresh"} {
			b.Run(fmt.Sprintf("n=%d/%s", n, name), func(b *testing.B) {
				var item effect.Data = sfere.Refresh{Topic: m.topics[0]}
				if name == floor {
					item = idle{}
				}
				ctx := context.Background()
				count := mallocs()
				for b.Loop() {
					m.d.Dispatch(ctx, session{}, item)
				}
				report(b, row{Group: fmt.Sprintf("views: a Refresh by topic of a value that is dirty already, %d viewers", n), Name: name, Floor: name == floor,
					Metrics: map[string]float64{"ns": float64(b.Elapsed()) / float64(b.N), "allocs": count() / float64(b.N)}})
			})
		}
		c.disperse()
		m.close()
	}
}
