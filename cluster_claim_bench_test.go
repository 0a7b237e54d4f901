package sfere_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/relay"
	"github.com/sfere-go/sfere/relay/natsrelay"
	"github.com/sfere-go/sfere/twk"
)

// benchNodes are the programs that the benchmarks of claims compare: one without a
// relay, and one of three nodes on memory and on a NATS server in this process.
func benchNodes(b *testing.B, run func(b *testing.B, r *rig)) {
	for _, name := range []string{"alone", "memory-3", "nats-3"} {
		b.Run(name, func(b *testing.B) {
			var bus relay.Relay
			switch name {
			case "memory-3":
				bus = relay.NewMemory(nil)
			case "nats-3":
				nats, err := natsrelay.StartEmbedded(b.Context(), nil)
				if err != nil {
					b.Fatal(err)
				}
				defer nats.Close()
				bus = natsrelay.New(nats.URL(), nil)
			}
			var first *rig
			for i := range 3 {
				r := newRig(b, setup{opts: sfere.Options{Relay: bus, Node: &relay.Options{Name: fmt.Sprint("node-", i), Keys: [][]byte{[]byte("a key of at least 16 bytes")}}}})
				if err := r.conns.JoinRelay(b.Context()); err != nil {
					b.Fatal(err)
				}
				defer r.conns.Close() // before the server
				if first == nil {
					first = r
				}
				if bus == nil {
					break
				}
			}
			if bus != nil {
				time.Sleep(300 * time.Millisecond) // they meet
			}
			run(b, first)
		})
	}
}

// percentiles adds the median and the 99th percentile to a benchmark.
func percentiles(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds())/1e3, "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds())/1e3, "p99-µs")
}

// BenchmarkClaim makes a claim of a key that nobody has, and gives it up; the time is
// that of the claim.
func BenchmarkClaim(b *testing.B) {
	benchNodes(b, func(b *testing.B, r *rig) {
		var took []time.Duration
		keys := make([]sfere.Key, 1000)
		for i := range keys {
			keys[i] = key(fmt.Sprint("seat ", i))
		}
		for b.Loop() {
			k := keys[len(took)%len(keys)]
			start := time.Now()
			err := r.conns.Claim(k, "somebody", time.Minute)
			took = append(took, time.Since(start))
			if err != nil {
				b.Fatal(err)
			}
			r.conns.Release(k, "somebody")
		}
		percentiles(b, took)
	})
}

// BenchmarkOpenAndClose opens a stream under a key of its own and closes it, with the
// policies that cost something on other nodes beside the one that does not.
func BenchmarkOpenAndClose(b *testing.B) {
	for _, p := range []sfere.Policy{sfere.Join, sfere.Replace, sfere.Reject} {
		b.Run(string(p), func(b *testing.B) {
			benchNodes(b, func(b *testing.B, r *rig) {
				var took []time.Duration
				h := r.bridge.Handle(func(*twk.Request) twk.Response {
					return twk.Stream(do{"opened"}).WithOpen(sfere.HoldStream{Key: sfere.ID("lobby", "seat"), Policy: p})
				})
				var leave context.CancelFunc
				var start time.Time
				r.fn("opened", func(context.Context, twk.Call) error {
					took = append(took, time.Since(start))
					leave()
					return nil
				})
				for b.Loop() {
					ctx, cancel := context.WithCancel(context.Background())
					leave = cancel
					req := httptest.NewRequest("GET", "/sse", nil).WithContext(ctx)
					req.Header.Set("Datastar-Request", "true")
					start = time.Now()
					h.ServeHTTP(newWriter(), req)
					cancel()
					<-r.removed
				}
				percentiles(b, took)
			})
		})
	}
}
