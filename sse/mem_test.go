package sse_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/sfere-go/sfere/sse"
)

// memWriter is a ResponseWriter in memory, with write deadlines, whose client
// can stop reading. Touching it after its handler has returned fails the test.
type memWriter struct {
	t      testing.TB
	header http.Header
	cancel context.CancelFunc // the client leaves
	done   chan struct{}      // closed when the handler has returned
	panics any                // what it panicked with; valid after done

	mu       sync.Mutex
	changed  *sync.Cond
	stalled  bool
	forget   bool // what is written
	over     bool
	deadline time.Time
	timer    *time.Timer
	status   int
	body     bytes.Buffer
	writes   []time.Time
	flushes  int
}

// serve runs a request in memory.
func (r *rig) serve(method, path string, header ...string) *memWriter {
	w := &memWriter{t: r.t, header: http.Header{}, done: make(chan struct{})}
	w.changed = sync.NewCond(&w.mu)
	ctx, cancel := context.WithCancel(context.Background())
	w.cancel = cancel
	req := httptest.NewRequest(method, path, nil).WithContext(ctx)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	go func() {
		defer close(w.done)
		defer func() {
			w.panics = recover()
			w.mu.Lock()
			w.over = true
			w.mu.Unlock()
		}()
		r.mux.ServeHTTP(w, req)
	}()
	return w
}

func (w *memWriter) alive() {
	if w.over {
		w.t.Error("the response was touched after its handler returned")
	}
}

func (w *memWriter) Header() http.Header { return w.header }

func (w *memWriter) WriteHeader(status int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.alive()
	w.status = status
}

func (w *memWriter) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.alive()
	for w.stalled && !w.expired() {
		w.changed.Wait()
	}
	if w.expired() {
		return 0, os.ErrDeadlineExceeded
	}
	if w.forget {
		return len(b), nil
	}
	w.writes = append(w.writes, time.Now())
	return w.body.Write(b)
}

func (w *memWriter) expired() bool {
	return !w.deadline.IsZero() && !time.Now().Before(w.deadline)
}

func (w *memWriter) FlushError() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.alive()
	w.flushes++
	return nil
}

func (w *memWriter) SetReadDeadline(time.Time) error { return nil }

func (w *memWriter) SetWriteDeadline(d time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.alive()
	w.deadline = d
	if w.timer != nil {
		w.timer.Stop()
	}
	if !d.IsZero() {
		w.timer = time.AfterFunc(time.Until(d), func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.changed.Broadcast()
		})
	}
	return nil
}

// stall makes writes wait, or go on.
func (w *memWriter) stall(yes bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stalled = yes
	w.changed.Broadcast()
}

// snapshot is what the client has so far.
func (w *memWriter) snapshot() (body string, writes []time.Time, flushes int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.body.String(), append([]time.Time(nil), w.writes...), w.flushes
}

// leave makes the client go away and waits for the handler.
func (w *memWriter) leave() {
	w.cancel()
	<-w.done
}

// stream opens a long stream in memory, which must be called from a bubble.
func (r *rig) stream(path string) (*memWriter, *sse.Conn) {
	r.t.Helper()
	w := r.serve("GET", path)
	return w, <-r.conns
}
