package sse_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/sse"
)

// Streams are spread over the interval, and one with traffic needs no heartbeat.
func TestHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const beat = 16 * time.Second
		r := newBench(t, setup{hub: sse.HubOptions{Heartbeat: beat}})
		r.stay("GET /sse")
		var ws []*memWriter
		for range 64 {
			w, _ := r.stream("/sse")
			ws = append(ws, w)
		}
		busy, c := r.stream("/sse")
		synctest.Wait()
		start := time.Now()
		for range 100 {
			time.Sleep(beat / 10)
			_ = r.send(c, n(1))
		}
		synctest.Wait()
		moments := map[time.Duration]bool{}
		for _, w := range ws {
			body, writes, _ := w.snapshot()
			if strings.Trim(body, ":\n") != "" || len(writes) < 10 || len(writes) > 12 {
				t.Fatalf("%d writes in ten intervals, %q", len(writes), body)
			}
			for i, at := range writes {
				moments[at.Sub(start)%beat] = true
				if i > 0 && at.Sub(writes[i-1]) > beat {
					t.Errorf("%v of silence", at.Sub(writes[i-1]))
				}
			}
			w.leave()
		}
		if len(moments) < 8 {
			t.Errorf("heartbeats at %d moments of the interval only", len(moments))
		}
		if body, _, _ := busy.snapshot(); strings.Contains(body, "\n:") {
			t.Error("heartbeats between events")
		}
		busy.leave()
	})
}

// A heartbeat is worth nothing where events wait.
func TestHeartbeatGivesWay(t *testing.T) {
	for _, policy := range []sse.Overflow{sse.Disconnect, sse.DropOldest} {
		synctest.Test(t, func(t *testing.T) {
			r := newBench(t, setup{hub: sse.HubOptions{MaxFrames: 2, Overflow: policy, WriteTimeout: -1, Heartbeat: time.Second}})
			r.stay("GET /sse")
			w, c := r.stream("/sse")
			synctest.Wait()
			w.stall(true)
			_ = r.send(c, n(0))
			synctest.Wait()
			_ = r.send(c, n(1), n(2))
			time.Sleep(10 * time.Second)
			w.stall(false)
			synctest.Wait()
			body, _, _ := w.snapshot()
			if diff := cmp.Diff([]string{"0", "1", "2"}, got(t, body)); diff != "" {
				t.Errorf("%s: (-want +got):\n%s", policy, diff)
			}
			w.leave()
		})
	}
}

// A stream whose first effects take their time is kept alive meanwhile, whoever
// writes, and whatever waits behind them.
func TestHeartbeatDuringFirstEffects(t *testing.T) {
	for _, writers := range []int{0, -1} {
		synctest.Test(t, func(t *testing.T) {
			const beat = 16 * time.Second
			r := newBench(t, setup{hub: sse.HubOptions{Heartbeat: beat, Writers: writers, MaxFrames: 1}})
			r.handle("GET /sse", sse.ServeOptions{}, func(ctx context.Context, c *sse.Conn) error {
				r.conns <- c
				time.Sleep(10 * beat)
				return c.EmitFirst(ctx, n(1))
			})
			w, c := r.stream("/sse")
			if err := c.Emit(t.Context(), n(2)); err != nil {
				t.Error(err)
			}
			time.Sleep(10*beat - time.Second)
			body, writes, _ := w.snapshot()
			if strings.Trim(body, ":\n") != "" || len(writes) < 10 || len(writes) > 12 {
				t.Errorf("writers %d: %d writes in ten intervals, %q", writers, len(writes), body)
			}
			time.Sleep(2 * time.Second)
			body, _, _ = w.snapshot()
			if diff := cmp.Diff([]string{"1", "2"}, got(t, body)); diff != "" {
				t.Errorf("writers %d (-want +got):\n%s", writers, diff)
			}
			w.leave()
		})
	}
}

// No stream is silent for longer than the interval: not after its opening, not
// after an event at whatever moment between two looks of the hub at it.
func TestHeartbeatGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const beat = 15 * time.Second
		r := newBench(t, setup{hub: sse.HubOptions{Heartbeat: beat}})
		r.stay("GET /sse")
		opened := time.Now()
		var ws []*memWriter
		var conns []*sse.Conn
		for range 200 {
			w, c := r.stream("/sse")
			ws, conns = append(ws, w), append(conns, c)
		}
		for i, c := range conns {
			time.AfterFunc(3*beat+time.Duration(i)*beat/200, func() { _ = c.Emit(t.Context(), n(i)) })
		}
		time.Sleep(8 * beat)
		end := time.Now()
		longest, beats := time.Duration(0), 0
		for _, w := range ws {
			_, writes, _ := w.snapshot()
			beats += len(writes)
			last := opened
			for _, at := range append(writes, end) {
				longest, last = max(longest, at.Sub(last)), at
			}
			w.leave()
		}
		if longest > beat {
			t.Errorf("%v of silence", longest)
		}
		if per := float64(beats) / 200 / 8; per > 1.25 {
			t.Errorf("%.2f heartbeats per interval", per)
		}
	})
}
