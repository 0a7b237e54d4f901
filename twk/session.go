package twk

import (
	"context"

	"github.com/sfere-go/sfere/sse"

	"github.com/sfere-go/sfere/effect"
)

// Session is the Ctx that the effects of this package run against: the stream
// and the request of a dispatch. A program embeds it in its own Ctx. The zero
// Session is for dispatches from outside a request, which have no stream.
type Session struct {
	// Conn is the stream of this dispatch; nil if there is none.
	Conn *sse.Conn
	// Request is the request that started the dispatch; nil out of band, and in
	// what a broadcast runs for a recipient.
	Request *Request
	// Response is what the handler of that request returned.
	Response *Response
	// Out is where events go; nil means Conn.
	Out Outlet
}

// EmbeddedSession returns s. It is promoted to every Ctx that embeds a Session, by
// which sfere.NewAppWith finds it there.
func (s *Session) EmbeddedSession() *Session { return s }

// Outlet is where the events of a dispatch go. A *sse.Conn is one; others collect
// frames for many streams or for a test. Emit may be called from any goroutine
// and must not wait. An Outlet with a method Gathers() only keeps frames in
// memory; a dry run renders into it as well.
type Outlet interface {
	Emit(ctx context.Context, frames ...*sse.Frame) error
}

var _ Outlet = (*sse.Conn)(nil)

// Collector is an Outlet that keeps what it is given. It belongs to one
// goroutine.
type Collector struct{ Frames []*sse.Frame }

// Emit appends frames.
func (c *Collector) Emit(_ context.Context, frames ...*sse.Frame) error {
	c.Frames = append(c.Frames, frames...)
	return nil
}

// Opening returns the stream whose first effects the dispatch of s runs, nil if
// it runs others.
func (s Session) Opening() *sse.Conn {
	if f, ok := s.Out.(first); ok && s.Conn == f.c {
		return f.c
	}
	return nil
}

// outlet returns where the events of s go.
func (s Session) outlet() (Outlet, error) {
	if f, ok := s.Out.(first); ok && s.Conn != f.c {
		s.Out = nil // the session has been pointed at another stream
	}
	switch {
	case s.Out != nil:
		return s.Out, nil
	case s.Conn != nil:
		return s.Conn, nil
	}
	return nil, &Error{Op: "sending", Err: ErrNoStream}
}

// Emit sends one frame to where the events of s go; see
// [RegistryOptions].Audit.
type Emit func(ctx context.Context, s Session, f *sse.Frame) error

// Call is the call that handlers written against a Session get.
type Call = effect.Call[Session]
