//go:build unix

package bench

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// exhibit is a way of showing values of a studio to many streams.
type exhibit interface {
	http.Handler       // GET /?topic=N: shows value N, until the context is done
	changed(value int) // is called after each commit to a value
	close()
}

// studio is the state of a program, as a number for each value, and what it costs
// to show one of them. The number is that of the last commit to it.
type studio struct {
	cost   func() // of one render
	still  bool   // commits change nothing that is seen
	filler string

	renders atomic.Int64
	state   []atomic.Int64
	base    time.Time
	at      []int64 // when the commits were made; index 0 is none
	last    int     // commit
}

func newStudio(values int, cost func(), still bool) *studio {
	return &studio{
		cost: cost, still: still, filler: strings.Repeat("<p>what a board may show</p>", 9000/28),
		state: make([]atomic.Int64, values), base: time.Now(), at: make([]int64, 1<<17),
	}
}

func (s *studio) now() int64 { return int64(time.Since(s.base)) }

// commit changes a value. One goroutine calls it.
func (s *studio) commit(value int) {
	s.last++
	s.at[s.last] = s.now()
	if !s.still {
		s.state[value].Store(int64(s.last))
	}
}

// render reads a value and makes its markup, of 9 KB.
func (s *studio) render(value int) string {
	n := s.state[value].Load()
	s.renders.Add(1)
	s.cost()
	return s.markup(value, n)
}

func (s *studio) markup(value int, n int64) string {
	return fmt.Sprintf(`<div id="value-%d" data-n="~%016d">`, value, n) + s.filler + `</div>`
}

// burning returns a cost of d of the processor: work that was measured to take as
// long, so that it does not get less by being interrupted.
func burning(d time.Duration) func() {
	work := func(n int) (x uint64) {
		x = 88172645463325252
		for range n {
			x ^= x << 13
			x ^= x >> 7
			x ^= x << 17
		}
		return x
	}
	const probe = 1 << 20
	var kept atomic.Uint64 // so that the work is not left out
	least := time.Duration(math.MaxInt64)
	for range 20 {
		start := time.Now()
		kept.Add(work(probe))
		least = min(least, time.Since(start))
	}
	n := int(float64(probe) * float64(d) / float64(least))
	return func() { kept.Add(work(n)) }
}

// latencies counts durations, in steps of 2 %.
type latencies struct{ count [1200]atomic.Int64 }

func (l *latencies) add(d int64) {
	i := int(math.Log(float64(max(d, 1000))/1000) / math.Log(1.02))
	l.count[min(i, len(l.count)-1)].Add(1)
}

// at returns the quantile q in milliseconds, 0 if nothing was counted.
func (l *latencies) at(q float64) float64 {
	var all int64
	for i := range l.count {
		all += l.count[i].Load()
	}
	want := int64(math.Ceil(q * float64(all)))
	for i := range l.count {
		if want -= l.count[i].Load(); all > 0 && want <= 0 {
			return math.Pow(1.02, float64(i)+0.5) / 1000
		}
	}
	return 0
}

// crowd is many streams that look at an exhibit and note when they see what.
type crowd struct {
	s       *studio
	x       exhibit
	gazers  []*gazer
	seen    latencies // from a commit to the sink, of one in every few
	beside  int       // so many more look at value 1, all others at value 0; 0 means that values are looked at in turn
	aside   latencies // of these
	first   latencies // from the request to the first paint
	stalled chan struct{}
	leave   context.CancelFunc
	left    sync.WaitGroup
}

// gazer is one stream of a crowd.
type gazer struct {
	header  http.Header
	c       *crowd
	value   int
	counts  bool // its latencies are counted
	opened  int64
	pending int64         // highest number that was written and not flushed; -1 for none
	stall   chan struct{} // writes wait until it is closed; nil for most
	painted atomic.Bool
	latest  atomic.Int64 // number that it has seen last
	frames  atomic.Int64
	size    atomic.Int64
}

func (g *gazer) Header() http.Header              { return g.header }
func (g *gazer) WriteHeader(int)                  {}
func (g *gazer) SetWriteDeadline(time.Time) error { return nil }
func (g *gazer) SetReadDeadline(time.Time) error  { return nil }
func (g *gazer) Flush()                           { _ = g.FlushError() }

func (g *gazer) Write(b []byte) (int, error) {
	if g.stall != nil && g.painted.Load() {
		<-g.stall
	}
	for rest := b; ; {
		i := bytes.IndexByte(rest, '~')
		if i < 0 || i+17 > len(rest) {
			break
		}
		n := int64(0)
		for _, c := range rest[i+1 : i+17] {
			n = 10*n + int64(c-'0')
		}
		g.pending = n
		g.frames.Add(1)
		rest = rest[i+17:]
	}
	if g.painted.Load() {
		g.size.Add(int64(len(b)))
	}
	return len(b), nil
}

func (g *gazer) FlushError() error {
	n := g.pending
	if n < 0 {
		return nil
	}
	g.pending = -1
	before := g.latest.Load()
	if !g.painted.Load() {
		g.c.first.add(g.c.s.now() - g.opened)
		g.painted.Store(true)
	} else if g.counts && n > before {
		now, values := g.c.s.now(), int64(len(g.c.s.state))
		for k := n; k > before; k -= values { // commits go round the values
			if g.c.beside > 0 && g.value == 1 {
				g.c.aside.add(now - g.c.s.at[k])
			} else {
				g.c.seen.add(now - g.c.s.at[k])
			}
		}
	}
	g.latest.Store(max(n, before))
	return nil
}

// gather opens n streams and returns when all have their first paint. One in each
// stalls stops reading then; 0 means none. beside see crowd.
func gather(b *testing.B, s *studio, x exhibit, n, stalls, beside int) *crowd {
	c := &crowd{s: s, x: x, stalled: make(chan struct{}), beside: beside}
	c.open(n+beside, stalls, 0)
	c.wait(b, "everybody has a first paint", func(g *gazer) bool { return g.painted.Load() })
	return c
}

// open opens n streams, evenly over a time.
func (c *crowd) open(n, stalls int, over time.Duration) {
	ctx, leave := context.WithCancel(context.Background())
	c.leave = leave
	start := time.Now()
	for i := range n {
		g := &gazer{header: http.Header{}, c: c, value: i % len(c.s.state), counts: i/len(c.s.state)%max(n/200, 1) == 0, pending: -1}
		if c.beside > 0 {
			g.counts, g.value = true, 0
			if i >= n-c.beside {
				g.value = 1
			}
		}
		if stalls > 0 && i%stalls == 0 {
			g.stall, g.counts = c.stalled, false
		}
		c.gazers = append(c.gazers, g)
		if i%10 == 0 {
			time.Sleep(time.Until(start.Add(over * time.Duration(i) / time.Duration(n))))
		}
		g.opened = c.s.now()
		c.left.Go(func() { c.x.ServeHTTP(g, request(fmt.Sprint(g.value)).WithContext(ctx)) })
	}
}

// disperse lets everybody leave.
func (c *crowd) disperse() {
	c.leave()
	c.left.Wait()
	c.gazers = nil
}

// wait waits until ok holds for everybody who reads.
func (c *crowd) wait(b *testing.B, what string, ok func(g *gazer) bool) {
	deadline := time.Now().Add(120 * time.Second)
	for i := 0; i < len(c.gazers); {
		if g := c.gazers[i]; ok(g) {
			i++
			continue
		}
		if time.Now().After(deadline) {
			b.Fatal("not true after two minutes: ", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// current waits until everybody who reads has seen the last commit.
func (c *crowd) current(b *testing.B, stalled bool) {
	c.wait(b, "everybody who reads has seen the last commit", func(g *gazer) bool {
		return g.stall != nil && !stalled || g.latest.Load() >= c.s.state[g.value].Load()
	})
}

// usage is what has been used so far.
type usage struct {
	at         time.Time
	cpu        time.Duration
	renders    int64
	size       int64
	goroutines int
	heap       uint64
}

func (c *crowd) usage(memory bool) usage {
	u := usage{at: time.Now(), cpu: cpu(), renders: c.s.renders.Load(), goroutines: runtime.NumGoroutine()}
	for _, g := range c.gazers {
		u.size += g.size.Load()
	}
	if memory {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		u.heap = m.HeapAlloc
		u.at, u.cpu = time.Now(), cpu()
	}
	return u
}

// run commits at a rate for a time, waits until everybody is current, and returns
// what that took. What is a rate is taken over the time of the commits alone.
func (c *crowd) run(b *testing.B, rate int, d time.Duration) map[string]float64 {
	c.seen, c.aside = latencies{}, latencies{}
	before := c.usage(true)
	most := 0
	for i := range int(d.Seconds() * float64(rate)) {
		time.Sleep(time.Until(before.at.Add(time.Duration(i) * time.Second / time.Duration(rate))))
		c.mutate()
		if i%16 == 0 {
			most = max(most, runtime.NumGoroutine())
		}
	}
	time.Sleep(time.Until(before.at.Add(d)))
	after := c.usage(false)
	c.current(b, false)
	took := after.at.Sub(before.at).Seconds()
	m := map[string]float64{
		"renders/s":   float64(after.renders-before.renders) / took,
		"cpu-%":       100 * (after.cpu - before.cpu).Seconds() / took,
		"wire-KB/s":   float64(after.size-before.size) / took / 1000,
		"goroutines+": float64(max(most, after.goroutines) - before.goroutines),
		"heap-KiB+":   (float64(c.usage(true).heap) - float64(before.heap)) / 1024,
	}
	if p := c.seen.at(0.5); p > 0 {
		m["p50-ms"], m["p99-ms"] = p, c.seen.at(0.99)
	}
	if c.beside > 0 {
		m["beside-p99-ms"] = c.aside.at(0.99)
	}
	return m
}

// mutate commits to the next value and says so.
func (c *crowd) mutate() {
	v := (c.s.last + 1) % len(c.s.state)
	c.s.commit(v)
	c.x.changed(v)
}
