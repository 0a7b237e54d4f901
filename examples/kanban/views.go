package main

import (
	"context"
	"net/http"
	"slices"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/twk"
)

// What a page shows. Each is a value that says all of what its markup depends on
// beside the database, so that those who see the same share one render.
type (
	// Board is the columns and cards of a board, for those who may move them or not.
	Board struct {
		ID      int64 `json:"id"`
		CanEdit bool  `json:"canEdit"`
	}
	// People is who is on a board, for those who may change the roles or not.
	People struct {
		Board     int64 `json:"board"`
		CanChange bool  `json:"canChange"`
	}
	// Looking is who has the board open.
	Looking struct {
		Board int64 `json:"board"`
	}
)

func (Board) EffectName() string   { return "kanban/board" }
func (People) EffectName() string  { return "kanban/people" }
func (Looking) EffectName() string { return "kanban/looking" }

// Topics are what a Refresh names.
func (b Board) Topics() []sfere.Topic   { return []sfere.Topic{sfere.T("board", b.ID)} }
func (p People) Topics() []sfere.Topic  { return []sfere.Topic{sfere.T("people", p.Board)} }
func (l Looking) Topics() []sfere.Topic { return []sfere.Topic{sfere.T("looking", l.Board)} }

// needs says who may be shown it.
func (b Board) needs() (board int64, r Role)   { return b.ID, orViewer(b.CanEdit, Editor) }
func (p People) needs() (board int64, r Role)  { return p.Board, orViewer(p.CanChange, Owner) }
func (l Looking) needs() (board int64, r Role) { return l.Board, Viewer }

// orViewer returns r if yes, and Viewer if not.
func orViewer(yes bool, r Role) Role {
	if yes {
		return r
	}
	return Viewer
}

// views returns what somebody with a role sees of a board, and what they do not.
func views(board int64, r Role) (see, not effect.List) {
	edit, change := r >= Editor, r >= Owner
	see = effect.List{Board{board, edit}, People{board, change}, Looking{board}}
	return see, effect.List{Board{board, !edit}, People{board, !change}}
}

// showBoard renders a board. The form for new cards follows the role by a signal.
func (s *server) showBoard(ctx context.Context, b Board) (twk.Content, error) {
	lanes, err := s.db.Lanes(ctx, b.ID)
	return sfere.ViewFrame{Content: boardView(b, lanes), Signals: map[string]any{"_edit": b.CanEdit}}, err
}

func (s *server) showPeople(ctx context.Context, p People) (twk.Content, error) {
	all, err := s.db.Members(ctx, p.Board)
	if !p.CanChange {
		all = slices.DeleteFunc(all, func(m Member) bool { return m.Role == None })
	}
	return peopleView(p, all), err
}

func (s *server) showLooking(ctx context.Context, l Looking) (twk.Content, error) {
	here := s.lookers(l.Board)
	all, err := s.db.Members(ctx, l.Board)
	return lookingView(slices.DeleteFunc(all, func(m Member) bool { return !here[m.ID] })), err
}

// allowed returns the options of a view that only some may be shown.
func allowed[V interface {
	effect.Data
	needs() (board int64, r Role)
}](s *server) *sfere.ViewOptions[App, V] {
	return &sfere.ViewOptions[App, V]{Allow: func(ctx context.Context, call effect.Call[App], v V) error {
		board, least := v.needs()
		r, err := s.db.Role(ctx, board, call.Ctx().Me.ID)
		if err == nil && r < least {
			err = refused{http.StatusForbidden, "You may not see this board, or not so."}
		}
		return err
	}}
}
