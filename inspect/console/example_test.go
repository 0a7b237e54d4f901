package console_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/inspect/httpapi"
	"github.com/sfere-go/sfere/inspect/mcp"
	"github.com/sfere-go/sfere/inspect/record"
	"github.com/sfere-go/sfere/registry"
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

// Log stands for an effect that reaches outside.
type Log struct {
	Text effect.Late[string] `json:"text" jsonschema:"description=what is written down"`
}

// EffectName returns "app/log".
func (Log) EffectName() string { return "app/log" }

// UserName is the placeholder for the user of the dispatch.
type UserName struct{}

// EffectName returns "app/user-name".
func (UserName) EffectName() string { return "app/user-name" }

func greetings() registry.Registry[App] {
	return registry.New("app",
		effect.Expand[App]("Greet somebody on the page.",
			func(_ effect.NoState, g Greet) (effect.List, error) {
				return effect.List{twk.PatchSignals{Signals: map[string]any{"greeting": "Hello " + g.Name.Value}}}, nil
			}).About(effect.About{Examples: []effect.Data{Greet{Name: effect.Later[string](UserName{})}}}),
		effect.Handle("Write a line to a log far away.",
			func(_ context.Context, _ effect.Call[App], l Log) (int, error) { return len(l.Text.Value), nil }),
		effect.Provide("The name of the user.",
			func(_ context.Context, call effect.Call[App], _ UserName) (string, error) {
				return call.Ctx().User, nil
			}),
	)
}

// wire is where a program puts its registries together.
func wire(rec *record.Recorder) (*dispatch.Dispatcher[App], *sfere.Conns, error) {
	session := func(a *App) *twk.Session { return &a.Session }
	conns := sfere.New(nil)
	d, err := dispatch.New(
		registry.New("record", record.Interceptor[App](rec)), // first: it sees what those after it do
		registry.Lift(twk.Registry(nil), session),
		registry.Lift(sfere.Registry(conns), session),
		greetings(),
	)
	return d, conns, err
}

func tools(d *dispatch.Dispatcher[App], conns *sfere.Conns, rec *record.Recorder) http.Handler {
	c := console.New(d, conns, &console.Options[App]{
		Recorder: rec,
		Audit: func(ctx context.Context, a console.Audit) {
			slog.InfoContext(ctx, "sent by hand", "by", a.Command.By, "to", a.Command.To, "effects", string(a.Command.Effects), "refused", a.Err)
		},
	})
	mux := http.NewServeMux()
	mux.Handle("/inspect/api/", http.StripPrefix("/inspect/api", httpapi.New(c, &httpapi.Options{Access: httpapi.Write})))
	mux.Handle("/mcp", mcp.Handler(c, &mcp.Options{Access: httpapi.Write}))
	return mux
}

// What may be seen and done, from the program itself.
func Example() {
	rec := record.New(200)
	d, err := dispatch.New(registry.New("record", record.Interceptor[App](rec)), greetings())
	if err != nil {
		fmt.Println(err)
		return
	}
	c := console.New(d, nil, &console.Options[App]{
		NewCtx:   func(context.Context) App { return App{User: "Ann"} },
		Recorder: rec,
		Audit: func(_ context.Context, a console.Audit) {
			fmt.Println("sent by", a.Command.By)
		},
	})
	ctx, cmd := context.Background(), console.Command{Sender: console.Sender{By: "an example"}, Effects: []byte(`[{"effect":"app/log","args":{"text":{"$placeholder":"app/user-name"}}}]`)}

	dry, err := c.DryRun(ctx, cmd)
	fmt.Println(dry.Plan[0].Name, "would run:", dry.Plan[0].Reach, string(dry.Plan[0].Item), err)
	out, err := c.Send(ctx, cmd)
	fmt.Println(out.Ran[0].Name, "gave", string(out.Ran[0].Value), err)
	last, err := c.Dispatches(1)
	fmt.Println("the last of", rec.Stats().Total, "dispatches:", last[0].Names, last[0].State, err)
	_, err = c.Connections(context.Background(), console.ConnQuery{Pattern: "*/lobby/*"})
	fmt.Println(err)
	// Output:
	// app/log would run: external {"effect":"app/log","args":{"text":"Ann"}} <nil>
	// sent by an example
	// app/log gave 3 <nil>
	// the last of 2 dispatches: [app/log] done <nil>
	// console: list connections: this program does not offer it
}

// A console that is open to the tools.
func ExampleNew() {
	rec := record.New(200)
	d, conns, err := wire(rec)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(tools(d, conns, rec) != nil)
	// Output: true
}
