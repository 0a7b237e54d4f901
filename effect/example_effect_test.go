package effect_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/registry"
)

// Notify is effect data: a struct value with exported fields and a constant
// name.
type Notify struct {
	Channel string `json:"channel"`
	Text    string `json:"text"`
}

func (Notify) EffectName() string { return "app/notify" }

// App is the Ctx: a small struct of what one dispatch runs against.
type App struct {
	User string
}

// Receipt is what the handler gives back.
type Receipt struct{ Number int }

// Poster is what the handler needs of the world; a constructor closes over it.
type Poster interface {
	Post(ctx context.Context, from, channel, text string) (int, error)
}

func notifications(p Poster) registry.Registry[App] {
	return registry.New("app",
		effect.Handle("Post a message to a channel.",
			func(ctx context.Context, call effect.Call[App], n Notify) (Receipt, error) {
				number, err := p.Post(ctx, call.Ctx().User, n.Channel, n.Text)
				return Receipt{number}, err
			}))
}

// printer is a Poster that prints.
type printer struct{ posted int }

func (p *printer) Post(_ context.Context, from, channel, text string) (int, error) {
	if channel == "" {
		return 0, errors.New("no channel")
	}
	fmt.Printf("#%s %s: %s\n", channel, from, text)
	p.posted++
	return p.posted, nil
}

// An effect is a struct, its handler and the registry that holds it.
func ExampleHandle() {
	d, err := dispatch.New(notifications(&printer{}))
	if err != nil {
		fmt.Println(err)
		return
	}
	res := d.Dispatch(context.Background(), App{User: "ann"},
		Notify{Channel: "ops", Text: "deploying"},
		Notify{Text: "to nowhere"},
		Notify{Channel: "ops", Text: "done"},
	)
	for n, receipt := range effect.Values[Notify, Receipt](res) {
		fmt.Println(receipt.Number, n.Text)
	}
	if failure, ok := errors.AsType[*effect.Error](res.Err()); ok {
		fmt.Println("item", failure.Path, "failed in phase", failure.Phase, "-", failure.Err)
	}
	// Output:
	// #ops ann: deploying
	// #ops ann: done
	// 1 deploying
	// 2 done
	// item 1 failed in phase effect - no channel
}

// Deposit is an effect, and Interest an action that depends on the balance.
type Deposit struct {
	Amount int `json:"amount"`
}

type Interest struct {
	Percent int `json:"percent"`
}

func (Deposit) EffectName() string  { return "bank/deposit" }
func (Interest) EffectName() string { return "bank/interest" }

// Balance is the state that the actions of the registry see.
type Balance int

func bank(account *int) registry.Registry[App] {
	return registry.New("bank",
		effect.State(func(context.Context, effect.Call[App]) (Balance, error) {
			return Balance(*account), nil
		}),
		effect.Handle("Pay into the account.",
			func(_ context.Context, _ effect.Call[App], d Deposit) (int, error) {
				*account += d.Amount
				return *account, nil
			}),
		effect.Expand[App]("Pay interest on the balance.",
			func(b Balance, i Interest) (effect.List, error) {
				return effect.List{Deposit{Amount: int(b) * i.Percent / 100}}, nil
			}))
}

// An action sees the state that the effects before it left; in a Batch all
// actions see the state at its start.
func ExampleExpand() {
	for _, items := range []effect.List{
		{Interest{10}, Interest{10}},
		{effect.Batch{Effects: effect.List{Interest{10}, Interest{10}}}},
	} {
		account := 100
		d := dispatch.Must(dispatch.New(bank(&account)))
		d.Dispatch(context.Background(), App{}, items...)
		fmt.Println(account)
	}
	// Output:
	// 121
	// 120
}
