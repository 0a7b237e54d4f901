package twk

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

// body is the body of a request, whose client must not let its readers wait for
// ever.
type body struct {
	io.ReadCloser
	rc      *http.ResponseController
	timeout time.Duration // of one read; 0 for none
	until   time.Time     // nothing is read later; zero for no such time
	lifts   bool          // a deadline that passes while nobody reads would do harm
	eof     atomic.Bool
	over    atomic.Bool // nobody may read any more
}

// limitBody makes reads of the body of r fail if they take longer than timeout.
// The server's own ReadTimeout goes on holding if it is shorter. It returns nil if
// r has no body.
func limitBody(w http.ResponseWriter, r *http.Request, timeout time.Duration) *body {
	if r.Body == nil || r.Body == http.NoBody {
		return nil
	}
	b := &body{ReadCloser: r.Body, rc: http.NewResponseController(w), timeout: max(timeout, 0), lifts: r.ProtoMajor > 1}
	if srv, ok := r.Context().Value(http.ServerContextKey).(*http.Server); ok && srv.ReadTimeout > 0 {
		b.until = time.Now().Add(srv.ReadTimeout)
	}
	b.extend() // also for what net/http reads before it answers
	r.Body = b
	return b
}

// extend gives the next read its time.
func (b *body) extend() {
	if b.timeout > 0 {
		_ = b.rc.SetReadDeadline(b.deadline(time.Now().Add(b.timeout))) // not in tests in memory
		if b.over.Load() { // since Read has looked: what ended it is earlier than this deadline
			_ = b.rc.SetReadDeadline(time.Now())
		}
	}
}

func (b *body) deadline(t time.Time) time.Time {
	if !b.until.IsZero() && b.until.Before(t) {
		return b.until
	}
	return t
}

// within makes all reads together fail if they take longer than the timeout of
// one, for bodies that are small.
func (b *body) within() {
	if b.timeout > 0 {
		b.until = b.deadline(time.Now().Add(b.timeout))
	}
}

// Read reads the body. The error of a client that does not send in time asks for
// status 408.
func (b *body) Read(p []byte) (int, error) {
	if b.eof.Load() {
		return 0, io.EOF
	}
	if b.over.Load() {
		return 0, errBodyLate
	}
	b.extend()
	n, err := b.ReadCloser.Read(p)
	if b.lifts && b.timeout > 0 {
		_ = b.rc.SetReadDeadline(time.Time{})
	}
	switch {
	case err == io.EOF:
		b.eof.Store(true)
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = &Error{Op: "reading a body", Status: http.StatusRequestTimeout, Err: err}
	}
	return n, err
}

// errBodyLate is what a read gives after the effects have had their time.
var errBodyLate = &Error{Op: "reading a body", Status: http.StatusRequestTimeout, Err: os.ErrDeadlineExceeded}

// endWith ends reading when ctx ends, until stop is called: a read does not look at
// a context, and a client may send a byte now and then for ever.
func (b *body) endWith(ctx context.Context) (stop func()) {
	if b == nil || b.eof.Load() {
		return func() {}
	}
	done := make(chan struct{})
	cancel := context.AfterFunc(ctx, func() {
		defer close(done)
		b.over.Store(true)
		_ = b.rc.SetReadDeadline(time.Now())
	})
	return func() {
		if !cancel() { // the connection is soon that of another request
			<-done
		}
	}
}

// ownBody returns the body of a request as the server made it, for a handler
// whose reads the bridge does not limit.
func ownBody(rc io.ReadCloser) io.ReadCloser {
	b, ok := rc.(*body)
	if !ok {
		return rc
	}
	if b.timeout > 0 && !b.eof.Load() {
		_ = b.rc.SetReadDeadline(b.until)
	}
	return b.ReadCloser
}

// AtEOF reports whether the body has been read to its end; package sse asks.
func (b *body) AtEOF() bool { return b.eof.Load() }
