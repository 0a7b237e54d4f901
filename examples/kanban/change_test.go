package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// cards returns the cards of a board by column.
func (s *server) cards(t *testing.T, board int64) string {
	t.Helper()
	lanes, err := s.db.Lanes(t.Context(), board)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for i, l := range lanes {
		if i > 0 {
			b.WriteString(" |")
		}
		for _, c := range l.Cards {
			fmt.Fprintf(&b, " %d", c.ID)
		}
	}
	return strings.TrimSpace(b.String())
}

func TestMove(t *testing.T) {
	for _, tt := range []struct {
		reason    string
		who       Person
		move      MoveCard
		what      string // in the history
		no        string // why it is refused
		wantCards string
	}{
		{"to the end of another column", bob, MoveCard{1, 2, 1, 2, 0}, "moved “Move the blog posts” from “To do” to “Doing”", "", "1 3 4 | 5 6 2 | 7"},
		{"before a card of another column", ada, MoveCard{1, 2, 1, 2, 5}, "moved “Move the blog posts” from “To do” to “Doing”", "", "1 3 4 | 2 5 6 | 7"},
		{"up", bob, MoveCard{1, 3, 1, 1, 2}, "moved “Ask for photos of the team” within “To do”", "", "1 3 2 4 | 5 6 | 7"},
		{"to where it is", bob, MoveCard{1, 4, 1, 1, 0}, "", "", "1 2 3 4 | 5 6 | 7"},
		{"before itself", bob, MoveCard{1, 4, 1, 1, 4}, "", "", "1 2 3 4 | 5 6 | 7"},
		{"before a card that has left the column", bob, MoveCard{1, 1, 1, 2, 7}, "moved “Write the imprint” from “To do” to “Doing”", "", "2 3 4 | 5 6 1 | 7"},
		{"a viewer", cleo, MoveCard{1, 2, 1, 2, 0}, "", "This needs the role of an editor. You are a viewer here.", "1 2 3 4 | 5 6 | 7"},
		{"nobody", Person{}, MoveCard{1, 2, 1, 2, 0}, "", "This needs the role of an editor. You are nobody here.", "1 2 3 4 | 5 6 | 7"},
		{"somebody was faster", bob, MoveCard{1, 2, 0, 2, 0}, "", "Somebody has moved “Move the blog posts” meanwhile. It is in “To do” now.", "1 2 3 4 | 5 6 | 7"},
		{"a card of another board", bob, MoveCard{1, 8, 1, 2, 0}, "", "This card is not on the board any more.", "1 2 3 4 | 5 6 | 7"},
		{"a column of another board", bob, MoveCard{1, 2, 1, 4, 0}, "", "This column is not on the board any more.", "1 2 3 4 | 5 6 | 7"},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			s := program(t)
			e, err := s.db.Move(t.Context(), tt.who, tt.move)
			got, want := fmt.Sprintf("%s, %v, %s", e.What, err, s.cards(t, 1)), fmt.Sprintf("%s, %v, %s", tt.what, error(nil), tt.wantCards)
			if tt.no != "" {
				want = fmt.Sprintf("%s, %v, %s", tt.what, tt.no, tt.wantCards)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error("(-want +got):\n", diff)
			}
			events, err := s.db.History(t.Context(), 1, 5)
			if noted := len(events) == 1 && events[0].What == tt.what; err != nil || noted != (tt.what != "") {
				t.Errorf("the history is %v, %v", events, err)
			}
		})
	}
}

func TestSetRole(t *testing.T) {
	for _, tt := range []struct {
		reason string
		who    Person
		set    SetRole
		want   string
	}{
		{"a viewer becomes an editor", ada, SetRole{1, "cleo", Editor}, "made Cleo an editor"},
		{"an editor gets nothing any more", ada, SetRole{1, "bob", None}, "took the board away from Bob"},
		{"what is so already", ada, SetRole{1, "bob", Editor}, ""},
		{"an editor gives roles", bob, SetRole{1, "cleo", Editor}, "This needs the role of an owner. You are an editor here."},
		{"the owner of another board", bob, SetRole{1, "bob", Owner}, "This needs the role of an owner. You are an editor here."},
		{"the last owner leaves", ada, SetRole{1, "ada", Editor}, "A board needs an owner. Make somebody else one first."},
		{"a person that is not", ada, SetRole{1, "eve", Editor}, "There is no such person."},
		{"a role that is not", ada, SetRole{1, "bob", 7}, "There is no such role."},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			e, err := program(t).db.SetRole(t.Context(), tt.who, tt.set)
			got := e.What
			if err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error("(-want +got):\n", diff)
			}
		})
	}
}

func TestAdd(t *testing.T) {
	s := program(t)
	for title, want := range map[string]string{
		" a\n b\t": "added “a b”", "": "A card has a title of 1 to 120 characters.", strings.Repeat("é", 121): "A card has a title of 1 to 120 characters.",
	} {
		e, err := s.db.Add(t.Context(), bob, 1, title)
		got := e.What
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: %q, want %q", title, got, want)
		}
	}
	if diff := cmp.Diff("1 2 3 4 11 | 5 6 | 7", s.cards(t, 1)); diff != "" {
		t.Error("(-want +got):\n", diff)
	}
}

// A database that is opened again is as it was.
func TestReopen(t *testing.T) {
	file := t.TempDir() + "/kanban.db"
	for round := range 2 {
		db, err := OpenStore(t.Context(), file)
		if err != nil {
			t.Fatal(err)
		}
		role, err := db.Role(t.Context(), 1, "bob")
		if want := []Role{Editor, None}[round]; err != nil || role != want {
			t.Errorf("round %d: Bob's role is %v, %v, want %v", round, role, err, want)
		}
		if round == 0 {
			if _, err := db.SetRole(t.Context(), ada, SetRole{1, "bob", None}); err != nil {
				t.Error(err)
			}
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}
