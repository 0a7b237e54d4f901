package sfere_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/registry"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
)

// Views whose markup a test chooses; card has no topics.
type (
	sheet struct {
		ID int `json:"id"`
	}
	card struct {
		ID int `json:"id"`
	}
)

func (sheet) EffectName() string         { return "test/sheet" }
func (card) EffectName() string          { return "test/card" }
func (s sheet) Topics() []sfere.Topic    { return []sfere.Topic{sfere.T("sheet", s.ID)} }
func (k *kiosk) text(name string) string { k.mu.Lock(); defer k.mu.Unlock(); return k.markup[name] }

// kiosk is a program in development.
type kiosk struct {
	*gallery
	mu     sync.Mutex // guards the fields below
	markup map[string]string
	heard  []string
}

func newKiosk(t testing.TB, development bool, markup map[string]string) *kiosk {
	k := &kiosk{gallery: &gallery{t: t, hub: sse.NewHub(nil)}, markup: markup}
	k.conns = sfere.New(&sfere.Options{Development: development, OnViewWarning: func(v effect.Data, text string) {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.heard = append(k.heard, v.EffectName()+": "+text)
	}})
	t.Cleanup(k.conns.Close)
	session := func(v *viewer) *twk.Session { return &v.Session }
	k.d = dispatch.Must(dispatch.New(
		registry.Lift(twk.Registry(nil), session),
		registry.Lift(sfere.Registry(k.conns), session),
		registry.New("test",
			sfere.View[viewer]("A sheet.", func(_ context.Context, s sheet) (twk.Content, error) {
				text := k.text("sheet")
				if inner, ok := strings.CutPrefix(text, "inner "); ok {
					return sfere.ViewFrame{Content: twk.HTML(inner), Selector: "#place", Inner: true}, nil
				}
				return twk.HTML(text), nil
			}, nil),
			sfere.OwnView("A card.", func(context.Context, effect.Call[viewer], card) (twk.Content, error) {
				return twk.HTML(k.text("card")), nil
			}, &sfere.ViewOptions[viewer, card]{MaxAge: time.Hour}),
		),
	))
	k.bridge = twk.NewBridge(k.d, func(s twk.Session) viewer { return viewer{s, "ann"} }, &twk.BridgeOptions{Hub: k.hub})
	return k
}

// Each mistake is told of, and what is right is not.
func TestDevelopmentWarns(t *testing.T) {
	for _, tt := range []struct {
		name, reason string
		first, then  string // markup of the sheet
		card         string
		want         string // beginning of the warning; empty for none
	}{
		{"fine", "nothing is wrong", `<div id="a"><p>x</p></div>`, `<div id="a"><p>y</p></div>`, `<p id="b"></p>`, ""},
		{"no id", "the client finds no target", `<div><p id="a">x</p></div>`, "", "", "test/sheet: a view renders <div> without an id"},
		{"text", "it has no place", `<p id="a"></p>and more`, "", "", "test/sheet: a view renders text outside"},
		{"white space", "no text", "\n<p id=\"a\"></p>\n<p id=\"b\"></p>\n", "", "", ""},
		{"rows", "they are elements, too", `<tr id="a"><td>x</td></tr>`, "", "", ""},
		{"rows without id", "and need an id", `<tr><td>x</td></tr>`, "", "", "test/sheet: a view renders <tr> without an id"},
		{"selector", "who names the target needs no ids", `inner <p>x</p>and more`, "", "", ""},
		{"signals", "they are set again", `<div id="a" data-signals:draft="''"></div>`, "", "", "test/sheet: a view renders data-signals:draft without __ifmissing"},
		{"all signals", "in the other form, further inside", `<div id="a"><p data-signals="{draft: ''}"></p></div>`, "", "", "test/sheet: a view renders data-signals without __ifmissing"},
		{"signals if missing", "they are set once", `<div id="a" data-signals:draft__ifmissing="''" data-signals__ifmissing="{}"></div>`, "", "", ""},
		{"signals in a case", "another modifier is none", `<div id="a" data-signals:draft__case.kebab="''"></div>`, "", "", "test/sheet: a view renders data-signals:draft__case.kebab without"},
		{"dialog", "it opens again", `<div id="a"><dialog open>x</dialog></div>`, "", "", "test/sheet: a view renders <dialog open>"},
		{"closed dialog", "the client opens it", `<div id="a"><dialog>x</dialog></div>`, "", "", ""},
		{"field", "what was typed is lost", `<div id="a"><input name="n" value="1"></div>`, `<div id="a"><input name="n" value="2"></div>`, "", `test/sheet: a view renders the field "input n" with another value`},
		{"same field", "typed text stays while the attribute does", `<div id="a"><input name="n" value="1">1</div>`, `<div id="a"><input name="n" value="1">2</div>`, "", ""},
		{"hidden field", "nobody types into it", `<div id="a"><input type="hidden" name="n" value="1"></div>`, `<div id="a"><input type="hidden" name="n" value="2"></div>`, "", ""},
		{"textarea", "its value is its text", `<textarea id="a">1</textarea>`, `<textarea id="a">2</textarea>`, "", `test/sheet: a view renders the field "a" with`},
		{"select", "its value is the chosen option", `<select id="a"><option value="1" selected><option value="2"></select>`, `<select id="a"><option value="1"><option value="2" selected></select>`, "", `test/sheet: a view renders the field "a" with`},
		{"checkbox", "its value is the mark", `<input id="a" type="checkbox" value="1">`, `<input id="a" type="checkbox" value="1" checked>`, "", `test/sheet: a view renders the field "a" with`},
		{"ignored", "the client leaves it alone", `<div id="a"><div data-ignore-morph><input name="n" value="1"><dialog open></dialog></div></div>`, `<div id="a"><div data-ignore-morph><input name="n" value="2"></div></div>`, "", ""},
		{"inside", "the card is overwritten", `<div id="a"><p id="b"></p></div>`, "", `<p id="b"></p>`, `test/sheet: a view contains the element "b", which test/card`},
		{"the same", "each overwrites the other", `<p id="b"></p>`, "", `<p id="b">x</p>`, `" b"`},
		{"selected inside", "also where the target is named", `inner <p id="b"></p>`, "", `<p id="b"></p>`, `test/sheet: a view contains the element "b"`},
		{"ignored inside", "a place that the view leaves alone", `<div id="a"><div data-ignore-morph><p id="b"></p></div></div>`, "", `<p id="b"></p>`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, development := range []bool{true, false} {
				synctest.Test(t, func(t *testing.T) {
					k := newKiosk(t, development, map[string]string{"sheet": tt.first, "card": `<p id="card"></p>`})
					if tt.card != "" {
						k.markup["card"] = tt.card
					}
					k.open("", "ann", sheet{1}, card{1})
					k.open("", "bob", sheet{1}, card{1})
					time.Sleep(time.Second)
					for range 3 {
						k.run(sfere.Refresh{Topic: "sheet"})
						time.Sleep(time.Second)
						if tt.then != "" {
							k.mu.Lock()
							k.markup["sheet"] = tt.then
							k.mu.Unlock()
						}
					}
					k.run(sfere.Close{To: sfere.Everyone()})
					synctest.Wait()
					switch all := strings.Join(k.heard, "\n"); {
					case tt.want == `" b"` && development: // which of them comes first is open
						if len(k.heard) == 0 || len(k.heard) > 2 || !strings.Contains(all, `the element "b"`) {
							t.Errorf("%s: heard %q", tt.reason, all)
						}
					case tt.want == "" || !development:
						if all != "" {
							t.Errorf("%s: heard %q in development %t", tt.reason, all, development)
						}
					case len(k.heard) != 1 || !strings.HasPrefix(all, tt.want):
						t.Errorf("%s: heard %q, want once %q", tt.reason, all, tt.want)
					}
				})
			}
		})
	}
}

// A view without topics is told of, once for all its values.
func TestDevelopmentWarnsOfMissingTopics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var heard []string
		g := newGallery(t, &galleryOptions{conns: sfere.Options{Development: true, OnViewWarning: func(v effect.Data, text string) {
			mu.Lock()
			defer mu.Unlock()
			heard = append(heard, fmt.Sprintf("%+v: %.23s", v, text))
			panic("of the hook")
		}}})
		g.open("acme", "ann", poster{7}, inbox{1}, notice{2}, notice{3})
		time.Sleep(time.Second)
		synctest.Wait()
		if diff := cmp.Diff([]string{"{ID:2}: a view has no topics: n"}, heard); diff != "" {
			t.Errorf("warnings (-want +got):\n%s", diff)
		}
		g.run(sfere.Close{To: sfere.Everyone().AllScopes()})
	})
}

// What development looks at is shown as it would be without.
func TestDevelopmentChangesNothing(t *testing.T) {
	for _, development := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			k := newKiosk(t, development, map[string]string{"sheet": `<b id="x">1</b>`, "card": `<b id="y">1</b>`})
			ann := k.open("", "ann", sheet{1}, card{1})
			time.Sleep(time.Second)
			wantPage(t, ann, "x", "1")
			wantPage(t, ann, "y", "1")
			k.run(sfere.Close{To: sfere.Everyone()})
		})
	}
}
