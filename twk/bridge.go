package twk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
)

// BridgeOptions adjust a [Bridge]. Zero fields mean the defaults.
type BridgeOptions struct {
	// Hub owns the streams. Default: one of its own, with default options.
	Hub *Hub
	// MaxSignals bounds the signals of a request in bytes. Default 1 MiB.
	MaxSignals int64
	// NotDatastar answers a request that the Datastar client did not send and
	// whose handler returned effects; they do not run. Default: 406.
	NotDatastar http.Handler
	// OnError is told of every failed request and dispatch. The effects it
	// returns are run on the stream, to show the person that something went
	// wrong; their own errors are logged. It may be called concurrently.
	// Default: log with slog.Default and show nothing.
	OnError func(ctx context.Context, r *Request, err error) effect.List
}

// Bridge turns handlers that return data into HTTP handlers. Make one with
// [NewBridge]; it may be used from any goroutine.
type Bridge[C any] struct {
	d      *dispatch.Dispatcher[C]
	newCtx func(Session) C
	hub    *Hub
	opts   BridgeOptions
}

// NewBridge returns a bridge that runs effects with d. newCtx makes the Ctx of
// a request's dispatch around its session. nil options mean the defaults.
func NewBridge[C any](d *dispatch.Dispatcher[C], newCtx func(Session) C, o *BridgeOptions) *Bridge[C] {
	b := &Bridge[C]{d: d, newCtx: newCtx}
	if o != nil {
		b.opts = *o
	}
	b.opts.MaxSignals = cmp.Or(b.opts.MaxSignals, 1<<20)
	if b.opts.OnError == nil {
		b.opts.OnError = logError
	}
	if b.opts.NotDatastar == nil {
		b.opts.NotDatastar = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "this address answers the Datastar client only", http.StatusNotAcceptable)
		})
	}
	if b.hub = b.opts.Hub; b.hub == nil {
		b.hub = NewHub(nil)
	}
	return b
}

// Hub returns the owner of the streams.
func (b *Bridge[C]) Hub() *Hub { return b.hub }

func logError(ctx context.Context, r *Request, err error) effect.List {
	attrs := []slog.Attr{slog.Any("error", err)}
	if r != nil && r.Request != nil {
		attrs = append(attrs, slog.String("method", r.Method), slog.String("path", r.URL.Path))
	}
	slog.LogAttrs(ctx, slog.LevelError, "twk: request failed", attrs...)
	return nil
}

// Handle returns an HTTP handler that answers with what h returns. A panic of
// h answers 500.
func (b *Bridge[C]) Handle(h func(*Request) Response) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		req, err := readRequest(w, r, b.opts.MaxSignals)
		if err != nil {
			b.opts.OnError(r.Context(), &Request{Request: r}, err)
			fail(w, StatusOf(err))
			return
		}
		resp, err := call(h, req)
		if err == nil {
			err = resp.check()
		}
		if err != nil {
			b.opts.OnError(r.Context(), req, &Error{Op: "handling " + r.Method + " " + r.URL.Path, Err: err})
			fail(w, http.StatusInternalServerError)
			return
		}
		for _, c := range resp.Cookies {
			http.SetCookie(w, c)
		}
		for name, values := range resp.Header {
			w.Header()[name] = append(w.Header()[name], values...)
		}
		switch {
		case !resp.streams():
			b.plain(w, req, resp)
		case !req.Datastar:
			b.opts.NotDatastar.ServeHTTP(w, r)
		case resp.Conn != nil:
			b.elsewhere(w, req, &resp, resp.Conn)
		default:
			b.stream(w, req, &resp)
		}
	})
}

func fail(w http.ResponseWriter, code int) { http.Error(w, http.StatusText(code), code) }

func call(h func(*Request) Response, r *Request) (resp Response, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &effect.PanicError{Value: p, Stack: debug.Stack()}
		}
	}()
	return h(r), nil
}

// plain answers without a stream.
func (b *Bridge[C]) plain(w http.ResponseWriter, r *Request, resp Response) {
	switch {
	case resp.Handler != nil:
		resp.Handler.ServeHTTP(w, r.Request)
	case resp.Body != nil:
		markup, err := render(r.Context(), resp.Body)
		if err != nil {
			b.opts.OnError(r.Context(), r, &Error{Op: "rendering the body", Err: err})
			fail(w, http.StatusInternalServerError)
			return
		}
		if w.Header().Get("Content-Type") == "" {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
		}
		w.WriteHeader(cmp.Or(resp.Status, http.StatusOK))
		_, _ = w.Write([]byte(markup))
	default:
		w.WriteHeader(cmp.Or(resp.Status, http.StatusNoContent))
	}
}

// elsewhere runs the effects against a stream that is open already.
func (b *Bridge[C]) elsewhere(w http.ResponseWriter, r *Request, resp *Response, c *Conn) {
	if c.Cause() != "" {
		// Nothing would reach anybody; a client that takes 204 for an answer
		// would wait for ever.
		b.opts.OnError(r.Context(), r, &Error{Op: "using an open stream", Err: ErrClosed})
		fail(w, http.StatusGone)
		return
	}
	b.run(r, Session{Conn: c, Request: r, Response: resp}, resp.Effects)
	w.WriteHeader(http.StatusNoContent)
}

// Reuse is the value of an effect of Response.Open that gives the request's
// effects to another stream; the request is answered 204.
type Reuse struct{ Conn *Conn }

// corkFor is how long the first effects of a stream may gather their events
// into one write.
const corkFor = 50 * time.Millisecond

// stream answers with a stream.
func (b *Bridge[C]) stream(w http.ResponseWriter, r *Request, resp *Response) {
	c, err := b.hub.open(r.Request, time.Now())
	if err != nil {
		b.opts.OnError(r.Context(), r, err)
		fail(w, StatusOf(err))
		return
	}
	c.stays.Store(resp.Stay)
	s := Session{Conn: c, Request: r, Response: resp}
	if len(resp.Open) > 0 {
		res := b.d.Dispatch(r.Context(), b.newCtx(s), resp.Open...)
		if err := res.Err(); err != nil {
			c.finish(CauseRefused, false)
			b.opts.OnError(r.Context(), r, &Error{Op: "opening a stream", Err: err})
			fail(w, StatusOf(err))
			return
		}
		if other, ok := effect.Value[Reuse](res); ok {
			c.finish(CauseRefused, false)
			b.elsewhere(w, r, resp, other.Conn)
			return
		}
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-cache")
	h.Set("X-Accel-Buffering", "no")
	if c.zipped {
		h.Set("Content-Encoding", "gzip")
		h.Add("Vary", "Accept-Encoding")
	}
	c.attach(w)
	b.live(c, r, s, resp)
	cause := c.Cause()
	res := b.d.Dispatch(context.WithoutCancel(r.Context()), b.newCtx(Session{Request: r, Response: resp}), SSEClosed{Cause: cause})
	if err := res.Err(); err != nil {
		b.opts.OnError(r.Context(), r, &Error{Op: "closing a stream", Err: err})
	}
	if resp.Stay && cause.Cut() {
		panic(http.ErrAbortHandler) // the one way to tell the client to come back
	}
}

// live runs the effects and keeps the stream open as long as it should be. The
// response has been taken away when it returns, whatever happens.
func (b *Bridge[C]) live(c *Conn, r *Request, s Session, resp *Response) {
	cause := CausePanic
	defer func() { c.finish(cause, resp.Stay) }()
	cork := time.AfterFunc(corkFor, c.uncork)
	b.run(r, s, resp.Effects)
	cork.Stop()
	if resp.Stay {
		c.serve(r.Context())
		cause = c.Cause()
		return
	}
	cause = CauseDone
}

// run dispatches effects and reports what went wrong.
func (b *Bridge[C]) run(r *Request, s Session, effects effect.List) {
	ctx := r.Context()
	res := b.d.Dispatch(ctx, b.newCtx(s), effects...)
	err := res.Err()
	if err == nil || errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return
	}
	show := b.opts.OnError(ctx, r, &Error{Op: fmt.Sprintf("answering %s %s", r.Method, r.URL.Path), Err: err})
	if len(show) == 0 {
		return
	}
	if err := b.d.Dispatch(ctx, b.newCtx(s), show...).Err(); err != nil {
		logError(ctx, r, &Error{Op: "showing an error", Err: err})
	}
}
