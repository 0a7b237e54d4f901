package sse_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sfere-go/sfere/sse"
)

// Drain cuts long streams, lets short ones finish, and waits for their hooks.
func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newBench(t, setup{})
		r.stay("GET /sse")
		r.handle("POST /act", sse.ServeOptions{Short: true}, func(ctx context.Context, c *sse.Conn) error {
			time.Sleep(30 * time.Second)
			if ctx.Err() != nil {
				t.Error(ctx.Err())
			}
			return c.EmitFirst(ctx, n(1))
		})
		const window = 10 * time.Second
		var ends []time.Duration
		var mu sync.Mutex
		start := time.Now()
		var ws []*memWriter
		for range 100 {
			w, c := r.stream("/sse")
			ws = append(ws, w)
			c.Attach(sse.Hooks{OnEnded: func(_ *sse.Conn, cause sse.Cause) {
				mu.Lock()
				defer mu.Unlock()
				ends = append(ends, time.Since(start))
				if cause != sse.CauseShutdown {
					t.Errorf("cause %s", cause)
				}
			}})
		}
		act := r.serve("POST", "/act")
		synctest.Wait()
		drained := make(chan error, 1)
		go func() { drained <- r.hub.Drain(context.Background(), window) }()
		time.Sleep(window / 2)
		late := r.serve("GET", "/sse")
		<-late.done
		if late.panics != http.ErrAbortHandler {
			t.Errorf("a stream that opens late ended with %v, want a cut", late.panics)
		}
		short := r.serve("POST", "/act")
		time.Sleep(window/2 + time.Second)
		mu.Lock()
		half := 0
		for _, at := range ends {
			if at < window/2 {
				half++
			}
		}
		if len(ends) != 100 || half < 20 || half > 80 {
			t.Errorf("%d streams ended within the window, %d in its first half", len(ends), half)
		}
		mu.Unlock()
		select {
		case err := <-drained:
			t.Errorf("Drain returned %v while an action was running", err)
		default:
		}
		<-act.done
		<-short.done
		if err := <-drained; err != nil {
			t.Error(err)
		}
		for _, w := range []*memWriter{act, short} {
			if body, _, _ := w.snapshot(); len(got(t, body)) != 1 || w.panics != nil {
				t.Errorf("an action ended with %q, %v", body, w.panics)
			}
		}
		for _, w := range ws {
			if <-w.done; w.panics != http.ErrAbortHandler {
				t.Errorf("a stream ended with %v, want a cut", w.panics)
			}
		}
		if err := r.hub.Drain(context.Background(), window); err != nil {
			t.Errorf("a second drain: %v", err)
		}
	})
}

// A drain that runs out of time cuts what is left and says so.
func TestDrainTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newBench(t, setup{})
		r.stay("GET /sse")
		w, _ := r.stream("/sse")
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), time.Nanosecond)
		defer cancel()
		if err := r.hub.Drain(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		<-w.done
	})
}

// A request on a connection that was open before the shutdown is answered with
// a cut if it asks for a stream, so that its client comes back to the next
// process.
func TestStreamDuringDrain(t *testing.T) {
	r := newRig(t, setup{})
	r.stay("GET /sse")
	r.short("POST /act", n(1))
	c := r.raw("")
	if err := r.hub.Drain(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	ask := func(method, path string) (*http.Response, error) {
		_, err := io.WriteString(c, method+" "+path+" HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
		if err != nil {
			t.Fatal(err)
		}
		return http.ReadResponse(bufio.NewReader(c), nil)
	}
	res, err := ask("POST", "/act")
	if err != nil || res.StatusCode != 200 {
		t.Fatalf("an action during the drain: %v, %v", res, err)
	}
	_, _ = io.Copy(io.Discard, res.Body)
	res, err = ask("GET", "/sse")
	if err != nil || res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("a stream during the drain: %v, %v", res, err) // a proxy would make a 502 of it
	}
	if body, err := io.ReadAll(res.Body); err == nil || len(body) > 0 {
		t.Errorf("a stream during the drain ends with %q, %v; want a cut", body, err)
	}
}
