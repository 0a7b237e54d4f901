package twk_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sfere-go/sfere/sse"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/ssetest"
	"github.com/sfere-go/sfere/twk"
)

// got returns the values of the signal n in what a client has received.
func got(t *testing.T, body string) (ns []string) {
	t.Helper()
	events, err := ssetest.All(strings.NewReader(body))
	if err != nil {
		t.Fatalf("%v in %q", err, body)
	}
	for _, e := range events {
		ns = append(ns, strings.TrimSuffix(strings.TrimPrefix(e.Fields()["signals"], `{"n":`), "}"))
	}
	return ns
}

func n(v any) twk.PatchSignals { return signal("n", v) }

// with returns n with event options.
func with(v any, o twk.EventOptions) twk.PatchSignals {
	p := n(v)
	p.EventOptions = o
	return p
}

// A client that has stopped reading gets its outbox filled: the first event is
// with the writer, the rest waits.
func TestOverflow(t *testing.T) {
	drop := twk.EventOptions{Overflow: sse.DropOldest}
	key := twk.EventOptions{Coalesce: "k"}
	big := strings.Repeat("x", 1000)
	tests := []struct {
		name, reason string
		hub          sse.HubOptions
		own          sse.Overflow // of the connection
		send         []twk.PatchSignals
		want         []string // what arrives after the first
		cause        sse.Cause
		dropped      uint64
	}{
		{"fits", "up to the bound nothing is lost", sse.HubOptions{MaxFrames: 3}, "", []twk.PatchSignals{n(1), n(2), n(3)}, []string{"1", "2", "3"}, "", 0},
		{"disconnect", "the default: the client comes back", sse.HubOptions{MaxFrames: 3}, "", []twk.PatchSignals{n(1), n(2), n(3), n(4)}, nil, sse.CauseSlow, 0},
		{"bytes", "the bound is in bytes as well", sse.HubOptions{MaxBytes: 2500}, "", []twk.PatchSignals{n(big), n(big), n(big)}, nil, sse.CauseSlow, 0},
		{"one large", "an empty outbox takes an event of any size", sse.HubOptions{MaxBytes: 10}, "", []twk.PatchSignals{n(1)}, []string{"1"}, "", 0},
		{"drop, hub", "the hub's policy", sse.HubOptions{MaxFrames: 3, Overflow: sse.DropOldest}, "", []twk.PatchSignals{n(1), n(2), n(3), n(4), n(5)}, []string{"3", "4", "5"}, "", 2},
		{"drop, connection", "the connection's policy comes before the hub's", sse.HubOptions{MaxFrames: 3}, sse.DropOldest, []twk.PatchSignals{n(1), n(2), n(3), n(4)}, []string{"2", "3", "4"}, "", 1},
		{"drop, effect", "the effect's policy comes before the connection's", sse.HubOptions{MaxFrames: 3}, sse.Disconnect, []twk.PatchSignals{n(1), n(2), n(3), with(4, drop)}, []string{"2", "3", "4"}, "", 1},
		{"disconnect, effect", "an effect may insist", sse.HubOptions{MaxFrames: 2}, sse.DropOldest, []twk.PatchSignals{n(1), n(2), with(3, twk.EventOptions{Overflow: sse.Disconnect})}, nil, sse.CauseSlow, 0},
		{"drop for bytes", "as many go as it takes", sse.HubOptions{MaxBytes: 2150, Overflow: sse.DropOldest}, "", []twk.PatchSignals{n(1), n(2), n(big), n(big)}, []string{`"` + big + `"`, `"` + big + `"`}, "", 2},
		{"coalesce", "the newer event takes the place of the older, at the end", sse.HubOptions{MaxFrames: 3}, "", []twk.PatchSignals{with(1, key), n(2), with(3, key), with(4, key), n(5)}, []string{"2", "4", "5"}, "", 2},
		{"other key", "keys are apart", sse.HubOptions{MaxFrames: 3}, "", []twk.PatchSignals{with(1, key), with(2, twk.EventOptions{Coalesce: "l"})}, []string{"1", "2"}, "", 0},
	}
	for _, writers := range []int{0, -1} {
		for _, tt := range tests {
			t.Run(fmt.Sprintf("%s, writers %d", tt.name, writers), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					tt.hub.Writers, tt.hub.Heartbeat = writers, -1
					r := newBench(t, setup{hub: tt.hub})
					r.stay("GET /sse")
					w, c := r.stream("/sse")
					synctest.Wait()
					if tt.own != "" {
						c.SetOverflow(tt.own)
					}
					w.stall(true)
					_ = r.send(c, n("first"))
					synctest.Wait() // with the writer
					var last error
					for _, e := range tt.send {
						last = r.send(c, e)
					}
					info := c.Info()
					if errors.Is(last, sse.ErrOverflow) != (tt.cause == sse.CauseSlow) {
						t.Errorf("error %v", last)
					}
					if info.Dropped != tt.dropped || info.Cause != tt.cause || tt.cause == "" && info.Queued != len(tt.want) {
						t.Errorf("%s: %+v", tt.reason, info)
					}
					w.stall(false)
					synctest.Wait()
					body, _, _ := w.snapshot()
					if tt.cause != "" {
						tt.want = nil
					} else {
						tt.want = append([]string{`"first"`}, tt.want...)
					}
					if diff := cmp.Diff(tt.want, got(t, body)); diff != "" {
						t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
					}
					w.leave()
				})
			})
		}
	}
}

// All frames of one Emit are taken, or none.
func TestEmitIsAllOrNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newBench(t, setup{hub: sse.HubOptions{MaxFrames: 3, Heartbeat: -1}})
		r.stay("GET /sse")
		w, c := r.stream("/sse")
		synctest.Wait()
		w.stall(true)
		frames := r.frames(n(1), n(2), n(3), n(4))
		_ = r.send(c, n(0))
		synctest.Wait()
		if err := c.Emit(t.Context(), frames[:2]...); err != nil {
			t.Fatal(err)
		}
		if err := c.Emit(t.Context(), frames[2:]...); !errors.Is(err, sse.ErrOverflow) {
			t.Errorf("error %v", err)
		}
		if err := c.Emit(t.Context(), frames...); !errors.Is(err, sse.ErrClosed) {
			t.Errorf("error after the cut: %v", err)
		}
		<-w.done
		if w.panics != http.ErrAbortHandler {
			t.Errorf("the handler of a cut stream ended with %v", w.panics)
		}
	})
}

// What gathers goes out in one write and one flush; counters tell of it.
func TestBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newBench(t, setup{hub: sse.HubOptions{Heartbeat: -1}})
		r.stay("GET /sse", n(1), n(2), n(3))
		r.handle("GET /short", func(*twk.Request) twk.Response { return twk.Respond(n(1), n(2), n(3)) })
		w, c := r.stream("/sse")
		synctest.Wait()
		body, writes, flushes := w.snapshot()
		if len(writes) != 1 || flushes != 1 || len(got(t, body)) != 3 {
			t.Errorf("%d writes and %d flushes for the first effects", len(writes), flushes)
		}
		time.Sleep(time.Second)
		if err := c.Emit(t.Context(), r.frames(n(4), n(5))...); err != nil {
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
	synctest.Test(t, func(t *testing.T) {
		r := newBench(t, setup{})
		r.pauses["slow"] = func(context.Context, *effect.Call[app]) error { time.Sleep(time.Minute); return nil }
		r.handle("GET /short", func(*twk.Request) twk.Response { return twk.Respond(n(1), pause{"slow"}, n(2)) })
		w := r.serve("GET", "/short")
		time.Sleep(time.Second)
		if body, _, _ := w.snapshot(); len(got(t, body)) != 1 {
			t.Errorf("received %q while the second effect runs", body)
		}
		<-w.done
	})
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

// Hooks may close, send and look; each runs once.
func TestHooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newBench(t, setup{})
		r.stay("GET /other")
		other, otherConn := r.stream("/other")
		var log []string
		r.pauses["hooks"] = func(_ context.Context, call *effect.Call[app]) error {
			c := call.Ctx().Conn
			c.OnLive(func() {
				log = append(log, "live "+string(c.Cause()))
				c.Close("from live")
			})
			c.OnClose(func(cause sse.Cause) {
				log = append(log, fmt.Sprint("close ", cause, c.Close("from close"), c.OnClose(func(sse.Cause) {})))
				c.OnEnd(func(sse.Cause) { log = append(log, "late end") })
			})
			c.OnEnd(func(cause sse.Cause) {
				log = append(log, "end "+string(cause))
				_ = r.send(c, n("too late"))
				_ = r.send(otherConn, n("gone"))
			})
			return nil
		}
		r.handle("GET /sse", func(*twk.Request) twk.Response { return twk.Stream(pause{"hooks"}, n(1)) })
		w := r.serve("GET", "/sse")
		<-w.done
		synctest.Wait()
		want := []string{"live ", "close from livefalse false", "end from live", "late end"}
		if diff := cmp.Diff(want, log); diff != "" {
			t.Errorf("hooks (-want +got):\n%s", diff)
		}
		for _, tt := range []struct {
			w    *memWriter
			want string
		}{{w, "1"}, {other, `"gone"`}} {
			if body, _, _ := tt.w.snapshot(); cmp.Diff([]string{tt.want}, got(t, body)) != "" {
				t.Errorf("received %q, want %s", body, tt.want)
			}
		}
		other.leave()
	})
}

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
			if strings.Trim(body, ":\n") != "" || len(writes) < 9 || len(writes) > 11 {
				t.Fatalf("%d writes in ten intervals, %q", len(writes), body)
			}
			for i, at := range writes {
				moments[at.Sub(start)%beat] = true
				if i > 0 && at.Sub(writes[i-1]) > beat*3/2 {
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
				c.OnClose(func(cause sse.Cause) {
					mu.Lock()
					defer mu.Unlock()
					if cause == sse.CauseSlow && i < 10 {
						cut[i] = time.Since(start)
					}
				})
			}
			for i := range 50 {
				sent := time.Now()
				sse.Fanout(conns, r.frames(n(i)), nil)
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
