//go:build unix

package bench

import (
	"fmt"
	"testing"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/trace"

	"github.com/sfere-go/sfere/telemetry"
)

// BenchmarkTelemetry shows what it costs to be observed: by nobody, by metrics, and by
// metrics and traces of which one in a hundred is kept.
func BenchmarkTelemetry(b *testing.B) {
	wired := func(o *telemetry.Options) func(b *testing.B) *app {
		return func(b *testing.B) *app {
			t, err := telemetry.New(o)
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { _ = t.Close() })
			return newAppWith(nil, nil, t)
		}
	}
	meter := func() metric.Reader { return metric.NewManualReader() }
	for _, n := range []int{100, 1000, 10_000} {
		for _, row := range []struct {
			name string
			app  func(b *testing.B) *app
		}{
			{"floor: not wired", func(*testing.B) *app { return newApp(nil, nil) }},
			{"metrics", wired(&telemetry.Options{Meter: metric.NewMeterProvider(metric.WithReader(meter()))})},
			{"metrics and traces", wired(&telemetry.Options{
				Meter:  metric.NewMeterProvider(metric.WithReader(meter())),
				Tracer: trace.NewTracerProvider(trace.WithSampler(trace.ParentBased(trace.TraceIDRatioBased(0.01)))),
			})},
		} {
			b.Run(fmt.Sprintf("n=%d/%s", n, row.name), func(b *testing.B) {
				const topic = "bench/feed/all"
				s := row.app(b)
				f := newFleet(b, s, n, func(int) string { return topic })
				html := payload(200)
				f.expectAll(1)
				s.broadcast(topic, html)
				f.wait(b)
				count := mallocs()
				for b.Loop() {
					f.expectAll(1)
					s.broadcast(topic, html)
					f.wait(b)
				}
				report(b, observed(n, row.name, float64(b.Elapsed())/float64(b.N)/1e3, count()/float64(b.N)))
			})
		}
	}
}

func observed(n int, name string, us, allocs float64) row {
	return row{Group: fmt.Sprintf("observed: a broadcast to %d streams", n), Name: name, Floor: name == "floor: not wired",
		Metrics: map[string]float64{"us/broadcast": us, "allocs/broadcast": allocs}}
}
