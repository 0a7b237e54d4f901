package main

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/twk/twktest"
)

// A move of one shows on the pages of all; what is refused shows on one.
func TestMoveShows(t *testing.T) {
	s := program(t)
	a, c := s.open(t, ada), s.open(t, cleo)
	if told := s.post(t, bob, "/boards/1/move", MoveCard{0, 2, 1, 2, 0}); told != "" {
		t.Errorf("a move is refused: %s", told)
	}
	for _, page := range []*twktest.Stream{a, c} {
		moved := func(e twktest.Event) bool {
			_, doing, _ := strings.Cut(e.Fields()["elements"], `<section id="lane-2"`)
			return strings.Contains(doing, "Move the blog posts")
		}
		page.Until(moved)
	}
	if told := s.post(t, cleo, "/boards/1/move", MoveCard{0, 3, 1, 2, 0}); told != "This needs the role of an editor. You are a viewer here." {
		t.Errorf("a viewer is told %q", told)
	}
	if told := s.post(t, ada, "/boards/1/move", MoveCard{0, 2, 1, 3, 0}); !strings.HasPrefix(told, "Somebody has moved “Move the blog posts”") {
		t.Errorf("who is late is told %q", told)
	}
}

// A role takes effect in all that a page shows, and a stream that is open.
func TestRoleTakesEffect(t *testing.T) {
	s := program(t)
	b, open := s.open(t, bob), s.open(t, ada)
	s.post(t, ada, "/boards/1/role", SetRole{0, "bob", Viewer})
	until(b, `{"_edit":false}`)
	if e := until(b, `<section id="board"`); has(e, "draggable") {
		t.Error("a viewer is shown what only editors have")
	}
	s.post(t, ada, "/boards/1/role", SetRole{0, "bob", Owner})
	until(b, `{"_edit":true}`, `value="owner"`)
	s.post(t, bob, "/boards/1/role", SetRole{0, "ada", None})
	s.post(t, bob, "/boards/1/role", SetRole{0, "cleo", None})
	s.post(t, ada, "/boards/1/role", SetRole{0, "ada", Owner}) // is refused
	until(b, "took the board away from Cleo")
	until(open, "not yours to see any more")
	if err := open.Ended(); err != nil {
		t.Errorf("the stream of somebody who may see nothing ends with %v", err)
	}
	a := twktest.Serve(t, s, twktest.HTTPRequest("GET", "/boards/1/live", nil, newCookie(ada.ID, cookieAge)))
	if code := a.Response().StatusCode; code != 204 {
		t.Errorf("the stream of somebody who may see nothing is answered %d, want 204", code)
	}
}

// What a person may see is asked of the database, whoever shows it to them, whatever
// they name, and how long ago they were allowed.
func TestAllow(t *testing.T) {
	s := program(t)
	c := s.open(t, cleo)
	theirs := sfere.Exactly(tabs(1, "cleo"))
	show := func() error {
		return s.Dispatch(t.Context(), sfere.Tell(theirs, sfere.Show{Views: effect.List{Board{1, true}}})).Err()
	}
	board := func() twktest.Event { return until(c, `<section id="board"`) }
	if err := show(); err != nil || has(board(), "draggable") {
		t.Errorf("a viewer is shown the board of editors: %v", err)
	}
	for _, tt := range []struct {
		role Role
		edit bool
	}{{Editor, true}, {Viewer, false}} {
		if _, err := s.db.SetRole(t.Context(), ada, SetRole{1, "cleo", tt.role}); err != nil {
			t.Fatal(err)
		}
		if n, ok := effect.Value[int](s.Dispatch(t.Context(), sfere.Recheck{To: theirs})); n != 1 || !ok {
			t.Errorf("%d views are replaced, want 1", n)
		}
		if got := has(board(), "draggable"); got != tt.edit {
			t.Errorf("%v: is shown the board of editors: %t", tt.role, got)
		}
	}
	if _, err := s.db.SetRole(t.Context(), ada, SetRole{1, "cleo", None}); err != nil {
		t.Fatal(err)
	}
	if no, ok := errors.AsType[refused](show()); !ok || no.status != 403 {
		t.Errorf("somebody without a role is shown the board: %v", no)
	}
}

// Whoever opens a page while things happen ends with each line once, in the order in
// which they happened.
func TestHistoryConverges(t *testing.T) {
	s := program(t)
	var all sync.WaitGroup
	pages := make([]*twktest.Stream, 8)
	const lines = 12 // no more than a page begins with
	for i := range lines {
		all.Go(func() { s.post(t, bob, "/boards/1/cards", map[string]string{"title": fmt.Sprint(i)}) })
		if i < len(pages) {
			all.Go(func() {
				pages[i] = twktest.Serve(t, s, twktest.HTTPRequest("GET", "/boards/1/live", nil, newCookie(cleo.ID, cookieAge)))
			})
		}
	}
	all.Wait()
	s.post(t, bob, "/boards/1/cards", map[string]string{"title": "the last"})
	events, err := s.db.History(t.Context(), 1, 99)
	if err != nil {
		t.Fatal(err)
	}
	want := text(t, historyView(events))
	for _, page := range pages {
		got := ""
		page.Until(func(e twktest.Event) bool {
			got = e.Fields()["elements"]
			return strings.HasPrefix(got, `<ol id="history"`) && strings.Contains(got, "the last")
		})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("a page ends with another history (-want +got):\n%s", diff)
		}
	}
}

// Who comes and goes shows on the pages of those who look.
func TestLooking(t *testing.T) {
	s := program(t)
	a := s.open(t, ada)
	b := s.open(t, bob)
	until(a, `id="looking-bob"`)
	s.post(t, bob, "/sign-out", nil) // ends his streams, so that no grace is needed
	_ = b.Ended()
	a.Until(func(e twktest.Event) bool { return has(e, `<ul id="looking"`) && !has(e, "looking-bob") })
}
