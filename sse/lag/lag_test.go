package lag_test

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

	"go.uber.org/goleak"

	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/sse/lag"
	"github.com/sfere-go/sfere/twk/twktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// live is a stream that sends a number each second, and the moments when they arrive.
func live(t *testing.T, n *lag.Network, events int) (s *twktest.Stream, at []time.Duration) {
	hub := sse.NewHub(&sse.HubOptions{Heartbeat: -1})
	began := time.Now()
	s = twktest.Serve(t, n.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = hub.Serve(w, r, nil, func(ctx context.Context, c *sse.Conn) error {
			go func() {
				for i := range events {
					f, err := sse.NewFrame(sse.Event{Type: "datastar-patch-signals", Data: []string{fmt.Sprintf("signals {\"n\":%d}", i)}}, nil)
					if err != nil {
						t.Error(err)
					}
					_ = c.Emit(context.Background(), f)
					time.Sleep(time.Second)
				}
				c.Close(sse.CauseClosed)
			}()
			return nil
		})
	})), httptest.NewRequest("GET", "/", nil))
	for range events {
		e := s.Next()
		if want := fmt.Sprintf(`{"n":%d}`, len(at)); e.Fields()["signals"] != want {
			t.Errorf("event %v, want %s", e, want)
		}
		at = append(at, time.Since(began))
	}
	return s, at
}

// Requests and events arrive late, in order, and within what was asked for.
func TestDelayAndJitter(t *testing.T) {
	for _, tt := range []struct {
		reason   string
		o        *lag.Options
		min, max time.Duration // from when it was sent
	}{
		{"the zero options change nothing", nil, 0, 0},
		{"the way there and the way back", &lag.Options{Delay: 200 * time.Millisecond}, 400 * time.Millisecond, 400 * time.Millisecond},
		{"and some more", &lag.Options{Delay: 200 * time.Millisecond, Jitter: 300 * time.Millisecond}, 400 * time.Millisecond, time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			s, at := live(t, lag.New(tt.o), 8)
			if err := s.Ended(); err != nil {
				t.Errorf("%s: it ended with %v", tt.reason, err)
			}
			spread := map[time.Duration]bool{}
			for i, d := range at {
				late := d - time.Duration(i)*time.Second
				spread[late] = true
				if late < tt.min || late > tt.max {
					t.Errorf("%s: event %d is %v late, want %v to %v", tt.reason, i, late, tt.min, tt.max)
				}
			}
			if jitter := tt.o != nil && tt.o.Jitter > 0; jitter != (len(spread) > 1) {
				t.Errorf("%s: the times are %v", tt.reason, at)
			}
		})
	}
}

// A stream is lost after a while, which looks like a cut to both sides; an answer is not.
func TestLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := lag.New(&lag.Options{Loss: 10 * time.Second})
		var took time.Duration
		const streams = 200
		for range streams {
			ended := make(chan struct{})
			began := time.Now()
			s := twktest.Serve(t, n.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer close(ended)
				w.Header().Set("Content-Type", "text/event-stream")
				_, _ = w.Write([]byte("event: datastar-patch-signals\ndata: signals {}\n\n"))
				_ = http.NewResponseController(w).Flush()
				<-r.Context().Done()
			})), httptest.NewRequest("GET", "/", nil))
			<-ended
			if err := s.Ended(); !errors.Is(err, twktest.ErrCut) {
				t.Fatalf("it ended with %v", err)
			}
			took += time.Since(began)
		}
		if mean := took / streams; mean < 5*time.Second || mean > 20*time.Second {
			t.Errorf("streams are lost after %v, on average", mean)
		}
		answer := twktest.Serve(t, n.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusTeapot)
			time.Sleep(time.Hour)
			_, _ = w.Write([]byte("done"))
		})), httptest.NewRequest("GET", "/", nil))
		time.Sleep(2 * time.Hour)
		if code := answer.Response().StatusCode; code != http.StatusTeapot {
			t.Errorf("status %d", code)
		}
		if err := answer.Ended(); errors.Is(err, twktest.ErrCut) {
			t.Errorf("an answer ended with %v", err)
		}
	})
}

// What is written behind the handler is what was written, whatever the pieces are, and a
// header that is changed too late is not sent.
func TestResponseIsTheSame(t *testing.T) {
	srv := httptest.NewServer(lag.New(&lag.Options{Delay: time.Millisecond}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Early", "1")
		w.WriteHeader(http.StatusCreated)
		w.Header().Set("X-Late", "1")
		b := []byte("x")
		for range 100 {
			_, _ = w.Write(b)
			b[0]++ // it was copied
		}
	})))
	defer srv.Close()
	res, err := srv.Client().Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var got strings.Builder
	buf := make([]byte, 10)
	for err == nil {
		var k int
		k, err = res.Body.Read(buf)
		got.Write(buf[:k])
	}
	var want strings.Builder
	for i := range 100 {
		want.WriteByte(byte('x' + i))
	}
	if got.String() != want.String() || res.StatusCode != http.StatusCreated || res.Header.Get("X-Early") != "1" || res.Header.Get("X-Late") != "" {
		t.Errorf("%d %v %q", res.StatusCode, res.Header, got.String())
	}
}

func TestSetChecks(t *testing.T) {
	n := lag.New(nil)
	for _, tt := range []struct {
		o    lag.Options
		want string
	}{
		{lag.Options{Delay: 150}, "Delay is 150ns: use 0, or a duration from 1ms to 1m0s"},
		{lag.Options{Jitter: -1}, "Jitter is -1ns"},
		{lag.Options{Loss: 48 * time.Hour}, "Loss is 48h0m0s"},
	} {
		if err := n.Set(tt.o); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v", tt.o, err)
		}
	}
	if n.Options() != (lag.Options{}) {
		t.Errorf("it has become %+v", n.Options())
	}
	if err := n.Set(lag.Options{Delay: time.Second}); err != nil || n.Options().Delay != time.Second {
		t.Errorf("%v, %+v", err, n.Options())
	}
}

// What panics in front is an error of the next write.
func TestPanicInFront(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var failed error
		lag.New(nil).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for range 3 {
				_, failed = w.Write([]byte("x"))
				synctest.Wait()
			}
		})).ServeHTTP(broken{httptest.NewRecorder()}, httptest.NewRequest("GET", "/", nil))
		if failed == nil || !strings.Contains(failed.Error(), "panicked: on purpose") {
			t.Errorf("%v", failed)
		}
	})
}

type broken struct{ http.ResponseWriter }

func (broken) Write([]byte) (int, error) { panic("on purpose") }
