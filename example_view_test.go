package sfere_test

import (
	"context"
	"errors"
	"fmt"
	"html"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/registry"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/attr"
	"github.com/sfere-go/sfere/twk/twktest"
)

// Visit is the Ctx of the program: whose dispatch it is.
type Visit struct {
	twk.Session
	User string
}

func newVisit(s twk.Session) Visit { return Visit{s, s.Request.URL.Query().Get("user")} }

// Cards is a view: the cards of a board, for those who may edit it or not.
type Cards struct {
	Board   int  `json:"board"`
	CanEdit bool `json:"canEdit"`
}

// EffectName returns "desk/cards".
func (Cards) EffectName() string { return "desk/cards" }

// Topics says what the view is about.
func (c Cards) Topics() []sfere.Topic { return []sfere.Topic{sfere.T("board", c.Board)} }

// Greeting is a view that differs from person to person.
type Greeting struct{}

// EffectName returns "desk/greeting".
func (Greeting) EffectName() string { return "desk/greeting" }

// Topics says what the view is about.
func (Greeting) Topics() []sfere.Topic { return []sfere.Topic{"greeting"} }

// AddCard changes the state.
type AddCard struct {
	Board int    `json:"board"`
	Title string `json:"title"`
}

// EffectName returns "desk/add-card".
func (AddCard) EffectName() string { return "desk/add-card" }

// desk is the state of the program.
type desk struct {
	mu    sync.Mutex // guards the fields below
	cards map[int][]string
	roles map[string]string // by user: "editor" or "none"; others may read
}

// showCards renders the cards of a board as they are now.
func (d *desk) showCards(_ context.Context, c Cards) (twk.Content, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var b strings.Builder
	for _, title := range d.cards[c.Board] {
		b.WriteString("<li>" + html.EscapeString(title) + "</li>")
	}
	if c.CanEdit {
		b.WriteString("<li><button>Add a card</button></li>")
	}
	return twk.HTML(fmt.Sprintf(`<ul id="board-%d">%s</ul>`, c.Board, &b)), nil
}

// allow says which cards of a board somebody may be shown.
func (d *desk) allow(_ context.Context, call effect.Call[Visit], c Cards) (Cards, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	role := d.roles[call.Ctx().User]
	if role == "none" {
		return c, errors.New("you have no access to this board")
	}
	c.CanEdit = role == "editor" // whatever it was asked for
	return c, nil
}

func (d *desk) noCards(c Cards) effect.List {
	return effect.List{twk.Patch(twk.HTML(fmt.Sprintf(`<ul id="board-%d">You have no access to this board.</ul>`, c.Board)))}
}

func (d *desk) setRole(user, role string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.roles[user] = role
}

// registry has the views beside the effects that change what they show.
func (d *desk) registry() registry.Registry[Visit] {
	return registry.New("desk",
		sfere.View("The cards of a board.", d.showCards,
			&sfere.ViewOptions[Visit, Cards]{Allow: d.allow, Removed: d.noCards}),
		sfere.OwnView("A greeting.", func(_ context.Context, call effect.Call[Visit], _ Greeting) (twk.Content, error) {
			return twk.HTML(`<p id="greeting">Hello, ` + html.EscapeString(call.Ctx().User) + `</p>`), nil
		}, nil),
		effect.Do("Add a card.", func(_ context.Context, _ effect.Call[Visit], a AddCard) error {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.cards[a.Board] = append(d.cards[a.Board], a.Title)
			return nil
		}))
}

// newDesk returns a program whose pages show boards.
func newDesk() (*desk, *sfere.App[Visit]) {
	d := &desk{cards: map[int][]string{7: {"Paint"}, 8: {"Sand"}}, roles: map[string]string{}}
	app := sfere.NewAppWith(newVisit, nil, d.registry())
	app.Handle("GET /board/{id}", func(r *twk.Request) twk.Response {
		cards, err := app.Render(r, Cards{Board: number(r)})
		if err != nil {
			return twk.Status(sse.StatusOf(err))
		}
		live := attr.Stream(fmt.Sprintf("/board/%d/live", number(r)), nil)
		return twk.Page(twk.HTML(`<!doctype html><body ` + live.String() + `>` + string(cards) + `</body>`))
	})
	app.Handle("GET /board/{id}/live", func(r *twk.Request) twk.Response {
		return sfere.Hold(sfere.ID("page", newVisit(twk.Session{Request: r}).User),
			twk.Stream(sfere.Show{Views: effect.List{Cards{Board: number(r)}}}))
	})
	app.Handle("POST /board/{id}/cards", func(r *twk.Request) twk.Response {
		return twk.Respond(
			AddCard{Board: number(r), Title: r.URL.Query().Get("title")},
			sfere.Refresh{Topic: sfere.T("board", number(r))})
	})
	app.Handle("GET /live", func(r *twk.Request) twk.Response {
		return sfere.Hold(sfere.ID("page", newVisit(twk.Session{Request: r}).User),
			twk.Stream(sfere.Show{Views: effect.List{Greeting{}}}))
	})
	return d, app
}

// number is the board that a request is about.
func number(r *twk.Request) int {
	n, _ := strconv.Atoi(r.PathValue("id")) // 0 is no board
	return n
}

// Everybody who looks at a board is shown the same, which is rendered once.
func ExampleView() {
	_, app := newDesk()
	b := browse(app)
	defer b.quit()
	ann, bob := b.open("ann", "/board/7/live?user=ann"), b.open("bob", "/board/7/live?user=bob")
	ann.show(1)
	bob.show(1)
	b.post("/board/7/cards?title=Varnish")
	ann.show(1)
	bob.show(1)
	// Output:
	// ann: elements <ul id="board-7"><li>Paint</li></ul>
	// bob: elements <ul id="board-7"><li>Paint</li></ul>
	// ann: elements <ul id="board-7"><li>Paint</li><li>Varnish</li></ul>
	// bob: elements <ul id="board-7"><li>Paint</li><li>Varnish</li></ul>
}

// A view of its own is rendered for each stream, with the Ctx under which that was
// opened.
func ExampleOwnView() {
	_, app := newDesk()
	b := browse(app)
	defer b.quit()
	b.open("ann", "/live?user=ann").show(1)
	b.open("bob", "/live?user=bob").show(1)
	// Output:
	// ann: elements <p id="greeting">Hello, ann</p>
	// bob: elements <p id="greeting">Hello, bob</p>
}

// A page that changes what it shows hides the old view and shows the new one.
func ExampleShow() {
	_, app := newDesk()
	b := browse(app)
	defer b.quit()
	ann := b.open("ann", "/board/7/live?user=ann")
	ann.show(1)
	app.Dispatch(context.Background(), sfere.Send(sfere.ID("page", "ann"),
		sfere.Hide{Views: effect.List{Cards{Board: 7}}},
		sfere.Show{Views: effect.List{Cards{Board: 8}}}))
	ann.show(1)
	// Output:
	// ann: elements <ul id="board-7"><li>Paint</li></ul>
	// ann: elements <ul id="board-8"><li>Sand</li></ul>
}

// A topic concerns the views of every topic below it. The report says whom a refresh
// concerns, and Wait says when the renders are on their way.
func ExampleRefresh() {
	_, app := newDesk()
	b := browse(app)
	defer b.quit()
	for _, path := range []string{"/board/7/live?user=ann", "/board/7/live?user=bob", "/board/8/live?user=eve"} {
		b.open("", path).next()
	}
	for _, r := range []sfere.Refresh{
		{Topic: sfere.T("board", 7), Wait: true},
		{Topic: "board", Wait: true},
		{To: sfere.Exactly(sfere.ID("page", "eve")), Wait: true},
		{Views: effect.List{Cards{Board: 9}}, Wait: true},
	} {
		res := app.Dispatch(context.Background(), r)
		concerns := res.Outcomes[0].Value.(sfere.Refreshed)
		fmt.Println(concerns.Values, "values,", concerns.Streams, "streams", res.Err())
	}
	// Output:
	// 1 values, 2 streams <nil>
	// 2 values, 3 streams <nil>
	// 1 values, 1 streams <nil>
	// 0 values, 0 streams <nil>
}

// The role of a person changes while a page is open.
func ExampleRecheck() {
	d, app := newDesk()
	b := browse(app)
	defer b.quit()
	d.setRole("ann", "editor")
	ann := b.open("ann", "/board/7/live?user=ann")
	ann.show(1)
	for _, role := range []string{"reader", "none"} {
		d.setRole("ann", role)
		res := app.Dispatch(context.Background(), sfere.Recheck{To: sfere.Exactly(sfere.ID("page", "ann"))})
		fmt.Println(role+":", res.Outcomes[0].Value, "changed")
		ann.show(1)
	}
	// Output:
	// ann: elements <ul id="board-7"><li>Paint</li><li><button>Add a card</button></li></ul>
	// reader: 1 changed
	// ann: elements <ul id="board-7"><li>Paint</li></ul>
	// none: 1 changed
	// ann: elements <ul id="board-7">You have no access to this board.</ul>
}

// The page and its stream come from one function. What the page may not show, the
// request may not have.
func ExampleRender() {
	d, app := newDesk()
	page := func(user string) {
		r := twktest.Request("GET", "/board/7?user="+user, nil)
		cards, err := sfere.Render(app.Dispatcher(), app.Conns(), newVisit(twk.Session{Request: r}), r, Cards{Board: 7})
		if err != nil {
			fmt.Println(sse.StatusOf(err), err)
			return
		}
		fmt.Println(cards)
	}
	page("ann")
	d.setRole("ann", "none")
	page("ann")
	// Output:
	// <ul id="board-7"><li>Paint</li></ul>
	// 403 sfere: rendering a view: effect desk/cards at 0: sfere: rendering desk/cards: you have no access to this board
}

// Two tenants have a board 7 each.
func ExampleScopeOf() {
	tenant := func(r *twk.Request) (string, error) { return r.URL.Query().Get("tenant"), nil }
	app := sfere.NewApp(&sfere.AppOptions{Conns: &sfere.Options{Scope: tenant}}, registry.New("desk",
		sfere.View[twk.Session]("The cards of a board.", func(ctx context.Context, c Cards) (twk.Content, error) {
			scope, _ := sfere.ScopeOf(ctx)
			return twk.HTML(fmt.Sprintf(`<ul id="board-%d">The board %d of %s</ul>`, c.Board, c.Board, scope)), nil
		}, nil)))
	app.Handle("GET /live", func(*twk.Request) twk.Response {
		return sfere.Hold(sfere.ID("page", "1"), twk.Stream(sfere.Show{Views: effect.List{Cards{Board: 7}}}))
	})
	b := browse(app)
	defer b.quit()
	b.open("ann", "/live?tenant=acme").show(1)
	b.open("eve", "/live?tenant=rival").show(1)
	// Output:
	// ann: elements <ul id="board-7">The board 7 of acme</ul>
	// eve: elements <ul id="board-7">The board 7 of rival</ul>
}

// replica is a copy of a database that lags behind.
type replica struct{ position atomic.Uint64 }

// read returns how far the replica has come. This one comes closer with each call.
func (p *replica) read() uint64 { return p.position.Add(1) }

// showCards says "not yet" until the replica has what the refresh is about.
func (p *replica) showCards(ctx context.Context, c Cards) (twk.Content, error) {
	position := p.read()
	if position < sfere.AfterOf(ctx) {
		return nil, sfere.ErrNotYet
	}
	return twk.HTML(fmt.Sprintf(`<ul id="board-%d">as of %d</ul>`, c.Board, position)), nil
}

// A view that reads from a replica waits for what a refresh says.
func ExampleAfterOf() {
	app := sfere.NewApp(nil, registry.New("desk",
		sfere.View[twk.Session]("The cards of a board.", new(replica).showCards, nil)))
	app.Handle("GET /live", func(*twk.Request) twk.Response {
		return sfere.Hold(sfere.ID("page", "1"), twk.Stream(sfere.Show{Views: effect.List{Cards{Board: 7}}}))
	})
	b := browse(app)
	defer b.quit()
	ann := b.open("ann", "/live")
	ann.show(1)
	app.Dispatch(context.Background(), sfere.Refresh{Topic: sfere.T("board", 7), After: 4})
	ann.show(1)
	// Output:
	// ann: elements <ul id="board-7">as of 1</ul>
	// ann: elements <ul id="board-7">as of 4</ul>
}

// A topic has levels. Text in it cannot make one.
func ExampleT() {
	fmt.Println(sfere.T("board", 7))
	fmt.Println(sfere.T("file", "a/b"))
	// Output:
	// board/7
	// file/a%2Fb
}

// A view with more than markup: signals go with it.
func ExampleViewFrame() {
	app := sfere.NewApp(nil, registry.New("desk",
		sfere.View[twk.Session]("The cards of a board.", func(_ context.Context, c Cards) (twk.Content, error) {
			return sfere.ViewFrame{
				Content: twk.HTML(fmt.Sprintf(`<ul id="board-%d"></ul>`, c.Board)),
				Signals: map[string]any{"open": 0},
			}, nil
		}, nil)))
	app.Handle("GET /live", func(*twk.Request) twk.Response {
		return sfere.Hold(sfere.ID("page", "1"), twk.Stream(sfere.Show{Views: effect.List{Cards{Board: 7}}}))
	})
	b := browse(app)
	defer b.quit()
	b.open("ann", "/live").show(2)
	// Output:
	// ann: signals {"open":0}
	// ann: elements <ul id="board-7"></ul>
}
