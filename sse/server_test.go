package sse_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk/twktest"
)

func TestConfigureServer(t *testing.T) {
	type timeouts struct{ Header, Idle, Read, Write, Ping, Pong time.Duration }
	tests := []struct {
		name, reason string
		srv          *http.Server
		opts         *sse.ServerOptions
		want         timeouts
	}{
		{"defaults", "nil options", &http.Server{}, nil, timeouts{10 * time.Second, 2 * time.Minute, 0, 0, 10 * time.Second, 10 * time.Second}},
		{"own", "what the server has is kept",
			&http.Server{ReadHeaderTimeout: 1, IdleTimeout: 2, ReadTimeout: 3, WriteTimeout: 4, HTTP2: &http.HTTP2Config{SendPingTimeout: 5, PingTimeout: 6}},
			&sse.ServerOptions{ReadHeaderTimeout: 7, PingAfter: 8}, timeouts{1, 2, 3, 4, 5, 6}},
		{"options", "options come before defaults", &http.Server{}, &sse.ServerOptions{ReadHeaderTimeout: time.Second, IdleTimeout: -1, PingAfter: -1, PingTimeout: time.Minute}, timeouts{time.Second, -1, 0, 0, 0, time.Minute}},
	}
	for _, tt := range tests {
		srv := tt.srv
		sse.ConfigureServer(srv, tt.opts)
		got := timeouts{srv.ReadHeaderTimeout, srv.IdleTimeout, srv.ReadTimeout, srv.WriteTimeout, srv.HTTP2.SendPingTimeout, srv.HTTP2.PingTimeout}
		if diff := cmp.Diff(tt.want, got, cmpopts.EquateComparable()); diff != "" {
			t.Errorf("%s: %s (-want +got):\n%s", tt.name, tt.reason, diff)
		}
	}
}

// 100 streams are cut within the window, an action and a
// plain request finish, hooks have run with their cause when Shutdown returns,
// and a spare connection does not hold it up.
func TestShutdown(t *testing.T) {
	t.Parallel()
	for _, http2 := range []bool{false, true} {
		var mu sync.Mutex
		states := map[string]http.ConnState{}
		r := newRig(t, setup{http2: http2, server: func(s *httptest.Server) {
			s.Config.ConnContext = func(ctx context.Context, _ net.Conn) context.Context { return context.WithValue(ctx, "own", true) } //nolint:staticcheck // one test
			s.Config.ConnState = func(c net.Conn, state http.ConnState) {
				mu.Lock()
				defer mu.Unlock()
				states[c.RemoteAddr().String()] = state
			}
			sse.ConfigureServer(s.Config, nil)
		}})
		r.handle("GET /sse", sse.ServeOptions{}, func(ctx context.Context, c *sse.Conn) error {
			if ctx.Value("own") == nil {
				t.Error("the server's own ConnContext was not called")
			}
			_ = c.EmitFirst(ctx, n(1))
			r.conns <- c
			return nil
		})
		started, release := make(chan struct{}, 2), make(chan struct{})
		r.handle("POST /act", sse.ServeOptions{Short: true}, func(ctx context.Context, c *sse.Conn) error {
			started <- struct{}{}
			<-release
			if ctx.Err() != nil {
				t.Error(ctx.Err())
			}
			return c.EmitFirst(ctx, n(1))
		})
		r.mux.HandleFunc("GET /plain", func(w http.ResponseWriter, _ *http.Request) {
			started <- struct{}{}
			<-release
			_, _ = io.WriteString(w, "plain")
		})
		var streams []*twktest.Stream
		var ended atomic.Int32
		for range 100 {
			s := r.open("/sse")
			s.Next()
			streams = append(streams, s)
			r.conn().Attach(sse.Hooks{OnEnded: func(_ *sse.Conn, cause sse.Cause) {
				if cause == sse.CauseShutdown {
					ended.Add(1)
				}
			}})
		}
		answers := make(chan answer, 2)
		go func() { answers <- r.do(r.request("POST", "/act")) }()
		go func() { answers <- r.do(r.request("GET", "/plain")) }()
		receive(t, started)
		receive(t, started)
		spare, err := net.Dial("tcp", r.srv.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer spare.Close()
		until(t, "the spare connection is accepted", func() bool {
			mu.Lock()
			defer mu.Unlock()
			return states[spare.LocalAddr().String()] == http.StateNew && len(states) > 1
		})

		ctx, cancel := context.WithTimeout(t.Context(), twktest.Wait)
		defer cancel()
		down := make(chan error, 1)
		go func() { down <- sse.Shutdown(ctx, r.srv.Config, 300*time.Millisecond, r.hub) }()
		_ = spare.SetReadDeadline(time.Now().Add(twktest.Wait))
		if _, err := spare.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("http2 %t: the spare connection was not closed", http2)
		}
		until(t, "the long streams are gone", func() bool { return ended.Load() == 100 })
		select {
		case err := <-down:
			t.Errorf("http2 %t: Shutdown returned %v while two requests were running", http2, err)
		default:
		}
		close(release)
		if err := receive(t, down); err != nil {
			t.Errorf("http2 %t: %v", http2, err)
		}
		if ended.Load() != 100 || r.hub.Len() != 0 {
			t.Errorf("http2 %t: %d hooks ran with cause shutdown, %d streams left", http2, ended.Load(), r.hub.Len())
		}
		for range 100 {
			if e := r.end(); e.Cause != sse.CauseShutdown {
				if e.Path != "/act" {
					t.Errorf("end %+v", e)
				}
			}
		}
		for _, s := range streams {
			if s.Ended() == nil {
				t.Errorf("http2 %t: a stream ended normally: its client would not come back", http2)
				break
			}
		}
		for range 2 {
			if a := receive(t, answers); a.Status != 200 || !strings.Contains(a.Body, "plain") && !strings.Contains(a.Body, "event:") {
				t.Errorf("http2 %t: an answer during the shutdown: %+v", http2, a)
			}
		}
	}
}

// The streams of all hubs of a server are cut; a shutdown that knows of one only
// would wait for the others.
func TestShutdownOfSeveralHubs(t *testing.T) {
	r := newRig(t, setup{server: func(s *httptest.Server) { sse.ConfigureServer(s.Config, nil) }})
	r.stay("GET /sse", n(1))
	other := newBench(t, setup{})
	other.stay("GET /other", n(1))
	r.mux.Handle("GET /other", other.mux)
	streams := []*twktest.Stream{r.open("/sse"), r.open("/other")}
	for _, s := range streams {
		s.Next()
	}
	ctx, cancel := context.WithTimeout(t.Context(), twktest.Wait)
	defer cancel()
	if err := sse.Shutdown(ctx, r.srv.Config, time.Millisecond, r.hub, other.hub); err != nil {
		t.Error(err)
	}
	for i, b := range []*rig{r, other} {
		if e := b.end(); e.Cause != sse.CauseShutdown || b.hub.Len() != 0 || streams[i].Ended() == nil {
			t.Errorf("hub %d: end %+v, %d streams left", i, e, b.hub.Len())
		}
	}
}

// A shutdown that runs out of time closes everything and says so.
func TestShutdownTimeout(t *testing.T) {
	r := newRig(t, setup{})
	release := make(chan struct{})
	r.handle("POST /act", sse.ServeOptions{Short: true}, func(ctx context.Context, c *sse.Conn) error {
		r.conns <- c
		<-release
		return c.EmitFirst(ctx, n(1))
	})
	failed := make(chan error, 1)
	go func() {
		res, err := r.srv.Client().Do(r.request("POST", "/act"))
		if err == nil {
			res.Body.Close()
		}
		failed <- err
	}()
	r.conn()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := sse.Shutdown(ctx, r.srv.Config, 0, r.hub); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
	if err := receive(t, failed); err == nil {
		t.Error("the action was not cut")
	}
	close(release)
	r.noEndBut("/act")
}

// noEndBut waits until all streams are gone; only path may have ended.
func (r *rig) noEndBut(path string) {
	r.t.Helper()
	until(r.t, "all streams are gone", func() bool { return r.hub.Len() == 0 })
	for len(r.closed) > 0 {
		if e := <-r.closed; e.Path != path {
			r.t.Errorf("end %+v", e)
		}
	}
}

// An HTTP/2 client that answers no ping is closed, with its streams.
func TestPings(t *testing.T) {
	r := newRig(t, setup{http2: true, server: func(s *httptest.Server) {
		sse.ConfigureServer(s.Config, &sse.ServerOptions{PingAfter: 50 * time.Millisecond, PingTimeout: 50 * time.Millisecond})
	}})
	r.stay("GET /sse")
	s := r.open("/sse") // a client that answers
	alive := r.conn()
	c, err := tls.Dial("tcp", r.srv.Listener.Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}) //nolint:gosec // a test server
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	// The preface, empty settings, and silence.
	if _, err := io.WriteString(c, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"); err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(twktest.Wait))
	if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the silent connection was not closed")
	}
	if err := r.send(alive, n(1)); err != nil {
		t.Errorf("the other one: %v", err)
	}
	s.Next()
}
