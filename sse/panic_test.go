package sse_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sfere-go/sfere/sse"
)

// What a program brings along to write for a stream, and its hooks, may panic on
// any goroutine of a hub. That ends this stream at most: the others go on, and
// nothing stays locked.
func TestPanicOnHubGoroutine(t *testing.T) {
	tests := []struct {
		call, reason string
		modes        string
		cause        sse.Cause // of the end; "" if the stream goes on
		told         bool      // OnError is
	}{
		{"Write", "of a middleware", "net/http", sse.CausePanic, true},
		{"Flush", "of a middleware", "net/http", sse.CausePanic, true},
		{"SetWriteDeadline", "of a middleware", "net/http", sse.CausePanic, true},
		{"Header", "it is asked when the connection is taken over", "TakeOver", sse.CausePanic, true},
		{"Hijack", "of a middleware", "TakeOver", sse.CausePanic, true},
		{"Compressor.New", "with the first event", "net/http, TakeOver", sse.CausePanic, true},
		{"Compressor.Write", "with each event", "net/http, TakeOver", sse.CausePanic, true},
		{"Compressor.Flush", "with each event", "net/http, TakeOver", sse.CausePanic, true},
		{"Compressor.Close", "at the end, which is what the program asked for", "net/http, TakeOver", sse.CauseClosed, true},
		{"OnSent", "a hook is not needed for the stream", "net/http, TakeOver", "", false},
	}
	for _, tt := range tests {
		for mode := range strings.SplitSeq(tt.modes, ", ") {
			if mode == "net/http" && takeOver() {
				continue
			}
			t.Run(tt.call+" "+mode, func(t *testing.T) {
				var mu sync.Mutex
				var told []error
				bug := &bug{call: tt.call}
				r := newRig(t, setup{
					hub: sse.HubOptions{
						TakeOver: mode == "TakeOver", Heartbeat: -1, PerStream: []sse.Compressor{bug.compressor()},
						OnError: func(_ *sse.Conn, err error) {
							mu.Lock()
							defer mu.Unlock()
							told = append(told, err)
						},
					},
					wrap: func(h http.Handler) http.Handler {
						return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
							if req.URL.Path == "/faulty" {
								w = &faulty{w, bug}
							}
							h.ServeHTTP(w, req)
						})
					},
				})
				r.stay("GET /sound")
				s := r.open("/sound")
				sound := r.conn()
				written := make(chan struct{})
				r.handle("GET /faulty", sse.ServeOptions{}, func(ctx context.Context, c *sse.Conn) error {
					c.OnSent(func() { bug.here("OnSent") })
					bug.armed.Store(true)
					_ = c.EmitFirst(ctx, n(1))
					r.conns <- c
					<-written // by a goroutine of the hub, as this one is busy
					return nil
				})
				r.raw("GET /faulty HTTP/1.1\r\nHost: test\r\nAccept-Encoding: faulty\r\n\r\n")
				c := r.conn()
				until(t, "something is written, or the stream has ended", func() bool { return c.Info().Sent > 0 || c.Cause() != "" })
				close(written)
				if tt.cause == "" || tt.cause == sse.CauseClosed {
					if err := r.send(c, n(2)); err != nil {
						t.Errorf("%s: the stream does not go on: %v", tt.reason, err)
					}
					until(t, "the next event is written", func() bool { return c.Info().Sent == 2 })
					c.Close(sse.CauseClosed)
				}
				r.end()
				if cause := c.Cause(); tt.cause != "" && cause != tt.cause {
					t.Errorf("%s: cause %q, want %q", tt.reason, cause, tt.cause)
				}
				if err := r.send(sound, n(3)); err != nil {
					t.Error(err)
				}
				if got := got1(s.Next()); got != "3" {
					t.Errorf("the other stream got %s", got)
				}
				if !bug.met.Load() {
					t.Error("nothing has panicked: this test shows nothing")
				}
				mu.Lock()
				defer mu.Unlock()
				if is := slices.ContainsFunc(told, func(err error) bool { return strings.Contains(err.Error(), "a bug in "+tt.call) }); is != tt.told {
					t.Errorf("%s: OnError was told %q", tt.reason, told)
				}
			})
		}
	}
}

// bug panics in one function of a program.
type bug struct {
	call  string
	armed atomic.Bool
	met   atomic.Bool
}

func (b *bug) here(call string) {
	if b.armed.Load() && b.call == call {
		b.met.Store(true)
		panic("a bug in " + call)
	}
}

// faulty is the ResponseWriter of a middleware with a bug.
type faulty struct {
	http.ResponseWriter
	bug *bug
}

func (f *faulty) Unwrap() http.ResponseWriter { return f.ResponseWriter }

func (f *faulty) Header() http.Header {
	f.bug.here("Header")
	return f.ResponseWriter.Header()
}

func (f *faulty) Write(b []byte) (int, error) {
	f.bug.here("Write")
	return f.ResponseWriter.Write(b)
}

func (f *faulty) FlushError() error {
	f.bug.here("Flush")
	return http.NewResponseController(f.ResponseWriter).Flush()
}

func (f *faulty) SetWriteDeadline(at time.Time) error {
	f.bug.here("SetWriteDeadline")
	return http.NewResponseController(f.ResponseWriter).SetWriteDeadline(at)
}

func (f *faulty) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	f.bug.here("Hijack")
	return http.NewResponseController(f.ResponseWriter).Hijack()
}

// compressor returns one that compresses nothing, and has the bug.
func (b *bug) compressor() sse.Compressor {
	return sse.Compressor{Encoding: "faulty", New: func(w io.Writer) io.WriteCloser {
		b.here("Compressor.New")
		return &faultyCompressor{w, b}
	}}
}

type faultyCompressor struct {
	w   io.Writer
	bug *bug
}

func (f *faultyCompressor) Write(b []byte) (int, error) {
	f.bug.here("Compressor.Write")
	return f.w.Write(b)
}

func (f *faultyCompressor) Flush() error {
	f.bug.here("Compressor.Flush")
	return nil
}

func (f *faultyCompressor) Close() error {
	f.bug.here("Compressor.Close")
	_, err := fmt.Fprint(f.w, "")
	return err
}
