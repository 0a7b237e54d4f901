package sfere_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/registry"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/twktest"
)

// guest is a Ctx of the kind that programs have: whose request it is.
type guest struct {
	twk.Session
	User string
}

// Effects of the tests. Each shows something of its Ctx or of its context.
type (
	showUser   struct{}                    // patches the user of its Ctx
	showData   struct{}                    // patches the dispatch data of its context
	showSender struct{}                    // patches who sent it
	fail       struct{ User string }       // fails for this user
	userOf     struct{}                    // placeholder: the user of its Ctx
	byAction   struct{}                    // action that shows the user its state has
	list       struct{ Inner effect.List } // effect that runs a list of its own
)

func (showUser) EffectName() string   { return "test/show-user" }
func (showData) EffectName() string   { return "test/show-data" }
func (showSender) EffectName() string { return "test/show-sender" }
func (fail) EffectName() string       { return "test/fail" }
func (userOf) EffectName() string     { return "test/user-of" }
func (byAction) EffectName() string   { return "test/by-action" }
func (list) EffectName() string       { return "test/list" }

var secretOf = effect.NewContextKey[string]("secret")

func show(text string) twk.PatchSignals { return twk.Signals("text", text) }

func people() registry.Registry[guest] {
	return registry.New("test",
		effect.Do("Show the user.", func(ctx context.Context, call effect.Call[guest], _ showUser) error {
			return call.Dispatch(ctx, show("user "+call.Ctx().User)).Err()
		}),
		effect.Do("Show the data.", func(ctx context.Context, call effect.Call[guest], _ showData) error {
			v, _ := secretOf.From(ctx)
			return call.Dispatch(ctx, show("data "+v)).Err()
		}),
		effect.Do("Show the sender.", func(ctx context.Context, call effect.Call[guest], _ showSender) error {
			from, theirs, ok := sfere.SenderOf[guest](ctx)
			if !ok {
				return call.Dispatch(ctx, show("no sender")).Err()
			}
			v, _ := secretOf.From(theirs)
			return call.Dispatch(ctx, show("sender "+from.User+" "+v)).Err()
		}),
		effect.Do("Fail for one.", func(_ context.Context, call effect.Call[guest], f fail) error {
			if call.Ctx().User == f.User {
				return errors.New("no luck")
			}
			return nil
		}),
		effect.Do("Run a list.", func(ctx context.Context, call effect.Call[guest], l list) error {
			return call.Dispatch(ctx, l.Inner...).Err()
		}),
		effect.Provide("The user of the Ctx.", func(_ context.Context, call effect.Call[guest], _ userOf) (any, error) {
			return "user " + call.Ctx().User, nil
		}),
		effect.State(func(_ context.Context, call effect.Call[guest]) (string, error) { return call.Ctx().User, nil }),
		effect.Expand[guest]("Show the user of the state.", func(user string, _ byAction) (effect.List, error) {
			return effect.List{show("user " + user)}, nil
		}),
	)
}

// hall is a program in which everybody holds a stream in room/NAME.
func hall(rs ...registry.Registry[guest]) *sfere.App[guest] { return hallWith(nil, rs...) }

func hallWith(o *sfere.AppOptions, rs ...registry.Registry[guest]) *sfere.App[guest] {
	app := sfere.NewAppWith(func(s twk.Session) guest {
		return guest{s, s.Request.URL.Query().Get("user")}
	}, o, append([]registry.Registry[guest]{people()}, rs...)...)
	app.Handle("GET /live", func(r *twk.Request) twk.Response {
		return sfere.Hold(sfere.ID("room", r.URL.Query().Get("user")), twk.Stream(show("hello")))
	})
	return app
}

// enter opens a stream of each user.
func enter(t testing.TB, app *sfere.App[guest], users ...string) map[string]*twktest.Stream {
	out := map[string]*twktest.Stream{}
	for _, user := range users {
		out[user] = twktest.Serve(t, app, twktest.HTTPRequest("GET", "/live?user="+user, nil))
		out[user].Until(func(e twktest.Event) bool { return textIn(e) == "hello" }) // it is held
	}
	return out
}

var hallAll = sfere.Category("room")

// texts returns the texts that have come, once what was sent to everybody before
// has come.
func texts(app *sfere.App[guest], s *twktest.Stream, mark string) (out []string) {
	app.Dispatch(context.Background(), sfere.Tell(sfere.Everyone(), show(mark)))
	for {
		text := textIn(s.Next())
		if text == mark {
			return out
		}
		if !strings.HasPrefix(text, "end of ") { // the mark of another
			out = append(out, text)
		}
	}
}

// wantTexts checks what has come to each of streams, which are those of users; "user
// $" stands for the text with the own name.
func wantTexts(t *testing.T, app *sfere.App[guest], streams map[string]*twktest.Stream, reason string, want []string) {
	t.Helper()
	for user, s := range streams {
		var own []string
		for _, w := range want {
			if w == "user $" {
				w = "user " + user
			}
			own = append(own, w)
		}
		if diff := cmp.Diff(own, texts(app, s, "end of "+user)); diff != "" {
			t.Errorf("%s: %s (-want +got):\n%s", reason, user, diff)
		}
	}
}

func textIn(e twktest.Event) string {
	f := e.Fields()
	return strings.TrimSuffix(strings.TrimPrefix(f["signals"], `{"text":"`), `"}`) + f["elements"]
}

// as dispatches effects with the Ctx and the data of a sender.
func as(app *sfere.App[guest], user string, items ...effect.Data) *effect.Result {
	return app.Dispatcher().Dispatch(secretOf.With(context.Background(), "secret of "+user), guest{User: user}, items...)
}

// What runs for a recipient runs with the Ctx of the recipient.
func TestRecipientsRunWithTheirOwnCtx(t *testing.T) {
	content := twk.PerRecipientFunc(func(ctx context.Context) twk.Content {
		v, _ := secretOf.From(ctx)
		return twk.HTML("<p id=x>content " + v + "</p>")
	})
	for _, tt := range []struct {
		reason string
		item   effect.Data
		want   string // with $ for the recipient
	}{
		{"an effect sees its own Ctx", showUser{}, "user $"},
		{"a placeholder too", twk.PatchSignals{Late: map[string]effect.Late[any]{"text": effect.Later[any](userOf{})}}, "user $"},
		{"the state of an action too", byAction{}, "user $"},
		{"also below an effect", list{effect.List{showUser{}}}, "user $"},
		{"the data of the sender's context stay with the sender", showData{}, "data "},
		{"for content as well", twk.Patch(content), "<p id=x>content </p>"},
		{"who wants to know the sender asks by name", showSender{}, "sender eve secret of eve"},
	} {
		app := hall()
		streams := enter(t, app, "ann", "bob")
		res := as(app, "eve", sfere.Tell(hallAll, tt.item))
		if err := res.Err(); err != nil {
			t.Errorf("%s: %v", tt.reason, err)
		}
		for user, s := range streams {
			if got, want := textIn(s.Next()), strings.ReplaceAll(tt.want, "$", user); got != want {
				t.Errorf("%s: %s got %q, want %q", tt.reason, user, got, want)
			}
		}
	}
}

// Random programs: whatever one sends, nothing of its Ctx or data shows on the
// stream of another.
func TestRecipientSeesOnlyItsOwn(t *testing.T) {
	t.Parallel()
	users := []string{"ann", "bob", "cem", "dora"}
	guard := effect.Interceptor[guest]{Name: "look", Effect: func(next effect.EffectFunc[guest]) effect.EffectFunc[guest] {
		return func(ctx context.Context, call effect.Call[guest], item effect.Data) (any, error) {
			if p, ok := item.(twk.PatchSignals); ok && p.Coalesce == "guarded" {
				p.Signals = map[string]any{"text": "user " + call.Ctx().User}
				item = p
			}
			return next(ctx, call, item)
		}
	}}
	moves := effect.Interceptor[guest]{Name: "move", Effect: func(next effect.EffectFunc[guest]) effect.EffectFunc[guest] {
		return func(ctx context.Context, call effect.Call[guest], item effect.Data) (any, error) {
			if _, ok := item.(showUser); ok { // as a program that remembers something in its Ctx
				call = call.With(func(g *guest) { g.User += "" })
			}
			v, err := next(ctx, call, item)
			if _, ok := item.(fail); ok && err != nil { // once more
				v, err = next(ctx, call, item)
			}
			return v, err
		}
	}}
	app := hall(registry.New("guard", guard, moves), more())
	streams := enter(t, app, users...)
	var programs func(r *rand.Rand, depth int) effect.List
	programs = func(r *rand.Rand, depth int) (out effect.List) {
		for range 1 + r.IntN(3) {
			switch n := r.IntN(15); {
			case n == 0:
				out = append(out, showUser{})
			case n == 1:
				out = append(out, showData{})
			case n == 2:
				out = append(out, byAction{})
			case n == 3:
				out = append(out, twk.PatchSignals{Late: map[string]effect.Late[any]{"text": effect.Later[any](userOf{})}})
			case n == 4:
				p := show("x")
				p.Coalesce = "guarded"
				out = append(out, p)
			case n == 5:
				out = append(out, fail{users[r.IntN(len(users))]})
			case n == 6 && depth < 2:
				out = append(out, list{programs(r, depth+1)})
			case n == 7 && depth < 2:
				out = append(out, effect.Batch{Effects: programs(r, depth+1)})
			case n == 8 && depth < 2:
				out = append(out, sfere.Broadcast{To: hallAll, Effects: programs(r, depth+1), Each: r.IntN(2) == 0})
			case n == 9 && depth < 2:
				out = append(out, sfere.Send(sfere.ID("room", users[r.IntN(len(users))]), programs(r, depth+1)...))
			case n == 10 && depth < 2:
				out = append(out, effect.Serial{Key: fmt.Sprint("k", depth), Effects: programs(r, depth+1)})
			case n == 11:
				out = append(out, effect.Raw{Effect: "test/show-user", Args: []byte(`{}`)})
			case n == 12:
				out = append(out, effect.Raw{Effect: "twk/patch-signals", Args: []byte(`{"signals":{"text":"plain"}}`)})
			case n == 13:
				out = append(out, twk.Patch(twk.PerRecipientFunc(func(context.Context) twk.Content { panic("no view") })))
			case n == 14 && depth < 2:
				out = append(out, both{programs(r, depth+1)})
			default:
				out = append(out, show("plain"))
			}
		}
		return out
	}
	var wg sync.WaitGroup
	for i, user := range users {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 7))
			for range 60 {
				res := as(app, user, sfere.Broadcast{To: hallAll, Effects: programs(r, 0), Each: r.IntN(4) == 0})
				if rep := sfere.ReportOf(res); rep.Matched != len(users) || !addsUp(rep) {
					t.Errorf("report %+v", rep)
				}
			}
		})
	}
	wg.Wait()
	for user, s := range streams {
		for _, text := range texts(app, s, "end of "+user) {
			of, what, _ := strings.Cut(text, " ")
			switch {
			case of == "user" && what != user:
				t.Errorf("%s was sent %q", user, text)
			case of == "data" && what != "":
				t.Errorf("%s was sent %q", user, text)
			}
		}
	}
}

// addsUp reports whether every connection is counted once.
func addsUp(r sfere.Report) bool {
	of := 0
	for _, f := range r.Failures {
		of += f.Count
	}
	bad := r.Dropped + r.Failed
	return r.Matched == r.Delivered+bad && (of == bad || r.Shared != nil && of < bad)
}

// A guard that decides for each recipient holds for ordinary patches: nobody has
// to say that it asks.
func TestGuardPerRecipient(t *testing.T) {
	muted := func(asks func(context.Context, effect.Call[guest]) string) effect.Interceptor[guest] {
		return effect.Interceptor[guest]{Name: "mute", Effect: func(next effect.EffectFunc[guest]) effect.EffectFunc[guest] {
			return func(ctx context.Context, call effect.Call[guest], item effect.Data) (any, error) {
				if p, ok := item.(twk.PatchSignals); ok && strings.HasPrefix(fmt.Sprint(p.Signals), "map[text:rude") && asks(ctx, call) == "ann" {
					return nil, effect.Skip("muted")
				}
				return next(ctx, call, item)
			}
		}}
	}
	for reason, asks := range map[string]func(context.Context, effect.Call[guest]) string{
		"it asks for the recipient": func(ctx context.Context, _ effect.Call[guest]) string {
			to, _ := sfere.RecipientOf(ctx)
			return to.Key.ID
		},
		"it looks at the Ctx": func(_ context.Context, call effect.Call[guest]) string { return call.Ctx().User },
	} {
		app := hall(registry.New("guard", muted(asks)))
		streams := enter(t, app, "ann", "bob")
		if err := as(app, "eve", sfere.Tell(hallAll, show("rude 1"), show("kind"))).Err(); err != nil {
			t.Error(err)
		}
		for user, want := range map[string][]string{"ann": {"kind"}, "bob": {"rude 1", "kind"}} {
			if diff := cmp.Diff(want, texts(app, streams[user], "end of "+user)); diff != "" {
				t.Errorf("%s: %s got (-want +got):\n%s", reason, user, diff)
			}
		}
	}
}

// A broadcast is one dispatch of its whole list for each recipient.
func TestOneDispatchPerRecipient(t *testing.T) {
	var mu sync.Mutex
	var lists []int
	count := effect.Interceptor[guest]{Name: "count", Dispatch: func(next effect.DispatchFunc[guest]) effect.DispatchFunc[guest] {
		return func(ctx context.Context, call effect.Call[guest], items effect.List) *effect.Result {
			if call.Parent() != 0 && call.Ctx().User != "" {
				mu.Lock()
				lists = append(lists, len(items))
				mu.Unlock()
			}
			return next(ctx, call, items)
		}
	}}
	app := hall(registry.New("guard", count, dispatch.FailFast[guest]()))
	streams := enter(t, app, "ann", "bob")
	lists = nil
	res := as(app, "eve", sfere.Tell(hallAll, show("before"), fail{"ann"}, show("after")))
	slices.Sort(lists)
	if diff := cmp.Diff([]int{3, 3}, lists); diff != "" {
		t.Errorf("lists for recipients (-want +got):\n%s", diff)
	}
	for user, want := range map[string][]string{"ann": {"before"}, "bob": {"before", "after"}} {
		if diff := cmp.Diff(want, texts(app, streams[user], "end of "+user)); diff != "" {
			t.Errorf("%s, with FailFast (-want +got):\n%s", user, diff)
		}
	}
	if len(res.Errors) != 1 || res.Errors[0].Path.String() != "1" || res.Errors[0].Name != "test/fail" {
		t.Errorf("errors %v, want one at 1", res.Errors)
	}
	rep := sfere.ReportOf(res)
	want := sfere.Report{Matched: 2, Delivered: 1, Failed: 1}
	if rep.Matched != want.Matched || rep.Delivered != want.Delivered || rep.Failed != want.Failed || len(rep.Failures) != 1 || rep.Failures[0].Keys[0].ID != "ann" {
		t.Errorf("report %+v", rep)
	}
}

// Who is opening is a recipient of its own first effects.
func TestFirstEffectsHaveARecipient(t *testing.T) {
	app := hall()
	app.Handle("GET /own", func(r *twk.Request) twk.Response {
		return sfere.Hold(sfere.ID("room", r.URL.Query().Get("user")), twk.Stream(
			twk.Patch(twk.PerRecipientFunc(func(ctx context.Context) twk.Content {
				to, ok := sfere.RecipientOf(ctx)
				return twk.HTML(fmt.Sprintf("<p id=x>%s %v</p>", to.Key.ID, ok))
			})),
			twk.PatchSignals{Late: map[string]effect.Late[any]{"text": effect.Later[any](sfere.OwnKey{Part: "id"})}},
		))
	})
	s := twktest.Serve(t, app, twktest.HTTPRequest("GET", "/own?user=ann", nil))
	if got := []string{textIn(s.Next()), textIn(s.Next())}; !slices.Equal(got, []string{"<p id=x>ann true</p>", "ann"}) {
		t.Errorf("the first paint is %q", got)
	}
}

// A stream that was opened under another Ctx is an entry of the report; shared
// effects reach it all the same.
func TestStreamOfAnotherCtx(t *testing.T) {
	app := hall()
	other := dispatch.Must(dispatch.New(twk.Registry(nil), sfere.Registry(app.Conns())))
	bridge := twk.NewBridge(other, func(s twk.Session) twk.Session { return s }, &twk.BridgeOptions{Hub: app.Hub()})
	s := twktest.Serve(t, bridge.Handle(func(*twk.Request) twk.Response {
		return sfere.Hold(sfere.ID("room", "plain"), twk.Stream(show("hello")))
	}), twktest.HTTPRequest("GET", "/", nil))
	s.Next()
	ann := enter(t, app, "ann")["ann"]
	rep := sfere.ReportOf(as(app, "eve", sfere.Tell(hallAll, showUser{})))
	if rep.Delivered != 1 || rep.Failed != 1 || !errors.Is(rep.Err(), sfere.ErrOtherCtx) {
		t.Errorf("report %+v", rep)
	}
	if rep := sfere.ReportOf(as(app, "eve", sfere.Tell(hallAll, show("all")))); rep.Delivered != 2 {
		t.Errorf("report %+v", rep)
	}
	if got := textIn(s.Next()); got != "all" {
		t.Errorf("it got %q", got)
	}
	if got := textIn(ann.Next()); got != "user ann" {
		t.Errorf("ann got %q", got)
	}
}

// slowContent renders as long as its context lives.
type slowContent struct{}

func (slowContent) Render(ctx context.Context, w io.Writer) error {
	<-ctx.Done()
	return context.Cause(ctx)
}

var _ sse.Owner = sse.Hooks{}
