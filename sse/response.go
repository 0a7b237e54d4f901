package sse

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"
)

// response is the transport of a stream that stays with net/http. A write may
// wait for the client.
type response struct {
	w       http.ResponseWriter
	flusher interface{ FlushError() error } // of w
}

// respond makes the response the transport of c. w has been looked at by
// [canFlush].
func (c *Conn) respond(w http.ResponseWriter, http2 bool) {
	c.http2 = http2
	c.resp = response{w, flusherOf(w)}
	c.attach(&c.resp, http.NewResponseController(w))
}

func (r *response) room() int                    { return 0 }
func (r *response) waiting() bool                { return false }
func (r *response) resume(*Conn, *scratch) error { return nil }

func (r *response) head(c *Conn, now time.Time) error {
	if err := r.extend(c, now); err != nil {
		return err
	}
	r.w.WriteHeader(http.StatusOK)
	if err := r.flusher.FlushError(); err != nil {
		return err
	}
	r.rest(c)
	return nil
}

func (r *response) send(c *Conn, s *scratch, buf []byte, flush bool) error {
	if timeout := c.hub.opts.WriteTimeout; timeout >= 0 && c.deadline.Load() <= s.at+int64(timeout) {
		if err := r.extend(c, s.now); err != nil {
			return err
		}
	}
	if len(s.tail) > 0 || len(buf) > piece {
		if err := r.sendParts(c, s, buf); err != nil {
			return err
		}
	} else if len(buf) > 0 {
		if _, err := r.w.Write(buf); err != nil {
			return err
		}
	}
	if flush {
		if err := r.flusher.FlushError(); err != nil {
			return err
		}
	}
	r.rest(c)
	return nil
}

// sendParts writes what is too large for one write, so that the deadline measures
// progress.
func (r *response) sendParts(c *Conn, s *scratch, buf []byte) error {
	tail := s.tail
	s.tail = nil
	for more := false; len(buf)+len(tail) > 0; more = true {
		if len(buf) == 0 {
			var err error
			if buf, tail, err = c.part(tail); err != nil {
				return err
			}
		}
		if more {
			now := time.Now() // the client has read on
			c.began.Store(c.hub.clock(now))
			if err := r.extend(c, now); err != nil {
				return err
			}
		}
		part := buf[:min(len(buf), piece)]
		if _, err := r.w.Write(part); err != nil {
			return err
		}
		buf = buf[len(part):]
	}
	return nil
}

// extend makes sure that a write that starts now is bounded. The deadline is
// set for twice the timeout, so that it has to be set only once per timeout
// and not once per write: a write may take between one and two timeouts.
func (r *response) extend(c *Conn, now time.Time) error {
	timeout := c.hub.opts.WriteTimeout
	if timeout < 0 || c.deadline.Load() > c.hub.clock(now.Add(timeout)) {
		return nil
	}
	until := now.Add(2 * timeout)
	c.deadline.Store(c.hub.clock(until))
	if err := http.NewResponseController(r.w).SetWriteDeadline(until); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return c.stillWanted()
}

// stillWanted returns ErrClosed if the stream has been cut: Close may have set an
// earlier deadline that has just been lost.
func (c *Conn) stillWanted() error {
	select {
	case <-c.done:
		if c.Cause().Cut() {
			return ErrClosed
		}
	default:
	}
	return nil
}

// rest takes the deadline of an HTTP/2 stream away until the next write: when
// it passes, the stream is reset, writing or not.
func (r *response) rest(c *Conn) {
	if c.http2 {
		r.lift(c)
	}
}

// lift takes the write deadline away, if one is set.
func (r *response) lift(c *Conn) {
	if c.deadline.Swap(0) != 0 {
		_ = http.NewResponseController(r.w).SetWriteDeadline(time.Time{})
	}
}

// end leaves the response to net/http.
func (r *response) end(c *Conn, _ bool) {
	defer func() { *r = response{} }() // also if lift panics
	c.ctl.Lock()
	aborted := c.aborted
	c.ctl.Unlock()
	if !aborted {
		r.last(c)
	}
}

// free lifts the timeouts of the server, which are for requests and short
// responses: its read timeout would cancel the context of the request, and its
// write timeout end an HTTP/2 stream, at work or not.
func (h *Hub) free(w http.ResponseWriter) {
	rc := http.NewResponseController(w)
	_ = rc.SetReadDeadline(time.Time{})
	if err := rc.SetWriteDeadline(time.Time{}); errors.Is(err, http.ErrNotSupported) && !isRecorder(w) {
		h.warn.Do(func() {
			slog.Warn(fmt.Sprintf("sse: %T has no write deadline: a client that stops reading blocks its stream until it leaves; the middleware that made it needs a method Unwrap() http.ResponseWriter", w))
		})
	}
}

// canFlush reports whether w, or a ResponseWriter that it unwraps to, flushes;
// this is how http.ResponseController looks for it.
func canFlush(w http.ResponseWriter) bool { return flusherOf(w) != plainFlusher{} }

// unflushed makes a ResponseWriter that cannot flush good enough for a short
// response, whose bytes arrive at its end.
type unflushed struct{ http.ResponseWriter }

func (unflushed) Flush() {}

func (u unflushed) Unwrap() http.ResponseWriter { return u.ResponseWriter }

// isRecorder reports whether w is that of a test of handlers.
func isRecorder(w http.ResponseWriter) bool {
	return fmt.Sprintf("%T", w) == "*httptest.ResponseRecorder"
}

// flusherOf returns what http.ResponseController.Flush would call, found once
// for all writes; the zero plainFlusher if there is nothing.
func flusherOf(w http.ResponseWriter) interface{ FlushError() error } {
	for {
		switch v := w.(type) {
		case interface{ FlushError() error }:
			return v
		case http.Flusher:
			return plainFlusher{v}
		case interface{ Unwrap() http.ResponseWriter }:
			w = v.Unwrap()
		default:
			return plainFlusher{}
		}
	}
}

// plainFlusher is a Flusher that cannot fail, or none.
type plainFlusher struct{ http.Flusher }

func (f plainFlusher) FlushError() error {
	if f.Flusher == nil {
		return http.ErrNotSupported
	}
	f.Flush()
	return nil
}
