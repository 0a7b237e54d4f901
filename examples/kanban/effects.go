package main

import (
	"context"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/registry"
	"github.com/sfere-go/sfere/twk"
)

// What happens. Who does it is in the Ctx of the dispatch.
type (
	// MoveCard puts a card before another one of a column, or at its end.
	MoveCard struct {
		Board  int64 `json:"board"`
		Card   int64 `json:"card"`
		Seen   int64 `json:"seen"` // version of the card that the person has seen
		Lane   int64 `json:"lane"`
		Before int64 `json:"before,omitempty"` // a card; 0 means the end
	}
	// AddCard puts a new card into the first column.
	AddCard struct {
		Board int64  `json:"board"`
		Title string `json:"title"`
	}
	// SetRole gives a person a role, or none.
	SetRole struct {
		Board  int64  `json:"board"`
		Person string `json:"person"`
		Role   Role   `json:"role"`
	}
	// Look makes a stream show a board and its history.
	Look struct {
		Board int64 `json:"board"`
	}
)

func (MoveCard) EffectName() string { return "kanban/move-card" }
func (AddCard) EffectName() string  { return "kanban/add-card" }
func (SetRole) EffectName() string  { return "kanban/set-role" }
func (Look) EffectName() string     { return "kanban/look" }

func (s *server) registry() registry.Registry[App] {
	return registry.New("kanban",
		sfere.View("The columns and cards of a board.", s.showBoard, allowed(s, Board{1, true})),
		sfere.View("The people of a board and their roles.", s.showPeople, allowed(s, People{1, true})),
		sfere.View("Who is looking at a board.", s.showLooking, allowed(s, Looking{1})),
		effect.Do("Move a card.", s.moveCard).About(example(MoveCard{Board: 1, Card: 3, Seen: 1, Lane: 2})),
		effect.Do("Add a card.", s.addCard).About(example(AddCard{1, "Buy flowers"})),
		effect.Do("Change the role of a person.", s.setRole).About(example(SetRole{1, "cleo", Editor})),
		effect.Do("Show a board and its history.", s.look).About(example(Look{1})),
	)
}

func example(e effect.Data) effect.About {
	return effect.About{Reach: effect.Local, Examples: effect.List{e}}
}

func (s *server) moveCard(ctx context.Context, call effect.Call[App], m MoveCard) error {
	e, err := s.db.Move(ctx, call.Ctx().Me, m)
	if err != nil || e.ID == 0 {
		return err
	}
	return call.Dispatch(ctx, sfere.Refresh{Topic: sfere.T("board", m.Board)}, happened(m.Board, e)).Err()
}

func (s *server) addCard(ctx context.Context, call effect.Call[App], a AddCard) error {
	e, err := s.db.Add(ctx, call.Ctx().Me, a.Board, a.Title)
	if err != nil {
		return err
	}
	return call.Dispatch(ctx, sfere.Refresh{Topic: sfere.T("board", a.Board)}, happened(a.Board, e), twk.Signals("title", "")).Err()
}

// setRole changes a role. Recheck shows at once, in the tabs of the person, what they
// may see now. Who may see nothing is told so.
func (s *server) setRole(ctx context.Context, call effect.Call[App], r SetRole) error {
	e, err := s.db.SetRole(ctx, call.Ctx().Me, r)
	if err != nil || e.ID == 0 {
		return err
	}
	theirs := sfere.Exactly(tabs(r.Board, r.Person))
	then := effect.List{sfere.Recheck{To: theirs}}
	if r.Role == None {
		then = append(then, sfere.Tell(theirs, twk.Patch(lockedView()), twk.CloseSSE{}))
	}
	then = append(then, happened(r.Board, e), sfere.Refresh{Topic: sfere.T("people", r.Board)})
	return call.Dispatch(ctx, then...).Err()
}

// look makes the stream of the dispatch show a board, and the history that its events
// go on from.
func (s *server) look(ctx context.Context, call effect.Call[App], l Look) error {
	events, err := s.db.History(ctx, l.Board, shownEvents)
	if err != nil {
		return err
	}
	return call.Dispatch(ctx, twk.Patch(historyView(events)), sfere.Show{Views: views(l.Board)}).Err()
}

// happened tells everybody who looks at a board what has happened.
func happened(board int64, e Event) sfere.Broadcast {
	return sfere.Tell(everybody(board), twk.Prepend("#history", eventView(e)))
}
