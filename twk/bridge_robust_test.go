package twk_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/twktest"
)

// What cannot be sent is an error of the handler, not a broken response.
func TestImpossibleResponses(t *testing.T) {
	short := twk.Respond(signal("n", 1))
	tests := []struct {
		name, reason string
		resp         twk.Response
	}{
		{"204 stream", "the status forbids a body", short.WithStatus(204)},
		{"304 stream", "the status forbids a body", short.WithStatus(304)},
		{"500 stream", "the client reads streams with status 200 only", short.WithStatus(500)},
		{"422 stream elsewhere", "the answer would be a 204", short.On(&sse.Conn{}).WithStatus(422)},
		{"effects and a page", "one of them would be lost", twk.Response{Effects: short.Effects, Body: twk.HTML("x")}},
		{"204 page", "the status forbids a body", twk.Page(twk.HTML("x")).WithStatus(204)},
		{"status 99", "it is none", twk.Status(99)},
		{"status 101", "it switches protocols", twk.Status(101)},
		{"length", "it would be wrong", short.WithHeader("content-length", "3")},
		{"encoding", "it would be wrong", short.WithHeader("Content-Encoding", "br")},
		{"connection", "it is the server's", short.WithHeader("Connection", "close")},
		{"header name", "net/http drops it", short.WithHeader("a b", "c")},
		{"header value", "net/http changes it", short.WithHeader("X-A", "b\r\nSet-Cookie: c=d")},
		{"cookie name", "net/http drops it", short.WithCookie(&http.Cookie{Name: "a b", Value: "c"})},
		{"cookie value", "net/http drops it", short.WithCookie(&http.Cookie{Name: "a", Value: "b;c"})},
		{"nil cookie", "it is a mistake", short.WithCookie(nil)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, setup{})
			r.handle("/", func(*twk.Request) twk.Response { return tt.resp })
			got := r.do(r.request("GET", "/", ""))
			if got.Status != 500 || got.Body != "Internal Server Error\n" || len(r.errors()) != 1 || got.Header.Get("Set-Cookie") != "" {
				t.Errorf("%s: got %+v, errors %v", tt.reason, got, r.errors())
			}
		})
	}
}

func TestStreamHeaders(t *testing.T) {
	set := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Vary", "Origin")
			w.Header().Set("X-A", "middleware")
			w.Header().Set("Content-Type", "text/x-default")
			http.SetCookie(w, &http.Cookie{Name: "m", Value: "1"})
			next.ServeHTTP(w, r)
		})
	}
	r := newRig(t, setup{wrap: set})
	r.handle("/", func(*twk.Request) twk.Response {
		return twk.Respond(signal("n", 1)).WithHeader("vary", "Cookie").WithHeader("x-a", "handler").WithCookie(&http.Cookie{Name: "h", Value: "2"})
	})
	h := r.do(r.request("GET", "/", "")).Header
	for name, want := range map[string]string{
		"Vary": "[Origin Cookie]", "X-A": "[handler]", "Content-Type": "[text/event-stream]", "Set-Cookie": "[m=1 h=2]",
	} {
		if got := fmt.Sprint(h.Values(name)); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// A panic never cuts a request that the client would send again.
func TestPanics(t *testing.T) {
	tests := []struct {
		name, reason string
		setup        setup
		handler      func(*twk.Request) twk.Response
		status       int
		cut          bool // the connection, after the status
	}{
		{"handler", "an action answers 500", setup{},
			func(*twk.Request) twk.Response { panic("x") }, 500, false},
		{"nil effect", "it is an error of its item", setup{},
			func(*twk.Request) twk.Response { return twk.Respond(nil, signal("n", 1)) }, 200, false},
		{"newCtx of an action", "nothing was written", setup{newCtx: func(twk.Session) app { panic("x") }},
			func(*twk.Request) twk.Response { return twk.Respond(signal("n", 1)) }, 500, false},
		{"newCtx of a stream", "nothing was written", setup{newCtx: func(twk.Session) app { panic("x") }},
			func(*twk.Request) twk.Response { return twk.Stream(signal("n", 1)) }, 500, false},
		{"newCtx of an opening", "nothing was written", setup{newCtx: func(twk.Session) app { panic("x") }},
			func(*twk.Request) twk.Response { return twk.Stream().WithOpen(pause{"conn"}) }, 500, false},
		{"newCtx at the end", "the response is complete", setup{newCtx: func(s twk.Session) app {
			if s.Conn == nil {
				panic("x")
			}
			return app{s}
		}}, func(*twk.Request) twk.Response { return twk.Respond(signal("n", 1)) }, 200, false},
		{"error hook", "it is logged", setup{bridge: twk.BridgeOptions{OnError: func(context.Context, *twk.Request, error) effect.List { panic("x") }}},
			func(*twk.Request) twk.Response { return twk.Respond(boom{}, signal("n", 1)) }, 200, false},
		{"hooks of the stream", "they are logged", setup{}, func(*twk.Request) twk.Response {
			return twk.Respond(pause{"hooks"}, signal("n", 1))
		}, 200, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, tt.setup)
			r.pauses["hooks"] = func(_ context.Context, call effect.Call[app]) error {
				call.Ctx().Conn.Attach(sse.Hooks{
					OnClosed: func(*sse.Conn, sse.Cause) { panic("closed") },
					OnEnded:  func(*sse.Conn, sse.Cause) { panic("ended") },
				})
				return nil
			}
			r.handle("POST /", tt.handler)
			got := r.do(r.request("POST", "/", "{}"))
			if got.Status != tt.status {
				t.Errorf("%s: status %d, want %d", tt.reason, got.Status, tt.status)
			}
			if got.Status == 500 && (got.Body != "Internal Server Error\n" || got.Type != "text/plain; charset=utf-8" || got.Header.Get("Content-Encoding") != "") {
				t.Errorf("answer %+v", got)
			}
			if n := r.hub.Len(); n != 0 {
				until(t, "the stream is forgotten", func() bool { return r.hub.Len() == 0 })
			}
			if s := r.log(); s != "" {
				t.Errorf("net/http saw it: %s", s)
			}
		})
	}
}

// A hook that panics is contained wherever the stream is closed.
func TestHookPanicsAreContained(t *testing.T) {
	r := newRig(t, setup{})
	r.stay("GET /sse")
	s := r.open("/sse")
	c := r.conn()
	second := make(chan sse.Cause, 1)
	c.Attach(sse.Hooks{OnClosed: func(*sse.Conn, sse.Cause) { panic("closed") }})
	c.Attach(sse.Hooks{OnClosed: func(_ *sse.Conn, cause sse.Cause) { second <- cause }})
	if !c.Close("x") {
		t.Error("Close did not close")
	}
	if got := receive(t, second); got != "x" {
		t.Errorf("the second hook got %q", got)
	}
	if err := s.Ended(); err != nil {
		t.Error(err)
	}
}

// A handler that aborts on purpose is left alone.
func TestAbortHandler(t *testing.T) {
	r := newRig(t, setup{})
	r.handle("GET /", func(*twk.Request) twk.Response { panic(http.ErrAbortHandler) })
	if res, err := r.srv.Client().Do(r.request("GET", "/", "")); err == nil {
		res.Body.Close()
		t.Errorf("status %d, want a cut", res.StatusCode)
	}
}

// An answer may have more events than an outbox, while nobody else may.
func TestLargeAnswer(t *testing.T) {
	t.Parallel()
	var effects []effect.Data
	for i := range 500 {
		effects = append(effects, signal("n", fmt.Sprint(i, strings.Repeat("x", 100))))
	}
	for _, writers := range []int{0, -1} {
		r := newRig(t, setup{hub: sse.HubOptions{MaxFrames: 10, MaxBytes: 2000, Writers: writers}})
		r.handle("POST /short", func(*twk.Request) twk.Response { return twk.Respond(effects...) })
		r.stay("GET /long", effects...)
		long := r.open("/long")
		short := twktest.Open(t, r.srv.Client(), r.request("POST", "/short", "{}"))
		for i := range effects {
			want := fmt.Sprintf(`{"n":"%d%s"}`, i, strings.Repeat("x", 100))
			for _, s := range []*twktest.Stream{short, long} {
				if got := s.Next().Fields()["signals"]; got != want {
					t.Fatalf("event %d is %s", i, got)
				}
			}
		}
		if len(r.errors()) > 0 {
			t.Error(r.errors())
		}
	}
}

// A refused opening answers with the status of its error and tells no end.
func TestRefusedOpening(t *testing.T) {
	r := newRig(t, setup{})
	r.pauses["no"] = func(context.Context, effect.Call[app]) error {
		return &twk.Error{Op: "testing", Status: 409, Err: errors.New("taken")}
	}
	r.handle("GET /", func(*twk.Request) twk.Response { return twk.Stream(signal("n", 1)).WithOpen(pause{"no"}) })
	if got := r.do(r.request("GET", "/", "")); got.Status != 409 || got.Body != "Conflict\n" {
		t.Errorf("answer %+v", got)
	}
	r.noEnd()
}

// A timeout of middleware cuts a stream, so that its client comes back.
func TestTimeoutOfMiddleware(t *testing.T) {
	r := newRig(t, setup{wrap: middleware.Timeout(50 * time.Millisecond)})
	r.stay("GET /sse")
	s := r.open("/sse")
	if err := s.Ended(); err == nil {
		t.Error("the stream ended normally: its client would not come back")
	}
	if got := r.end().Cause; got != sse.CauseExpired {
		t.Errorf("cause %q", got)
	}
}

// The wrapping ResponseWriters of middleware.
type (
	unwrapping struct{ http.ResponseWriter }
	flushing   struct{ http.ResponseWriter }
	opaque     struct{ http.ResponseWriter }
	hijackable struct{ http.ResponseWriter }
)

func (u unwrapping) Unwrap() http.ResponseWriter { return u.ResponseWriter }
func (f flushing) Flush()                        { f.ResponseWriter.(http.Flusher).Flush() }
func (h hijackable) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return h.ResponseWriter.(http.Hijacker).Hijack()
}

func TestMiddleware(t *testing.T) {
	t.Parallel()
	wrap := func(f func(http.ResponseWriter) http.ResponseWriter) func(http.Handler) http.Handler {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(f(w), r) })
		}
	}
	onChi := func(next http.Handler) http.Handler {
		m := chi.NewRouter()
		m.Use(middleware.RequestID, middleware.RealIP, middleware.Recoverer)
		m.Use(wrap(func(w http.ResponseWriter) http.ResponseWriter { return middleware.NewWrapResponseWriter(w, 1) }))
		m.Mount("/", next)
		return m
	}
	tests := []struct {
		name, reason string
		wrap         func(http.Handler) http.Handler
		streams      bool
	}{
		{"none", "the ServeMux of net/http", nil, true},
		{"Unwrap", "what net/http asks of wrappers", wrap(func(w http.ResponseWriter) http.ResponseWriter { return unwrapping{w} }), true},
		{"Unwrap twice", "wrappers nest", wrap(func(w http.ResponseWriter) http.ResponseWriter { return unwrapping{unwrapping{w}} }), true},
		{"Flush only", "works without write deadlines, with a warning", wrap(func(w http.ResponseWriter) http.ResponseWriter { return flushing{w} }), true},
		{"chi", "router and usual middleware", onChi, true},
		{"neither", "a clear error in place of a stream that never arrives", wrap(func(w http.ResponseWriter) http.ResponseWriter { return opaque{w} }), false},
		{"something else", "only Flush counts", wrap(func(w http.ResponseWriter) http.ResponseWriter { return hijackable{w} }), false},
		{"hidden further in", "the whole chain counts", wrap(func(w http.ResponseWriter) http.ResponseWriter { return unwrapping{opaque{w}} }), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, setup{wrap: tt.wrap})
			r.stay("GET /sse")
			r.pauses["written"] = func(_ context.Context, call effect.Call[app]) error {
				until(t, "the event before is written", func() bool { return call.Ctx().Conn.Info().Sent == 1 })
				return nil
			}
			r.handle("POST /act", func(*twk.Request) twk.Response { return twk.Respond(signal("n", 1), pause{"written"}, signal("n", 2)) })
			if got := r.do(r.request("POST", "/act", "{}")); got.Status != 200 || strings.Count(got.Body, "event:") != 2 {
				t.Errorf("%s: short answer %+v, errors %v", tt.reason, got, r.errors())
			}
			if !tt.streams {
				got := r.do(r.request("GET", "/sse", ""))
				if errs := r.errors(); got.Status != 500 || len(errs) != 1 || !strings.Contains(errs[0].Error(), "Unwrap") {
					t.Errorf("%s: answer %+v, errors %v", tt.reason, got, errs)
				}
				return
			}
			s := r.open("/sse")
			if err := r.send(r.conn(), signal("n", 3)); err != nil {
				t.Fatal(err)
			}
			s.Next()
		})
	}
}

// A browser's own request for effects has a defined answer, and no effect
// runs.
func TestNotDatastar(t *testing.T) {
	tests := []struct {
		name  string
		other http.Handler
		want  answer
	}{
		{"default", nil, answer{Status: 406, Type: "text/plain; charset=utf-8", Body: "this address answers the Datastar client only\n"}},
		{"configured", http.RedirectHandler("/home", http.StatusSeeOther), answer{Status: 200, Body: "home"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, setup{bridge: twk.BridgeOptions{NotDatastar: tt.other}})
			r.mux.HandleFunc("GET /home", func(w http.ResponseWriter, _ *http.Request) {
				w.Header()["Content-Type"] = nil
				_, _ = io.WriteString(w, "home")
			})
			r.pauses["never"] = func(context.Context, effect.Call[app]) error {
				t.Error("an effect ran")
				return nil
			}
			r.handle("GET /{$}", func(*twk.Request) twk.Response { return twk.Stream(pause{"never"}).WithOpen(pause{"never"}) })
			got := r.do(r.browser("GET", "/", ""))
			for name := range got.Header {
				switch name {
				case "Content-Type", "Content-Length", "Date", "X-Content-Type-Options":
				default:
					t.Errorf("header %s", name)
				}
			}
			got.Header = nil
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Options of a bridge that make no sense are told when the program starts.
func TestBridgeOptionsAreChecked(t *testing.T) {
	t.Parallel()
	d := dispatch.Must(dispatch.New(twk.Registry(nil)))
	for want, o := range map[string]twk.BridgeOptions{
		"MaxSignals is -1":      {MaxSignals: -1},
		"AnswerTimeout is 30ns": {AnswerTimeout: 30},
		"BodyTimeout is 30ns":   {BodyTimeout: 30},
	} {
		func() {
			defer func() {
				if p := fmt.Sprint(recover()); !strings.Contains(p, want) {
					t.Errorf("panic %q, want one that says %q", p, want)
				}
			}()
			twk.NewBridge(d, func(s twk.Session) twk.Session { return s }, &o)
		}()
	}
}
