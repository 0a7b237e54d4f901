package sfere_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/registry"
	"github.com/sfere-go/sfere/twk"
)

// Types of views that cannot be told apart, or only on this machine.
type (
	byPointer  struct{ P *int }
	bySlice    struct{ S []int }
	byMap      struct{ M map[string]int }
	byFloat    struct{ F float64 }
	byTime     struct{ T time.Time }
	byAny      struct{ A any }
	byDepth    struct{ In [2]struct{ F float32 } }
	byHidden   struct{ hidden int }
	byAllKinds struct {
		A int8
		B uint64
		C string
		D bool
		E [3]int
		F struct{ G string }
	}
)

func (byPointer) EffectName() string  { return "test/by-pointer" }
func (bySlice) EffectName() string    { return "test/by-slice" }
func (byMap) EffectName() string      { return "test/by-map" }
func (byFloat) EffectName() string    { return "test/by-float" }
func (byTime) EffectName() string     { return "test/by-time" }
func (byAny) EffectName() string      { return "test/by-any" }
func (byDepth) EffectName() string    { return "test/by-depth" }
func (byHidden) EffectName() string   { return "test/by-hidden" }
func (byAllKinds) EffectName() string { return "test/by-all-kinds" }

func viewOf[V effect.Data]() effect.Effect[viewer] {
	return sfere.View[viewer]("Shows something.", func(context.Context, V) (twk.Content, error) { return twk.HTML("<p></p>"), nil }, nil)
}

func TestViewTypesAreRefused(t *testing.T) {
	for _, tt := range []struct {
		item effect.Effect[viewer]
		want string // part of the error, empty if there is none
	}{
		{viewOf[byPointer](), "byPointer.P is a *int"},
		{viewOf[bySlice](), "bySlice.S is a []int"},
		{viewOf[byMap](), "byMap.M is a map[string]int"},
		{viewOf[byFloat](), "byFloat.F is a float64: a view is told apart by its value, so use booleans"},
		{viewOf[byTime](), "use UnixMilli() as an int64"},
		{viewOf[byAny](), "byAny.A is a interface {}"},
		{viewOf[byDepth](), "byDepth.In[].F is a float32"},
		{viewOf[byHidden](), "byHidden.hidden is not exported"},
		{viewOf[byAllKinds](), ""},
		{sfere.View[viewer, poster]("Has no function.", nil, nil), "the handler is nil"},
		{sfere.View("Has a bad option.", func(context.Context, poster) (twk.Content, error) { return nil, nil }, &sfere.ViewOptions[viewer, poster]{Interval: -1}), "negative"},
	} {
		_, err := dispatchOf(registry.New("test", tt.item))
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("refused: %v", err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("error %v, want %q", err, tt.want)
		case err != nil && !strings.Contains(err.Error(), "view_build_test.go:"):
			t.Errorf("the error does not name the place in the program: %v", err)
		}
	}
}

// Views come from JSON like other effects, also as pointers and by actions, and what is
// no view, or nowhere to be shown, is an error that says what to do.
func TestShowTakesViewsOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGallery(t, nil)
		ann := g.open("acme", "ann", effect.Raw{Effect: "test/board", Args: []byte(`{"id":7}`)}, &poster{8})
		time.Sleep(time.Second)
		wantPage(t, ann, "board-7", "acme 0")
		wantPage(t, ann, "board-8", "acme 0")
		for _, tt := range []struct {
			item effect.Data
			want string
		}{
			{sfere.Show{Views: effect.List{poster{7}}}, "no stream that stays open: use twk.Stream"},
			{poster{7}, "put it into sfere.Show"},
			{sfere.Refresh{}, "neither Topic nor To nor Views is set"},
			{sfere.Send(sfere.ID("page", "ann").In("acme"), sfere.Show{Views: effect.List{tell("no view")}}), "register them with sfere.View"},
		} {
			err := g.d.Dispatch(t.Context(), viewer{}, tt.item).Err()
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%T: error %v, want %q", tt.item, err, tt.want)
			}
		}
		if _, err := sfere.Render(g.d, g.conns, viewer{}, request("acme"), tell("no view")); err == nil {
			t.Error("rendered what is no view")
		}
		g.mu.Lock()
		g.banned["eve"] = true
		g.mu.Unlock()
		_, err := sfere.Render(g.d, g.conns, viewer{User: "eve"}, request("acme"), poster{7})
		if e, ok := errors.AsType[*sfere.Error](err); !ok || e.HTTPStatus() != 403 {
			t.Errorf("error %v, want one with status 403", err)
		}
		html, err := sfere.Render(g.d, g.conns, viewer{}, request("acme"), poster{7})
		if diff := cmp.Diff(twk.HTML(`<b id="board-7">acme 0</b>`), html); diff != "" || err != nil {
			t.Errorf("error %v (-want +got):\n%s", err, diff)
		}
		ann.close()
	})
}

// What a view shows has signals and a target, if it says so.
func TestViewFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conns := sfere.New(nil)
		defer conns.Close()
		session := func(v *viewer) *twk.Session { return &v.Session }
		n := 0
		d, err := dispatchOf(registry.Lift(twk.Registry(nil), session), registry.Lift(sfere.Registry(conns), session),
			registry.New("test", sfere.View[viewer]("A list.", func(context.Context, poster) (twk.Content, error) {
				n++
				return sfere.ViewFrame{Content: twk.HTML("<li>x</li>"), Selector: "#list", Inner: true, Signals: map[string]any{"n": n}}, nil
			}, nil)))
		if err != nil {
			t.Fatal(err)
		}
		g := &gallery{t: t, bridge: twk.NewBridge(d, func(s twk.Session) viewer { return viewer{Session: s} }, nil)}
		c := g.stream("", "ann", sfere.Show{Views: effect.List{poster{7}}})
		time.Sleep(time.Second)
		d.Dispatch(t.Context(), viewer{}, sfere.Refresh{Topic: sfere.T("board")})
		time.Sleep(time.Second)
		want := strings.ReplaceAll("event: datastar-patch-signals|data: signals {\"n\":1}|||event: datastar-patch-elements|data: selector #list|data: mode inner|data: elements <li>x</li>|||", "|", "\n")
		want += strings.ReplaceAll(want, `"n":1`, `"n":2`)
		if diff := cmp.Diff(want, c.text()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		c.close()
	})
}
