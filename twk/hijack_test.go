//go:build linux

package twk_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/sfere-go/sfere/sse"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/ssetest"
	"github.com/sfere-go/sfere/twk"
)

func newTaken(t *testing.T, o sse.HubOptions) *rig {
	t.Helper()
	o.TakeOver = true
	return newRig(t, setup{hub: o})
}

const rawGet = "GET %s HTTP/1.1\r\nHost: test\r\nDatastar-Request: true\r\n\r\n"

// A stream that has been taken over has no goroutine, and everything else is as
// it was: events, hooks and the normal end, which is told apart from a cut.
func TestTakeOverLife(t *testing.T) {
	r := newTaken(t, sse.HubOptions{})
	r.stay("GET /sse", signal("n", 0))
	s := r.open("/sse")
	c := r.conn()
	s.Next(ssetest.Wait)
	ended := make(chan sse.Cause, 1)
	c.OnEnd(func(cause sse.Cause) { ended <- cause })
	for i := 1; i <= 100; i++ {
		if err := r.send(c, signal("n", i)); err != nil {
			t.Fatal(err)
		}
		if got, want := s.Next(ssetest.Wait).Fields()["signals"], fmt.Sprintf(`{"n":%d}`, i); got != want {
			t.Fatalf("event %s, want %s", got, want)
		}
	}
	if err := r.send(c, signal("n", "last")); err != nil {
		t.Fatal(err)
	}
	c.Close(sse.CauseClosed)
	if got := s.Next(ssetest.Wait).Fields()["signals"]; got != `{"n":"last"}` {
		t.Errorf("the outbox was not written before the end: %s", got)
	}
	if e := r.end(); e.Cause != sse.CauseClosed || e.Conn || !e.Stay {
		t.Errorf("end %+v", e)
	}
	if cause := receive(t, ended); cause != sse.CauseClosed {
		t.Errorf("OnEnd with %q", cause)
	}
	r.noEnd()
	if i := c.Info(); i.Sent != 102 {
		t.Errorf("%d frames sent, want 102", i.Sent)
	}
}

// On the wire the response is the one of net/http: chunked, ended by an empty
// chunk, and without one if it was cut.
func TestTakeOverWire(t *testing.T) {
	for _, tt := range []struct {
		cause sse.Cause
		err   error
	}{{sse.CauseClosed, nil}, {sse.CauseShutdown, io.ErrUnexpectedEOF}} {
		r := newTaken(t, sse.HubOptions{})
		r.handle("GET /sse", func(*twk.Request) twk.Response {
			return twk.Stream(pause{"conn"}, signal("n", 1)).WithHeader("X-Test", "yes").WithCookie(&http.Cookie{Name: "a", Value: "b"})
		})
		nc := r.raw(fmt.Sprintf(rawGet, "/sse"))
		res, err := http.ReadResponse(bufio.NewReader(nc), nil)
		if err != nil {
			t.Fatal(err)
		}
		c := r.conn()
		until(t, "the first event is written", func() bool { return c.Info().Sent == 1 })
		c.Close(tt.cause)
		body, err := io.ReadAll(res.Body)
		if want := "event: datastar-patch-signals\ndata: signals {\"n\":1}"; strings.TrimRight(string(body), "\n") != want || err != tt.err {
			t.Errorf("%s: body %q and %v, want %q and %v", tt.cause, body, err, want, tt.err)
		}
		h := res.Header
		if res.StatusCode != 200 || h.Get("Content-Type") != "text/event-stream" || h.Get("X-Test") != "yes" || h.Get("Set-Cookie") != "a=b" || h.Get("Date") == "" {
			t.Errorf("header %v", h)
		}
	}
}

// A client that leaves is noticed without a write, before and after the handler
// has returned; the first effects are told through their context.
func TestTakeOverClientLeaves(t *testing.T) {
	r := newTaken(t, sse.HubOptions{Heartbeat: -1})
	r.stay("GET /idle")
	r.pauses["hold"] = func(ctx context.Context, _ *effect.Call[app]) error {
		<-ctx.Done()
		return nil
	}
	r.stay("GET /busy", signal("n", 1), pause{"hold"})
	for _, path := range []string{"/idle", "/busy"} {
		for _, leave := range []func(net.Conn){
			func(c net.Conn) { c.Close() },
			func(c net.Conn) { _ = c.(*net.TCPConn).CloseWrite() },
			func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0); c.Close() },
		} {
			nc := r.raw(fmt.Sprintf(rawGet, path))
			if _, err := http.ReadResponse(bufio.NewReader(nc), nil); err != nil {
				t.Fatal(err)
			}
			c := r.conn()
			if c.Cause() != "" {
				t.Fatalf("closed early: %s", c.Cause())
			}
			leave(nc)
			if e := r.end(); e.Cause != sse.CauseClient {
				t.Errorf("%s: cause %q", path, e.Cause)
			}
		}
	}
	r.noEnd()
}

// A client that stops reading fills its outbox or runs into the write timeout;
// others are not held up, and one that reads again gets everything.
func TestTakeOverStalledClient(t *testing.T) {
	const timeout = 400 * time.Millisecond
	r := newTaken(t, sse.HubOptions{WriteTimeout: timeout, MaxBytes: 1 << 30, MaxFrames: 1 << 20})
	r.stay("GET /sse")
	stalled := r.raw(fmt.Sprintf(rawGet, "/sse"))
	c := r.conn()
	s := r.open("/sse")
	quick := r.conn()
	block := r.frames(signal("text", strings.Repeat("x", 1<<20)))
	for range 16 {
		_ = c.Emit(context.Background(), block...)
	}
	start := time.Now()
	for c.Cause() == "" {
		if err := r.send(quick, signal("n", 1)); err != nil {
			t.Fatal(err)
		}
		s.Next(ssetest.Wait)
		if time.Since(start) > ssetest.Wait {
			t.Fatal("the stalled stream was never cut")
		}
		time.Sleep(time.Millisecond)
	}
	if took := time.Since(start); c.Cause() != sse.CauseSlow || took < timeout*9/10 {
		t.Errorf("cut after %v for %q", took, c.Cause())
	}
	if e := r.end(); e.Cause != sse.CauseSlow {
		t.Errorf("end %+v", e)
	}
	stalled.Close()
}

func TestTakeOverClientReadsAgain(t *testing.T) {
	r := newTaken(t, sse.HubOptions{MaxBytes: 1 << 30, MaxFrames: 1 << 20})
	r.stay("GET /sse")
	nc := r.raw(fmt.Sprintf(rawGet, "/sse"))
	c := r.conn()
	const size, count = 100 << 10, 200
	for i := range count {
		if err := r.send(c, signal("n", i), signal("text", strings.Repeat("x", size))); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "the client's buffers are full", func() bool { return c.Info().Sent > 0 && c.Info().Queued > 0 })
	go c.Close(sse.CauseClosed) // what is left is written all the same
	res, err := http.ReadResponse(bufio.NewReader(nc), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	events, err := ssetest.All(strings.NewReader(string(body)))
	if err != nil || len(events) != 2*count {
		t.Fatalf("%d events and %v, want %d", len(events), err, 2*count)
	}
	for i := range count {
		if got := events[2*i].Fields()["signals"]; got != fmt.Sprintf(`{"n":%d}`, i) {
			t.Fatalf("event %d is %s", i, got)
		}
	}
}

// The outbox of a stalled client stays bounded.
func TestTakeOverOverflow(t *testing.T) {
	r := newTaken(t, sse.HubOptions{MaxFrames: 8})
	r.stay("GET /sse")
	nc := r.raw(fmt.Sprintf(rawGet, "/sse"))
	defer nc.Close()
	c := r.conn()
	frames := r.frames(signal("text", strings.Repeat("x", 1<<20)))
	until(t, "the stream is cut", func() bool {
		_ = c.Emit(context.Background(), frames...)
		return c.Cause() != ""
	})
	if e := r.end(); e.Cause != sse.CauseSlow {
		t.Errorf("end %+v", e)
	}
}

func TestTakeOverHeartbeatAndCompression(t *testing.T) {
	r := newTaken(t, sse.HubOptions{Heartbeat: 160 * time.Millisecond, Compress: true})
	r.stay("GET /sse")
	s := r.open("/sse", "Accept-Encoding", "gzip")
	c := r.conn()
	until(t, "two heartbeats are written", func() bool { return c.Info().Sent >= 2 })
	if err := r.send(c, signal("n", 1)); err != nil {
		t.Fatal(err)
	}
	if got := s.Next(ssetest.Wait).Fields()["signals"]; got != `{"n":1}` {
		t.Errorf("event %s", got)
	}
}

// What cannot be taken over stays with net/http.
func TestTakeOverFallsBack(t *testing.T) {
	wrapped := func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h.ServeHTTP(struct {
				http.ResponseWriter
				http.Flusher
			}{w, w.(http.Flusher)}, r)
		})
	}
	for name, s := range map[string]setup{
		"http2":      {http2: true, hub: sse.HubOptions{TakeOver: true}},
		"middleware": {wrap: wrapped, hub: sse.HubOptions{TakeOver: true}},
		"writers":    {hub: sse.HubOptions{TakeOver: true, Writers: -1}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, s)
			r.stay("GET /sse", signal("n", 1))
			st := r.open("/sse")
			c := r.conn()
			st.Next(ssetest.Wait)
			st.Close()
			if e := r.end(); e.Cause != sse.CauseClient {
				t.Errorf("end %+v", e)
			}
			_ = c
		})
	}
}

// Many streams need few goroutines, and none when they are gone.
func TestTakeOverGoroutines(t *testing.T) {
	const n = 200
	r := newTaken(t, sse.HubOptions{})
	r.stay("GET /sse", signal("n", 1))
	before := runtime.NumGoroutine()
	var ncs []net.Conn
	for range n {
		ncs = append(ncs, r.raw(fmt.Sprintf(rawGet, "/sse")))
		r.conn()
	}
	until(t, "the handlers have returned", func() bool { return runtime.NumGoroutine() < before+10 })
	if r.hub.Len() != n {
		t.Errorf("%d streams, want %d", r.hub.Len(), n)
	}
	for _, nc := range ncs {
		nc.Close()
	}
	for range n {
		if e := r.end(); e.Cause != sse.CauseClient {
			t.Errorf("end %+v", e)
		}
	}
	r.noEnd()
	until(t, "the poller is gone", func() bool { return runtime.NumGoroutine() <= before })
}

// Senders, closers, leaving clients and the poller get along.
func TestTakeOverChurn(t *testing.T) {
	r := newTaken(t, sse.HubOptions{Heartbeat: 16 * time.Millisecond})
	r.stay("GET /sse", signal("n", 0))
	done := make(chan struct{})
	for i := range 8 {
		go func() {
			defer func() { done <- struct{}{} }()
			for k := range 40 {
				nc, err := net.Dial("tcp", r.srv.Listener.Addr().String())
				if err != nil {
					t.Error(err)
					return
				}
				fmt.Fprintf(nc, rawGet, "/sse")
				res, err := http.ReadResponse(bufio.NewReader(nc), nil)
				if err != nil {
					t.Error(err)
				} else {
					_, _ = res.Body.Read(make([]byte, 10))
				}
				c := <-r.conns // somebody's
				if (i+k)%2 == 0 {
					c.Close(sse.CauseClosed)
				}
				_ = r.send(c, signal("n", k))
				nc.Close()
			}
		}()
	}
	for range 8 {
		<-done
	}
	until(t, "all streams are gone", func() bool { return r.hub.Len() == 0 })
	for range 8 * 40 {
		r.end()
	}
	r.noEnd()
}
