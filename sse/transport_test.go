package sse_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk/twktest"
)

// transports are the ways from a stream to its client. Where connections cannot
// be taken over the last one is the first.
var transports = []struct {
	name string
	hub  sse.HubOptions
}{
	{"response", sse.HubOptions{}},
	{"response, own goroutine", sse.HubOptions{Writers: -1}},
	{"socket", sse.HubOptions{TakeOver: true}},
}

// eachTransport runs test with the options of every transport.
func eachTransport(t *testing.T, test func(t *testing.T, via sse.HubOptions)) {
	for _, tt := range transports {
		t.Run(tt.name, func(t *testing.T) { test(t, tt.hub) })
	}
}

const rawGet = "GET %s HTTP/1.1\r\nHost: test\r\n\r\n"

// Events, owners and the normal end, which is told apart from a cut.
func TestLife(t *testing.T) { eachTransport(t, life) }

func life(t *testing.T, via sse.HubOptions) {
	r := newRig(t, setup{hub: via})
	r.stay("GET /sse", n(0))
	s := r.open("/sse")
	c := r.conn()
	s.Next()
	ended := make(chan sse.Cause, 1)
	c.Attach(sse.Hooks{OnEnded: func(_ *sse.Conn, cause sse.Cause) { ended <- cause }})
	for i := 1; i <= 100; i++ {
		if err := r.send(c, n(i)); err != nil {
			t.Fatal(err)
		}
		if got, want := got1(s.Next()), fmt.Sprint(i); got != want {
			t.Fatalf("event %s, want %s", got, want)
		}
	}
	if err := r.send(c, n("last")); err != nil {
		t.Fatal(err)
	}
	c.Close(sse.CauseClosed)
	if got := got1(s.Next()); got != `"last"` {
		t.Errorf("the outbox was not written before the end: %s", got)
	}
	if e := r.end(); e.Cause != sse.CauseClosed {
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

// On the wire the response is chunked, ended by an empty
// chunk, and without one if it was cut.
func TestWire(t *testing.T) { eachTransport(t, wire) }

func wire(t *testing.T, via sse.HubOptions) {
	for _, tt := range []struct {
		cause sse.Cause
		err   error
	}{{sse.CauseClosed, nil}, {sse.CauseShutdown, io.ErrUnexpectedEOF}} {
		r := newRig(t, setup{hub: via})
		r.stay("GET /own", n(1))
		r.mux.HandleFunc("GET /sse", func(w http.ResponseWriter, req *http.Request) {
			w.Header().Set("X-Test", "yes")
			http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
			req.URL.Path = "/own"
			r.mux.ServeHTTP(w, req)
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
		if want := "event: datastar-patch-signals\ndata: n 1"; strings.TrimRight(string(body), "\n") != want || err != tt.err {
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
func TestClientLeaves(t *testing.T) { eachTransport(t, clientLeaves) }

func clientLeaves(t *testing.T, via sse.HubOptions) {
	via.Heartbeat = -1
	r := newRig(t, setup{hub: via})
	r.stay("GET /idle")
	r.handle("GET /busy", sse.ServeOptions{}, func(ctx context.Context, c *sse.Conn) error {
		r.conns <- c
		_ = c.EmitFirst(ctx, n(1))
		<-ctx.Done()
		return nil
	})
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
func TestStalledSocketBesideQuickOnes(t *testing.T) { eachTransport(t, stalledSocketBesideQuickOnes) }

func stalledSocketBesideQuickOnes(t *testing.T, via sse.HubOptions) {
	const timeout = 400 * time.Millisecond
	via.WriteTimeout = timeout
	via.MaxBytes = 1 << 30
	via.MaxFrames = 1 << 20
	r := newRig(t, setup{hub: via})
	r.stay("GET /sse")
	stalled := r.raw(fmt.Sprintf(rawGet, "/sse"))
	c := r.conn()
	s := r.open("/sse")
	quick := r.conn()
	block := n(strings.Repeat("x", 1<<20))
	start := time.Now()
	for range 16 {
		_ = c.Emit(context.Background(), block)
	}
	for c.Cause() == "" {
		if err := r.send(quick, n(1)); err != nil {
			t.Fatal(err)
		}
		s.Next()
		if time.Since(start) > twktest.Wait {
			t.Fatal("the stalled stream was never cut")
		}
		time.Sleep(time.Millisecond)
	}
	if took := time.Since(start); c.Cause() != sse.CauseSlow || took < timeout {
		t.Errorf("cut after %v for %q", took, c.Cause())
	}
	if e := r.end(); e.Cause != sse.CauseSlow {
		t.Errorf("end %+v", e)
	}
	stalled.Close()
}

func TestClientReadsAgain(t *testing.T) { eachTransport(t, clientReadsAgain) }

func clientReadsAgain(t *testing.T, via sse.HubOptions) {
	via.MaxBytes = 1 << 30
	via.MaxFrames = 1 << 20
	r := newRig(t, setup{hub: via})
	r.stay("GET /sse")
	nc := r.raw(fmt.Sprintf(rawGet, "/sse"))
	c := r.conn()
	const size, count = 100 << 10, 200
	for i := range count {
		if err := r.send(c, n(i), n(strings.Repeat("x", size))); err != nil {
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
	events, err := twktest.All(strings.NewReader(string(body)))
	if err != nil || len(events) != 2*count {
		t.Fatalf("%d events and %v, want %d", len(events), err, 2*count)
	}
	for i := range count {
		if got := got1(events[2*i]); got != fmt.Sprint(i) {
			t.Fatalf("event %d is %s", i, got)
		}
	}
}

// The outbox of a stalled client stays bounded.
func TestOverflowOfASocket(t *testing.T) { eachTransport(t, overflowOfASocket) }

func overflowOfASocket(t *testing.T, via sse.HubOptions) {
	via.MaxFrames = 8
	r := newRig(t, setup{hub: via})
	r.stay("GET /sse")
	nc := r.raw(fmt.Sprintf(rawGet, "/sse"))
	defer nc.Close()
	c := r.conn()
	frame := n(strings.Repeat("x", 1<<20))
	until(t, "the stream is cut", func() bool {
		_ = c.Emit(context.Background(), frame)
		return c.Cause() != ""
	})
	if e := r.end(); e.Cause != sse.CauseSlow {
		t.Errorf("end %+v", e)
	}
}

func TestHeartbeatAndCompression(t *testing.T) { eachTransport(t, heartbeatAndCompression) }

func heartbeatAndCompression(t *testing.T, via sse.HubOptions) {
	via.Heartbeat = 160 * time.Millisecond
	via.Compress = true
	r := newRig(t, setup{hub: via})
	r.stay("GET /sse")
	s := r.open("/sse", "Accept-Encoding", "gzip")
	c := r.conn()
	until(t, "two heartbeats are written", func() bool { return c.Info().Sent >= 2 })
	if err := r.send(c, n(1)); err != nil {
		t.Fatal(err)
	}
	if got := got1(s.Next()); got != "1" {
		t.Errorf("event %s", got)
	}
}

// Senders, closers, leaving clients and the poller get along.
func TestSendersClosersAndLeavers(t *testing.T) { eachTransport(t, sendersClosersAndLeavers) }

func sendersClosersAndLeavers(t *testing.T, via sse.HubOptions) {
	via.Heartbeat = 16 * time.Millisecond
	r := newRig(t, setup{hub: via})
	r.stay("GET /sse", n(0))
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
				_ = r.send(c, n(k))
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
