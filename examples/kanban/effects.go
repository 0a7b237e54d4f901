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
)

func (MoveCard) EffectName() string { return "kanban/move-card" }
func (AddCard) EffectName() string  { return "kanban/add-card" }
func (SetRole) EffectName() string  { return "kanban/set-role" }

func (s *server) registry() registry.Registry[App] {
	return registry.New("kanban",
		sfere.View("The columns and cards of a board.", s.showBoard, allowed(s, Board{1, true})),
		sfere.View("The people of a board and their roles.", s.showPeople, allowed(s, People{1, true})),
		sfere.View("Who is looking at a board.", s.showLooking, allowed(s, Looking{1})),
		sfere.View("What has happened on a board.", s.showHistory, allowed(s, History{1})),
		effect.Do("Move a card.", s.moveCard).About(example(MoveCard{Board: 1, Card: 3, Seen: 1, Lane: 2})),
		effect.Do("Add a card.", s.addCard).About(example(AddCard{1, "Buy flowers"})),
		effect.Do("Change the role of a person.", s.setRole).About(example(SetRole{1, "cleo", Editor})),
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
	return call.Dispatch(ctx, sfere.Refresh{Topic: sfere.T("board", m.Board)}).Err()
}

func (s *server) addCard(ctx context.Context, call effect.Call[App], a AddCard) error {
	if _, err := s.db.Add(ctx, call.Ctx().Me, a.Board, a.Title); err != nil {
		return err
	}
	return call.Dispatch(ctx, sfere.Refresh{Topic: sfere.T("board", a.Board)}, twk.Signals("title", "")).Err()
}

// setRole changes a role. Recheck shows at once, in the tabs of the person, what they
// may see now, on whichever machine these are: it runs where each tab is. Who may see
// nothing is told so.
func (s *server) setRole(ctx context.Context, call effect.Call[App], r SetRole) error {
	e, err := s.db.SetRole(ctx, call.Ctx().Me, r)
	if err != nil || e.ID == 0 {
		return err
	}
	theirs := sfere.Exactly(tabs(r.Board, r.Person))
	then := effect.List{sfere.Broadcast{To: theirs, Each: true, Effects: effect.List{sfere.Recheck{To: theirs}}}}
	if r.Role == None {
		then = append(then, sfere.Tell(theirs, twk.Patch(lockedView()), twk.CloseSSE{}))
	}
	return call.Dispatch(ctx, append(then, sfere.Refresh{Topic: sfere.T("people", r.Board)})...).Err()
}
