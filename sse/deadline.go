package sse

import (
	"net/http"
	"time"
)

// timed is the ResponseWriter of a short answer from a server with a WriteTimeout,
// which holds for it as for the answers of other handlers: a write deadline of a
// hub may come before it and never replaces it.
type timed struct {
	http.ResponseWriter
	until   time.Time // about when the server's own deadline passes, not before
	changed bool      // the deadline is not the server's own
}

// keepWriteTimeout returns w as it has to be for a short answer to r.
func keepWriteTimeout(w http.ResponseWriter, r *http.Request) http.ResponseWriter {
	srv, ok := r.Context().Value(http.ServerContextKey).(*http.Server)
	if !ok || srv.WriteTimeout <= 0 {
		return w
	}
	return &timed{ResponseWriter: w, until: time.Now().Add(srv.WriteTimeout)}
}

// Unwrap is for http.ResponseController.
func (t *timed) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// SetWriteDeadline sets a deadline that is earlier than the server's own.
func (t *timed) SetWriteDeadline(at time.Time) error {
	if at.IsZero() || at.After(t.until) {
		if !t.changed {
			return nil
		}
		at = t.until
	}
	t.changed = !at.Equal(t.until)
	return http.NewResponseController(t.ResponseWriter).SetWriteDeadline(at)
}

// last bounds what net/http writes when the handler has returned: the end of the
// body, and what middleware has kept. With HTTP/1 the server takes the deadline
// away itself before the next request.
func (r *response) last(c *Conn) {
	if c.http2 {
		r.lift(c)
		return
	}
	_ = r.extend(c, time.Now())
}
