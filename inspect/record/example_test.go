package record_test

import (
	"context"
	"fmt"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/inspect/record"
	"github.com/sfere-go/sfere/registry"
)

// App is the Ctx of the program.
type App struct{}

// Mail is an effect.
type Mail struct {
	To string `json:"to"`
}

func (Mail) EffectName() string { return "shop/mail" }

func Example() {
	rec := record.New(200)
	d, err := dispatch.New(
		registry.New("record", record.Interceptor[App](rec)), // first: it sees what those after it do
		registry.New("shop", effect.Handle("Send a message by mail.",
			func(context.Context, effect.Call[App], Mail) (int, error) { return 1, nil })),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	d.Dispatch(context.Background(), App{}, Mail{To: "ann@example.com"}, effect.Raw{Effect: "shop/gone"})
	for _, s := range rec.Recent()[0].Steps {
		fmt.Println(s.Path, s.Name, s.State)
	}
	fmt.Println(rec.Stats().Total, "recorded,", rec.Stats().Failed, "failed")
	// Output:
	// 0 shop/mail done
	// 1 shop/gone failed
	// 1 recorded, 1 failed
}

// Register is an effect with two secrets.
type Register struct {
	Name     string `json:"name"`
	Password string `json:"password"`            // by its name
	Code     string `json:"code" sfere:"secret"` // by its tag
}

// EffectName returns "app/register".
func (Register) EffectName() string { return "app/register" }

// Secrets are hidden in what is kept, and in errors.
func ExampleOptions() {
	rec := record.NewWith(&record.Options{Bytes: 4 << 20, Secrets: append(record.Secrets(), "iban")})
	d, err := dispatch.New(
		registry.New("record", record.Interceptor[App](rec)),
		registry.New("app", effect.Handle("Make an account.", func(_ context.Context, _ effect.Call[App], r Register) (any, error) {
			return nil, fmt.Errorf("the code %s is used up", r.Code)
		})),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	d.Dispatch(context.Background(), App{}, Register{Name: "Ann", Password: "hunter2", Code: "ABCD-1234"})
	s := rec.Recent()[0].Steps[0]
	fmt.Printf("%+v\n%v\n", s.Item, s.Error)
	// Output:
	// {Name:Ann Password:[hidden] Code:[hidden]}
	// the code [hidden] is used up
}
