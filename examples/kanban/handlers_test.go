package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/effect/effecttest"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/twktest"
)

func TestRegistry(t *testing.T) { effecttest.Run(t, program(t).registry()) }

// What handlers want to happen is data.
func TestHandlers(t *testing.T) {
	s := program(t)
	only := func(e effect.Data) effect.List { return effect.List{problem(""), e} }
	for _, tt := range []struct {
		reason  string
		handler func(*twk.Request, Person) twk.Response
		path    string
		signals any
		want    effect.List
	}{
		{"a card is dropped on another one", s.move, "/boards/1/move", map[string]any{"card": 3, "seen": 2, "lane": 2, "before": 5},
			only(MoveCard{Board: 1, Card: 3, Seen: 2, Lane: 2, Before: 5})},
		{"the board is that of the path", s.move, "/boards/1/move", map[string]any{"board": 2, "card": 3, "seen": 2, "lane": 2},
			only(MoveCard{Board: 1, Card: 3, Seen: 2, Lane: 2})},
		{"a card is added", s.add, "/boards/1/cards", map[string]any{"title": "New"}, only(AddCard{1, "New"})},
		{"a role is given", s.role, "/boards/1/role", map[string]any{"person": "cleo", "role": 2}, only(SetRole{1, "cleo", Editor})},
		{"signals of another type", s.role, "/boards/1/role", map[string]any{"person": 7}, nil},
		{"a page opens its stream", s.live, "/boards/1/live", nil,
			sfere.Hold(tabs(1, "bob"), twk.Stream(sfere.Show{Views: views(1)})).Effects},
		{"the stream of a board that Bob does not see", s.live, "/boards/9/live", nil, nil},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			got := tt.handler(sent(bob, "POST", tt.path, tt.signals), bob)
			if diff := cmp.Diff(tt.want, got.Effects, twktest.Rendered()); diff != "" {
				t.Error("(-want +got):\n", diff)
			}
		})
	}
}

func TestPages(t *testing.T) {
	s := program(t)
	for _, tt := range []struct {
		reason, path string
		who          *Person
		code         int
		want, not    string
	}{
		{"nobody has to sign in", "/", nil, 200, `name="person" value="ada"`, "/boards/"},
		{"nobody sees a board", "/boards/1", nil, 303, "", "<html"},
		{"the boards of Ada", "/", &ada, 200, "Summer party", `name="person"`},
		{"the boards of Cleo", "/", &cleo, 200, "Website relaunch", "Summer party"},
		{"the page of an editor", "/boards/1", &bob, 200, `draggable="true"`, `value="owner"`},
		{"the page of an owner", "/boards/1", &ada, 200, `value="owner"`, "no such text"},
		{"the page of a viewer", "/boards/1", &cleo, 200, "Write the imprint", "draggable"},
		{"a board of others", "/boards/2", &cleo, 303, "", "boat"},
		{"a board that is no number", "/boards/x", &cleo, 303, "", "boat"},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			r := twktest.HTTPRequest("GET", tt.path, nil)
			r.Header.Del("Datastar-Request")
			if tt.who != nil {
				r.AddCookie(newCookie(tt.who.ID, cookieAge))
			}
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			if got := w.Body.String(); w.Code != tt.code || !strings.Contains(got, tt.want) || strings.Contains(got, tt.not) {
				t.Errorf("%d, want %d with %q and without %q:\n%s", w.Code, tt.code, tt.want, tt.not, got)
			}
		})
	}
	out := s.signOut(sent(bob, "POST", "/sign-out/x", nil), bob)
	if out.Status != http.StatusSeeOther || out.Cookies[0].MaxAge >= 0 {
		t.Errorf("signing out is answered %+v", out)
	}
}
