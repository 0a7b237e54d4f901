package twktest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime/debug"
	"sync"
	"testing"
	"time"
)

// Serve runs h for r without a server and returns its response as a Stream, which
// is closed at the end of the test. It does not wait for anything, and works in
// bubbles of testing/synctest, where a Stream belongs to the bubble it was made
// in. A path in r is enough of an address; r is not changed.
//
// The response flushes and has write deadlines, like that of a server, but holds
// nothing back until it is flushed. The test fails if h panics, other than with
// http.ErrAbortHandler, which cuts the stream, if the response is touched after h
// has returned, and if h does not return within [Wait] once the client has left.
func Serve(t testing.TB, h http.Handler, r *http.Request) *Stream {
	t.Helper()
	ctx, cancel := context.WithCancel(r.Context())
	m := &memory{t: t, header: http.Header{}}
	m.changed = sync.NewCond(&m.mu)
	s := newStream(t, r, func() {})
	m.s = s
	s.stall = m.stall
	s.leave = func() {
		cancel()
		m.leave()
	}
	in := served(r.WithContext(ctx))
	go func() {
		defer cancel()
		defer m.returned()
		h.ServeHTTP(m, in)
	}()
	go func() {
		<-s.ready
		if s.res == nil {
			s.end(fmt.Errorf("%w before it began: %w", ErrCut, m.cut))
			return
		}
		s.end(s.read(s.res))
	}()
	t.Cleanup(s.Close)
	return s
}

// memory is a ResponseWriter without a server.
type memory struct {
	t testing.TB
	s *Stream

	mu       sync.Mutex
	changed  *sync.Cond
	header   http.Header
	headed   bool
	body     []byte // not yet read
	stalled  bool   // the client does not read
	left     bool   // the client has gone away
	over     bool   // the handler has returned
	cut      error  // why the response is not complete
	deadline time.Time
	timer    *time.Timer
}

var errTouched = errors.New("twktest: the response was touched after its handler has returned")

// touch checks that the response may be used; m.mu is held.
func (m *memory) touch() bool {
	if m.over {
		m.t.Errorf("%v: %s", errTouched, m.s.name)
	}
	return !m.over
}

// Header implements http.ResponseWriter.
func (m *memory) Header() http.Header { return m.header }

// WriteHeader implements http.ResponseWriter.
func (m *memory) WriteHeader(status int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.touch() && status >= 200 {
		m.head(status)
	}
}

// head begins the response once; m.mu is held.
func (m *memory) head(status int) {
	if m.headed {
		return
	}
	m.headed = true
	m.s.begin(&http.Response{
		Status: fmt.Sprintf("%d %s", status, http.StatusText(status)), StatusCode: status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: m.header.Clone(), Body: memoryBody{m}, ContentLength: -1,
	})
}

// Write implements http.ResponseWriter.
func (m *memory) Write(b []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.touch() {
		return 0, errTouched
	}
	if m.left {
		return 0, io.ErrClosedPipe
	}
	m.head(http.StatusOK)
	for m.stalled && !m.left && !m.expired() {
		m.changed.Wait()
	}
	if m.expired() {
		return 0, os.ErrDeadlineExceeded
	}
	m.body = append(m.body, b...)
	m.changed.Broadcast()
	return len(b), nil
}

func (m *memory) expired() bool { return !m.deadline.IsZero() && !time.Now().Before(m.deadline) }

// FlushError is what http.ResponseController looks for.
func (m *memory) FlushError() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.touch() {
		return errTouched
	}
	m.head(http.StatusOK)
	return nil
}

// Flush implements http.Flusher.
func (m *memory) Flush() { _ = m.FlushError() }

// SetReadDeadline is what http.ResponseController looks for; nothing is read here.
func (m *memory) SetReadDeadline(time.Time) error { return nil }

// EnableFullDuplex is what http.ResponseController looks for; it always is.
func (m *memory) EnableFullDuplex() error { return nil }

// SetWriteDeadline is what http.ResponseController looks for.
func (m *memory) SetWriteDeadline(d time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.touch() {
		return errTouched
	}
	m.deadline = d
	if m.timer != nil {
		m.timer.Stop()
	}
	if !d.IsZero() {
		m.timer = time.AfterFunc(time.Until(d), m.wake)
	}
	return nil
}

func (m *memory) wake() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.changed.Broadcast()
}

func (m *memory) stall(yes bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stalled = yes
	m.changed.Broadcast()
}

func (m *memory) leave() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.left = true
	m.changed.Broadcast()
}

// returned ends the response; it is deferred around the handler.
func (m *memory) returned() {
	p := recover()
	m.mu.Lock()
	defer m.mu.Unlock()
	switch p {
	case nil:
		m.head(http.StatusOK)
	case http.ErrAbortHandler:
		m.cut = io.ErrUnexpectedEOF
	default:
		m.cut = fmt.Errorf("the handler panicked: %v", p)
		m.t.Errorf("twktest: %s: %v\n%s", m.s.name, m.cut, debug.Stack())
	}
	m.over = true
	if !m.headed { // it was cut
		m.s.begin(nil)
	}
	if m.timer != nil {
		m.timer.Stop()
	}
	m.changed.Broadcast()
}

// memoryBody is the body of the response, for its reader.
type memoryBody struct{ m *memory }

// Read implements io.Reader.
func (b memoryBody) Read(p []byte) (int, error) {
	m := b.m
	m.mu.Lock()
	defer m.mu.Unlock()
	for len(m.body) == 0 && !m.over {
		m.changed.Wait()
	}
	switch {
	case len(m.body) > 0:
		n := copy(p, m.body)
		m.body = m.body[n:]
		return n, nil
	case m.cut != nil:
		return 0, m.cut
	default:
		return 0, io.EOF
	}
}

// Close implements io.Closer.
func (memoryBody) Close() error { return nil }
