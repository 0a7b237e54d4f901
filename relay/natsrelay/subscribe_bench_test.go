package natsrelay

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/sfere-go/sfere/relay"
)

// BenchmarkSubscriptions is what the streams of a node cost the node and its server,
// both in this process: to subscribe to one key for each, and to do so again when the
// server has been away. Run it with -benchtime 1x.
func BenchmarkSubscriptions(b *testing.B) {
	const streams = 100_000
	for b.Loop() {
		heap := func() float64 {
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return float64(m.HeapAlloc)
		}
		e, err := StartEmbedded(b.Context(), nil)
		if err != nil {
			b.Fatal(err)
		}
		back := make(chan struct{}, 1)
		n, err := relay.Join(b.Context(), New(e.URL(), nil), &relay.Options{Jitter: -1, Gap: func(g relay.Gap) {
			if g.To == (relay.Address{}) {
				select {
				case back <- struct{}{}:
				default:
				}
			}
		}})
		if err != nil {
			b.Fatal(err)
		}
		before, begun := heap(), time.Now()
		for i := range streams {
			if err := n.Subscribe(relay.Address{Scope: "default", Category: "user", ID: fmt.Sprintf("user-%d", i)}); err != nil {
				b.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
		if err := n.Flush(ctx); err != nil {
			b.Fatal(err)
		}
		took := time.Since(begun)
		b.ReportMetric(took.Seconds(), "s-first")
		b.ReportMetric((heap()-before)/streams, "B/stream")
		port := e.Port()
		e.Close()
		begun = time.Now()
		e, err = StartEmbedded(ctx, &EmbeddedOptions{Port: port})
		if err != nil {
			b.Fatal(err)
		}
		<-back
		b.ReportMetric(time.Since(begun).Seconds(), "s-again")
		err = n.Close(ctx)
		e.Close()
		cancel()
		if err = errors.Join(err, ctx.Err()); err != nil && !errors.Is(err, context.Canceled) {
			b.Fatal(err)
		}
	}
}
