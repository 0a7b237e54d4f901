package twk_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/registry"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/twktest"
)

// takeOver runs all tests over sockets with connections that are taken over
// from net/http. It is asked during tests only, so that go test knows that their
// outcome depends on it.
var takeOver = sync.OnceValue(func() bool { return os.Getenv("SFERE_TAKEOVER") != "" })

// app is the Ctx of the bridge's tests.
type app struct{ twk.Session }

// Effects for tests.
type (
	boom  struct{}              // fails
	bang  struct{}              // panics
	pause struct{ Name string } // runs rig.pauses[Name]
)

func (boom) EffectName() string  { return "test/boom" }
func (bang) EffectName() string  { return "test/bang" }
func (pause) EffectName() string { return "test/pause" }

var errBoom = errors.New("boom")

// rig is a bridge behind a real server.
type rig struct {
	t      testing.TB
	d      *dispatch.Dispatcher[app]
	hub    *sse.Hub
	bridge *twk.Bridge[app]
	mux    *http.ServeMux
	srv    *httptest.Server
	conns  chan *sse.Conn // every stream that a pause named "conn" has met
	closed chan closing   // every twk.SSEClosed
	pauses map[string]func(context.Context, effect.Call[app]) error

	mu   sync.Mutex
	errs []error       // what the error hook was told
	logs *bytes.Buffer // of the server
}

// closing is what the hook for ended streams saw.
type closing struct {
	Path  string
	Stay  bool
	Cause sse.Cause
	Conn  bool // a stream was still in the session
}

// setup is what tests change about a rig.
type setup struct {
	hub    sse.HubOptions
	bridge twk.BridgeOptions
	newCtx func(twk.Session) app
	wrap   func(http.Handler) http.Handler
	server func(*httptest.Server)
	http2  bool
}

// newRig starts a server, which ends with the test.
func newRig(t testing.TB, s setup) *rig {
	t.Helper()
	r := newBench(t, s)
	var h http.Handler = r.mux
	if s.wrap != nil {
		h = s.wrap(h)
	}
	r.srv = httptest.NewUnstartedServer(h)
	r.srv.Config.ErrorLog = log.New(lockedWriter{r}, "", 0)
	if s.server != nil {
		s.server(r.srv)
	}
	if s.http2 {
		r.srv.EnableHTTP2 = true
		r.srv.StartTLS()
	} else {
		r.srv.Start()
	}
	t.Cleanup(r.stop)
	return r
}

// newBench is newRig without a server, for tests in memory.
func newBench(t testing.TB, s setup) *rig {
	t.Helper()
	r := &rig{t: t, mux: http.NewServeMux(), conns: make(chan *sse.Conn, 64), closed: make(chan closing, 4096), logs: &bytes.Buffer{}}
	r.pauses = map[string]func(context.Context, effect.Call[app]) error{
		"conn": func(_ context.Context, call effect.Call[app]) error {
			r.conns <- call.Ctx().Conn
			return nil
		},
	}
	session := func(a *app) *twk.Session { return &a.Session }
	d, err := dispatch.New(registry.Lift(twk.Registry(nil), session), registry.New("test",
		effect.Handle("Fail.", func(context.Context, effect.Call[app], boom) (struct{}, error) { return struct{}{}, errBoom }),
		effect.Handle("Panic.", func(context.Context, effect.Call[app], bang) (struct{}, error) { panic("bang") }),
		effect.Handle("Run a step of the test.", func(ctx context.Context, call effect.Call[app], p pause) (struct{}, error) {
			return struct{}{}, r.pauses[p.Name](ctx, call)
		}),
		effect.Interceptor[app]{Name: "closings", Effect: func(next effect.EffectFunc[app]) effect.EffectFunc[app] {
			return func(ctx context.Context, call effect.Call[app], item effect.Data) (any, error) {
				if e, ok := item.(twk.SSEClosed); ok {
					s := call.Ctx()
					r.closed <- closing{Path: s.Request.URL.Path, Stay: s.Response.Stay, Cause: e.Cause, Conn: s.Conn != nil}
				}
				return next(ctx, call, item)
			}
		}},
	))
	if err != nil {
		t.Fatal(err)
	}
	r.d = d
	if takeOver() {
		s.hub.TakeOver = true
	}
	if s.bridge.Hub == nil {
		s.bridge.Hub = sse.NewHub(&s.hub)
	}
	show := s.bridge.OnError
	s.bridge.OnError = func(ctx context.Context, req *twk.Request, err error) effect.List {
		r.mu.Lock()
		r.errs = append(r.errs, err)
		r.mu.Unlock()
		if show != nil {
			return show(ctx, req, err)
		}
		return nil
	}
	if s.newCtx == nil {
		s.newCtx = func(s twk.Session) app { return app{s} }
	}
	r.hub = s.bridge.Hub
	r.bridge = twk.NewBridge(d, s.newCtx, &s.bridge)
	return r
}

type lockedWriter struct{ r *rig }

func (w lockedWriter) Write(b []byte) (int, error) {
	w.r.mu.Lock()
	defer w.r.mu.Unlock()
	return w.r.logs.Write(b)
}

// stop ends all streams and the server, and waits for their goroutines.
func (r *rig) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := r.hub.Drain(ctx, 0); err != nil {
		r.t.Errorf("drain: %v", err)
	}
	r.srv.Client().CloseIdleConnections()
	r.srv.CloseClientConnections()
	r.srv.Close()
}

// handle serves h at pattern.
func (r *rig) handle(pattern string, h func(*twk.Request) twk.Response) {
	r.mux.Handle(pattern, r.bridge.Handle(h))
}

// stay serves a long stream at pattern, and hands the stream to the test.
func (r *rig) stay(pattern string, effects ...effect.Data) {
	r.handle(pattern, func(*twk.Request) twk.Response {
		return twk.Stream(append([]effect.Data{pause{"conn"}}, effects...)...)
	})
}

// request makes a request of the Datastar client.
func (r *rig) request(method, path, body string, header ...string) *http.Request {
	r.t.Helper()
	req := r.browser(method, path, body, header...)
	req.Header.Set("Datastar-Request", "true")
	if body != "" && req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", "application/json")
	}
	return req
}

// browser makes a request that a browser sends by itself.
func (r *rig) browser(method, path, body string, header ...string) *http.Request {
	r.t.Helper()
	var rd io.Reader
	if body != "" {
		rd = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(context.Background(), method, r.srv.URL+path, rd)
	if err != nil {
		r.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	return req
}

// answer is a whole response.
type answer struct {
	Status int
	Type   string // Content-Type
	Body   string
	Header http.Header
}

func (r *rig) do(req *http.Request) answer {
	r.t.Helper()
	res, err := r.srv.Client().Do(req)
	if err != nil {
		r.t.Fatalf("%s %s: %v", req.Method, req.URL.Path, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatalf("%s %s: reading the body: %v", req.Method, req.URL.Path, err)
	}
	return answer{res.StatusCode, res.Header.Get("Content-Type"), string(body), res.Header}
}

// open opens a stream; see twktest.Open.
func (r *rig) open(path string, header ...string) *twktest.Stream {
	r.t.Helper()
	return twktest.Open(r.t, r.srv.Client(), r.request("GET", path, "", header...))
}

// conn waits for the stream that a pause named "conn" meets next.
func (r *rig) conn() *sse.Conn { r.t.Helper(); return receive(r.t, r.conns) }

// end waits for the next end of a stream.
func (r *rig) end() closing { r.t.Helper(); return receive(r.t, r.closed) }

// noEnd checks that no further stream has ended, once all handlers returned.
func (r *rig) noEnd() {
	r.t.Helper()
	until(r.t, "all streams are gone", func() bool { return r.hub.Len() == 0 })
	select {
	case c := <-r.closed:
		r.t.Errorf("one more end: %+v", c)
	default:
	}
}

// errors returns what the error hook was told so far.
func (r *rig) errors() []error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]error(nil), r.errs...)
}

// log returns what the server has logged.
func (r *rig) log() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.logs.String()
}

// send patches a signal into c.
func (r *rig) send(c *sse.Conn, items ...effect.Data) error {
	return r.d.Dispatch(context.Background(), app{twk.Session{Conn: c}}, items...).Err()
}

// frames renders items without a stream.
func (r *rig) frames(items ...effect.Data) []*sse.Frame {
	r.t.Helper()
	var out twk.Collector
	if err := r.d.Dispatch(context.Background(), app{twk.Session{Out: &out}}, items...).Err(); err != nil {
		r.t.Fatal(err)
	}
	return out.Frames
}

func signal(name string, value any) twk.PatchSignals {
	return twk.PatchSignals{Signals: map[string]any{name: value}}
}

// n is signal for tests that need one only.
func n(v any) twk.PatchSignals { return signal("n", v) }

func receive[T any](t testing.TB, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(twktest.Wait):
		t.Fatal("nothing came in time")
		panic("unreachable")
	}
}

func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(twktest.Wait); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("still not true: %s", what)
		}
	}
}

// raw sends text over a connection of its own, which reads nothing by itself.
func (r *rig) raw(text string) net.Conn {
	r.t.Helper()
	c, err := net.Dial("tcp", r.srv.Listener.Addr().String())
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	if _, err := io.WriteString(c, text); err != nil {
		r.t.Fatal(err)
	}
	return c
}
