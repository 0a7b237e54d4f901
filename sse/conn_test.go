package sse_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/sse"
)

// What gathers goes out in one write and one flush; counters tell of it.
func TestBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newBench(t, setup{hub: sse.HubOptions{Heartbeat: -1}})
		r.stay("GET /sse", n(1), n(2), n(3))
		r.short("GET /short", n(1), n(2), n(3))
		w, c := r.stream("/sse")
		synctest.Wait()
		body, writes, flushes := w.snapshot()
		if len(writes) != 1 || flushes != 1 || len(got(t, body)) != 3 {
			t.Errorf("%d writes and %d flushes for the first effects", len(writes), flushes)
		}
		time.Sleep(time.Second)
		if err := c.Emit(t.Context(), n(4), n(5)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		body, writes, flushes = w.snapshot()
		if len(writes) != 2 || flushes != 2 {
			t.Errorf("%d writes and %d flushes after one more Emit", len(writes), flushes)
		}
		want := sse.ConnInfo{ID: c.ID(), Opened: time.Now().Add(-time.Second), LastWrite: time.Now(), Remote: "192.0.2.1:1234", Sent: 5, SentSize: uint64(len(body))}
		if diff := cmp.Diff(want, c.Info()); diff != "" {
			t.Errorf("info (-want +got):\n%s", diff)
		}
		w.leave()
		short := r.serve("GET", "/short")
		<-short.done
		if _, writes, flushes := short.snapshot(); len(writes) != 1 || flushes != 0 {
			t.Errorf("%d writes and %d flushes for a short response: net/http would not know its length", len(writes), flushes)
		}
	})
}

// Slow first effects do not hold the quick ones back for long.
func TestCork(t *testing.T) {
	for _, writers := range []int{0, -1} {
		synctest.Test(t, func(t *testing.T) {
			r := newBench(t, setup{hub: sse.HubOptions{Writers: writers}})
			r.handle("GET /short", sse.ServeOptions{Short: true}, func(ctx context.Context, c *sse.Conn) error {
				_ = c.EmitFirst(ctx, n(1))
				time.Sleep(time.Minute)
				return c.EmitFirst(ctx, n(2))
			})
			w := r.serve("GET", "/short")
			time.Sleep(time.Second)
			if body, _, _ := w.snapshot(); len(got(t, body)) != 1 {
				t.Errorf("writers %d: received %q while the second effect runs", writers, body)
			}
			<-w.done
			if body, _, _ := w.snapshot(); len(got(t, body)) != 2 {
				t.Errorf("writers %d: received %q in all", writers, body)
			}
		})
	}
}

// What was accepted before a normal end arrives, what comes later is refused,
// and a cut drops what waits.
func TestClose(t *testing.T) {
	for _, tt := range []struct {
		cause sse.Cause
		want  []string
	}{{"own", []string{"0", "1", "2"}}, {sse.CauseClosed, []string{"0", "1", "2"}}, {sse.CauseExpired, nil}, {sse.CauseShutdown, nil}} {
		t.Run(string(tt.cause), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newBench(t, setup{hub: sse.HubOptions{Heartbeat: -1}})
				r.stay("GET /sse")
				w, c := r.stream("/sse")
				synctest.Wait()
				w.stall(true)
				_ = r.send(c, n(0))
				synctest.Wait()
				_ = r.send(c, n(1), n(2))
				if !c.Close(tt.cause) || c.Close("again") {
					t.Error("not the first close, or not the last")
				}
				<-c.Done()
				if err := r.send(c, n(3)); !errors.Is(err, sse.ErrClosed) {
					t.Errorf("error %v after the end", err)
				}
				w.stall(false)
				<-w.done
				body, _, _ := w.snapshot()
				if diff := cmp.Diff(tt.want, got(t, body)); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				if cut := w.panics == http.ErrAbortHandler; cut != tt.cause.Cut() || c.Cause() != tt.cause {
					t.Errorf("cut %t, cause %s", cut, c.Cause())
				}
			})
		})
	}
}

// A client that stops reading is cut between one and two timeouts after the
// write began, and nobody else waits for it.
func TestStalledClient(t *testing.T) {
	for _, writers := range []int{0, 1, -1} {
		synctest.Test(t, func(t *testing.T) {
			const timeout = 2 * time.Second
			r := newBench(t, setup{hub: sse.HubOptions{Writers: writers, WriteTimeout: timeout, Heartbeat: -1, MaxFrames: 1 << 20}})
			r.stay("GET /sse")
			var ws []*memWriter
			var conns []*sse.Conn
			for range 100 {
				w, c := r.stream("/sse")
				ws, conns = append(ws, w), append(conns, c)
			}
			synctest.Wait()
			for _, w := range ws[:10] {
				w.stall(true)
			}
			start := time.Now()
			var mu sync.Mutex
			cut := map[int]time.Duration{}
			for i, c := range conns {
				c.Attach(sse.Hooks{OnClosed: func(_ *sse.Conn, cause sse.Cause) {
					mu.Lock()
					defer mu.Unlock()
					if cause == sse.CauseSlow && i < 10 {
						cut[i] = time.Since(start)
					}
				}})
			}
			for i := range 50 {
				sent := time.Now()
				new(sse.Audience).Fanout(conns, []*sse.Frame{n(i)}, nil)
				time.Sleep(100 * time.Millisecond)
				for k, w := range ws[10:] {
					_, writes, _ := w.snapshot()
					if len(writes) != i+1 || writes[i].Sub(sent) > 90*time.Millisecond {
						t.Fatalf("writers %d: stream %d waits for the stalled ones: %d writes", writers, k, len(writes))
					}
				}
			}
			mu.Lock()
			if len(cut) != 10 {
				t.Errorf("writers %d: %d of 10 stalled streams were cut", writers, len(cut))
			}
			for i, after := range cut {
				if after < timeout || after > 2*timeout+100*time.Millisecond {
					t.Errorf("writers %d: stream %d was cut after %v", writers, i, after)
				}
			}
			mu.Unlock()
			for _, w := range ws {
				w.leave()
			}
		})
	}
}
