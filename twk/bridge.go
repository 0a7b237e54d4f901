package twk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/sfere-go/sfere/sse"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
)

// BridgeOptions adjust a [Bridge]. Zero fields mean the defaults.
type BridgeOptions struct {
	// Hub owns the streams. Default: one of its own, with default options.
	Hub *sse.Hub
	// MaxSignals bounds the signals of a request in bytes. Default 1 MiB.
	MaxSignals int64
	// RootAttrs are set on the root element of every HTML page that Response.Body
	// sends to a plain browser request. They replace attributes of the same name:
	// {"lang": "en", "data-signals": `{"n": 0}`}. Values are escaped. Default
	// none.
	RootAttrs map[string]string
	// NotDatastar answers a request that does not come from the Datastar client
	// although its handler returned effects. The effects do not run. Default:
	// status 406.
	NotDatastar http.Handler
	// AnswerTimeout bounds the effects of an answer ([Respond]). They run to
	// their end although the client leaves. OnError is told what the limit
	// stopped. Streams stop with their client. Default 30 s, negative means none.
	AnswerTimeout time.Duration
	// BodyTimeout bounds the reading of a request's body. The signals must come
	// within it altogether, or the request is answered 408. Handlers and effects
	// that read a body get an error from the read that takes longer, which asks
	// for that status. If the server's ReadTimeout is shorter it holds. Default 30
	// s, negative means none.
	BodyTimeout time.Duration
	// OnError is called for every failed request and dispatch, but not for a
	// request that is refused before its effects run: with a status below 500 or
	// 503, or because the server is going down. The bridge logs these with level
	// debug, and so does the default hook if all that failed are effects that say
	// no in this way. The bridge runs
	// the effects that it returns on the stream, to show the person that
	// something went wrong, and logs the errors of these. OnError may be called
	// concurrently. Default: log with slog.Default and show nothing.
	OnError func(ctx context.Context, r *Request, err error) effect.List
}

// Bridge turns handlers that return data into HTTP handlers. Make one with
// [NewBridge]; it may be used from any goroutine.
type Bridge[C any] struct {
	d      *dispatch.Dispatcher[C]
	newCtx func(Session) C
	hub    *sse.Hub
	opts   BridgeOptions
	warn   sync.Once // that write deadlines are out of reach
}

// NewBridge returns a bridge that runs effects with d. newCtx makes the Ctx of
// a request's dispatch around its session. It may be called concurrently. nil
// options mean the defaults. NewBridge panics if an option makes no sense.
func NewBridge[C any](d *dispatch.Dispatcher[C], newCtx func(Session) C, o *BridgeOptions) *Bridge[C] {
	b := &Bridge[C]{d: d, newCtx: newCtx}
	if o != nil {
		b.opts = *o
	}
	for name := range b.opts.RootAttrs {
		if name == "" || strings.ContainsAny(name, " \t\r\n\f\x00\"'<>/=") {
			panic(fmt.Sprintf("twk.NewBridge: RootAttrs: %q is no attribute name", name))
		}
	}
	if b.opts.MaxSignals < 0 {
		panic(fmt.Sprintf("twk.NewBridge: MaxSignals is %d: use a positive number of bytes", b.opts.MaxSignals))
	}
	for name, d := range map[string]time.Duration{"AnswerTimeout": b.opts.AnswerTimeout, "BodyTimeout": b.opts.BodyTimeout} {
		if d > 0 && d < time.Millisecond { // a unit was forgotten
			panic(fmt.Sprintf("twk.NewBridge: %s is %v: use a duration such as 30*time.Second, or a negative one for none", name, d))
		}
	}
	b.opts.MaxSignals = cmp.Or(b.opts.MaxSignals, 1<<20)
	if b.opts.AnswerTimeout = cmp.Or(b.opts.AnswerTimeout, 30*time.Second); b.opts.AnswerTimeout < 0 {
		b.opts.AnswerTimeout = math.MaxInt64
	}
	b.opts.BodyTimeout = cmp.Or(b.opts.BodyTimeout, 30*time.Second)
	if b.opts.OnError == nil {
		b.opts.OnError = logError
	}
	if b.opts.NotDatastar == nil {
		b.opts.NotDatastar = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "this address answers the Datastar client only", http.StatusNotAcceptable)
		})
	}
	if b.hub = b.opts.Hub; b.hub == nil {
		b.hub = sse.NewHub(nil)
	}
	return b
}

// Hub returns the owner of the streams.
func (b *Bridge[C]) Hub() *sse.Hub { return b.hub }

// report tells the error hook and returns what it wants to show. A panic of
// the hook is logged with the error.
func (b *Bridge[C]) report(ctx context.Context, r *Request, err error) (show effect.List) {
	defer func() {
		if p := recover(); p != nil {
			logError(ctx, r, err)
			logError(ctx, r, &Error{Op: "reporting an error", Err: &effect.PanicError{Value: p, Stack: debug.Stack()}})
		}
	}()
	return b.opts.OnError(ctx, r, err)
}

// Handle returns an HTTP handler that answers with what h returns. A panic of h
// answers 500. A panic with http.ErrAbortHandler is passed on.
func (b *Bridge[C]) Handle(h func(*Request) Response) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if body := limitBody(w, r, b.opts.BodyTimeout); body != nil {
			defer func() { r.Body = body.ReadCloser }() // the server knows what to do with its own only
		}
		req, err := readRequest(w, r, b.opts.MaxSignals)
		if err != nil {
			b.tell(r.Context(), &Request{Request: r}, err)
			fail(w, sse.StatusOf(err))
			return
		}
		resp, err := call(h, req)
		if err == nil {
			err = resp.check()
		}
		if err != nil {
			b.report(r.Context(), req, &Error{Op: "handling " + r.Method + " " + r.URL.Path, Err: err})
			fail(w, http.StatusInternalServerError)
			return
		}
		resp.putHeader(w)
		switch {
		case !resp.streams():
			b.plain(w, req, resp)
		case !req.Datastar:
			b.opts.NotDatastar.ServeHTTP(w, r)
		case resp.Conn != nil:
			b.elsewhere(w, req, &resp, resp.Conn, false)
		default:
			b.stream(w, req, &resp)
		}
	})
}

// fail answers with a status and its name; the text of an error may name
// internals and goes to the error hook only.
func fail(w http.ResponseWriter, code int) {
	w.Header().Del("Content-Encoding")
	http.Error(w, http.StatusText(code), code)
}

func call(h func(*Request) Response, r *Request) (resp Response, err error) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			panic(p)
		default:
			err = &effect.PanicError{Value: p, Stack: debug.Stack()}
		}
	}()
	return h(r), nil
}

// plain answers without a stream.
func (b *Bridge[C]) plain(w http.ResponseWriter, r *Request, resp Response) {
	switch {
	case resp.Handler != nil:
		if _, own := resp.Handler.(statusText); !own {
			r.Body = ownBody(r.Body)
		}
		resp.Handler.ServeHTTP(w, r.Request)
	case resp.Body != nil:
		markup, err := render(r.Context(), resp.Body)
		if err != nil {
			b.report(r.Context(), r, &Error{Op: "rendering the body", Err: err})
			fail(w, http.StatusInternalServerError)
			return
		}
		if w.Header().Get("Content-Type") == "" {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
		}
		if !r.Datastar && isHTML(w.Header()) {
			markup = withRootAttrs(markup, b.opts.RootAttrs)
		}
		w.WriteHeader(cmp.Or(resp.Status, http.StatusOK))
		_, _ = w.Write([]byte(markup)) // an error means that the client is gone
	default:
		w.WriteHeader(cmp.Or(resp.Status, http.StatusNoContent))
	}
}

// elsewhere runs the effects against a stream that is open already. A client that
// is answered 204 relies on that stream, so one that has ended before the effects
// reached it is answered 410. relies tells that it is to take the place of a
// stream of the client's own: then it must be open still.
func (b *Bridge[C]) elsewhere(w http.ResponseWriter, r *Request, resp *Response, c *sse.Conn, relies bool) {
	if c.Cause() != "" { // nothing would reach anybody
		b.tell(r.Context(), r, &Error{Op: "using an open stream", Status: http.StatusGone, Err: sse.ErrClosed})
		fail(w, http.StatusGone)
		return
	}
	if r.Method == http.MethodHead { // the header of what GET would be answered
		w.WriteHeader(http.StatusNoContent)
		return
	}
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(r.Context()), b.opts.AnswerTimeout, errAnswerTimeout)
	defer cancel()
	ran, err := b.run(ctx, r, Session{Conn: c, Request: r, Response: resp}, resp.Effects)
	switch cause := c.Cause(); {
	case !ran:
		fail(w, http.StatusInternalServerError)
	case cause == "" || !relies && !lost(cause, err):
		w.WriteHeader(http.StatusNoContent)
	default:
		if err == nil {
			b.tell(ctx, r, &Error{Op: "using an open stream", Status: http.StatusGone, Err: sse.ErrClosed})
		}
		fail(w, http.StatusGone)
	}
}

// lost reports whether effects did not reach a stream that has ended for cause
// while they ran: it took nothing any more, or dropped what it had taken. After a
// normal end everything that it took is written.
func lost(cause sse.Cause, err error) bool {
	return errors.Is(err, sse.ErrClosed) || errors.Is(err, sse.ErrOverflow) || cause == sse.CauseClient || cause.Cut()
}
