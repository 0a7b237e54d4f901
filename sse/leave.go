package sse

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// serverContext is the key under which [ConfigureServer] keeps the context of a
// connection: that of the server, which ends when the program says so and not
// when a client leaves.
type serverContext struct{}

// leaveWithin is how long the end of a context may come before the server says
// that the client has left, which it does next.
const leaveWithin = 250 * time.Millisecond

// leaving says why the context of a request has ended: its client has left, the
// server goes down, middleware has set a timeout or ended it, or a write or a read
// took too long.
func (s *service) leaving(ctx context.Context) Cause {
	own, ok := ctx.Value(serverContext{}).(context.Context)
	switch {
	case ok && own.Err() != nil:
		return CauseShutdown
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return CauseExpired
	case s.c.overdue():
		return CauseSlow
	case s.up != nil && s.up.late.Load():
		return CauseExpired
	case context.Cause(ctx) == context.Canceled && s.left():
		return CauseClient
	case ok:
		return CauseClosed
	}
	return CauseShutdown // it may be that of the server; a cut is what clients come back from
}

// left asks the server whether the client has left. A ResponseWriter that is not
// that of a server does not know.
func (s *service) left() bool {
	for w := s.w; ; {
		switch v := w.(type) {
		case interface{ CloseNotify() <-chan bool }:
			late := time.NewTimer(leaveWithin)
			defer late.Stop()
			select {
			case <-v.CloseNotify():
			case <-s.c.done: // a write has failed
			case <-late.C:
				return false
			}
			return true
		case interface{ Unwrap() http.ResponseWriter }:
			w = v.Unwrap()
		default:
			return true
		}
	}
}
