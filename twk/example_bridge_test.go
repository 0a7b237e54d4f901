package twk_test

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/registry"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/attr"
)

// greet answers a click: it reads the page's signals and says what to patch.
func greet(r *twk.Request) twk.Response {
	var in struct{ Name string }
	if err := r.Signals(&in); err != nil {
		return twk.BadRequest(err)
	}
	return twk.Respond(
		twk.PatchElements{Elements: twk.HTML(`<p id="greeting">Hello, ` + html.EscapeString(in.Name) + `!</p>`)},
		twk.PatchSignals{Signals: map[string]any{"name": ""}},
	)
}

// home is the page itself.
func home(*twk.Request) twk.Response {
	return twk.Page(twk.HTML(`<!doctype html><html><head>` + string(twk.Client{}.Script()) + `</head>
<body ` + attr.Stream("/news", nil).String() + `>
	<input data-bind="name">
	<button ` + attr.On("click", attr.Post("/greet", nil)).String() + `>Greet</button>
	<p id="greeting"></p> <p id="news"></p>
</body></html>`))
}

// news is a stream that stays open.
func news(*twk.Request) twk.Response {
	return twk.Stream(twk.PatchElements{Elements: twk.HTML(`<p id="news">Connected.</p>`)})
}

func routes() http.Handler {
	d := dispatch.Must(dispatch.New(twk.Registry(nil)))
	bridge := twk.NewBridge(d, func(s twk.Session) twk.Session { return s }, nil)
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", bridge.Handle(home))
	mux.Handle("POST /greet", bridge.Handle(greet))
	mux.Handle("GET /news", bridge.Handle(news))
	return mux
}

// A handler is a function from a request to data. Behind a bridge it is an
// http.Handler.
func ExampleBridge() {
	srv := httptest.NewServer(routes())
	defer srv.Close()
	req, _ := http.NewRequest("POST", srv.URL+"/greet", strings.NewReader(`{"name": "<Ann>"}`))
	req.Header.Set("Datastar-Request", "true") // as the client in the page does
	res, err := srv.Client().Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer res.Body.Close()
	events, _ := io.ReadAll(res.Body)
	fmt.Println(res.Status, res.Header.Get("Content-Type"))
	for line := range strings.SplitSeq(string(events), "\n") {
		if line != "" {
			fmt.Println(line)
		}
	}
	// Output:
	// 200 OK text/event-stream
	// event: datastar-patch-elements
	// data: elements <p id="greeting">Hello, &lt;Ann&gt;!</p>
	// event: datastar-patch-signals
	// data: signals {"name":""}
}

// A test of a handler needs no server: it compares data.
func ExampleRespond() {
	r := httptest.NewRequest("POST", "/greet", strings.NewReader(`{"name": "Ann"}`))
	r.Header.Set("Datastar-Request", "true")
	req, err := twk.NewRequest(r, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	want := effect.List{
		twk.PatchElements{Elements: twk.HTML(`<p id="greeting">Hello, Ann!</p>`)},
		twk.PatchSignals{Signals: map[string]any{"name": ""}},
	}
	fmt.Println(cmp.Diff(want, greet(req).Effects) == "")
	// Output: true
}

// The error hook decides what a person sees when an effect has failed.
func ExampleBridgeOptions() {
	failing := registry.New("app", effect.Handle("Fail.",
		func(context.Context, twk.Call, save) (struct{}, error) { return struct{}{}, errors.New("disk full") }))
	d := dispatch.Must(dispatch.New(twk.Registry(nil), failing))
	bridge := twk.NewBridge(d, func(s twk.Session) twk.Session { return s }, &twk.BridgeOptions{
		RootAttrs: map[string]string{"lang": "en"},
		OnError: func(ctx context.Context, r *twk.Request, err error) effect.List {
			fmt.Println("log:", err)
			return effect.List{twk.PatchElements{Elements: twk.HTML(`<p id="error">That did not work.</p>`)}}
		},
	})
	h := bridge.Handle(func(*twk.Request) twk.Response { return twk.Respond(save{}) })
	w, r := httptest.NewRecorder(), httptest.NewRequest("POST", "/save", nil)
	r.Header.Set("Datastar-Request", "true")
	h.ServeHTTP(w, r)
	fmt.Println(w.Body)
	// Output:
	// log: twk: answering POST /save: effect app/save at 0: disk full
	// event: datastar-patch-elements
	// data: elements <p id="error">That did not work.</p>
}

type save struct{}

func (save) EffectName() string { return "app/save" }

// An interceptor sees the end of every stream, with the request that opened it.
func ExampleSSEClosed() {
	watch := effect.Interceptor[twk.Session]{Name: "departures",
		Effect: func(next effect.EffectFunc[twk.Session]) effect.EffectFunc[twk.Session] {
			return func(ctx context.Context, call twk.Call, item effect.Data) (any, error) {
				if e, ok := item.(twk.SSEClosed); ok {
					fmt.Println(call.Ctx().Request.URL.Path, "ended:", e.Cause)
				}
				return next(ctx, call, item)
			}
		}}
	d := dispatch.Must(dispatch.New(twk.Registry(nil), registry.New("app", watch)))
	bridge := twk.NewBridge(d, func(s twk.Session) twk.Session { return s }, nil)
	r := httptest.NewRequest("POST", "/greet", strings.NewReader(`{}`))
	r.Header.Set("Datastar-Request", "true")
	bridge.Handle(greet).ServeHTTP(httptest.NewRecorder(), r)
	// Output: /greet ended: done
}

// Middleware of any router works if its ResponseWriter has Unwrap or Flush.
func ExampleBridge_chi() {
	d := dispatch.Must(dispatch.New(twk.Registry(nil)))
	bridge := twk.NewBridge(d, func(s twk.Session) twk.Session { return s }, nil)
	m := chi.NewRouter()
	m.Use(middleware.Logger, middleware.Recoverer)
	m.Method("GET", "/news", bridge.Handle(news))
}

// A cursor is worth sending only where it is now; a chat message is worth
// waiting for.
func ExampleEventOptions() {
	cursor := twk.PatchSignals{
		Signals:      map[string]any{"x": 10, "y": 20},
		EventOptions: twk.EventOptions{Coalesce: "cursor/ann", Overflow: sse.DropOldest},
	}
	show(cursor)
	// Output: signals {"x":10,"y":20}
}
