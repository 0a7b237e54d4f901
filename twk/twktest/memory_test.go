package twktest_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/twktest"
)

// serve serves h in memory.
func serve(t testing.TB, h http.HandlerFunc) *twktest.Stream {
	t.Helper()
	return twktest.Serve(t, h, twktest.HTTPRequest("GET", "/stream", nil))
}

// A stream in memory is read like any other, with the head of its response.
func TestServe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		more := make(chan struct{})
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-A", "b")
			send(w, "event: datastar-a\n\n:\n")
			w.Header().Set("X-A", "too late")
			<-more
			time.Sleep(time.Hour)
			send(w, "event: datastar-b\n\n")
		})
		res := s.Response()
		if res.StatusCode != http.StatusOK || res.Header.Get("X-A") != "b" {
			t.Errorf("response %d, %v", res.StatusCode, res.Header)
		}
		if diff := cmp.Diff(twktest.Event{Type: "datastar-a"}, s.Next()); diff != "" {
			t.Errorf("Next (-want +got):\n%s", diff)
		}
		s.UntilComments(1)
		close(more)
		synctest.Wait()
		if got := s.Pending(); len(got) > 0 {
			t.Errorf("events %v before their time", got)
		}
		time.Sleep(time.Hour)
		if diff := cmp.Diff(twktest.Event{Type: "datastar-b"}, s.Next()); diff != "" {
			t.Errorf("Next (-want +got):\n%s", diff)
		}
		if err := s.Ended(); err != nil {
			t.Errorf("Ended() = %v", err)
		}
	})
}

// A bridge may be held in a bubble, where a day takes no time.
func TestServeBridge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := sse.NewHub(&sse.HubOptions{Heartbeat: time.Hour})
		d := dispatch.Must(dispatch.New(twk.Registry(nil)))
		bridge := twk.NewBridge(d, func(s twk.Session) twk.Session { return s }, &twk.BridgeOptions{Hub: hub})
		s := twktest.Serve(t, bridge.Handle(func(*twk.Request) twk.Response {
			return twk.Stream(twk.PatchSignals{Signals: map[string]any{"online": true}})
		}), twktest.HTTPRequest("GET", "/live", nil))
		if got := s.Next().Fields()["signals"]; got != `{"online":true}` {
			t.Errorf("signals %s", got)
		}
		time.Sleep(24 * time.Hour)
		if n := s.Comments(); n < 22 || len(s.Pending()) > 0 {
			t.Errorf("%d heartbeats in a day", n)
		}
		s.Close()
		if hub.Len() != 0 {
			t.Error("Close did not wait for the handler")
		}
	})
}

func TestServeEnds(t *testing.T) {
	tests := []struct {
		name   string
		reason string
		serve  http.HandlerFunc
		is     error
		says   string
	}{
		{"nothing", "an answer without a body is complete",
			func(http.ResponseWriter, *http.Request) {}, nil, ""},
		{"truncated", "a lost event must not look like a clean end",
			func(w http.ResponseWriter, _ *http.Request) { send(w, "event: datastar-a\n") }, twktest.ErrTruncated, ""},
		{"cut", "a client would come back",
			func(w http.ResponseWriter, _ *http.Request) {
				send(w, "event: datastar-a\n\n")
				panic(http.ErrAbortHandler)
			}, twktest.ErrCut, ""},
		{"cut before it began", "there is no response",
			func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, twktest.ErrCut, "before it began"},
		{"refused", "the client reads nothing but 200",
			func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", 403) }, nil, "403 Forbidden: no"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				err := serve(t, tt.serve).Ended()
				if (err != nil) != (tt.is != nil || tt.says != "") || tt.is != nil && !errors.Is(err, tt.is) || err != nil && !strings.Contains(err.Error(), tt.says) {
					t.Errorf("%s: Ended() = %v, want %v, %q", tt.reason, err, tt.is, tt.says)
				}
			})
		})
	}
}

// The client leaves with Close: the context of the request ends, and writes fail.
func TestServeClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var wrote error
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			send(w, "event: datastar-a\n\n")
			<-r.Context().Done()
			for wrote == nil {
				_, wrote = io.WriteString(w, ":\n")
			}
		})
		synctest.Wait()
		s.Close()
		if wrote == nil {
			t.Error("Close did not wait for the handler")
		}
		if err := s.Ended(); !errors.Is(err, twktest.ErrClosed) {
			t.Errorf("Ended() = %v", err)
		}
		if got := s.Pending(); len(got) != 1 {
			t.Errorf("%d events, want the one that had arrived", len(got))
		}
	})
}

// A stalled client holds a writer up, until it reads on or the deadline passes.
func TestServeStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const timeout = time.Minute
		steps := make(chan struct{})
		var errs []error
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			send(w, "event: datastar-a\n\n")
			for range steps {
				_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(timeout))
				_, err := io.WriteString(w, "event: datastar-b\n\n")
				errs = append(errs, err)
			}
		})
		s.Next()
		for _, last := range []bool{false, true} {
			s.Stall(true)
			steps <- struct{}{}
			time.Sleep(timeout / 2)
			if got := s.Pending(); len(got) > 0 {
				t.Errorf("a stalled client has %v", got)
			}
			if !last {
				s.Stall(false)
				s.Next()
			} else {
				time.Sleep(timeout)
			}
		}
		s.Stall(false)
		close(steps)
		if err := s.Ended(); err != nil {
			t.Error(err)
		}
		if len(errs) != 2 || errs[0] != nil || !errors.Is(errs[1], os.ErrDeadlineExceeded) {
			t.Errorf("errors of the writes: %v", errs)
		}
	})
}

// Over a network the writer is held up when the buffers on the way are full.
func TestOpenStall(t *testing.T) {
	stuck := make(chan error, 1)
	begin := make(chan struct{})
	s := open(t, "", func(w http.ResponseWriter, r *http.Request) {
		send(w, "event: datastar-a\n\n")
		<-begin
		text := []byte(strings.Repeat(strings.Repeat(":", 1<<16-1)+"\n", 16))
		var err error
		for err == nil {
			_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
			_, err = w.Write(text)
		}
		stuck <- err
	})
	s.Next()
	s.Stall(true)
	close(begin)
	if err := <-stuck; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the write ended with %v", err)
	}
	if n := s.Comments(); n > 0 {
		t.Errorf("a stalled client has %d comments", n)
	}
	s.Stall(false)
	if err := s.Ended(); !errors.Is(err, twktest.ErrCut) {
		t.Errorf("Ended() = %v", err)
	}
	if s.Comments() == 0 {
		t.Error("nothing came after the stall")
	}
}

// watching records what a test would be told.
type watching struct {
	testing.TB
	mu   sync.Mutex
	told []string
}

func (w *watching) Helper()        {}
func (w *watching) Cleanup(func()) {}
func (w *watching) Errorf(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told = append(w.told, fmt.Sprintf(format, args...))
}

// What no correct program does fails the test.
func TestServeWatches(t *testing.T) {
	tests := []struct {
		name, reason string
		serve        http.HandlerFunc
		want         string
	}{
		{"bad event", "the client would drop it without a word",
			func(w http.ResponseWriter, _ *http.Request) { send(w, "event: other\ndata: a\n\n") }, `"other" is ignored`},
		{"panic", "net/http would only log it",
			func(http.ResponseWriter, *http.Request) { panic("oops") }, "panicked: oops"},
		{"touched", "net/http has given the response to another request",
			func(w http.ResponseWriter, _ *http.Request) {
				time.AfterFunc(time.Second, func() { send(w, "event: datastar-a\n\n") })
			}, "after its handler has returned"},
		{"stays", "a goroutine leaks for each client that leaves",
			func(http.ResponseWriter, *http.Request) { time.Sleep(time.Hour) }, "after its client has left"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &watching{TB: t}
				s := serve(w, tt.serve)
				time.Sleep(time.Minute)
				s.Close()
				time.Sleep(2 * time.Hour) // until the last handler has returned
				if got := strings.Join(w.told, "\n"); !strings.Contains(got, tt.want) {
					t.Errorf("%s: the test was told %q, want %q", tt.reason, got, tt.want)
				}
			})
		})
	}
}
