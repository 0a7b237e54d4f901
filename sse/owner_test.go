package sse_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/sse"
)

// logs collects what is logged by default until the test has ended.
func logs(t *testing.T) *bytes.Buffer {
	t.Helper()
	var b bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&b, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	return &b
}

// note is an owner that notes in log what it is told.
func note(log *[]string, name string) sse.Hooks {
	return sse.Hooks{
		OnLive:   func(c *sse.Conn) { *log = append(*log, name+" live "+string(c.Cause())) },
		OnClosed: func(_ *sse.Conn, cause sse.Cause) { *log = append(*log, name+" closed "+string(cause)) },
		OnEnded:  func(_ *sse.Conn, cause sse.Cause) { *log = append(*log, name+" ended "+string(cause)) },
	}
}

// Owners are told in the order in which they were attached, each once.
func TestOwnerOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newBench(t, setup{})
		var log []string
		r.handle("GET /sse", sse.ServeOptions{
			Open: func(c *sse.Conn) error {
				c.Attach(note(&log, "a"))
				return nil
			},
			Closed: func(c *sse.Conn) { log = append(log, "option "+string(c.Cause())) },
		}, func(_ context.Context, c *sse.Conn) error {
			if live, ok := c.Attach(note(&log, "b")); live || !ok {
				t.Errorf("attached during the first effects: live %t, ok %t", live, ok)
			}
			c.Attach(sse.Hooks{}) // nil functions are left out
			r.conns <- c
			return nil
		})
		w, c := r.stream("/sse")
		synctest.Wait()
		if live, ok := c.Attach(note(&log, "late")); !live || !ok {
			t.Errorf("attached to a live stream: live %t, ok %t", live, ok)
		}
		c.Close("own")
		if _, ok := c.Attach(note(&log, "too late")); ok {
			t.Error("attached to a closed stream")
		}
		<-w.done
		want := []string{
			"a live ", "b live ", "a closed own", "b closed own", "late closed own",
			"a ended own", "b ended own", "late ended own", "option own",
		}
		if diff := cmp.Diff(want, log); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if got := len(slices.Collect(c.Owners())); got != 4 {
			t.Errorf("%d owners after the end, want 4", got)
		}
	})
}

// Owners find each other, and may be of any type.
func TestOwners(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newBench(t, setup{})
		r.stay("GET /sse")
		w, c := r.stream("/sse")
		for i := range 3 {
			c.Attach(&numbered{i: i})
		}
		var got []int
		for o := range c.Owners() {
			c.Attach(sse.Hooks{}) // does not disturb the iteration
			got = append(got, o.(*numbered).i)
		}
		if diff := cmp.Diff([]int{0, 1, 2}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		w.leave()
	})
}

type numbered struct {
	sse.Hooks
	i int
}

// A refused stream is closed and ended, too, and never live.
func TestOwnersOfARefusedStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newBench(t, setup{})
		var log []string
		r.handle("GET /sse", sse.ServeOptions{Open: func(c *sse.Conn) error {
			c.Attach(note(&log, "a"))
			return &sse.Error{Op: "testing", Status: 409, Err: fmt.Errorf("taken")}
		}}, func(context.Context, *sse.Conn) error { t.Error("the stream opened"); return nil })
		w := r.serve("GET", "/sse")
		<-w.done
		if diff := cmp.Diff([]string{"a closed refused", "a ended refused"}, log); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if w.status != 409 {
			t.Errorf("status %d", w.status)
		}
		select {
		case e := <-r.closed:
			t.Errorf("an end was told: %+v", e)
		default:
		}
	})
}

// A stream that is closed while its first effects run has been live all the same:
// whoever is told of an end was told of a beginning.
func TestClosedBeforeLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newBench(t, setup{})
		var log []string
		r.handle("GET /sse", sse.ServeOptions{}, func(_ context.Context, c *sse.Conn) error {
			c.Attach(note(&log, "a"))
			c.Close("own")
			return nil
		})
		<-r.serve("GET", "/sse").done
		if diff := cmp.Diff([]string{"a closed own", "a live own", "a ended own"}, log); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// Owners may close, send and look; each runs once.
func TestOwnersMayUseStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newBench(t, setup{})
		r.stay("GET /other")
		other, otherConn := r.stream("/other")
		var log []string
		r.handle("GET /sse", sse.ServeOptions{}, func(ctx context.Context, c *sse.Conn) error {
			c.Attach(sse.Hooks{
				OnLive: func(c *sse.Conn) {
					log = append(log, "live "+string(c.Cause()))
					c.Close("from live")
				},
				OnClosed: func(c *sse.Conn, cause sse.Cause) {
					_, ok := c.Attach(sse.Hooks{OnEnded: func(*sse.Conn, sse.Cause) { log = append(log, "late end") }})
					log = append(log, fmt.Sprintf("closed %s %t %t", cause, c.Close("from closed"), ok))
				},
				OnEnded: func(c *sse.Conn, cause sse.Cause) {
					log = append(log, "ended "+string(cause))
					_ = r.send(c, n("too late"))
					_ = r.send(otherConn, n("gone"))
				},
			})
			return c.EmitFirst(ctx, n(1))
		})
		w := r.serve("GET", "/sse")
		<-w.done
		synctest.Wait()
		want := []string{"live ", "closed from live false false", "ended from live"}
		if diff := cmp.Diff(want, log); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
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

// The handler waits for the owners that are being told of the close.
func TestClosedComesBeforeEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newBench(t, setup{})
		r.stay("GET /sse")
		w, c := r.stream("/sse")
		synctest.Wait()
		var log []string
		c.Attach(sse.Hooks{
			OnClosed: func(*sse.Conn, sse.Cause) {
				select {
				case <-w.done:
					t.Error("the handler returned although an owner is being told of the close")
				case <-time.After(time.Minute):
				}
				log = append(log, "closed")
			},
			OnEnded: func(*sse.Conn, sse.Cause) { log = append(log, "ended") },
		})
		c.Close(sse.CauseClosed)
		<-w.done
		if diff := cmp.Diff([]string{"closed", "ended"}, log); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// A panic of one owner, or of OnSent, is logged and keeps nobody from anything:
// it may happen on a goroutine that writes for many streams.
func TestPanicsOfHooksAreContained(t *testing.T) {
	for _, writers := range []int{0, -1} {
		synctest.Test(t, func(t *testing.T) {
			b := logs(t)
			r := newBench(t, setup{hub: sse.HubOptions{Heartbeat: -1, Writers: writers}})
			var log []string
			r.handle("GET /sse", sse.ServeOptions{Closed: func(*sse.Conn) { panic("option") }}, func(_ context.Context, c *sse.Conn) error {
				c.Attach(sse.Hooks{
					OnLive:   func(*sse.Conn) { panic("live") },
					OnClosed: func(*sse.Conn, sse.Cause) { panic("closed") },
					OnEnded:  func(*sse.Conn, sse.Cause) { panic("ended") },
				})
				c.Attach(note(&log, "second"))
				c.OnSent(func() { panic("sent") })
				c.OnSent(func() { log = append(log, "sent") })
				r.conns <- c
				return nil
			})
			w, c := r.stream("/sse")
			synctest.Wait()
			for i := range 2 {
				if err := c.Emit(t.Context(), n(i)); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
			}
			if !c.Close("own") {
				t.Error("Close did not close")
			}
			<-w.done
			if w.panics != nil {
				t.Errorf("the handler panicked: %v", w.panics)
			}
			if diff := cmp.Diff([]string{"second live ", "sent", "sent", "second closed own", "second ended own"}, log); diff != "" {
				t.Errorf("writers %d (-want +got):\n%s", writers, diff)
			}
			body, _, _ := w.snapshot()
			if diff := cmp.Diff([]string{"0", "1"}, got(t, body)); diff != "" {
				t.Errorf("writers %d: received (-want +got):\n%s", writers, diff)
			}
			for _, hook := range []string{"live", "closed", "ended", "sent", "option"} {
				if !strings.Contains(b.String(), "panic="+hook) {
					t.Errorf("writers %d: the panic of %s was not logged", writers, hook)
				}
			}
			if r.hub.Len() != 0 {
				t.Error("the stream was not forgotten")
			}
		})
	}
}

// OnSent tells of events that were written, not of heartbeats.
func TestOnSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newBench(t, setup{hub: sse.HubOptions{Heartbeat: time.Second}})
		r.stay("GET /sse", n(0))
		w, c := r.stream("/sse")
		synctest.Wait()
		calls := 0
		c.OnSent(func() { calls++ })
		if err := c.Emit(t.Context(), n(1), n(2)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if calls != 1 {
			t.Errorf("OnSent was called %d times for one write, want 1", calls)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if c.Info().Sent < 10 {
			t.Fatalf("%d frames sent, want some heartbeats", c.Info().Sent)
		}
		if calls != 1 {
			t.Errorf("OnSent was called %d times in all, want 1: heartbeats do not count", calls)
		}
		w.leave()
	})
}
