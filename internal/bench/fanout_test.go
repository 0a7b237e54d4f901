//go:build unix

package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime"
	"sync"
	"testing"
)

// subjects returns the floors and the app; the first is the floor of the group.
func subjects(names ...string) map[string]func() subject {
	all := map[string]func() subject{
		"floor: loop":  func() subject { return &loop{} },
		"floor: queue": func() subject { return &queue{} },
		"sfere":        func() subject { return newApp(nil, nil) },
	}
	out := map[string]func() subject{}
	for _, n := range names {
		out[n] = all[n]
	}
	return out
}

// mallocs counts allocations since the returned function was called.
func mallocs() func() float64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before := m.Mallocs
	return func() float64 {
		runtime.ReadMemStats(&m)
		return float64(m.Mallocs - before)
	}
}

// BenchmarkFanout publishes bursts to everybody and waits until all have them.
func BenchmarkFanout(b *testing.B) {
	for _, n := range []int{1000, 10000, 100000} {
		for _, burst := range []int{1, 32} {
			if n == 100000 && burst == 1 {
				continue
			}
			for _, name := range []string{"floor: queue", "floor: loop", "sfere"} {
				b.Run(fmt.Sprintf("n=%d/burst=%d/%s", n, burst, name), func(b *testing.B) {
					s := subjects(name)[name]()
					const topic = "bench/feed/all"
					f := newFleet(b, s, n, func(int) string { return topic })
					html := payload(200)
					f.expectAll(1)
					s.broadcast(topic, html)
					f.wait(b)
					count := mallocs()
					for b.Loop() {
						f.expectAll(burst)
						for range burst {
							s.broadcast(topic, html)
						}
						f.wait(b)
					}
					d := float64(b.N * n * burst)
					m := map[string]float64{"ns/delivery": float64(b.Elapsed()) / d, "allocs/delivery": count() / d}
					report(b, row{Group: fmt.Sprintf("fan-out in process, %d streams, bursts of %d", n, burst), Name: name, Floor: name == "floor: queue", Metrics: m})
				})
			}
		}
	}
}

func report(b *testing.B, r row) {
	for name, v := range r.Metrics {
		b.ReportMetric(v, name)
	}
	results.add(r)
}

// BenchmarkRoom sends to one room of 10 of many, and to the 100 streams that a
// pattern matches, and waits each time.
func BenchmarkRoom(b *testing.B) {
	sizes := []int{1000, 100000}
	if *million {
		sizes = append(sizes, 1000000)
	}
	for _, n := range sizes {
		for _, name := range []string{"floor: loop", "sfere"} {
			s := subjects(name)[name]()
			topics := make([]string, n/10)
			for i := range topics {
				topics[i] = fmt.Sprintf("s%d/c%d/r%d", i%10, i/10%10, i/100)
			}
			b.Run(fmt.Sprintf("n=%d/%s", n, name), func(b *testing.B) {
				f := newFleet(b, s, n, func(i int) string { return topics[i%len(topics)] })
				for _, hits := range []int{10, 100} {
					what := map[int]string{10: "room", 100: "pattern"}[hits]
					b.Run(what, func(b *testing.B) {
						f.expect(0)
						html := payload(200)
						rng := rand.New(rand.NewPCG(1, 2))
						count := mallocs()
						for b.Loop() {
							f.part[0].left.Store(int64(hits))
							f.groups.Store(1)
							if what == "room" {
								s.broadcast(topics[rng.IntN(len(topics))], html)
							} else {
								s.broadcast(fmt.Sprintf("s%d/*/r%d", rng.IntN(10), rng.IntN(n/1000)), html)
							}
							f.wait(b)
						}
						m := map[string]float64{"us/broadcast": float64(b.Elapsed()) / float64(b.N) / 1e3, "allocs/broadcast": count() / float64(b.N)}
						report(b, row{Group: fmt.Sprintf("%s: %d of %d streams", what, hits, n), Name: name, Floor: name == "floor: loop", Metrics: m})
					})
				}
			})
		}
	}
}

// BenchmarkOpenClose opens a stream next to many others and closes it again.
func BenchmarkOpenClose(b *testing.B) {
	for _, n := range []int{1000, 100000} {
		for _, name := range []string{"floor: loop", "sfere"} {
			b.Run(fmt.Sprintf("n=%d/%s", n, name), func(b *testing.B) {
				s := subjects(name)[name]()
				f := newFleet(b, s, n, func(i int) string { return fmt.Sprintf("bench/feed/%d", i) })
				for b.Loop() {
					ctx, leave := context.WithCancel(context.Background())
					c := &sink{header: http.Header{}, f: f}
					f.open.Add(1)
					var wg sync.WaitGroup
					wg.Go(func() { s.ServeHTTP(c, request("bench/feed/new").WithContext(ctx)) })
					f.open.Wait()
					leave()
					wg.Wait()
				}
				report(b, row{Group: fmt.Sprintf("open and close next to %d streams", n), Name: name, Floor: name == "floor: loop",
					Metrics: map[string]float64{"us": float64(b.Elapsed()) / float64(b.N) / 1e3}})
			})
		}
	}
}
