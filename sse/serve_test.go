package sse_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sfere-go/sfere/sse"
)

var errTest = errors.New("secret")

// An answer to a stream that was not opened has a status and no internals.
func TestRefuse(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, reason string
		err          error
		status       int // 0 for a cut
		body         string
	}{
		{"any", "an error without a status is the program's", errTest, 500, "Internal Server Error\n"},
		{"status", "an error may ask for one", &sse.Error{Op: "testing", Status: 409, Err: errTest}, 409, "Conflict\n"},
		{"wrapped", "also from inside another", fmt.Errorf("opening: %w", &sse.Error{Status: 403, Err: errTest}), 403, "Forbidden\n"},
		{"none of its own", "as for any error", &sse.Error{Op: "testing", Err: errTest}, 500, "Internal Server Error\n"},
		{"draining", "clients take a status for the end and come back after a cut", &sse.Error{Status: 503, Err: sse.ErrDraining}, 0, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			w.Header().Set("Content-Encoding", "gzip")
			var p any
			func() {
				defer func() { p = recover() }()
				sse.Refuse(w, tt.err)
			}()
			switch {
			case tt.status == 0:
				if p != http.ErrAbortHandler || w.Body.Len() > 0 {
					t.Errorf("%s: panic %v, answer %q", tt.reason, p, w.Body)
				}
			case p != nil || w.Code != tt.status || w.Body.String() != tt.body || w.Header().Get("Content-Encoding") != "":
				t.Errorf("%s: panic %v, status %d, body %q, header %v", tt.reason, p, w.Code, w.Body, w.Header())
			}
		})
	}
}

// What Serve returns, and how the response ends, when a stream does not begin or
// its first function fails.
func TestServeFails(t *testing.T) {
	fails := func(context.Context, *sse.Conn) error { return errTest }
	failsLater := func(ctx context.Context, c *sse.Conn) error {
		_ = c.EmitFirst(ctx, n(1))
		time.Sleep(time.Second) // longer than events are held together
		return errTest
	}
	tests := []struct {
		name, reason string
		o            sse.ServeOptions
		first        func(context.Context, *sse.Conn) error
		status       int
		events       int
		panics       any
		cause        sse.Cause // "" if Closed is not called
		err          error     // of Serve
	}{
		{"long, at once", "the answer may still be a status", sse.ServeOptions{}, fails, 500, 0, nil, sse.CausePanic, errTest},
		{"short, at once", "the answer may still be a status", sse.ServeOptions{Short: true}, fails, 500, 0, nil, sse.CausePanic, errTest},
		{"not yet written", "what was not written is dropped", sse.ServeOptions{}, func(ctx context.Context, c *sse.Conn) error {
			_ = c.EmitFirst(ctx, n(1))
			return errTest
		}, 500, 0, nil, sse.CausePanic, errTest},
		{"long, later", "a cut brings the client back", sse.ServeOptions{}, failsLater, 200, 1, http.ErrAbortHandler, sse.CausePanic, nil},
		{"short, later", "a cut would make the client ask again", sse.ServeOptions{Short: true}, failsLater, 200, 1, nil, sse.CausePanic, nil},
		{"Open", "its error refuses the stream, and nothing has ended", sse.ServeOptions{Open: func(*sse.Conn) error {
			return &sse.Error{Status: 409, Err: errTest}
		}}, fails, 409, 0, nil, "", errTest},
		{"Open panics", "a panic of the program is its own", sse.ServeOptions{Open: func(*sse.Conn) error { panic("open") }}, fails, 0, 0, "open", "", nil},
		{"first panics", "a panic of the program is its own", sse.ServeOptions{}, func(context.Context, *sse.Conn) error { panic("first") }, 0, 0, "first", sse.CausePanic, nil},
		{"closed meanwhile", "a short response whose stream was cut has no answer", sse.ServeOptions{Short: true}, func(_ context.Context, c *sse.Conn) error {
			c.Close(sse.CauseExpired)
			return nil
		}, 503, 0, nil, sse.CauseExpired, sse.ErrClosed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newBench(t, setup{})
				r.handle("GET /sse", tt.o, tt.first)
				w := r.serve("GET", "/sse")
				<-w.done
				body, _, _ := w.snapshot()
				if w.status != tt.status && (tt.status != 200 || w.status != 0) || strings.Count(body, "event:") != tt.events || w.panics != tt.panics || strings.Contains(body, errTest.Error()) {
					t.Errorf("%s: status %d, body %q, panic %v", tt.reason, w.status, body, w.panics)
				}
				if errs := r.errors(); (tt.err == nil) != (len(errs) == 0) || len(errs) > 0 && !errors.Is(errs[0], tt.err) {
					t.Errorf("%s: Serve returned %v, want %v", tt.reason, errs, tt.err)
				}
				select {
				case e := <-r.closed:
					if e.Cause != tt.cause {
						t.Errorf("end with %q, want %q", e.Cause, tt.cause)
					}
				default:
					if tt.cause != "" {
						t.Error("Closed was not called")
					}
				}
				if r.hub.Len() != 0 {
					t.Error("the stream was not forgotten")
				}
			})
		})
	}
}

// A response that cannot flush is refused for a long stream, with a remedy, and
// good enough for a short one.
func TestServeWithoutFlush(t *testing.T) {
	t.Parallel()
	hub := sse.NewHub(nil)
	one := func(ctx context.Context, c *sse.Conn) error { return c.EmitFirst(ctx, n(1)) }
	for _, short := range []bool{true, false} {
		rec := httptest.NewRecorder()
		err := hub.Serve(struct{ http.ResponseWriter }{rec}, httptest.NewRequest("GET", "/", nil), &sse.ServeOptions{Short: short}, one)
		if short && (err != nil || strings.Count(rec.Body.String(), "event:") != 1) {
			t.Errorf("a short response: %v, %q", err, rec.Body)
		}
		if !short && (err == nil || !strings.Contains(err.Error(), "Unwrap") || rec.Body.Len() > 0) {
			t.Errorf("a long stream: %v, %q", err, rec.Body)
		}
	}
}

// Header fields of middleware stay; those of the stream are its own.
func TestServeHeader(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{wrap: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Vary", "Origin")
			w.Header().Set("X-A", "b")
			w.Header().Set("Content-Type", "text/x-default")
			next.ServeHTTP(w, r)
		})
	}, hub: sse.HubOptions{Compress: true}})
	r.stay("GET /sse", n(1))
	h := r.open("/sse").Response().Header
	for name, want := range map[string]string{
		"Content-Type": "[text/event-stream]", "Cache-Control": "[no-cache]", "X-Accel-Buffering": "[no]",
		"Vary": "[Origin Accept-Encoding]", "X-A": "[b]",
	} {
		if got := fmt.Sprint(h.Values(name)); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}
