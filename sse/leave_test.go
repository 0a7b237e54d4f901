package sse_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/sfere-go/sfere/sse"
)

// A stream whose context ends says who has ended it. Only a client that has left is
// said to have left, and only it and the server's end look like a cut.
func TestBaseContextCause(t *testing.T) {
	t.Parallel()
	type ends struct {
		base    func() // the context of the server
		request func() // that of the request
		client  func()
	}
	for _, tt := range []struct {
		name     string
		configed bool
		end      func(ends)
		want     sse.Cause
	}{
		{"the client leaves", true, func(e ends) { e.client() }, sse.CauseClient},
		{"the client leaves a server that is not configured", false, func(e ends) { e.client() }, sse.CauseClient},
		{"the program ends the context of the server", true, func(e ends) { e.base() }, sse.CauseShutdown},
		{"the program ends that of a server that is not configured", false, func(e ends) { e.base() }, sse.CauseShutdown},
		{"middleware ends that of the request", true, func(e ends) { e.request() }, sse.CauseClosed},
	} {
		for _, http2 := range []bool{false, true} {
			name := tt.name
			if http2 {
				name += ", HTTP/2"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				base, endBase := context.WithCancel(t.Context())
				defer endBase()
				endRequest := make(chan struct{})
				r := newRig(t, setup{
					hub:   sse.HubOptions{Writers: -1}, // a connection that is taken over knows nothing of contexts
					http2: http2,
					server: func(s *httptest.Server) {
						s.Config.BaseContext = func(net.Listener) context.Context { return base }
						if tt.configed {
							sse.ConfigureServer(s.Config, nil)
						}
					},
					wrap: func(h http.Handler) http.Handler {
						return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
							ctx, cancel := context.WithCancel(r.Context())
							defer cancel()
							go func() {
								select {
								case <-endRequest:
									cancel()
								case <-ctx.Done():
								}
							}()
							h.ServeHTTP(w, r.WithContext(ctx))
						})
					},
				})
				r.stay("GET /sse", n(1))
				s := r.open("/sse")
				s.Next()
				r.conn()
				tt.end(ends{base: endBase, request: func() { close(endRequest) }, client: s.Close})
				if e := r.end(); e.Cause != tt.want {
					t.Errorf("cause %q, want %q", e.Cause, tt.want)
				}
				if tt.want != sse.CauseClient {
					if err := s.Ended(); (err != nil) != tt.want.Cut() {
						t.Errorf("the client saw %v", err)
					}
				}
			})
		}
	}
}

// Middleware may say why it ends the context of a request, and may set it a limit.
func TestContextCause(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		ctx  func(context.Context) (context.Context, func())
		want sse.Cause
	}{
		{"a cause of the program's", func(ctx context.Context) (context.Context, func()) {
			ctx, cancel := context.WithCancelCause(ctx)
			time.AfterFunc(time.Millisecond, func() { cancel(errors.New("logged out")) })
			return ctx, func() { cancel(nil) }
		}, sse.CauseClosed},
		{"a deadline", func(ctx context.Context) (context.Context, func()) {
			return context.WithTimeout(ctx, time.Millisecond)
		}, sse.CauseExpired},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, setup{hub: sse.HubOptions{Writers: -1}, server: func(s *httptest.Server) { sse.ConfigureServer(s.Config, nil) }, wrap: func(h http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					ctx, cancel := tt.ctx(r.Context())
					defer cancel()
					h.ServeHTTP(w, r.WithContext(ctx))
				})
			}})
			r.stay("GET /sse", n(1))
			s := r.open("/sse")
			if e := r.end(); e.Cause != tt.want {
				t.Errorf("cause %q, want %q", e.Cause, tt.want)
			}
			s.Close()
		})
	}
}
