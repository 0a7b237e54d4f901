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
	// History is what has happened on a board lately.
	History struct {
		Board int64 `json:"board"`
	}
)

func (Board) EffectName() string   { return "kanban/board" }
func (People) EffectName() string  { return "kanban/people" }
func (Looking) EffectName() string { return "kanban/looking" }
func (History) EffectName() string { return "kanban/history" }

// Topics are what a Refresh names.
func (b Board) Topics() []sfere.Topic   { return []sfere.Topic{sfere.T("board", b.ID)} }
func (p People) Topics() []sfere.Topic  { return []sfere.Topic{sfere.T("people", p.Board)} }
func (l Looking) Topics() []sfere.Topic { return []sfere.Topic{sfere.T("looking", l.Board)} }
func (h History) Topics() []sfere.Topic {
	return []sfere.Topic{sfere.T("board", h.Board), sfere.T("people", h.Board)}
}

// as returns the value that somebody with a role is shown.
func (b Board) as(r Role) Board     { return Board{b.ID, r >= Editor} }
func (p People) as(r Role) People   { return People{p.Board, r >= Owner} }
func (l Looking) as(r Role) Looking { return l }
func (h History) as(r Role) History { return h }

func (b Board) board() int64   { return b.ID }
func (p People) board() int64  { return p.Board }
func (l Looking) board() int64 { return l.Board }
func (h History) board() int64 { return h.Board }

// views returns what a page of a board shows. What differs by role is for allowed to
// say.
func views(board int64) effect.List {
	return effect.List{Board{ID: board}, People{Board: board}, Looking{board}, History{board}}
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

func (s *server) showHistory(ctx context.Context, h History) (twk.Content, error) {
	events, err := s.db.History(ctx, h.Board, shownEvents)
	return historyView(events), err
}

// allowed returns the options of a view: the role of a person, as it is now, decides
// which value of it they are shown, whatever was asked for.
func allowed[V interface {
	effect.Data
	as(Role) V
	board() int64
}](s *server, example V) *sfere.ViewOptions[App, V] {
	return &sfere.ViewOptions[App, V]{
		Examples: []V{example},
		Allow: func(ctx context.Context, call effect.Call[App], v V) (V, error) {
			r, err := s.db.Role(ctx, v.board(), call.Ctx().Me.ID)
			if err == nil && r == None {
				err = refused{http.StatusForbidden, "You may not see this board."}
			}
			return v.as(r), err
		},
	}
}
