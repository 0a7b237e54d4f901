package sse

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"time"
)

// ServeOptions adjust one stream. Zero fields mean the defaults.
type ServeOptions struct {
	// Short ends the stream when the first effects have run. Default: it stays
	// open until somebody closes it or its client leaves.
	Short bool
	// Open is called before the response begins, when the answer may still be a
	// status. An error refuses the stream, and Serve returns it. Owners that it
	// attaches may refuse it next, see [Owner]. Default: every stream opens.
	Open func(*Conn) error
	// Closed is called once when a stream that was let in has ended and its
	// response is out of reach: on the goroutine of the request, or for a
	// connection that was taken over on one of its own. A panic is contained
	// there. Default: nothing is called.
	Closed func(*Conn)
}

// corkFor is how long the first effects of a stream may gather their events
// into one write.
const corkFor = 50 * time.Millisecond

// Serve answers r with a stream. first is called with the stream once the
// response has begun; it sends with [Conn.EmitFirst] what its client gets before
// anything else. ctx is that of the request; it ends when the client leaves. nil
// options mean the defaults. Middleware may have set header fields; Content-Type,
// Cache-Control and X-Accel-Buffering are set by Serve. If it has set a
// Content-Encoding, the hub compresses nothing.
//
// A HEAD request is answered with the header alone: Open is asked, and no stream
// opens.
//
// Serve returns nil when the stream has ended, or has been taken over from
// net/http ([HubOptions].TakeOver). It returns an error if nothing has been
// written: Open refused, the hub is draining, w cannot flush, or first failed at
// once. The caller then answers, as [Refuse] does. An error of first ends the
// stream with CausePanic.
//
// A long stream that is cut ends in a panic with http.ErrAbortHandler, so that
// nobody around the handler takes the response for a complete one. The cut does
// not depend on it, as middleware may recover, unless w hides the server's
// ResponseWriter and [ConfigureServer] was not called.
func (h *Hub) Serve(w http.ResponseWriter, r *http.Request, o *ServeOptions, first func(ctx context.Context, c *Conn) error) error {
	var v ServeOptions
	if o != nil {
		v = *o
	}
	if !canFlush(w) {
		if !v.Short {
			return &Error{Op: "opening a stream", Err: fmt.Errorf("%T cannot flush: the middleware that made it has to have a method Unwrap() http.ResponseWriter or Flush()", w)}
		}
		w = unflushed{w}
	}
	if v.Short {
		w = keepWriteTimeout(w, r)
	}
	c, err := h.open(r, w.Header(), time.Now(), !v.Short)
	if err != nil {
		return err
	}
	s := service{c: c, w: w, r: r, o: v}
	defer func() {
		if !s.parked {
			h.wheel.remove(c)
		}
	}()
	if r.Method == http.MethodHead {
		return s.head(w)
	}
	if err := s.open(); err != nil {
		return err
	}
	s.prepare(w)
	if s.run(first); s.parked {
		return nil
	}
	return s.answered()
}

// service is one call of Serve.
type service struct {
	c      *Conn
	w      http.ResponseWriter
	r      *http.Request
	o      ServeOptions
	up     *upload // nil if the body has been read
	parked bool    // the stream goes on without its handler
	err    error   // of first
}

// open asks whether the stream may open.
func (s *service) open() (err error) {
	refused := true
	defer func() {
		if refused { // or a panic is on its way
			s.c.finish(CauseRefused, false)
		}
	}()
	if s.o.Open != nil {
		err = s.o.Open(s.c)
	}
	if err == nil {
		err = s.c.decide()
	}
	refused = err != nil
	return err
}

// prepare readies the response.
func (s *service) prepare(w http.ResponseWriter) {
	c := s.c
	s.putHeader(w)
	if c.stays.Load() {
		c.hub.free(w)
	}
	if conn := connOf(s.r); conn != nil {
		if t := tcpOf(conn); t != nil {
			keepLittle(t)
		}
	}
	c.respond(w, s.r.ProtoMajor > 1)
	if s.up = uploadOf(w, s.r); s.up != nil {
		c.attachUpload(s.up)
	}
}

// streamHeader makes h the header of a stream.
func streamHeader(h http.Header) {
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-cache")
	h.Set("X-Accel-Buffering", "no")
}

// run calls first and keeps the stream open as long as it should be. The
// response has been taken away when it returns, whatever happens, unless the
// stream is parked.
func (s *service) run(first func(context.Context, *Conn) error) {
	c, cause := s.c, CausePanic
	defer func() {
		if !s.parked {
			c.finish(cause, !s.o.Short)
			if s.up != nil {
				s.up.end(s.w, s.r, !s.o.Short && c.headed && c.Cause().Cut())
			}
			s.cut()
			s.closed()
		}
	}()
	ctx := s.r.Context()
	if c.takes { // the server will not notice that the client leaves
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		defer cancel()
		c.onLeave(cancel)
		defer c.onLeave(nil)
	}
	cork := time.AfterFunc(corkFor, c.uncork)
	s.err = first(ctx, c)
	cork.Stop()
	if s.up != nil && s.err == nil && !s.up.done.Load() {
		s.up.discard()
	}
	switch {
	case s.err != nil:
	case s.o.Short:
		cause = CauseDone
	default:
		if s.parked = s.serve(s.r.Context()); !s.parked {
			cause = c.Cause()
		}
	}
}

// afterwards ends a stream whose handler has returned long ago.
func (s *service) afterwards() {
	defer s.c.hub.wheel.remove(s.c)
	s.c.finish(s.c.Cause(), true)
	s.closed()
}

func (s *service) closed() {
	if s.o.Closed != nil {
		contained("closed", func() { s.o.Closed(s.c) })
	}
}

// cut cuts a response that must not look complete, also if a panic of first is
// on its way.
func (s *service) cut() {
	cause := s.c.Cause()
	if s.o.Short || !cause.Cut() || cause == CausePanic && !s.c.headed {
		return
	}
	contained("cut", func() { cut(s.w, s.r, s.c.headed) }) // it calls middleware
}

// answered ends a response whose stream has ended: one that was cut does not
// look complete. A short one that has begun ends normally all the same: its
// client would send the request again.
func (s *service) answered() error {
	switch cause := s.c.Cause(); {
	case !cause.Cut():
	case cause == CausePanic && !s.c.headed:
		return &Error{Op: "opening a stream", Err: cmp.Or(s.err, errPanicked)}
	case !s.o.Short:
		panic(http.ErrAbortHandler)
	case !s.c.headed:
		return &Error{Op: "answering", Status: http.StatusServiceUnavailable, Err: fmt.Errorf("%w: %s", ErrClosed, cause)}
	}
	return nil
}

// serve keeps the stream open until it is closed or its client leaves. It runs
// on the request goroutine, which writes only if shared writers do not. If the
// connection has been taken over, serve returns true at once, and afterwards is
// called on a goroutine of its own when the stream has been closed.
func (s *service) serve(ctx context.Context) (parked bool) {
	c := s.c
	if c.firstDone() {
		c.drainOwn()
	} else if err := c.head(); err != nil {
		c.Close(causeOf(err))
	}
	c.serving.Store(true)
	c.live()
	if c.taken.Load() {
		// What stays of the service is what afterwards needs: the request and its
		// response would cost 10 KiB.
		rest := &service{c: c, o: s.o}
		if c.park(ctx, rest.afterwards) {
			return true
		}
	}
	for {
		select {
		case <-ctx.Done():
			c.Close(s.leaving(ctx))
			return false
		case <-c.done:
			return false
		case <-c.wake:
			c.drainOwn()
		}
	}
}

// finish ends the stream on the request goroutine: it writes what is left,
// unless the cause cuts the stream, and takes the response away.
func (c *Conn) finish(cause Cause, flush bool) {
	c.Close(cause)
	<-c.done // whoever closes it may still be telling the owners
	if cause = c.Cause(); cause != CauseClient && !cause.Cut() {
		s := scratch{wait: true}
		s.tick(c.hub)
		for more := true; more; {
			more, _ = c.drain(&s, flush)
		}
		c.hub.wrote(s.written, s.now)
		c.hub.tell(c, guarded(c.trail))
	} else {
		// A writer may be stuck on it, and whoever closed it may not have come
		// round to freeing that one before detach makes it impossible.
		c.release(cause)
	}
	c.detach()
	c.hub.counts.settle(c)
	c.endTrace()
	c.ended()
}
