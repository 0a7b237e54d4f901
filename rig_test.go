package sfere_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sfere-go/sfere/sse"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/registry"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/twktest"
)

type app struct {
	twk.Session
	User string // of the request: its query
}

// mine shows a text and the user of its Ctx, to some only after a while.
type mine struct {
	Text string
	Slow bool
}

func (mine) EffectName() string { return "test/mine" }

func (m mine) show(ctx context.Context, call effect.Call[app]) error {
	user := call.Ctx().User
	if m.Slow && len(user)%2 == 0 {
		time.Sleep(time.Duration(len(user)) * time.Millisecond)
	}
	return call.Dispatch(ctx, tell(m.Text+" of "+user)).Err()
}

// do is an effect that runs a function of the test, given by its name as effect
// data holds no functions.
type do struct{ Name string }

func (do) EffectName() string { return "test/do" }

// rig is a program with held connections.
type rig struct {
	t       testing.TB
	conns   *sfere.Conns
	hub     *sse.Hub
	d       *dispatch.Dispatcher[app]
	bridge  *twk.Bridge[app]
	removed chan sfere.Removal // everything OnRemove was told

	mu    sync.Mutex
	funcs map[string]func(context.Context, twk.Call) error
	errs  []error // what the bridge's error hook was told
}

// setup says what a rig differs in.
type setup struct {
	opts  sfere.Options
	store sfere.Store // default: memory
	hub   sse.HubOptions
}

func newRig(t testing.TB, s setup) *rig {
	t.Helper()
	r := &rig{t: t, hub: sse.NewHub(&s.hub), removed: make(chan sfere.Removal, 10_000), funcs: map[string]func(context.Context, twk.Call) error{}}
	inner := s.opts.OnRemove
	s.opts.OnRemove = func(rm sfere.Removal) {
		r.removed <- rm
		if inner != nil {
			inner(rm)
		}
	}
	s.opts.Store = s.store
	r.conns = sfere.New(&s.opts)
	t.Cleanup(r.conns.Close)
	session := func(a *app) *twk.Session { return &a.Session }
	r.d = dispatch.Must(dispatch.New(
		registry.Lift(twk.Registry(nil), session),
		registry.Lift(sfere.Registry(r.conns), session),
		registry.Lift(registry.New("test", effect.Handle("Run a function of the test.", func(ctx context.Context, call twk.Call, d do) (struct{}, error) {
			r.mu.Lock()
			f := r.funcs[d.Name]
			r.mu.Unlock()
			return struct{}{}, f(ctx, call)
		})), session),
		registry.New("own", effect.Do("Show a text and whose it is.", func(ctx context.Context, call effect.Call[app], m mine) error { return m.show(ctx, call) })),
	))
	r.bridge = twk.NewBridge(r.d, func(s twk.Session) app { return app{s, s.Request.URL.Query().Get("tab")} }, &twk.BridgeOptions{
		Hub: r.hub,
		OnError: func(_ context.Context, _ *twk.Request, err error) effect.List {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.errs = append(r.errs, err)
			return nil
		},
	})
	return r
}

// fn makes name a function for [do].
func (r *rig) fn(name string, f func(context.Context, twk.Call) error) do {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.funcs[name] = f
	return do{name}
}

// dispatch runs items from outside any request and fails the test on an error.
func (r *rig) dispatch(items ...effect.Data) *effect.Result {
	r.t.Helper()
	res := r.d.Dispatch(context.Background(), app{}, items...)
	if err := res.Err(); err != nil {
		r.t.Errorf("dispatch: %v", err)
	}
	return res
}

func (r *rig) count(p sfere.Pattern) int {
	r.t.Helper()
	n, err := r.conns.Count(p)
	if err != nil {
		r.t.Error(err)
	}
	return n
}

// wantCount fails the test unless n connections match p.
func (r *rig) wantCount(p sfere.Pattern, n int) {
	r.t.Helper()
	if got := r.count(p); got != n {
		r.t.Errorf("%d connections match %v, want %d", got, p, n)
	}
}

// removal returns the next removal.
func (r *rig) removal() sfere.Removal {
	r.t.Helper()
	select {
	case rm := <-r.removed:
		return rm
	case <-time.After(twktest.Wait):
		r.t.Fatal("OnRemove was not called")
		panic("unreachable")
	}
}

// noRemoval fails the test if OnRemove was called (again).
func (r *rig) noRemoval() {
	r.t.Helper()
	select {
	case rm := <-r.removed:
		r.t.Errorf("OnRemove was called with %+v", rm)
	default:
	}
}

// hello is the first event of every stream of a rig; tell makes another.
func tell(text string) twk.PatchSignals {
	return twk.PatchSignals{Signals: map[string]any{"text": text}}
}

const textOf = `{"text":"%s"}`

// answer is the handler of a rig. The query says what it does: id, cat and scope
// of the key, policy and owner, user (for scope functions), short for a stream that
// does not stay, do for the name of a function to run after hello, then for a stream
// that is refused after it has been held.
func (r *rig) answer(req *twk.Request) twk.Response {
	q := req.URL.Query()
	key := sfere.ID("lobby", q.Get("id")).In(q.Get("scope"))
	if c := q.Get("cat"); c != "" {
		key.Category = c
	}
	effects := []effect.Data{tell("hello")}
	if name := q.Get("do"); name != "" {
		effects = append(effects, do{name})
	}
	resp := twk.Stream(effects...)
	if q.Get("short") != "" {
		resp = twk.Respond(effects...)
	}
	resp = resp.WithOpen(sfere.HoldStream{Key: key, Policy: sfere.Policy(q.Get("policy")), Owner: q.Get("owner")})
	if q.Get("then") != "" {
		resp = resp.WithOpen(sfere.Close{}) // fails
	}
	return resp
}

// server is a rig behind a real server.
type server struct {
	*rig
	srv *httptest.Server
}

func newServer(t testing.TB, s setup) *server {
	t.Helper()
	r := newRig(t, s)
	mux := http.NewServeMux()
	mux.Handle("GET /sse", r.bridge.Handle(r.answer))
	srv := httptest.NewServer(mux)
	t.Cleanup(func() {
		ctx, stop := context.WithTimeout(context.Background(), twktest.Wait)
		defer stop()
		if err := r.hub.Drain(ctx, 0); err != nil {
			t.Errorf("draining: %v", err)
		}
		srv.CloseClientConnections()
		srv.Close()
	})
	return &server{r, srv}
}

func (s *server) request(query string) *http.Request {
	req, err := http.NewRequest("GET", s.srv.URL+"/sse?"+query, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Datastar-Request", "true")
	return req
}

// open opens a stream and waits for its first event, by when it is held.
func (s *server) open(query string) *twktest.Stream {
	s.t.Helper()
	stream := s.try(query)
	wantText(s.t, stream, "hello")
	return stream
}

func (s *server) try(query string) *twktest.Stream {
	s.t.Helper()
	return twktest.Open(s.t, s.srv.Client(), s.request(query))
}

// status returns the status of a request whose answer is no stream.
func (s *server) status(query string) int {
	s.t.Helper()
	res, err := s.srv.Client().Do(s.request(query))
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	return res.StatusCode
}

// wantText fails the test unless the next event is a tell of text.
func wantText(t testing.TB, s *twktest.Stream, text string) {
	t.Helper()
	if got := s.Next().Fields()["signals"]; got != fmt.Sprintf(textOf, text) {
		t.Errorf("the next event has signals %s, want the text %q", got, text)
	}
}

// wantNone fails the test if a stream has got an event before the marker that
// is sent to it now.
func (s *server) wantNone(streams ...*twktest.Stream) {
	s.t.Helper()
	s.dispatch(sfere.Broadcast{To: sfere.Everyone(), Effects: effect.List{tell("marker")}})
	for _, stream := range streams {
		wantText(s.t, stream, "marker")
	}
}

// writer is a response in memory.
type writer struct {
	header http.Header

	mu     sync.Mutex // guards the fields below
	body   bytes.Buffer
	status int
	fail   bool          // writes fail
	gate   chan struct{} // writes wait for it; nil: they do not
}

func newWriter() *writer { return &writer{header: http.Header{}} }

func (w *writer) Header() http.Header { return w.header }

func (w *writer) WriteHeader(code int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.status = code
}

var errBroken = errors.New("broken pipe")

func (w *writer) Write(b []byte) (int, error) {
	w.mu.Lock()
	gate := w.gate
	w.mu.Unlock()
	if gate != nil {
		<-gate
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fail {
		return 0, errBroken
	}
	return w.body.Write(b)
}

func (w *writer) Flush() {}

func (w *writer) SetWriteDeadline(time.Time) error { return nil }

func (w *writer) text() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.body.String()
}

// client is a stream in memory, for tests in a synctest bubble.
type client struct {
	*writer
	leave  context.CancelFunc
	left   chan struct{} // closed when the handler has returned
	aborts bool          // the handler cut the stream; read after left
}

// visit opens a stream in memory; query as in [rig.answer].
func (r *rig) visit(query string) *client { return r.visitWith(newWriter(), query) }

func (r *rig) visitWith(w *writer, query string) *client { return r.serve(w, query, r.answer) }

// visitOpen is visit with an effect that runs before the stream is held.
func (r *rig) visitOpen(query string, first effect.Data) *client {
	return r.serve(newWriter(), query, func(req *twk.Request) twk.Response {
		resp := r.answer(req)
		resp.Open = append(effect.List{first}, resp.Open...)
		return resp
	})
}

func (r *rig) serve(w *writer, query string, answer func(*twk.Request) twk.Response) *client {
	ctx, leave := context.WithCancel(context.Background())
	c := &client{writer: w, leave: leave, left: make(chan struct{})}
	req := httptest.NewRequest("GET", "/sse?"+query, nil).WithContext(ctx)
	req.Header.Set("Datastar-Request", "true")
	go func() {
		defer close(c.left)
		defer func() { c.aborts = recover() != nil }()
		r.bridge.Handle(answer).ServeHTTP(w, req)
	}()
	return c
}

// texts returns the texts of the tells that were written, joined with spaces.
func (w *writer) texts() string {
	events, err := twktest.All(strings.NewReader(w.text()))
	if err != nil {
		return err.Error()
	}
	var out []string
	for _, e := range events {
		out = append(out, strings.TrimSuffix(strings.TrimPrefix(e.Fields()["signals"], `{"text":"`), `"}`))
	}
	return strings.Join(out, " ")
}

// close makes the client go away and waits for its handler.
func (c *client) close() {
	c.leave()
	<-c.left
}

func id(name string) string { return "id=" + url.QueryEscape(name) }

// key is the key of a rig's stream with this id.
func key(name string) sfere.Key { return sfere.ID("lobby", name).In(sfere.DefaultScope) }
