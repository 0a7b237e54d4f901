package sfere_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/registry"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/twktest"
)

// viewer is the Ctx of programs with views.
type viewer struct {
	twk.Session
	User string
}

// Views of the tests. What they show is "name scope number".
type (
	poster struct {
		ID int `json:"id"`
	}
	inbox struct { // of the user of the stream
		Box int `json:"box"`
	}
	notice struct { // the same in all scopes
		ID int `json:"id"`
	}
	meter struct { // with a signal
		ID int `json:"id"`
	}
)

// nap is an effect that takes a millisecond.
type nap struct{}

func (nap) EffectName() string    { return "test/nap" }
func (poster) EffectName() string { return "test/board" }
func (inbox) EffectName() string  { return "test/inbox" }
func (notice) EffectName() string { return "test/notice" }
func (meter) EffectName() string  { return "test/meter" }

func (b poster) Topics() []sfere.Topic { return []sfere.Topic{sfere.T("board", b.ID)} }
func (m meter) Topics() []sfere.Topic  { return []sfere.Topic{sfere.T("meter", m.ID)} }
func (i inbox) Topics() []sfere.Topic  { return []sfere.Topic{sfere.T("inbox", i.Box)} }

// gallery is a program whose state is a number for each name, shown by views.
type gallery struct {
	t      testing.TB
	conns  *sfere.Conns
	hub    *sse.Hub
	d      *dispatch.Dispatcher[viewer]
	bridge *twk.Bridge[viewer]

	mu      sync.Mutex // guards the fields below
	state   map[string]int
	fails   map[string]error
	panics  map[string]bool
	slow    map[string]time.Duration
	banned  map[string]bool // users that may not see boards
	instead map[string]int  // users that see another one
	renders map[string]int
	running map[string]int
	wrong   []string
	told    []string                        // what OnViewError heard
	after   map[string][]uint64             // which positions the renders of a name were asked for
	before  func(ctx context.Context) error // asked before a render reads; nil: nothing
}

type galleryOptions struct {
	conns  sfere.Options
	hub    sse.HubOptions
	poster sfere.ViewOptions[viewer, poster]
}

func newGallery(t testing.TB, o *galleryOptions) *gallery {
	t.Helper()
	if o == nil {
		o = &galleryOptions{}
	}
	g := &gallery{
		t: t, hub: sse.NewHub(&o.hub), state: map[string]int{}, fails: map[string]error{}, panics: map[string]bool{},
		slow: map[string]time.Duration{}, banned: map[string]bool{}, instead: map[string]int{}, renders: map[string]int{}, running: map[string]int{}, after: map[string][]uint64{},
	}
	o.conns.Scope = func(r *twk.Request) (string, error) { return r.URL.Query().Get("scope"), nil }
	o.conns.OnViewError = func(v effect.Data, err error) {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.told = append(g.told, fmt.Sprintf("%+v: %v", v, err))
	}
	g.conns = sfere.New(&o.conns)
	t.Cleanup(g.conns.Close)
	o.poster.Allow = func(_ context.Context, call effect.Call[viewer], p poster) (poster, error) {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.banned[call.Ctx().User] {
			return p, fmt.Errorf("%s may not", call.Ctx().User)
		}
		if n, ok := g.instead[call.Ctx().User]; ok {
			return poster{n}, nil
		}
		return p, nil
	}
	o.poster.Removed = func(b poster) effect.List {
		return effect.List{twk.PatchElements{Elements: twk.HTML(fmt.Sprintf(`<b id="board-%d">removed</b>`, b.ID))}}
	}
	o.poster.Failed = func(b poster, err error) effect.List {
		return effect.List{twk.PatchElements{Elements: twk.HTML(fmt.Sprintf(`<b id="board-%d">failed</b>`, b.ID))}}
	}
	session := func(v *viewer) *twk.Session { return &v.Session }
	g.d = dispatch.Must(dispatch.New(
		registry.Lift(twk.Registry(nil), session),
		registry.Lift(sfere.Registry(g.conns), session),
		registry.New("test",
			effect.Do("Wait a moment.", func(context.Context, effect.Call[viewer], nap) error { time.Sleep(time.Millisecond); return nil }),
			sfere.View[viewer]("A board.", func(ctx context.Context, b poster) (twk.Content, error) {
				scope, _ := sfere.ScopeOf(ctx)
				if r, ok := sfere.RecipientOf(ctx); ok {
					g.complain("a shared view knows the recipient %v", r.Key)
				}
				return g.show(ctx, fmt.Sprintf("board-%d", b.ID), scope)
			}, &o.poster),
			sfere.OwnView("An inbox.", func(ctx context.Context, call effect.Call[viewer], i inbox) (twk.Content, error) {
				if call.Ctx().Request != nil {
					g.complain("a view of its own has a request")
				}
				return g.show(ctx, fmt.Sprintf("inbox-%d", i.Box), call.Ctx().User)
			}, nil),
			sfere.View("A notice.", func(ctx context.Context, n notice) (twk.Content, error) {
				return g.show(ctx, fmt.Sprintf("notice-%d", n.ID), "all")
			}, &sfere.ViewOptions[viewer, notice]{AcrossScopes: true}),
			sfere.View[viewer]("A meter.", func(ctx context.Context, m meter) (twk.Content, error) {
				name := fmt.Sprintf("meter-%d", m.ID)
				content, err := g.show(ctx, name, "all")
				if err != nil {
					return nil, err
				}
				return sfere.ViewFrame{Content: content, Signals: map[string]int{"meter": g.now(name)}}, nil
			}, nil),
		),
	))
	g.bridge = twk.NewBridge(g.d, func(s twk.Session) viewer { return viewer{s, s.Request.URL.Query().Get("user")} }, &twk.BridgeOptions{Hub: g.hub})
	return g
}

func (g *gallery) complain(format string, args ...any) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.wrong = append(g.wrong, fmt.Sprintf(format, args...))
}

// show renders the number of a name as it is at the start.
func (g *gallery) show(ctx context.Context, name, whose string) (twk.Content, error) {
	id := name + " " + whose
	g.mu.Lock()
	before := g.before
	g.mu.Unlock()
	if before != nil {
		if err := before(ctx); err != nil {
			return nil, err
		}
	}
	g.mu.Lock()
	n, err, slow, panics := g.state[name], g.fails[name], g.slow[name], g.panics[name]
	g.after[name] = append(g.after[name], sfere.AfterOf(ctx))
	g.renders[id]++
	if g.running[id]++; g.running[id] > 1 {
		g.wrong = append(g.wrong, id+" is rendered twice at a time")
	}
	g.mu.Unlock()
	defer func() {
		g.mu.Lock()
		g.running[id]--
		g.mu.Unlock()
	}()
	if slow > 0 {
		select {
		case <-time.After(slow):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if panics {
		panic("view panics")
	}
	if err != nil {
		return nil, err
	}
	return twk.HTML(fmt.Sprintf(`<b id="%s">%s %d</b>`, name, whose, n)), nil
}

// set changes the state of a name.
func (g *gallery) set(name string, n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.state[name] = n
}

func (g *gallery) now(name string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.state[name]
}

func (g *gallery) fail(name string, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fails[name] = err
}

func (g *gallery) takes(name string, d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.slow[name] = d
}

// rendered returns how many values have been rendered at all.
func (g *gallery) rendered() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.renders)
}

func (g *gallery) count(id string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.renders[id]
}

// complaints fails the test for everything that must never happen and did.
func (g *gallery) complaints() {
	g.t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, w := range g.wrong {
		g.t.Error(w)
	}
}

// run dispatches effects from outside any request and fails the test on an error.
func (g *gallery) run(items ...effect.Data) *effect.Result {
	g.t.Helper()
	res := g.d.Dispatch(context.Background(), viewer{}, items...)
	if err := res.Err(); err != nil {
		g.t.Error(err)
	}
	return res
}

// open opens a stream of user that shows views at first.
func (g *gallery) open(scope, user string, views ...effect.Data) *client {
	return g.stream(scope, user, sfere.Show{Views: views})
}

func (g *gallery) stream(scope, user string, first ...effect.Data) *client {
	ctx, leave := context.WithCancel(context.Background())
	c := &client{writer: newWriter(), leave: leave, left: make(chan struct{})}
	req := httptest.NewRequest("GET", "/sse?scope="+scope+"&user="+user, nil).WithContext(ctx)
	req.Header.Set("Datastar-Request", "true")
	go func() {
		defer close(c.left)
		defer func() { c.aborts = recover() != nil }()
		g.bridge.Handle(func(r *twk.Request) twk.Response {
			return sfere.Hold(sfere.ID("page", user), twk.Stream(first...))
		}).ServeHTTP(c.writer, req)
	}()
	return c
}

// to is the pattern of the streams of a user.
func to(scope, user string) sfere.Pattern { return sfere.Exactly(sfere.ID("page", user).In(scope)) }

// page returns what a page shows under an id at the end, and all it has shown there.
func (c *client) page(id string) (last string, all []string) {
	events, err := twktest.All(strings.NewReader(c.text()))
	if err != nil {
		return err.Error(), nil
	}
	for _, e := range events {
		rest, ok := strings.CutPrefix(e.Fields()["elements"], `<b id="`+id+`">`)
		if ok {
			all = append(all, strings.TrimSuffix(rest, "</b>"))
		}
	}
	if len(all) > 0 {
		last = all[len(all)-1]
	}
	return last, all
}

// stall makes writes to the client wait until the returned function is called.
func (c *client) stall() (resume func()) {
	gate := make(chan struct{})
	c.mu.Lock()
	c.gate = gate
	c.mu.Unlock()
	return func() {
		c.mu.Lock()
		c.gate = nil
		c.mu.Unlock()
		close(gate)
	}
}

// request is a request of a scope.
func request(scope string) *twk.Request { return requestIn(context.Background(), scope) }

func requestIn(ctx context.Context, scope string) *twk.Request {
	return &twk.Request{Request: httptest.NewRequest("GET", "/?scope="+scope, nil).WithContext(ctx)}
}

func dispatchOf(rs ...registry.Registry[viewer]) (*dispatch.Dispatcher[viewer], error) {
	return dispatch.New(rs...)
}
