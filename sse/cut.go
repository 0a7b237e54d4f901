package sse

import (
	"errors"
	"net"
	"net/http"
	"time"
)

// headWithin is how long the header of a response that is about to be cut may
// take. It goes into the empty buffer of a socket.
const headWithin = time.Second

// cut makes sure that the answer to r is not complete for whoever reads it. The
// panic with http.ErrAbortHandler that follows does not: middleware may recover,
// and HTTP/1.0, which many proxies speak to their upstreams, ends a response with
// the connection, so that only a reset tells a cut from an end. headed says that
// the header has been sent. Nobody else uses w.
func cut(w http.ResponseWriter, r *http.Request, headed bool) {
	rc := http.NewResponseController(w)
	if !headed && r.ProtoMajor == 1 {
		// A proxy makes a 502 of a connection that ends before its answer, and
		// from a status clients do not come back.
		_ = rc.SetWriteDeadline(time.Now().Add(headWithin))
		w.WriteHeader(http.StatusOK)
		_ = flusherOf(w).FlushError()
	}
	// It resets an HTTP/2 stream, and keeps the last chunk of an HTTP/1.1
	// response from being sent.
	err := rc.SetWriteDeadline(time.Unix(1, 0))
	if r.ProtoMajor != 1 || r.ProtoMinor > 0 && err == nil {
		return
	}
	if conn := connOf(r); conn != nil {
		reset(conn) // the server closes it
	} else if conn, _, err := rc.Hijack(); err == nil {
		reset(conn)
		_ = conn.Close()
	}
}

// noteHead notes that the header has been sent, unless err says that the stream
// had been cut before; the write lock is held.
func (c *Conn) noteHead(err error) {
	c.headed = c.headed || c.way != transport(&c.resp) || !errors.Is(err, ErrClosed)
}

// reset ends the TCP connection below conn with a reset, or closes conn if that
// is out of reach.
func reset(conn net.Conn) {
	t := tcpOf(conn)
	if t == nil {
		_ = conn.Close()
		return
	}
	_ = t.SetLinger(0)
	_ = t.Close()
}

// draining is why a stream did not open: the hub is draining.
type draining struct{ r *http.Request }

func (draining) Error() string { return ErrDraining.Error() }
func (draining) Unwrap() error { return ErrDraining }
