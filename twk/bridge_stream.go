package twk

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
	"github.com/sfere-go/sfere/sse"
)

// Reuse gives the effects of a request to another stream; the request is answered
// 204, or 410 if that stream ends before they have run. It is the value of an
// effect of Response.Open, or the error of an [sse.Owner] that is asked whether
// the stream opens.
type Reuse struct{ Conn *sse.Conn }

// Error says what Reuse is. It is an error because the stream does not open.
func (Reuse) Error() string { return "another stream takes the effects" }

// errAnswerTimeout is why the effects of an answer are stopped.
var errAnswerTimeout = errors.New("the answer took longer than BridgeOptions.AnswerTimeout")

// errNotRun ends a stream whose effects could not even begin. It has been
// reported.
var errNotRun = errors.New("its effects did not run")

// errLeft refuses a stream whose client has left while it opened. It is no failure.
var errLeft = &Error{Op: "opening a stream", Err: sse.ErrClosed}

// stream answers with a stream.
func (b *Bridge[C]) stream(w http.ResponseWriter, r *Request, resp *Response) {
	o := sse.ServeOptions{Short: !resp.Stay, Closed: func(c *sse.Conn) { b.closed(r, resp, c.Cause()) }}
	if len(resp.Open) > 0 {
		o.Open = func(c *sse.Conn) error {
			return b.open(r, Session{Conn: c, Request: r, Response: resp}, resp.Open)
		}
	}
	upload, _ := r.Body.(*body)
	err := b.hub.Serve(w, r.Request, &o, func(ctx context.Context, c *sse.Conn) error {
		own := r.with(ctx)
		if !resp.Stay { // an answer runs to its end though its client may leave
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeoutCause(context.WithoutCancel(ctx), b.opts.AnswerTimeout, errAnswerTimeout)
			defer cancel()
			defer upload.endWith(ctx)()
		}
		ctx = core.WithStream(ctx, c)
		if ran, _ := b.run(ctx, own, Session{Conn: c, Request: own, Response: resp, Out: first{c}}, resp.Effects); !ran {
			return errNotRun
		}
		return nil
	})
	if err == nil {
		return
	}
	if other, ok := errors.AsType[Reuse](err); ok {
		b.elsewhere(w, r, resp, other.Conn, true)
		return
	}
	// 204 tells the client to stay away: an answer, not a failure.
	if sse.StatusOf(err) != http.StatusNoContent && !errors.Is(err, errNotRun) && !errors.Is(err, sse.ErrClosed) {
		b.tell(r.Context(), r, err)
	}
	sse.Refuse(w, err)
}

// open runs the effects that come before a stream opens.
func (b *Bridge[C]) open(r *Request, s Session, effects effect.List) error {
	ctx, err := b.ctxFor(s)
	if err != nil {
		return err
	}
	res := b.d.Dispatch(r.Context(), ctx, effects...)
	if err := res.Err(); err != nil {
		if failures(r.Context(), res) == nil {
			return errLeft
		}
		return err
	}
	if other, ok := effect.Value[Reuse](res); ok && other.Conn != nil {
		return other
	}
	return nil
}

// closed runs the hook for ended streams.
func (b *Bridge[C]) closed(r *Request, resp *Response, cause sse.Cause) {
	ctx := context.WithoutCancel(r.Context())
	c, err := b.ctxFor(Session{Request: r, Response: resp})
	if err == nil {
		err = b.d.Dispatch(ctx, c, SSEClosed{Cause: cause}).Err()
	}
	if err != nil {
		b.report(ctx, r, &Error{Op: "closing a stream", Err: err})
	}
}

// run dispatches effects and reports what went wrong. ran is false if the
// dispatch could not even begin; err is what the effects failed with.
func (b *Bridge[C]) run(ctx context.Context, r *Request, s Session, effects effect.List) (ran bool, err error) {
	own, err := b.ctxFor(s)
	if err != nil {
		b.report(ctx, r, err)
		return false, err
	}
	err = failures(r.Context(), b.d.Dispatch(ctx, own, effects...))
	if err == nil {
		return true, nil
	}
	failed := &Error{Op: fmt.Sprintf("answering %s %s", r.Method, r.URL.Path), Err: err}
	if refused(err) {
		failed.Status = sse.StatusOf(err)
	}
	show := b.report(ctx, r, failed)
	if len(show) == 0 {
		return true, err
	}
	if err := b.d.Dispatch(ctx, own, show...).Err(); err != nil {
		logError(ctx, r, &Error{Op: "showing an error", Err: err})
	}
	return true, err
}

// failures joins the errors of a dispatch, without those that only say that the
// client of the request has left: that its stream is closed, or that the context
// of the request has ended.
func failures(request context.Context, res *effect.Result) error {
	if request.Err() == nil {
		return res.Err()
	}
	var errs []error
	for _, err := range res.Errors {
		if !errors.Is(err, request.Err()) && !errors.Is(err, sse.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return core.Join(errs)
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

// first is where the first effects of a stream send.
type first struct{ c *sse.Conn }

// Emit implements [Outlet].
func (f first) Emit(ctx context.Context, frames ...*sse.Frame) error {
	return f.c.EmitFirst(ctx, frames...)
}
