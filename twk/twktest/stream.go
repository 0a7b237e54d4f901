package ssetest

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"
)

// Wait bounds every wait of a [Stream] that is not given a bound of its own.
const Wait = 10 * time.Second

// ErrClosed is what [Stream.Ended] returns if the test closed the stream before
// the server ended it.
var ErrClosed = errors.New("ssetest: stream closed by the test")

// Stream is an open response that is being read. A goroutine reads it into an
// unbounded queue, so that the test never slows the server down; it ends with
// the response or with Close.
//
// Next, Until, UntilComments and Ended fail the test and so belong on the test's
// goroutine; the other methods may be called from anywhere.
type Stream struct {
	// Response is the response whose body is being read. Its body belongs to
	// the Stream.
	Response *http.Response

	t      testing.TB
	name   string
	cancel context.CancelFunc
	done   chan struct{} // closed when the reader has ended

	mu       sync.Mutex
	queue    []Event
	comments int
	err      error         // valid once done is closed
	closed   bool          // Close was called before the end
	changed  chan struct{} // closed and replaced at every change
}

// Open sends req and returns its response as a Stream, which is closed at the
// end of the test. It fails the test if no response header arrives within
// [Wait]. A client of nil is http.DefaultClient; its Timeout must be zero, as it
// would cut the stream.
//
// A status other than 200 is not a failure, but such a stream has no events, as
// for the Datastar client, and ends with an error that holds status and body.
//
// If req has an Accept-Encoding of its own, a gzip response is decoded as
// browsers do: the end of the response without a gzip trailer is a clean end,
// and data after the first gzip member is an error.
func Open(t testing.TB, client *http.Client, req *http.Request) *Stream {
	t.Helper()
	if client == nil {
		client = http.DefaultClient
	}
	ctx, cancel := context.WithCancel(req.Context())
	bound := time.AfterFunc(Wait, cancel)
	name := req.Method + " " + req.URL.Path
	res, err := client.Do(req.WithContext(ctx))
	if !bound.Stop() {
		if err == nil {
			res.Body.Close()
		}
		err = context.DeadlineExceeded
	}
	if err != nil {
		cancel()
		t.Fatalf("ssetest: %s: no response: %v", name, err)
	}
	s := &Stream{
		Response: res,
		t:        t,
		name:     name,
		cancel:   cancel,
		done:     make(chan struct{}),
		changed:  make(chan struct{}),
	}
	go s.read()
	t.Cleanup(s.Close)
	return s
}

func (s *Stream) read() {
	defer s.cancel()
	err := s.readAll()
	s.Response.Body.Close()
	s.change(func() {
		s.err = err
		if s.closed {
			s.err = ErrClosed
		}
		close(s.done)
	})
}

func (s *Stream) readAll() error {
	if s.Response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(s.Response.Body, 1024))
		return fmt.Errorf("ssetest: status %s: %s", s.Response.Status, text)
	}
	body, err := decoded(s.Response)
	if err != nil {
		return err
	}
	for ev, err := range Parse(body) {
		if err != nil {
			return err
		}
		s.change(func() {
			if ev.Comment != nil {
				s.comments++
			} else {
				s.queue = append(s.queue, ev)
			}
		})
	}
	return nil
}

// change runs f under the lock and wakes all waits.
func (s *Stream) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
	close(s.changed)
	s.changed = make(chan struct{})
}

// await calls ready under the lock after every change, until it returns true,
// the stream ends or the time is over; then it returns a reason. The last call
// comes after the end of the stream, so nothing is missed.
func (s *Stream) await(timeout time.Duration, ready func() bool) (reason string) {
	over := time.NewTimer(timeout)
	defer over.Stop()
	for {
		s.mu.Lock()
		ok, changed, err := ready(), s.changed, s.err
		ended := s.isDone()
		s.mu.Unlock()
		switch {
		case ok:
			return ""
		case ended && err == nil:
			return "the stream has ended"
		case ended:
			return "the stream has ended: " + err.Error()
		}
		select {
		case <-changed:
		case <-over.C:
			return fmt.Sprintf("nothing within %v", timeout)
		}
	}
}

func (s *Stream) isDone() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// Next removes and returns the oldest event, waiting for it at most timeout. It
// fails the test if there is none. Comments are not events.
func (s *Stream) Next(timeout time.Duration) Event {
	s.t.Helper()
	var ev Event
	if reason := s.await(timeout, func() bool {
		if len(s.queue) == 0 {
			return false
		}
		ev, s.queue = s.queue[0], s.queue[1:]
		return true
	}); reason != "" {
		s.t.Fatalf("ssetest: %s: waiting for an event: %s", s.name, reason)
	}
	return ev
}

// Until removes events up to and including the first one that match accepts,
// and returns that one. It fails the test, showing the events it removed, if
// none comes within [Wait]. match is called once for each event; it must not
// use the Stream.
func (s *Stream) Until(match func(Event) bool) Event {
	s.t.Helper()
	var ev Event
	var seen []Event
	if reason := s.await(Wait, func() bool {
		for len(s.queue) > 0 {
			ev, s.queue = s.queue[0], s.queue[1:]
			if match(ev) {
				return true
			}
			seen = append(seen, ev)
		}
		return false
	}); reason != "" {
		s.t.Fatalf("ssetest: %s: waiting for a matching event: %s; %d others came: %+v",
			s.name, reason, len(seen), seen)
	}
	return ev
}

// Pending removes and returns the events that have arrived, without waiting.
func (s *Stream) Pending() []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	events := s.queue
	s.queue = nil
	return events
}

// Comments returns how many comment lines, such as heartbeats, have arrived
// since the start.
func (s *Stream) Comments() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.comments
}

// UntilComments waits until n comment lines have arrived since the start. It
// fails the test if they do not within [Wait].
func (s *Stream) UntilComments(n int) {
	s.t.Helper()
	got := 0
	if reason := s.await(Wait, func() bool { got = s.comments; return got >= n }); reason != "" {
		s.t.Fatalf("ssetest: %s: waiting for %d comments, have %d: %s", s.name, n, got, reason)
	}
}

// Ended waits for the end of the stream and returns its reason: nil if the
// server ended the response after a whole event, [ErrTruncated] if inside one,
// [ErrClosed] if the test closed it, otherwise the read error, for instance of
// a cut connection. It fails the test if the end does not come within [Wait].
func (s *Stream) Ended() error {
	s.t.Helper()
	if s.await(Wait, s.isDone) != "" {
		s.t.Fatalf("ssetest: %s: the stream has not ended within %v", s.name, Wait)
	}
	return s.err
}

// Close cuts the connection and waits until the reader has ended. Events that
// have arrived can still be taken. It may be called more than once.
func (s *Stream) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	<-s.done
}

// decoded returns the body of res without its Content-Encoding.
func decoded(res *http.Response) (io.Reader, error) {
	switch coding := res.Header.Get("Content-Encoding"); coding {
	case "", "identity":
		return res.Body, nil
	case "gzip":
		return &gunzip{body: &endReader{r: res.Body}}, nil
	default:
		return nil, fmt.Errorf("ssetest: Content-Encoding %q is not supported", coding)
	}
}

// gunzip decodes one gzip member and forgives a missing trailer.
type gunzip struct {
	body *endReader
	buf  *bufio.Reader
	zr   *gzip.Reader
}

func (g *gunzip) Read(p []byte) (int, error) {
	if g.zr == nil {
		// Only here, because NewReader waits for the first bytes of the body.
		g.buf = bufio.NewReader(g.body)
		zr, err := gzip.NewReader(g.buf)
		if err != nil {
			return 0, err
		}
		zr.Multistream(false)
		g.zr = zr
	}
	n, err := g.zr.Read(p)
	switch {
	case err == io.ErrUnexpectedEOF && g.body.end == io.EOF:
		return n, io.EOF
	case err == io.EOF:
		if _, err := g.buf.ReadByte(); err == nil {
			return n, errors.New("ssetest: data after the first gzip member, which browsers do not read")
		}
	}
	return n, err
}

// endReader remembers how its reader ended: a decoder turns a cut connection
// and a clean end into the same error.
type endReader struct {
	r   io.Reader
	end error
}

func (e *endReader) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	if err != nil {
		e.end = err
	}
	return n, err
}
