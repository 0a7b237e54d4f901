package twktest

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"
)

// Wait bounds every wait of a [Stream].
const Wait = 10 * time.Second

var (
	// ErrClosed is what [Stream.Ended] returns if the test closed the stream
	// before the server ended it.
	ErrClosed = errors.New("twktest: stream closed by the test")

	// ErrCut is wrapped by what [Stream.Ended] returns if the server cut the
	// response short: a client with default settings comes back.
	ErrCut = errors.New("twktest: the stream was cut")
)

// Stream is an open response that is being read: see [Open] and [Serve]. A
// goroutine reads it into an unbounded queue, so that the test does not slow the
// server down unless it asks for that ([Stream.Stall]). The goroutine ends with
// the response or with Close, which the end of the test calls.
//
// Every event is checked when it arrives; a finding of [Event.Check] fails the
// test.
//
// Response, Next, Until, UntilComments and Ended may fail the test at once and so
// belong on the test's goroutine. The other methods may be called from anywhere.
type Stream struct {
	t     testing.TB
	name  string
	leave func()        // makes the client go away; may be called more than once
	stall func(bool)    // nil if the reader itself does it
	ready chan struct{} // closed when res is set
	done  chan struct{} // closed when the reader has ended

	mu       sync.Mutex
	res      *http.Response // constant once ready is closed
	queue    []Event
	comments int
	stalled  bool
	err      error         // valid once done is closed
	closed   bool          // Close was called before the end
	changed  chan struct{} // closed and replaced at every change
}

func newStream(t testing.TB, r *http.Request, leave func()) *Stream {
	return &Stream{
		t: t, name: r.Method + " " + r.URL.Path, leave: leave,
		ready: make(chan struct{}), done: make(chan struct{}), changed: make(chan struct{}),
	}
}

// Response waits for the head of the response and returns it. Its body belongs to
// the Stream. It fails the test if there is none within [Wait].
func (s *Stream) Response() *http.Response {
	s.t.Helper()
	bound := time.NewTimer(Wait)
	defer bound.Stop()
	select {
	case <-s.ready:
	case <-bound.C:
		s.t.Fatalf("twktest: %s: no response within %v", s.name, Wait)
	}
	if s.res == nil {
		s.t.Fatalf("twktest: %s: no response: %v", s.name, s.Ended())
	}
	return s.res
}

// begin tells that the head of the response is there, or with nil that there is
// none.
func (s *Stream) begin(res *http.Response) {
	s.res = res
	close(s.ready)
}

// end tells how the stream has ended. Nothing may happen to it afterwards.
func (s *Stream) end(err error) {
	s.change(func() {
		s.err = err
		if s.closed {
			s.err = ErrClosed
		}
		close(s.done)
	})
}

// read reads the response until it ends, and returns why it did.
func (s *Stream) read(res *http.Response) error {
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(res.Body, 1024))
		return fmt.Errorf("twktest: status %s: %s", res.Status, text)
	}
	cut := &endReader{r: res.Body}
	body, err := decoded(res.Header.Get("Content-Encoding"), cut)
	if err != nil {
		return err
	}
	for ev, err := range Parse(held{s, body}) {
		if err != nil && cut.end != nil && cut.end != io.EOF {
			err = fmt.Errorf("%w: %w", ErrCut, err)
		}
		if err != nil {
			return err
		}
		if err := ev.Check(); err != nil {
			s.t.Errorf("%s: %+v: %v", s.name, ev, err)
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

// held is a reader that delivers nothing while the stream is stalled.
type held struct {
	s *Stream
	r io.Reader
}

func (h held) Read(p []byte) (int, error) {
	h.s.flows()
	n, err := h.r.Read(p)
	h.s.flows()
	return n, err
}

// flows waits until the stream is not stalled.
func (s *Stream) flows() {
	for {
		s.mu.Lock()
		stalled, changed := s.stalled, s.changed
		s.mu.Unlock()
		if !stalled {
			return
		}
		<-changed
	}
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
func (s *Stream) await(ready func() bool) (reason string) {
	over := time.NewTimer(Wait)
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
			return fmt.Sprintf("nothing within %v", Wait)
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

// Next removes and returns the oldest event, waiting for it if there is none yet.
// It fails the test if none comes within [Wait]. Comments are not events.
func (s *Stream) Next() Event {
	s.t.Helper()
	var ev Event
	if reason := s.await(func() bool {
		if len(s.queue) == 0 {
			return false
		}
		ev, s.queue = s.queue[0], s.queue[1:]
		return true
	}); reason != "" {
		s.t.Fatalf("twktest: %s: waiting for an event: %s", s.name, reason)
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
	if reason := s.await(func() bool {
		for len(s.queue) > 0 {
			ev, s.queue = s.queue[0], s.queue[1:]
			if match(ev) {
				return true
			}
			seen = append(seen, ev)
		}
		return false
	}); reason != "" {
		s.t.Fatalf("twktest: %s: waiting for a matching event: %s; %d others came: %+v",
			s.name, reason, len(seen), seen)
	}
	return ev
}

// Pending removes and returns the events that have arrived, without waiting. In a
// bubble of testing/synctest call synctest.Wait before it.
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
	if reason := s.await(func() bool { got = s.comments; return got >= n }); reason != "" {
		s.t.Fatalf("twktest: %s: waiting for %d comments, have %d: %s", s.name, n, got, reason)
	}
}

// Ended waits for the end of the stream and returns its reason: nil if the
// server ended the response after a whole event, [ErrTruncated] if inside one,
// an error that wraps [ErrCut] if it cut the response, [ErrClosed] if the test
// closed it. It fails the test if the end does not come within [Wait].
func (s *Stream) Ended() error {
	s.t.Helper()
	if s.await(s.isDone) != "" {
		s.t.Fatalf("twktest: %s: the stream has not ended within %v", s.name, Wait)
	}
	return s.err
}

// Stall makes the client stop reading, or read on. Events that have arrived can
// still be taken. A writer waits at once if there is no server in between
// ([Serve]), else when the buffers of the network are full.
func (s *Stream) Stall(yes bool) {
	if s.stall != nil {
		s.stall(yes)
	}
	s.change(func() { s.stalled = yes })
}

// Close makes the client go away and waits until the reader has ended, and the
// handler as well if there is no server in between. The test fails if they have
// not within [Wait]. Events that have arrived can still be taken. Close may be
// called more than once.
func (s *Stream) Close() {
	s.t.Helper()
	s.change(func() { s.closed, s.stalled = true, false })
	s.leave()
	bound := time.NewTimer(Wait)
	defer bound.Stop()
	select {
	case <-s.done:
	case <-bound.C:
		s.t.Errorf("twktest: %s: the response goes on %v after its client has left", s.name, Wait)
	}
}
