package twk

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/sse"
)

// Reuse is the value of an effect of Response.Open that gives the request's
// effects to another stream; the request is answered 204.
type Reuse struct{ Conn *sse.Conn }

// errNotRun ends a stream whose effects could not even begin. It has been
// reported.
var errNotRun = errors.New("its effects did not run")

// stream answers with a stream.
func (b *Bridge[C]) stream(w http.ResponseWriter, r *Request, resp *Response) {
	var instead *sse.Conn
	o := sse.ServeOptions{Short: !resp.Stay, Closed: func(c *sse.Conn) { b.closed(r, resp, c.Cause()) }}
	if len(resp.Open) > 0 {
		o.Open = func(c *sse.Conn) (err error) {
			instead, err = b.open(r, Session{Conn: c, Request: r, Response: resp}, resp.Open)
			if instead != nil {
				return errElsewhere
			}
			return err
		}
	}
	err := b.hub.Serve(w, r.Request, &o, func(ctx context.Context, c *sse.Conn) error {
		own := r.with(ctx)
		if !b.run(own, Session{Conn: c, Request: own, Response: resp, Out: first{c}}, resp.Effects) {
			return errNotRun
		}
		return nil
	})
	switch {
	case err == nil:
		return
	case instead != nil:
		b.elsewhere(w, r, resp, instead)
		return
	case sse.StatusOf(err) == http.StatusNoContent: // the client is to stay away: an answer, not a failure
	case !errors.Is(err, errNotRun) && !errors.Is(err, sse.ErrClosed):
		b.report(r.Context(), r, err)
	}
	sse.Refuse(w, err)
}

// errElsewhere refuses a stream because an open one takes its effects.
var errElsewhere = errors.New("another stream takes the effects")

// open runs the effects that come before a stream opens.
func (b *Bridge[C]) open(r *Request, s Session, effects effect.List) (instead *sse.Conn, err error) {
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

// first is where the first effects of a stream send.
type first struct{ c *sse.Conn }

// Emit implements [Outlet].
func (f first) Emit(ctx context.Context, frames ...*sse.Frame) error {
	return f.c.EmitFirst(ctx, frames...)
}
