package sse_test

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sfere-go/sfere/sse"
)

// Many clients that stall at the same event hold up the others for a few looks of
// the watch at most. In a bubble time passes only while all writers are stuck, so
// that what is measured is the number of looks, times 4 ms, and undisturbed it is
// none.
func TestManyStall(t *testing.T) {
	tests := []struct {
		streams, stalled int
		within           time.Duration
		long             bool
	}{
		{900, 0, 0, false},
		{900, 1, 10 * time.Millisecond, false},
		{900, 300, 40 * time.Millisecond, false},
		{5000, 500, 50 * time.Millisecond, true},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%d of %d", tt.stalled, tt.streams), func(t *testing.T) {
			if tt.long && testing.Short() {
				t.Skip("-short is set")
			}
			synctest.Test(t, func(t *testing.T) {
				r := newBench(t, setup{hub: sse.HubOptions{Writers: 2, WriteTimeout: -1, Heartbeat: -1}})
				r.stay("GET /sse")
				var ws []*memWriter
				var conns []*sse.Conn
				for range tt.streams {
					w, c := r.stream("/sse")
					ws, conns = append(ws, w), append(conns, c)
				}
				synctest.Wait()
				stalls := func(i int) bool { return tt.stalled > 0 && i%(tt.streams/tt.stalled) == 0 }
				for i, w := range ws {
					w.stall(stalls(i))
				}
				start := time.Now()
				new(sse.Audience).Fanout(conns, []*sse.Frame{n(1)}, nil)
				behind := func() (some bool) {
					synctest.Wait()
					for i, c := range conns {
						if !stalls(i) && c.Info().Sent == 0 {
							return true
						}
					}
					return false
				}
				for behind() && time.Since(start) < time.Minute {
					time.Sleep(time.Millisecond)
				}
				took := time.Since(start)
				t.Logf("all others have it after %v", took)
				if took > tt.within {
					t.Errorf("the others had to wait for %v, want %v at most", took, tt.within)
				}
				for _, w := range ws {
					w.stall(false)
					w.leave()
				}
			})
		})
	}
}

// The same over sockets, where it takes real time: events reach the others at
// most a few times later than with nobody stalled. Before the number of writers
// grew it was seconds.
func TestManyStallOverSockets(t *testing.T) {
	if testing.Short() {
		t.Skip("-short is set")
	}
	const streams, stalled, attempts = 900, 300, 4
	for i := 1; ; i++ { // the machine may have been busy with something else
		undisturbed := worstDelay(t, streams-stalled, 0)
		disturbed := worstDelay(t, streams-stalled, stalled)
		t.Logf("the worst delay of the others: %v undisturbed, %v while %d of %d stall", undisturbed, disturbed, stalled, streams)
		if disturbed <= 2*undisturbed+100*time.Millisecond {
			return
		}
		if i == attempts {
			t.Fatal("the others wait for clients that have stalled")
		}
	}
}

// worstDelay broadcasts events and returns the longest time until one was
// written to all healthy streams.
func worstDelay(t *testing.T, healthy, stalled int) (worst time.Duration) {
	r := newRig(t, setup{hub: sse.HubOptions{WriteTimeout: -1, Heartbeat: -1, Writers: 2}, server: smallBuffers})
	defer r.hub.Drain(t.Context(), 0)
	r.stay("GET /sse")
	var conns []*sse.Conn
	for i := range healthy + stalled {
		nc := r.slowReader("/sse")
		conns = append(conns, r.conn())
		if i < healthy {
			go func() { _, _ = io.Copy(io.Discard, nc) }()
		}
	}
	event := []*sse.Frame{n(strings.Repeat("x", 4000))}
	for k := range 80 {
		start := time.Now()
		new(sse.Audience).Fanout(conns, event, nil)
		until(t, "the healthy ones have it", func() bool {
			return !slices.ContainsFunc(conns[:healthy], func(c *sse.Conn) bool { return c.Info().Sent <= uint64(k) })
		})
		worst = max(worst, time.Since(start))
		time.Sleep(5 * time.Millisecond)
	}
	if stalled > 0 {
		until(t, "the others have stalled", func() bool {
			return !slices.ContainsFunc(conns[healthy:], func(c *sse.Conn) bool { return c.Info().Queued == 0 })
		})
	}
	return worst
}
