package twk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/sfere-go/sfere/effect"
)

// Reuse is the value of an effect of Response.Open that gives the request's
// effects to another stream; the request is answered 204.
type Reuse struct{ Conn *Conn }

// corkFor is how long the first effects of a stream may gather their events
// into one write.
const corkFor = 50 * time.Millisecond

// stream answers with a stream.
func (b *Bridge[C]) stream(w http.ResponseWriter, r *Request, resp *Response) {
	flushes := canFlush(w)
	if resp.Stay && !flushes {
		b.report(r.Context(), r, &Error{Op: "opening a stream", Err: fmt.Errorf("%T cannot flush: the middleware that made it has to have a method Unwrap() http.ResponseWriter or Flush()", w)})
		fail(w, http.StatusInternalServerError)
		return
	}
	c, err := b.hub.open(r.Request, time.Now(), resp.Stay)
	if err != nil {
		b.report(r.Context(), r, err)
		if errors.Is(err, ErrDraining) {
			// The client takes a status for the end and comes back after a cut.
			panic(http.ErrAbortHandler)
		}
		fail(w, StatusOf(err))
		return
	}
	parked := false
	defer func() {
		if !parked {
			b.hub.remove(c)
		}
	}()
	s := Session{Conn: c, Request: r, Response: resp}
	if len(resp.Open) > 0 {
		instead, err := b.open(r, s, resp.Open)
		if err != nil {
			c.finish(CauseRefused, false)
			b.report(r.Context(), r, &Error{Op: "opening a stream", Err: err})
			fail(w, StatusOf(err))
			return
		}
		if instead != nil {
			c.finish(CauseRefused, false)
			b.elsewhere(w, r, resp, instead)
			return
		}
	}
	if !flushes {
		w = unflushed{w} // a short response needs no flush
	}
	b.prepare(w, c)
	if parked = b.live(c, r, s, resp); parked {
		return
	}
	b.closed(r, resp, c.Cause())
	if cause := c.Cause(); cause.Cut() {
		b.cut(w, c, cause, resp.Stay)
	}
}

// open runs the effects that come before a stream opens.
func (b *Bridge[C]) open(r *Request, s Session, effects effect.List) (instead *Conn, err error) {
	ctx, err := b.ctxFor(s)
	if err != nil {
		return nil, err
	}
	res := b.d.Dispatch(r.Context(), ctx, effects...)
	if err := res.Err(); err != nil {
		return nil, err
	}
	other, _ := effect.Value[Reuse](res)
	return other.Conn, nil
}

// prepare readies the response for the stream.
func (b *Bridge[C]) prepare(w http.ResponseWriter, c *Conn) {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-cache")
	h.Set("X-Accel-Buffering", "no")
	if c.encoding != "" {
		h.Set("Content-Encoding", c.encoding)
	}
	if b.hub.compresses() {
		h.Add("Vary", "Accept-Encoding")
	}
	if c.stays.Load() {
		// The server's timeouts are for requests and short responses. Its read
		// timeout would cancel the context of the request, and its write timeout
		// end an HTTP/2 stream, at work or not.
		rc := http.NewResponseController(w)
		_ = rc.SetReadDeadline(time.Time{})
		if err := rc.SetWriteDeadline(time.Time{}); errors.Is(err, http.ErrNotSupported) && !isRecorder(w) {
			b.warn.Do(func() {
				slog.Warn(fmt.Sprintf("twk: %T has no write deadline: a client that stops reading blocks its stream until it leaves; the middleware that made it needs a method Unwrap() http.ResponseWriter", w))
			})
		}
	}
	c.attach(w)
}

// live runs the effects and keeps the stream open as long as it should be. The
// response has been taken away when it returns, whatever happens; unless it
// returns true: then the stream goes on without its handler.
func (b *Bridge[C]) live(c *Conn, r *Request, s Session, resp *Response) (parked bool) {
	cause := CausePanic
	defer func() {
		if !parked {
			c.finish(cause, resp.Stay)
		}
	}()
	out := &first{c: c}
	s.Out = out
	if c.takes { // the server will not notice that the client leaves
		ctx, cancel := context.WithCancel(r.Context())
		own := *r
		own.Request = r.WithContext(ctx)
		r, s.Request = &own, &own
		c.onLeave(cancel)
		defer c.onLeave(nil)
	}
	cork := time.AfterFunc(corkFor, c.uncork)
	ok := b.run(r, s, resp.Effects)
	cork.Stop()
	out.over.Store(true)
	switch {
	case !ok:
	case resp.Stay:
		if parked = c.serve(r.Context(), func() { b.afterwards(c, r, resp) }); !parked {
			cause = c.Cause()
		}
	default:
		cause = CauseDone
	}
	return parked
}

// afterwards ends a stream whose handler has returned long ago.
func (b *Bridge[C]) afterwards(c *Conn, r *Request, resp *Response) {
	defer b.hub.remove(c)
	contained("end", func() {
		c.finish(c.Cause(), true)
		b.closed(r, resp, c.Cause())
	})
}

// closed runs the hook for ended streams.
func (b *Bridge[C]) closed(r *Request, resp *Response, cause Cause) {
	ctx := context.WithoutCancel(r.Context())
	c, err := b.ctxFor(Session{Request: r, Response: resp})
	if err == nil {
		err = b.d.Dispatch(ctx, c, SSEClosed{Cause: cause}).Err()
	}
	if err != nil {
		b.report(ctx, r, &Error{Op: "closing a stream", Err: err})
	}
}

// cut ends a response whose stream was cut. A short one that has begun ends
// normally: its client would send the request again.
func (b *Bridge[C]) cut(w http.ResponseWriter, c *Conn, cause Cause, stay bool) {
	switch {
	case cause == CausePanic && !c.headed:
		fail(w, http.StatusInternalServerError)
	case stay:
		panic(http.ErrAbortHandler) // the one way to tell the client to come back
	case !c.headed:
		fail(w, http.StatusServiceUnavailable)
	}
}

// run dispatches effects and reports what went wrong. It returns false if the
// dispatch could not even begin.
func (b *Bridge[C]) run(r *Request, s Session, effects effect.List) bool {
	ctx := r.Context()
	own, err := b.ctxFor(s)
	if err != nil {
		b.report(ctx, r, err)
		return false
	}
	err = failures(ctx, b.d.Dispatch(ctx, own, effects...))
	if err == nil {
		return true
	}
	show := b.report(ctx, r, &Error{Op: fmt.Sprintf("answering %s %s", r.Method, r.URL.Path), Err: err})
	if len(show) == 0 {
		return true
	}
	if err := b.d.Dispatch(ctx, own, show...).Err(); err != nil {
		logError(ctx, r, &Error{Op: "showing an error", Err: err})
	}
	return true
}

// failures joins the errors of a dispatch, without those that only say that
// the client has left.
func failures(ctx context.Context, res *effect.Result) error {
	if ctx.Err() == nil {
		return res.Err()
	}
	var errs []error
	for _, err := range res.Errors {
		if !errors.Is(err, ctx.Err()) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// ctxFor is newCtx with panics as errors.
func (b *Bridge[C]) ctxFor(s Session) (c C, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &Error{Op: "making the Ctx of a dispatch", Err: &effect.PanicError{Value: p, Stack: debug.Stack()}}
		}
	}()
	return b.newCtx(s), nil
}

// first is where the first effects of a stream send. They run on the goroutine
// of the request, which may write and wait: an answer may be larger than the
// outbox.
type first struct {
	c    *Conn
	over atomic.Bool // from now on as anybody else
}

func (f *first) Emit(ctx context.Context, frames ...*Frame) error {
	if !f.over.Load() && !f.c.hasRoom(frames) {
		f.c.drainOwn()
	}
	return f.c.Emit(ctx, frames...)
}

// hasRoom reports whether the outbox takes frames without loss.
func (c *Conn) hasRoom(frames []*Frame) bool {
	n := 0
	for _, f := range frames {
		n += len(f.bytes)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	o := &c.hub.opts
	return c.closed || len(c.queue) == 0 || len(c.queue)+len(frames) <= o.MaxFrames && c.bytes+n <= o.MaxBytes
}
