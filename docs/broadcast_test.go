package docs_test

import (
	"context"
	"fmt"
	"html"
	"net/http/httptest"
	"testing"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/registry"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/twktest"
)

// App is the Ctx of the examples: what one dispatch runs against.
type App struct {
	twk.Session
	User string
}

func newCtx(s twk.Session) App { return App{s, s.Request.URL.Query().Get("user")} }

// Salary is for managers only.
type Salary struct {
	Text string `json:"text"`
}

func (Salary) EffectName() string { return "app/salary" }

// Wave shows each recipient who waves to them.
type Wave struct{}

func (Wave) EffectName() string { return "app/wave" }

// onlyManagers keeps salaries from everybody else. In a broadcast it looks at
// the Ctx, so it decides for each recipient.
func onlyManagers(managers map[string]bool) effect.Interceptor[App] {
	return effect.Interceptor[App]{
		Name: "only managers",
		Effect: func(next effect.EffectFunc[App]) effect.EffectFunc[App] {
			return func(ctx context.Context, call effect.Call[App], item effect.Data) (any, error) {
				if _, secret := item.(Salary); secret && !managers[call.Ctx().User] {
					return nil, effect.Skip("not a manager")
				}
				return next(ctx, call, item)
			}
		},
	}
}

func office() registry.Registry[App] {
	return registry.New("app",
		onlyManagers(map[string]bool{"ann": true}),
		effect.Do("Show a salary.", func(ctx context.Context, call effect.Call[App], s Salary) error {
			return call.Dispatch(ctx, twk.Patch(twk.HTML(`<p id="salary">`+html.EscapeString(s.Text)+`</p>`))).Err()
		}),
		effect.Do("Show the recipient who waves.", func(ctx context.Context, call effect.Call[App], _ Wave) error {
			from, _, ok := sfere.SenderOf[App](ctx)
			if !ok {
				return nil // not part of a broadcast
			}
			return call.Dispatch(ctx, twk.Signals("wave", from.User+" waves to "+call.Ctx().User)).Err()
		}))
}

// hall serves the office, with a stream for each name.
func hall(names ...string) (app *sfere.App[App], srv *httptest.Server, pages map[string]*twktest.Stream) {
	app = sfere.NewAppWith(newCtx, nil, office())
	app.Handle("GET /live", func(r *twk.Request) twk.Response {
		return sfere.Hold(sfere.ID("office", r.URL.Query().Get("user")), twk.Stream(twk.Signals("here", true)))
	})
	app.Handle("GET /wave", func(*twk.Request) twk.Response {
		return twk.Respond(sfere.Tell(sfere.Category("office"), Wave{}))
	})
	srv = httptest.NewServer(app)
	pages = map[string]*twktest.Stream{}
	for _, name := range names {
		pages[name] = twktest.Open(quiet{}, srv.Client(), twktest.HTTPRequest("GET", srv.URL+"/live?user="+name, nil))
		pages[name].Next()
	}
	return app, srv, pages
}

// A guard decides for each recipient of a broadcast, and not for the sender.
func Example_guardPerRecipient() {
	app, srv, pages := hall("ann", "bob")
	defer srv.Close()

	app.Dispatch(context.Background(), sfere.Tell(sfere.Everyone(), Salary{"Ann earns 5"}, twk.Signals("seen", true)))
	fmt.Println("ann:", pages["ann"].Next().Fields()["elements"])
	fmt.Println("ann:", pages["ann"].Next().Fields()["signals"])
	fmt.Println("bob:", pages["bob"].Next().Fields()["signals"])
	for _, p := range pages {
		p.Close()
	}
	// Output:
	// ann: <p id="salary">Ann earns 5</p>
	// ann: {"seen":true}
	// bob: {"seen":true}
}

// An effect for a recipient may ask for the sender by name.
func Example_senderOf() {
	_, srv, pages := hall("bob")
	defer srv.Close()

	req := twktest.HTTPRequest("GET", srv.URL+"/wave?user=ann", nil)
	fmt.Println(twktest.Open(quiet{}, srv.Client(), req).Ended())
	fmt.Println("bob:", pages["bob"].Next().Fields()["signals"])
	pages["bob"].Close()
	// Output:
	// <nil>
	// bob: {"wave":"ann waves to bob"}
}

// quiet stands for the *testing.T of a test.
type quiet struct{ testing.TB }

func (quiet) Helper()                           {}
func (quiet) Cleanup(func())                    {}
func (quiet) Errorf(format string, args ...any) { fmt.Printf(format+"\n", args...) }
func (quiet) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
