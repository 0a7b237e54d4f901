package effect_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/registry"
)

// Move moves a card of a board.
type Move struct {
	Card   string `json:"card"`
	Column string `json:"column"`
}

func (Move) EffectName() string { return "kanban/move" }

// A handler without a value returns only its error.
func ExampleDo() {
	columns := map[string]string{"tests": "doing"}
	d := dispatch.Must(dispatch.New(registry.New("kanban",
		effect.Do("Move a card to a column.", func(_ context.Context, _ effect.Call[App], m Move) error {
			if columns[m.Card] == "" {
				return errors.New("no such card")
			}
			columns[m.Card] = m.Column
			return nil
		}).About(effect.About{Reach: effect.Local}))))
	res := d.Dispatch(context.Background(), App{}, Move{"tests", "done"}, Move{"docs", "done"})
	fmt.Println(columns["tests"])
	fmt.Println(res.Err())
	// Output:
	// done
	// effect kanban/move at 1: no such card
}

// Greeting has a text that may be known now or later.
type Greeting struct {
	To effect.Late[string] `json:"to"`
}

// CurrentUser is a placeholder for the user of the dispatch.
type CurrentUser struct{}

func (Greeting) EffectName() string    { return "greet/greeting" }
func (CurrentUser) EffectName() string { return "greet/current-user" }

func greet() registry.Registry[App] {
	return registry.New("greet",
		effect.Provide("The user of the dispatch.", func(_ context.Context, call effect.Call[App], _ CurrentUser) (string, error) {
			return call.Ctx().User, nil
		}),
		effect.Do("Greet somebody.", func(_ context.Context, _ effect.Call[App], g Greeting) error {
			_, err := fmt.Println("hello,", g.To.Value)
			return err
		}))
}

// A placeholder gives its value when the effect that refers to it runs.
func ExampleProvide() {
	d := dispatch.Must(dispatch.New(greet()))
	hello := Greeting{To: effect.Later[string](CurrentUser{})}
	d.Dispatch(context.Background(), App{User: "ann"}, hello)
	d.Dispatch(context.Background(), App{User: "bob"}, hello)
	// Output:
	// hello, ann
	// hello, bob
}

// Now is for values that are known, Later for those that a placeholder gives.
func ExampleLater() {
	d := dispatch.Must(dispatch.New(greet()))
	d.Dispatch(context.Background(), App{User: "ann"},
		Greeting{To: effect.Now("everybody")},
		Greeting{To: effect.Later[string](CurrentUser{})})
	// Output:
	// hello, everybody
	// hello, ann
}

// An Interceptor is an item of a registry as it is.
func ExampleInterceptor_registered() {
	names := registry.New("names", effect.Interceptor[App]{
		Name: "app/names",
		Effect: func(next effect.EffectFunc[App]) effect.EffectFunc[App] {
			return func(ctx context.Context, call effect.Call[App], item effect.Data) (any, error) {
				fmt.Println(item.EffectName())
				return next(ctx, call, item)
			}
		},
	})
	d := dispatch.Must(dispatch.New(greet(), names))
	d.Dispatch(context.Background(), App{}, Greeting{To: effect.Now("everybody")})
	// Output:
	// greet/greeting
	// hello, everybody
}
