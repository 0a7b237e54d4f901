package dispatch_test

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/registry"
)

type (
	// Count counts a visit.
	Count struct{}
	// Score gives points to a player and tells the player.
	Score struct {
		Player string `json:"player"`
		Points int    `json:"points"`
	}
	// Transfer moves points from one player to another.
	Transfer struct {
		From   string `json:"from"`
		To     string `json:"to"`
		Points int    `json:"points"`
	}
	// Rename changes the name of a card.
	Rename struct {
		Card int    `json:"card"`
		Name string `json:"name"`
	}
)

func (Count) EffectName() string    { return "state/count" }
func (Score) EffectName() string    { return "state/score" }
func (Transfer) EffectName() string { return "state/transfer" }
func (Rename) EffectName() string   { return "state/rename" }

// A value on its own is an atomic.
func visits(n *atomic.Int64) effect.Item[App] {
	return effect.Handle("Count a visit.", func(context.Context, effect.Call[App], Count) (int64, error) {
		return n.Add(1), nil
	})
}

// Scores may be used from any goroutine.
type Scores struct {
	mu     sync.Mutex
	points map[string]int
}

// Add gives points to a player and returns how many the player has.
func (s *Scores) Add(player string, points int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.points[player] += points
	return s.points[player]
}

// The handler changes the state first. The lock is free when it dispatches.
func scoring(s *Scores) effect.Item[App] {
	return effect.Do("Give points to a player.", func(ctx context.Context, call effect.Call[App], e Score) error {
		total := s.Add(e.Player, e.Points)
		return call.Detached().Dispatch(ctx, Greet{fmt.Sprintf("%s with %d points", e.Player, total)}).Err()
	})
}

// The action reads nothing and knows all keys, so it can take them in order.
func transfers() effect.Item[App] {
	return effect.Expand[App]("Move points from one player to another.", func(_ effect.NoState, t Transfer) (effect.List, error) {
		if t.From == t.To {
			return nil, nil
		}
		return effect.List{effect.Serial{Key: "player/" + min(t.From, t.To), Effects: effect.List{
			effect.Serial{Key: "player/" + max(t.From, t.To), Effects: effect.List{
				Score{t.From, -t.Points},
				Score{t.To, t.Points},
			}},
		}}}, nil
	})
}

// A database has its own transactions; the handler hands on its context.
func cards(db *sql.DB) effect.Item[App] {
	return effect.Do("Rename a card.", func(ctx context.Context, _ effect.Call[App], r Rename) error {
		_, err := db.ExecContext(ctx, "UPDATE card SET name = ? WHERE id = ?", r.Name, r.Card)
		return err
	})
}

// Everything with its own guard: an atomic, a mutex, a database, and keys where
// two effects are one step.
func Example_state() {
	var db *sql.DB // in a program, what sql.Open returned
	visitors, scores := new(atomic.Int64), &Scores{points: map[string]int{}}
	d := dispatch.Must(dispatch.New(
		registry.Lift(greetings(), func(a *App) *Printer { return &a.Printer }),
		registry.New("state", visits(visitors), scoring(scores), transfers(), cards(db)),
	))
	res := d.Dispatch(context.Background(), App{}, Count{}, Score{"bob", 5}, Transfer{"bob", "ann", 2})
	fmt.Println(visitors.Load(), res.Err())
	// Output:
	// hello, bob with 5 points
	// hello, bob with 3 points
	// hello, ann with 2 points
	// 1 <nil>
}
