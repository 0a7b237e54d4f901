package sse_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"time"

	"github.com/sfere-go/sfere/sse"
)

// recovering is a middleware that lets no panic through.
func recovering(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() { _ = recover() }()
		h.ServeHTTP(w, r)
	})
}

// cuts are the ways in which a long stream may be cut.
func cuts(r *rig) {
	r.stay("GET /expired", n(1))
	r.handle("GET /early", sse.ServeOptions{}, func(_ context.Context, c *sse.Conn) error {
		c.Close(sse.CauseShutdown)
		return nil
	})
	later := func(ctx context.Context, c *sse.Conn) error {
		err := c.EmitFirst(ctx, n(1))
		for c.Info().Sent == 0 && ctx.Err() == nil { // until the cork is drawn
			time.Sleep(time.Millisecond)
		}
		return err
	}
	r.handle("GET /fails", sse.ServeOptions{}, func(ctx context.Context, c *sse.Conn) error {
		_ = later(ctx, c)
		return errTest
	})
	r.handle("GET /panics", sse.ServeOptions{}, func(ctx context.Context, c *sse.Conn) error {
		_ = later(ctx, c)
		panic(errTest)
	})
	r.stay("GET /draining")
}

// whenSent calls f with the next stream that stay opens, once its first event
// has been written, on a goroutine of its own.
func (r *rig) whenSent(f func(*sse.Conn)) {
	ctx := r.t.Context()
	go func() {
		select {
		case <-ctx.Done():
		case c := <-r.conns:
			for c.Info().Sent == 0 && ctx.Err() == nil {
				time.Sleep(time.Millisecond)
			}
			f(c)
		}
	}()
}

// hiding is a middleware whose ResponseWriter has no Unwrap.
func hiding(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(struct {
			http.ResponseWriter
			http.Flusher
		}{w, w.(http.Flusher)}, r)
	})
}

// A cut is one for the client though middleware swallows the panic that says
// so to net/http. If the ResponseWriter is out of reach as well, it takes the
// connection, which ConfigureServer knows; with neither it takes the panic.
func TestAbortSwallowed(t *testing.T) {
	configure := func(s *httptest.Server) { sse.ConfigureServer(s.Config, nil) }
	both := func(h http.Handler) http.Handler { return recovering(hiding(h)) }
	for name, s := range map[string]setup{
		"out of reach, configured":    {wrap: both, server: configure},
		"out of reach, not swallowed": {wrap: hiding},
		"HTTP/1.1":                    {wrap: recovering},
		"HTTP/2":                      {wrap: recovering, http2: true},
		"taken over":                  {wrap: recovering, hub: sse.HubOptions{TakeOver: true}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, s)
			cuts(r)
			for _, path := range []string{"/expired", "/early", "/fails", "/panics", "/draining"} {
				if path == "/draining" {
					if err := r.hub.Drain(t.Context(), 0); err != nil {
						t.Fatal(err)
					}
				}
				if path == "/expired" {
					r.whenSent(func(c *sse.Conn) { c.Close(sse.CauseExpired) })
				}
				res, err := r.srv.Client().Do(r.request("GET", path))
				if err == nil {
					_, err = io.Copy(io.Discard, res.Body)
					res.Body.Close()
				} else if !s.http2 {
					t.Errorf("%s: cut before its header: %v", path, err)
				}
				if err == nil {
					t.Errorf("%s ended normally: its client does not come back", path)
				}
			}
		})
	}
}

// An HTTP/1.0 response ends with its connection: a cut resets it, and a clean end
// does not.
func TestCutHTTP10(t *testing.T) {
	for _, configured := range []bool{false, true} {
		for _, wrap := range []func(http.Handler) http.Handler{nil, recovering} {
			t.Run(fmt.Sprintf("configured %t, recovering %t", configured, wrap != nil), func(t *testing.T) {
				r := newRig(t, setup{wrap: wrap, server: func(s *httptest.Server) {
					if configured {
						sse.ConfigureServer(s.Config, nil)
					}
				}})
				cuts(r)
				r.stay("GET /clean", n(1))
				for _, path := range []string{"/clean", "/expired", "/early", "/fails", "/panics", "/draining"} {
					if path == "/draining" {
						if err := r.hub.Drain(t.Context(), 0); err != nil {
							t.Fatal(err)
						}
					}
					br := bufio.NewReader(r.raw("GET " + path + " HTTP/1.0\r\n\r\n"))
					res, err := http.ReadResponse(br, nil)
					if err != nil {
						t.Errorf("%s: no header: %v", path, err)
						continue
					}
					switch path {
					case "/clean":
						r.conn().Close(sse.CauseClosed)
					case "/expired":
						c := r.conn()
						until(t, "the first event is written", func() bool { return c.Info().Sent == 1 })
						c.Close(sse.CauseExpired)
					}
					_, err = io.Copy(io.Discard, res.Body)
					if isReset := errors.Is(err, syscall.ECONNRESET); isReset == (path == "/clean") {
						t.Errorf("%s ended with %v", path, err)
					}
				}
			})
		}
	}
}
