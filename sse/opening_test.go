package sse_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/sse"
)

// First effects come before everything that others send meanwhile, whoever writes
// and however long they take.
func TestEmitFirstComesFirst(t *testing.T) {
	key := sse.FrameOptions{Coalesce: "k"}
	tests := []struct {
		name, reason string
		hub          sse.HubOptions
		first        func(ctx context.Context, c *sse.Conn) error
		want         []string
		dropped      uint64
	}{
		{"quick", "what others send waits", sse.HubOptions{}, func(ctx context.Context, c *sse.Conn) error {
			_ = c.Emit(ctx, n("other"))
			_ = c.EmitFirst(ctx, n(1))
			new(sse.Audience).Fanout([]*sse.Conn{c}, []*sse.Frame{n("crowd")}, nil)
			return c.EmitFirst(ctx, n(2))
		}, []string{"1", "2", `"other"`, `"crowd"`}, 0},
		{"slow", "also if the first of them have been written", sse.HubOptions{}, func(ctx context.Context, c *sse.Conn) error {
			_ = c.EmitFirst(ctx, n(1))
			_ = c.Emit(ctx, n("other"))
			time.Sleep(time.Minute)
			return c.EmitFirst(ctx, n(2))
		}, []string{"1", "2", `"other"`}, 0},
		{"unbounded", "the program's own answer is no slow client", sse.HubOptions{MaxFrames: 1}, func(ctx context.Context, c *sse.Conn) error {
			return c.EmitFirst(ctx, n(1), n(2), n(3))
		}, []string{"1", "2", "3"}, 0},
		{"one by one", "nor if they come one by one", sse.HubOptions{MaxFrames: 1, MaxBytes: 10}, func(ctx context.Context, c *sse.Conn) error {
			return first(ctx, c, n(1), n(2), n(3))
		}, []string{"1", "2", "3"}, 0},
		{"newer first", "of equal keys the newer counts", sse.HubOptions{}, func(ctx context.Context, c *sse.Conn) error {
			return first(ctx, c, with(1, key), n(2), with(3, key))
		}, []string{"2", "3"}, 1},
		{"newer from others", "what others send is newer than the first effects", sse.HubOptions{}, func(ctx context.Context, c *sse.Conn) error {
			_ = c.Emit(ctx, with("new", key))
			return first(ctx, c, with(1, key), n(2))
		}, []string{"2", `"new"`}, 1},
	}
	for _, writers := range []int{0, 1, -1} {
		for _, tt := range tests {
			t.Run(fmt.Sprintf("%s, writers %d", tt.name, writers), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					tt.hub.Writers, tt.hub.Heartbeat = writers, -1
					r := newBench(t, setup{hub: tt.hub})
					done := make(chan error, 1)
					r.handle("GET /sse", sse.ServeOptions{}, func(ctx context.Context, c *sse.Conn) error {
						r.conns <- c
						err := tt.first(ctx, c)
						done <- err
						return err
					})
					w, c := r.stream("/sse")
					if err := <-done; err != nil {
						t.Error(err)
					}
					synctest.Wait()
					body, _, _ := w.snapshot()
					if diff := cmp.Diff(tt.want, got(t, body)); diff != "" {
						t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
					}
					if i := c.Info(); i.Queued != 0 || i.Dropped != tt.dropped {
						t.Errorf("%+v, want %d dropped", i, tt.dropped)
					}
					w.leave()
				})
			})
		}
	}
}

// What others send to a stream that is opening is bounded, and seen to wait.
func TestOpeningIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newBench(t, setup{hub: sse.HubOptions{MaxFrames: 2, Heartbeat: -1}})
		gate := make(chan struct{})
		r.handle("GET /sse", sse.ServeOptions{}, func(ctx context.Context, c *sse.Conn) error {
			_ = c.EmitFirst(ctx, n(1), n(2), n(3))
			r.conns <- c
			<-gate
			if err := c.EmitFirst(ctx, n(4)); !errors.Is(err, sse.ErrClosed) {
				t.Errorf("first effects of a stream that was cut: %v", err)
			}
			return nil
		})
		w, c := r.stream("/sse")
		if err := c.Emit(t.Context(), n(5), n(6)); err != nil {
			t.Error(err)
		}
		if i := c.Info(); i.Queued != 5 {
			t.Errorf("%d frames wait, want the first effects and what others sent", i.Queued)
		}
		for range 30 { // nobody is slow yet, so it may be 16 times the bound
			if err := c.Emit(t.Context(), n(7)); err != nil {
				t.Error(err)
			}
		}
		if err := c.Emit(t.Context(), n(8)); !errors.Is(err, sse.ErrOverflow) || c.Cause() != sse.CauseSlow {
			t.Errorf("error %v, cause %s", err, c.Cause())
		}
		close(gate)
		<-w.done
	})
}

// A stream that is closed while it opens takes no more first effects. What it had
// taken before is written if the end is a normal one, from whomever it is.
func TestClosedWhileOpening(t *testing.T) {
	for cause, want := range map[sse.Cause][]string{sse.CauseClosed: {"1", "2"}, sse.CauseExpired: nil} {
		synctest.Test(t, func(t *testing.T) {
			r := newBench(t, setup{hub: sse.HubOptions{Heartbeat: -1}})
			r.handle("GET /sse", sse.ServeOptions{}, func(ctx context.Context, c *sse.Conn) error {
				_ = c.EmitFirst(ctx, n(1))
				_ = r.send(c, n(2)) // from somebody else
				c.Close(cause)
				if err := c.EmitFirst(ctx, n(3)); !errors.Is(err, sse.ErrClosed) {
					t.Errorf("%s: error %v", cause, err)
				}
				return nil
			})
			w := r.serve("GET", "/sse")
			<-w.done
			body, _, _ := w.snapshot()
			if diff := cmp.Diff(want, got(t, body)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", cause, diff)
			}
		})
	}
}

// EmitFirst is Emit once the first effects have run, bounds included.
func TestEmitFirstAfterwards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newBench(t, setup{hub: sse.HubOptions{MaxFrames: 1, Heartbeat: -1}})
		r.stay("GET /sse")
		w, c := r.stream("/sse")
		synctest.Wait()
		w.stall(true)
		_ = c.EmitFirst(t.Context(), n(0))
		time.Sleep(time.Second) // it is with the writer, and the client is behind
		if err := c.EmitFirst(t.Context(), n(1)); err != nil {
			t.Error(err)
		}
		if err := c.EmitFirst(t.Context(), n(2)); !errors.Is(err, sse.ErrOverflow) {
			t.Errorf("error %v", err)
		}
		<-w.done
	})
}

// While a stream's own goroutine is busy with first effects its frames are
// written all the same, and once.
func TestOwnGoroutineIsBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newBench(t, setup{hub: sse.HubOptions{Writers: -1, Heartbeat: -1}})
		gate := make(chan struct{})
		r.handle("GET /sse", sse.ServeOptions{}, func(ctx context.Context, c *sse.Conn) error {
			r.conns <- c
			for i := range 3 {
				_ = c.EmitFirst(ctx, n(i))
				time.Sleep(time.Minute)
			}
			<-gate
			return c.EmitFirst(ctx, n(3))
		})
		w, c := r.stream("/sse")
		var want []string
		for i := range 3 {
			time.Sleep(time.Second)
			want = append(want, fmt.Sprint(i))
			body, _, _ := w.snapshot()
			if diff := cmp.Diff(want, got(t, body)); diff != "" {
				t.Errorf("after %d events (-want +got):\n%s", i+1, diff)
			}
			time.Sleep(time.Minute - time.Second)
		}
		_ = c.Emit(t.Context(), n(4))
		close(gate)
		synctest.Wait()
		body, _, _ := w.snapshot()
		if diff := cmp.Diff(append(want, "3", "4"), got(t, body)); diff != "" {
			t.Errorf("in the end (-want +got):\n%s", diff)
		}
		w.leave()
	})
}

// A client that does not read while first effects run is cut like any other.
func TestStalledDuringFirstEffects(t *testing.T) {
	for _, writers := range []int{0, -1} {
		synctest.Test(t, func(t *testing.T) {
			r := newBench(t, setup{hub: sse.HubOptions{Writers: writers, WriteTimeout: time.Second, Heartbeat: -1}})
			r.handle("GET /sse", sse.ServeOptions{}, func(ctx context.Context, c *sse.Conn) error {
				r.conns <- c
				for {
					if err := c.EmitFirst(ctx, n(strings.Repeat("x", 1000))); err != nil {
						return nil
					}
					time.Sleep(100 * time.Millisecond)
				}
			})
			w := r.serve("GET", "/sse")
			w.stall(true)
			c := <-r.conns
			<-w.done
			if c.Cause() != sse.CauseSlow || w.panics == nil {
				t.Errorf("writers %d: cause %s, ended with %v", writers, c.Cause(), w.panics)
			}
		})
	}
}

// Whoever sends while streams open, with every kind of writer and clients that
// pause: first effects come first and in order, and what each sender got accepted
// follows in its order.
func TestOpeningUnderLoad(t *testing.T) {
	const streams, senders, firsts, each = 40, 3, 30, 30
	for _, writers := range []int{0, 1, -1} {
		t.Run(fmt.Sprint("writers ", writers), func(t *testing.T) {
			r := newBench(t, setup{hub: sse.HubOptions{Writers: writers, MaxFrames: 1 << 20, Heartbeat: 16 * time.Millisecond}})
			var all sync.WaitGroup
			r.handle("GET /sse", sse.ServeOptions{}, func(ctx context.Context, c *sse.Conn) error {
				r.conns <- c
				for i := range firsts {
					if err := c.EmitFirst(ctx, n(i)); err != nil {
						return err
					}
					if i%10 == 9 {
						time.Sleep(rand.N(60 * time.Millisecond)) // some of them past the cork
					}
				}
				return nil
			})
			for range streams {
				w, c := r.stream("/sse")
				all.Go(func() {
					var own sync.WaitGroup
					for s := range senders {
						own.Go(func() {
							for k := range each {
								if err := c.Emit(context.Background(), n(1000*(s+1)+k)); err != nil {
									t.Error(err)
								}
								if k%10 == 0 {
									time.Sleep(rand.N(10 * time.Millisecond))
								}
							}
						})
					}
					w.stall(true)
					time.Sleep(rand.N(5 * time.Millisecond))
					w.stall(false)
					own.Wait()
					until(t, "the first effects have run", func() bool {
						live, _ := c.Attach(sse.Hooks{})
						return live
					})
					c.Close("over")
					<-w.done
					body, _, _ := w.snapshot()
					next := [senders + 1]int{}
					for i, text := range got(t, body) {
						v, err := strconv.Atoi(text)
						if err != nil {
							t.Error(err)
						}
						if i < firsts && v >= 1000 {
							t.Errorf("event %d is %d, before the first effects have all come", i, v)
							return
						}
						if v%1000 != next[v/1000] {
							t.Errorf("sender %d: event %d, want %d", v/1000, v%1000, next[v/1000])
							return
						}
						next[v/1000]++
					}
				})
			}
			all.Wait()
		})
	}
}
