package inspect_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/inspect"
	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/inspect/httpapi"
	"github.com/sfere-go/sfere/inspect/record"
	"github.com/sfere-go/sfere/registry"
	"github.com/sfere-go/sfere/twk"
)

func shop() registry.Registry[App] {
	return registry.New("shop", effect.Handle("Send a message by mail.",
		func(_ context.Context, _ effect.Call[App], m Mail) (int, error) { return len(m.Subject), nil }))
}

func routes() (http.Handler, error) {
	conns := sfere.New(nil)
	session := func(a *App) *twk.Session { return &a.Session }
	rec := record.New(200)
	d, err := dispatch.New(
		registry.New("record", record.Interceptor[App](rec)), // first: it sees what those after it do
		registry.Lift(twk.Registry(nil), session),
		registry.Lift(sfere.Registry(conns), session),
		shop(),
	)
	if err != nil {
		return nil, err
	}
	bridge := twk.NewBridge(d, func(s twk.Session) App { return App{s} }, nil)

	mux := http.NewServeMux()
	tools := console.New(d, conns, &console.Options[App]{Recorder: rec})
	insp := inspect.New(tools, &inspect.Options{
		Hub: bridge.Hub(), // its streams end with the program's own
	})
	mux.Handle("/inspect/", insp)
	fmt.Fprintln(os.Stderr, "inspector:", insp.URL("http://localhost:8080")) // with the token: for this terminal only
	return mux, nil
}

func Example() {
	h, err := routes()
	fmt.Println(h != nil, err)
	// Output: true <nil>
}

// userOf stands for the program's own sessions.
func userOf(r *http.Request) string { return r.Header.Get("X-User") }

func staff(r *http.Request) httpapi.Caller {
	switch user := userOf(r); user {
	case "":
		return httpapi.Caller{Why: "log in first"}
	case "root":
		return httpapi.Caller{By: user, Access: httpapi.Write}
	default:
		return httpapi.Caller{By: user, Access: httpapi.Read, Why: "only root sends"}
	}
}

func audited(d *dispatch.Dispatcher[App], conns *sfere.Conns) http.Handler {
	tools := console.New(d, conns, &console.Options[App]{
		Audit: func(ctx context.Context, a console.Audit) {
			slog.WarnContext(ctx, "sent by hand", "by", a.Command.By, "to", a.Command.To, "effects", string(a.Command.Effects), "refused", a.Err)
		},
	})
	return inspect.New(tools, &inspect.Options{Guard: staff})
}

func ExampleOptions() {
	d, err := dispatch.New(shop())
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = audited(d, sfere.New(nil))
	// Output:
}
