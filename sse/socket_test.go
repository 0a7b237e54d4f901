package sse_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk/twktest"
)

// What one sender sends arrives complete and in its order, whatever others do.
func TestOrder(t *testing.T) {
	const senders, each = 8, 400
	for _, writers := range []int{0, -1} {
		r := newRig(t, setup{hub: sse.HubOptions{Writers: writers, MaxFrames: senders * each}})
		r.stay("GET /sse")
		s := r.open("/sse")
		c := r.conn()
		var wg sync.WaitGroup
		for i := range senders {
			wg.Go(func() {
				for k := range each {
					if err := r.send(c, n(i*each+k)); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		var next [senders]int
		for range senders * each {
			v, err := strconv.Atoi(got1(s.Next()))
			if err != nil {
				t.Fatal(err)
			}
			if v%each != next[v/each] {
				t.Fatalf("writers %d: sender %d: event %d, want %d", writers, v/each, v%each, next[v/each])
			}
			next[v/each]++
		}
		wg.Wait()
	}
}

// Nobody touches a response whose handler has returned: memWriter watches.
func TestNoWriteAfterReturn(t *testing.T) {
	for _, writers := range []int{0, -1} {
		r := newBench(t, setup{hub: sse.HubOptions{Writers: writers, Heartbeat: 16 * time.Millisecond}})
		r.stay("GET /sse")
		var wg sync.WaitGroup
		for range 150 {
			w := r.serve("GET", "/sse")
			c := r.conn()
			for i := range 3 {
				wg.Go(func() {
					for r.send(c, n(i)) == nil {
					}
				})
			}
			switch {
			case c.ID()%3 == 0:
				c.Close("a")
			case c.ID()%3 == 1:
				c.Close(sse.CauseExpired)
			default:
				w.cancel()
			}
			<-w.done
		}
		wg.Wait()
		if r.hub.Len() != 0 {
			t.Errorf("%d streams left", r.hub.Len())
		}
	}
}

// A connection that a short response or a normally ended stream has used is as
// good as new: no deadline is left on it.
func TestKeepAlive(t *testing.T) {
	t.Parallel()
	for _, http2 := range []bool{false, true} {
		const timeout = 100 * time.Millisecond
		r := newRig(t, setup{hub: sse.HubOptions{WriteTimeout: timeout}, http2: http2})
		r.short("POST /act", n(strings.Repeat("x", 10_000)))
		r.stay("GET /sse", n(1))
		r.mux.HandleFunc("GET /plain", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, strings.Repeat("y", 100_000)) })
		ask := func(method, path string) (reused bool) {
			req := r.request(method, path)
			req = req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { reused = i.Reused }}))
			if path == "/sse" {
				s := twktest.Open(t, r.srv.Client(), req)
				s.Next()
				r.conn().Close(sse.CauseClosed)
				if err := s.Ended(); err != nil {
					t.Errorf("http2 %t: %v", http2, err)
				}
			} else if a := r.do(req); a.Status != 200 || len(a.Body) < 10_000 {
				t.Errorf("http2 %t: %s: status %d, %d bytes", http2, path, a.Status, len(a.Body))
			}
			return reused
		}
		for i, path := range []string{"/act", "/plain", "/sse", "/plain", "/act"} {
			method := "GET"
			if path == "/act" {
				method = "POST"
			}
			if reused := ask(method, path); i > 0 && !reused && !takeOver() {
				t.Errorf("http2 %t: request %d, %s, needed a new connection", http2, i, path)
			}
			time.Sleep(2*timeout + 20*time.Millisecond) // past any deadline of this request
		}
	}
}

// A silent stream outlives its own write timeout and the server's timeouts.
func TestQuietStream(t *testing.T) {
	t.Parallel()
	for _, http2 := range []bool{false, true} {
		t.Run(fmt.Sprintf("http2 %t", http2), func(t *testing.T) {
			r := newRig(t, setup{http2: http2, hub: sse.HubOptions{WriteTimeout: 100 * time.Millisecond, Heartbeat: -1},
				server: func(s *httptest.Server) {
					s.Config.ReadTimeout, s.Config.WriteTimeout, s.Config.IdleTimeout = 200*time.Millisecond, 200*time.Millisecond, 200*time.Millisecond
				}})
			r.stay("GET /sse", n(0))
			s := r.open("/sse")
			c := r.conn()
			for i := range 4 {
				if got := got1(s.Next()); got != strconv.Itoa(i) {
					t.Fatalf("event %s, want %d", got, i)
				}
				time.Sleep(250 * time.Millisecond)
				if err := r.send(c, n(i+1)); err != nil {
					t.Fatalf("after %d events: %v", i+1, err)
				}
			}
		})
	}
}

// A real client that stops reading is cut in time, with the others unaffected.
func TestStalledSocket(t *testing.T) {
	t.Parallel()
	for _, http2 := range []bool{false, true} {
		t.Run(fmt.Sprintf("http2 %t", http2), func(t *testing.T) {
			const timeout = 300 * time.Millisecond
			r := newRig(t, setup{http2: http2, hub: sse.HubOptions{WriteTimeout: timeout, MaxBytes: 1 << 30, MaxFrames: 1 << 20}})
			r.stay("GET /sse")
			// The transport of net/http reads an HTTP/1 body only when asked, and
			// gives HTTP/2 streams a window.
			res, err := r.srv.Client().Do(r.request("GET", "/sse"))
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			stalled := r.conn()
			s := r.open("/sse")
			quick := r.conn()
			block := n(strings.Repeat("x", 1<<20))
			for range 16 {
				_ = stalled.Emit(context.Background(), block)
			}
			// The other stream flows all the while.
			start := time.Now()
			for i := 0; stalled.Cause() == ""; i++ {
				_ = r.send(quick, n(i))
				s.Next()
				time.Sleep(time.Millisecond)
				if time.Since(start) > twktest.Wait {
					t.Fatal("the stalled stream was never cut")
				}
			}
			if stalled.Cause() != sse.CauseSlow {
				t.Errorf("cause %q", stalled.Cause())
			}
			if e := r.end(); e.Cause != sse.CauseSlow {
				t.Errorf("end %+v", e)
			}
		})
	}
}

// A context that ends without the client, as on a shutdown that cancels the
// base context, cuts the stream.
func TestBaseContext(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		if takeOver() && !http2 {
			continue // as HubOptions.TakeOver says
		}
		base, cancel := context.WithCancel(context.Background())
		r := newRig(t, setup{http2: http2, server: func(s *httptest.Server) {
			s.Config.BaseContext = func(net.Listener) context.Context { return base }
		}})
		r.stay("GET /sse", n(1))
		s := r.open("/sse")
		s.Next()
		cancel()
		if err := s.Ended(); err == nil {
			t.Errorf("http2 %t: the stream ended normally: its client would not come back", http2)
		}
	}
}
