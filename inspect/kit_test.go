package inspect_test

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/inspect"
	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/inspect/httpapi"
	"github.com/sfere-go/sfere/inspect/record"
	"github.com/sfere-go/sfere/registry"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/twktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// App is the Ctx of the program that is inspected.
type App struct{ twk.Session }

// Mail stands for an effect that reaches outside.
type Mail struct {
	To       string   `json:"to" jsonschema:"description=address"`
	Subject  string   `json:"subject,omitempty" jsonschema:"description=first line"`
	Priority string   `json:"priority,omitempty" jsonschema:"enum=low,enum=high,description=how soon it goes out"`
	Copies   int      `json:"copies,omitempty" jsonschema:"minimum=0,maximum=9,description=how many are printed as well"`
	Urgent   bool     `json:"urgent,omitempty" jsonschema:"description=ring a bell"`
	Tags     []string `json:"tags,omitempty" jsonschema:"description=labels of the message"`
}

func (Mail) EffectName() string { return "shop/mail" }

// Sold is an action.
type Sold struct {
	Item string              `json:"item" jsonschema:"description=what was sold"`
	Text effect.Late[string] `json:"text" jsonschema:"description=what everybody is told"`
}

func (Sold) EffectName() string { return "shop/sold" }

// Fail is an effect that fails.
type Fail struct{}

func (Fail) EffectName() string { return "shop/fail" }

// Greeting is a placeholder.
type Greeting struct {
	Name string `json:"name" jsonschema:"description=who is greeted"`
}

func (Greeting) EffectName() string { return "shop/greeting" }

// Stock is a view, and Basket one of each stream's own.
type (
	Stock struct {
		Item string `json:"item" jsonschema:"description=what is in stock"`
	}
	Basket struct {
		ID int `json:"id" jsonschema:"description=which basket"`
	}
)

func (Stock) EffectName() string  { return "shop/stock" }
func (Basket) EffectName() string { return "shop/basket" }

func (s Stock) Topics() []sfere.Topic { return []sfere.Topic{sfere.T("stock", s.Item)} }

// token is that of the console of every program.
const token = "the-token-of-the-test"

// may is a guard that allows everybody a.
func may(a httpapi.Access) httpapi.Guard {
	return func(*http.Request) httpapi.Caller { return httpapi.Caller{By: "tester", Access: a} }
}

// program is what is inspected, with everything it needs.
type program struct {
	t       *testing.T
	console *console.Console
	d       *dispatch.Dispatcher[App]
	conns   *sfere.Conns
	bridge  *twk.Bridge[App]
	rec     *record.Recorder
	insp    *inspect.Inspector
	srv     *httptest.Server
	stock   atomic.Int64 // of everything
}

var (
	errMail  = errors.New("no mail server")
	errStock = errors.New("the warehouse knows of no unicorns")
)

func newProgram(t *testing.T, guard httpapi.Guard, extra ...func(*http.ServeMux)) *program {
	t.Helper()
	p := &program{t: t, conns: sfere.New(nil), rec: record.New(50)}
	session := func(a *App) *twk.Session { return &a.Session }
	p.d = dispatch.Must(dispatch.New(
		registry.New("record", record.Interceptor[App](p.rec)),
		registry.Lift(twk.Registry(nil), session),
		registry.Lift(sfere.Registry(p.conns), session),
		registry.New("shop",
			effect.Handle("Send a message by mail.", func(_ context.Context, _ effect.Call[App], m Mail) (int, error) {
				if m.To == "" {
					return 0, errMail
				}
				return len(m.Subject), nil
			}).About(effect.About{Examples: []effect.Data{Mail{To: "ann@example.com", Subject: "Your order"}}, Meta: map[string]any{"owner": "sales"}}),
			effect.Expand[App]("Tell everybody that something was sold.", func(_ effect.NoState, s Sold) (effect.List, error) {
				return effect.List{
					sfere.Broadcast{To: sfere.Category("shop"), Effects: effect.List{
						twk.PatchElements{Elements: twk.HTML(`<p id="news">` + s.Item + ` was sold</p>`)},
					}},
					Mail{To: "sales@example.com", Subject: s.Item},
				}, nil
			}),
			effect.Handle("Fail.", func(context.Context, effect.Call[App], Fail) (any, error) { return nil, errMail }),
			effect.Provide("A friendly word.", func(_ context.Context, _ effect.Call[App], g Greeting) (string, error) {
				return "Hello " + g.Name, nil
			}),
			sfere.View[App]("What is in stock.", func(_ context.Context, s Stock) (twk.Content, error) {
				if s.Item == "unicorn" {
					return nil, errStock
				}
				return twk.HTML(fmt.Sprintf(`<p id="stock">%s: %d</p>`, html.EscapeString(s.Item), p.stock.Load())), nil
			}, nil),
			sfere.OwnView("A basket.", func(_ context.Context, _ effect.Call[App], b Basket) (twk.Content, error) {
				return twk.HTML(fmt.Sprintf(`<p id="basket-%d">empty</p>`, b.ID)), nil
			}, nil),
		),
	))
	p.bridge = twk.NewBridge(p.d, func(s twk.Session) App { return App{s} }, &twk.BridgeOptions{Hub: sse.NewHub(&sse.HubOptions{Record: 50})})
	p.console = console.New(p.d, p.conns, &console.Options[App]{Recorder: p.rec, Token: token})
	p.insp = inspect.New(p.console, &inspect.Options{
		Guard: guard, Hub: p.bridge.Hub(), Client: twk.Client{URL: "/datastar.js"}, Title: "shop",
	})
	mux := http.NewServeMux()
	mux.Handle("/inspect/", p.insp)
	mux.Handle("GET /stream", p.bridge.Handle(func(r *twk.Request) twk.Response {
		return sfere.Hold(sfere.ID("shop", r.URL.Query().Get("name")), twk.Stream())
	}))
	for _, f := range extra {
		f(mux)
	}
	p.srv = httptest.NewServer(mux)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), twktest.Wait)
		defer cancel()
		if err := p.bridge.Hub().Drain(ctx, 0); err != nil {
			t.Error(err)
		}
		p.srv.Close()
		p.conns.Close()
	})
	return p
}

// client is one that nobody loads.
func (p *program) client() twk.Client { return twk.Client{URL: "/datastar.js"} }

// dispatch runs items from outside any request.
func (p *program) dispatch(items ...effect.Data) *effect.Result {
	return p.d.Dispatch(p.t.Context(), App{}, items...)
}

// get asks for a page as a browser does.
func (p *program) get(path string) (int, string) {
	p.t.Helper()
	return p.do(p.request("GET", path, nil))
}

func (p *program) request(method, path string, form url.Values) *http.Request {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), method, p.srv.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r
}

// post submits a form as the Datastar client does and returns the markup and
// signals that came back.
func (p *program) post(path string, form url.Values) string {
	p.t.Helper()
	r := p.request("POST", path, form)
	r.Header.Set("Datastar-Request", "true")
	return p.events(r)
}

// events returns what a Datastar request patches.
func (p *program) events(r *http.Request) string {
	p.t.Helper()
	resp, err := p.srv.Client().Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		p.t.Fatalf("%s %s: %s", r.Method, r.URL.Path, resp.Status)
	}
	events, err := twktest.All(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	var out strings.Builder
	for _, e := range events {
		if err := e.Check(); err != nil {
			p.t.Error(err)
		}
		out.WriteString(e.Fields()["elements"] + e.Fields()["signals"] + "\n")
	}
	return out.String()
}

func (p *program) do(r *http.Request) (int, string) {
	p.t.Helper()
	resp, err := p.srv.Client().Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// show makes the streams of a name show views.
func (p *program) show(name string, views ...effect.Data) {
	p.t.Helper()
	if err := p.dispatch(sfere.Send(sfere.ID("shop", name), sfere.Show{Views: views})).Err(); err != nil {
		p.t.Fatal(err)
	}
}

// join opens a stream under a key of the category shop.
func (p *program) join(name string) *twktest.Stream {
	p.t.Helper()
	r := p.request("GET", "/stream?name="+url.QueryEscape(name), nil)
	r.Header.Set("Datastar-Request", "true")
	return twktest.Open(p.t, p.srv.Client(), r)
}
