package live_test

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/mcp"
	"github.com/sfere-go/sfere/registry"
	"github.com/sfere-go/sfere/schema"
	"github.com/sfere-go/sfere/schema/httpapi"
	"github.com/sfere-go/sfere/schema/live"
	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/twk"
)

// App is the Ctx of the program: values of one dispatch.
type App struct {
	twk.Session
	User string
}

// Greet is an action: it stands for other effects.
type Greet struct {
	Name effect.Late[string] `json:"name" jsonschema:"description=whom to greet"`
}

// EffectName returns "app/greet".
func (Greet) EffectName() string { return "app/greet" }

// UserName is the placeholder for the user of the dispatch.
type UserName struct{}

// EffectName returns "app/user-name".
func (UserName) EffectName() string { return "app/user-name" }

func greetings() registry.Registry[App] {
	return registry.New("app",
		effect.Expand[App]("Greet somebody on the page.",
			func(_ effect.NoState, g Greet) (effect.List, error) {
				return effect.List{twk.PatchSignals{Signals: map[string]any{"greeting": "Hello " + g.Name.Value}}}, nil
			}).About(effect.About{Examples: []effect.Data{Greet{Name: effect.From[string](UserName{})}}}),
		effect.Resolver("The name of the user.",
			func(_ context.Context, call *effect.Call[App], _ UserName) (string, error) {
				return call.Ctx().User, nil
			}),
	)
}

// wire is where a program puts its registries together.
func wire() (*dispatch.Dispatcher[App], *sfere.Conns, error) {
	session := func(a *App) *twk.Session { return &a.Session }
	conns := sfere.NewMemory(nil)
	d, err := dispatch.New(
		registry.Lift(twk.Registry(nil), session),
		registry.Lift(sfere.Registry(conns), session),
		greetings(),
	)
	return d, conns, err
}

func tools(d *dispatch.Dispatcher[App], conns *sfere.Conns) http.Handler {
	console := live.Console(d, nil, conns, &schema.ConsoleOptions{
		Audit: func(ctx context.Context, a schema.Audit) {
			slog.InfoContext(ctx, "sent by hand", "by", a.Command.By, "to", a.Command.To, "effects", string(a.Command.Effects), "refused", a.Err)
		},
	})
	mux := http.NewServeMux()
	mux.Handle("/inspect/api/", http.StripPrefix("/inspect/api", httpapi.New(console, &httpapi.Options{Guard: httpapi.Local(httpapi.Write)})))
	mux.Handle("/mcp", mcp.Handler(console, &mcp.Options{AllowSend: true}))
	return mux
}

func Example() {
	d, conns, err := wire()
	if err != nil {
		panic(err)
	}
	_ = tools(d, conns)
	// Output:
}
