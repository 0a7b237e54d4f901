// Package consoletest is a small running program for tests of everything that
// looks into one: streams under keys, and an effect that must not happen by
// accident.
package consoletest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/inspect/record"
	"github.com/sfere-go/sfere/registry"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/twktest"
)

// Token is that of the console of every [Program].
const Token = "the-token-of-the-test"

// App is the Ctx of the program.
type App struct{ twk.Session }

// Mail is an effect outside the process that knows nothing of dry runs.
type Mail struct {
	To string `json:"to" jsonschema:"description=whom to write to"`
}

// EffectName returns "test/mail".
func (Mail) EffectName() string { return "test/mail" }

// Board is a view. It shows its number, and fails if that is negative.
type Board struct {
	ID int `json:"id" jsonschema:"description=which board"`
}

// EffectName returns "test/board".
func (Board) EffectName() string { return "test/board" }

// Topics returns the topic of the board.
func (b Board) Topics() []sfere.Topic { return []sfere.Topic{sfere.T("board", b.ID)} }

func board(_ context.Context, b Board) (twk.Content, error) {
	if b.ID < 0 {
		return nil, errors.New("there is no such board")
	}
	return twk.HTML(fmt.Sprintf(`<b id="board-%d">Board</b>`, b.ID)), nil
}

// Program is a running program.
type Program struct {
	Dispatcher *dispatch.Dispatcher[App]
	Conns      *sfere.Conns
	Recorder   *record.Recorder
	Console    *console.Console
	Mails      atomic.Int64          // sent so far
	Heard      func(context.Context) // told of each mail; may be nil
	srv        *httptest.Server
}

// New starts a program that ends with the test. Its console has o, and the
// program's own recorder.
func New(t testing.TB, o *console.Options[App]) *Program {
	t.Helper()
	return newProgram(t, o, nil)
}

func newProgram(t testing.TB, o *console.Options[App], conns *sfere.Options) *Program {
	t.Helper()
	session := func(a *App) *twk.Session { return &a.Session }
	p := &Program{Conns: sfere.New(conns), Recorder: record.New(50)}
	var v console.Options[App]
	if o != nil {
		v = *o
	}
	v.Recorder, v.Token = p.Recorder, Token
	d, err := dispatch.New(
		registry.New("record", record.Interceptor[App](p.Recorder)),
		registry.Lift(twk.Registry(nil), session),
		registry.Lift(sfere.Registry(p.Conns), session),
		registry.New("test", effect.Handle("Send a mail.", func(ctx context.Context, _ effect.Call[App], _ Mail) (int64, error) {
			if p.Heard != nil {
				p.Heard(ctx)
			}
			return p.Mails.Add(1), nil
		}).About(effect.About{Meta: map[string]any{"owner": "post office"}}),
			sfere.View[App]("A board.", board, nil)),
	)
	if err != nil {
		t.Fatal(err)
	}
	p.Dispatcher, p.Console = d, console.New(d, p.Conns, &v)
	bridge := twk.NewBridge(d, func(s twk.Session) App { return App{s} }, &twk.BridgeOptions{Hub: sse.NewHub(&sse.HubOptions{Record: 50})})
	mux := http.NewServeMux()
	mux.Handle("GET /sse/{id}", bridge.Handle(func(r *twk.Request) twk.Response {
		return sfere.Hold(sfere.ID("lobby", r.PathValue("id")), twk.Stream(twk.PatchElements{Elements: twk.HTML(`<p id="s">Connected</p>`)}))
	}))
	p.srv = httptest.NewServer(mux)
	t.Cleanup(p.srv.Close)
	return p
}

// Show makes the stream of [Program.Join] show a board, and returns when it does.
func (p *Program) Show(t testing.TB, s *twktest.Stream, id string, board int) {
	t.Helper()
	show := sfere.Show{Views: effect.List{Board{board}}}
	if err := p.Dispatcher.Dispatch(t.Context(), App{}, sfere.Send(sfere.ID("lobby", id), show)).Err(); err != nil {
		t.Fatal(err)
	}
	if board >= 0 {
		s.Next()
	}
}

// Join opens a stream under default/lobby/id and returns when it is there.
func (p *Program) Join(t testing.TB, id string) *twktest.Stream {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, p.srv.URL+"/sse/"+id, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Datastar-Request", "true")
	s := twktest.Open(t, p.srv.Client(), req)
	s.Next()
	return s
}
