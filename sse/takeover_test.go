//go:build linux

package sse_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/sfere-go/sfere/sse"
)

func newTaken(t *testing.T, o sse.HubOptions) *rig {
	t.Helper()
	o.TakeOver = true
	return newRig(t, setup{hub: o})
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
			r.stay("GET /sse", n(1))
			st := r.open("/sse")
			c := r.conn()
			st.Next()
			st.Close()
			if e := r.end(); e.Cause != sse.CauseClient {
				t.Errorf("end %+v", e)
			}
			_ = c
		})
	}
}

// A body decides whether a stream is taken over: one that is there, or has been read,
// does not keep it with net/http, also if middleware hides that; one that is still
// to come when the first event goes out does.
func TestTakeOverWithBody(t *testing.T) {
	limited := func(h http.Handler) http.Handler { return http.MaxBytesHandler(h, 1<<20) }
	get, post := "GET /sse HTTP/1.1\r\nHost: test\r\n\r\n", "POST /sse HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\n"
	tests := []struct {
		reason  string
		wrap    func(http.Handler) http.Handler
		request string
		slow    bool // the first effects take longer than events gather
		taken   bool
	}{
		{"there is none", nil, get, true, true},
		{"there is none, which middleware hides", limited, get, true, true},
		{"it has come and nobody wants it", nil, post + "body", false, true},
		{"the same, and middleware hides its end", limited, post + "body", false, true},
		{"an event has gone out before it was read", limited, post + "body", true, false},
		{"it never comes", nil, post, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			returned := make(chan struct{})
			r := newRig(t, setup{hub: sse.HubOptions{TakeOver: true}, wrap: func(h http.Handler) http.Handler {
				if tt.wrap != nil {
					h = tt.wrap(h)
				}
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					defer close(returned)
					h.ServeHTTP(w, r)
				})
			}})
			r.handle("/sse", sse.ServeOptions{}, func(ctx context.Context, c *sse.Conn) error {
				err := c.EmitFirst(ctx, n(1))
				if tt.slow {
					until(t, "it goes out meanwhile", func() bool { return c.Info().Sent == 1 })
				}
				r.conns <- c
				return err
			})
			nc := r.raw(tt.request)
			c := r.conn()
			until(t, "the event is written", func() bool { return c.Info().Sent == 1 })
			if tt.taken {
				receive(t, returned)
			} else {
				_ = r.send(c, n(2)) // what is to be taken over would be by now
				until(t, "the next event is written", func() bool { return c.Info().Sent == 2 })
				select {
				case <-returned:
					t.Error("the handler has returned")
				default:
				}
			}
			nc.Close()
		})
	}
}

// Many streams need few goroutines, and none when they are gone.
func TestTakeOverGoroutines(t *testing.T) {
	const streams = 200
	r := newTaken(t, sse.HubOptions{})
	r.stay("GET /sse", n(1))
	before := runtime.NumGoroutine()
	var ncs []net.Conn
	for range streams {
		ncs = append(ncs, r.raw(fmt.Sprintf(rawGet, "/sse")))
		r.conn()
	}
	until(t, "the handlers have returned", func() bool { return runtime.NumGoroutine() < before+10 })
	if r.hub.Len() != streams {
		t.Errorf("%d streams, want %d", r.hub.Len(), streams)
	}
	for _, nc := range ncs {
		nc.Close()
	}
	for range streams {
		if e := r.end(); e.Cause != sse.CauseClient {
			t.Errorf("end %+v", e)
		}
	}
	r.noEnd()
	until(t, "the poller is gone", func() bool { return runtime.NumGoroutine() <= before })
}

// wrapped is a listener as many programs have one: to limit connections, to
// read a PROXY protocol, to trace.
type wrapped struct {
	net.Listener
	wrap func(net.Conn) net.Conn
}

func (l wrapped) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.wrap(c), nil
}

// foreignConn is no syscall.Conn, and countedConn one past which nothing may be
// written.
type (
	foreignConn struct{ net.Conn }
	countedConn struct {
		*net.TCPConn
		n *atomic.Int64
	}
)

func (c countedConn) Write(b []byte) (int, error) {
	n, err := c.TCPConn.Write(b)
	c.n.Add(int64(n))
	return n, err
}

// No client is cut because its connection cannot be taken over, not even the
// first, also if that turns out only when it has been: with ConfigureServer it
// is known before.
func TestTakeOverWrappedListener(t *testing.T) {
	for _, configured := range []bool{true, false} {
		for name, wrap := range map[string]func(net.Conn, *atomic.Int64) net.Conn{
			"foreign": func(c net.Conn, _ *atomic.Int64) net.Conn { return foreignConn{c} },
			"counted": func(c net.Conn, n *atomic.Int64) net.Conn { return countedConn{c.(*net.TCPConn), n} },
		} {
			t.Run(fmt.Sprintf("%s, configured %t", name, configured), func(t *testing.T) {
				var written atomic.Int64
				r := newRig(t, setup{hub: sse.HubOptions{TakeOver: true, Compress: true}, server: func(s *httptest.Server) {
					s.Listener = wrapped{s.Listener, func(c net.Conn) net.Conn { return wrap(c, &written) }}
					if configured {
						sse.ConfigureServer(s.Config, nil)
					}
				}})
				var ran atomic.Int64
				r.handle("POST /sse", sse.ServeOptions{}, func(ctx context.Context, c *sse.Conn) error {
					ran.Add(1)
					r.conns <- c
					return c.EmitFirst(ctx, n(0))
				})
				for i := range int64(3) {
					nc := r.raw("POST /sse HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
					c := r.conn()
					br := bufio.NewReader(nc)
					res, err := http.ReadResponse(br, nil)
					if err != nil || ran.Load() != i+1 {
						t.Fatalf("client %d: %v; first effects ran %d times", i, err, ran.Load())
					}
					for k := range 100 {
						if err := r.send(c, n(k)); err != nil {
							t.Fatal(err)
						}
					}
					switch i {
					case 0:
						c.Close(sse.CauseClosed)
					case 1:
						c.Close(sse.CauseExpired)
					default:
						until(t, "all is written", func() bool { return c.Info().Sent == 101 })
						nc.Close()
					}
					body, err := io.ReadAll(res.Body)
					switch e := r.end(); {
					case i == 0 && (err != nil || len(got(t, string(body))) != 101 || e.Cause != sse.CauseClosed):
						t.Errorf("a clean end: %v, %d events, cause %s", err, len(got(t, string(body))), e.Cause)
					case i == 1 && (err == nil || e.Cause != sse.CauseExpired):
						t.Errorf("a cut: %v, cause %s", err, e.Cause)
					case i == 2 && e.Cause != sse.CauseClient:
						t.Errorf("a client that leaves: cause %s", e.Cause)
					}
				}
				if name == "counted" && written.Load() < 4000 {
					t.Errorf("only %d bytes went through Write of the wrapped connection", written.Load())
				}
				r.noEnd()
			})
		}
	}
}

// A clean end is no reset, which would make the client's kernel throw away what
// it holds, also if the client has sent more than its request. The response says
// that the connection closes, so nobody waits for an answer.
func TestCleanEndWithUnreadBytes(t *testing.T) {
	get := fmt.Sprintf(rawGet, "/sse")
	for name, tt := range map[string]struct{ before, after string }{
		"in one packet": {get + get, ""},
		"later":         {get, get},
		"much":          {get, strings.Repeat("x", 100_000)},
	} {
		t.Run(name, func(t *testing.T) {
			eachTransport(t, func(t *testing.T, via sse.HubOptions) {
				r := newRig(t, setup{hub: via})
				r.stay("GET /sse", n(1))
				nc := r.raw(tt.before)
				c := r.conn()
				br := bufio.NewReader(nc)
				res, err := http.ReadResponse(br, nil)
				if err != nil {
					t.Fatal(err)
				}
				if via.TakeOver && !res.Close {
					t.Error("the response does not say that the connection closes")
				}
				if _, err := io.WriteString(nc, tt.after); err != nil {
					t.Fatal(err)
				}
				if err := r.send(c, n(2)); err != nil {
					t.Fatal(err)
				}
				c.Close(sse.CauseClosed)
				r.end()
				body, err := io.ReadAll(res.Body)
				if want := []string{"1", "2"}; err != nil || !slices.Equal(got(t, string(body)), want) {
					t.Errorf("body %q and %v", body, err)
				}
				if res.Close {
					if _, err := br.ReadByte(); err != io.EOF {
						t.Errorf("then %v, want the end", err)
					}
				}
			})
		})
	}
}
