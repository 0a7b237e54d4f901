package dispatch_test

import (
	"context"
	"fmt"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/registry"
)

// Greet is effect data of a registry that only knows a Printer.
type Greet struct {
	Name string `json:"name"`
}

func (Greet) EffectName() string { return "demo/greet" }

type Printer struct{ Prefix string }

func greetings() registry.Registry[Printer] {
	return registry.New("demo",
		effect.Handle("Print a greeting.", func(_ context.Context, call effect.Call[Printer], g Greet) (int, error) {
			return fmt.Println(call.Ctx().Prefix + "hello, " + g.Name)
		}))
}

// Visit is effect data of the application, whose Ctx holds a Printer.
type Visit struct {
	Guests []string `json:"guests"`
}

func (Visit) EffectName() string { return "app/visit" }

type App struct {
	Printer
	Host string
}

// A program joins its own registry with one that was written against a smaller
// Ctx. A handler continues with a changed Ctx.
func Example() {
	d, err := dispatch.New(
		registry.Lift(greetings(), func(a *App) *Printer { return &a.Printer }),
		registry.New("app",
			effect.Handle("Greet every guest.", func(ctx context.Context, call effect.Call[App], v Visit) (int, error) {
				for _, guest := range v.Guests {
					call.DispatchWith(ctx, func(a *App) { a.Prefix = a.Host + " says " }, Greet{guest})
				}
				return len(v.Guests), nil
			})),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	res := d.Dispatch(context.Background(), App{Host: "Ann"}, Visit{[]string{"Bob", "Cy"}}, Greet{"world"})
	n, _ := effect.Value[int](res)
	fmt.Println(n, "guests,", res.Err())
	// Output:
	// Ann says hello, Bob
	// Ann says hello, Cy
	// hello, world
	// 2 guests, <nil>
}

// FailFast skips what comes after a failure, and says so.
func ExampleFailFast() {
	d := dispatch.Must(dispatch.New(
		greetings(),
		registry.New("rules", dispatch.FailFast[Printer]()),
	))
	res := d.Dispatch(context.Background(), Printer{}, Greet{"Bob"}, Unknown{}, Greet{"Cy"})
	fmt.Println(res.Err())
	for _, s := range res.Skipped {
		fmt.Printf("item %s skipped by %s: %v\n", s.Path, s.By, s.Reason)
	}
	// Output:
	// hello, Bob
	// lookup demo/great at 1: unknown effect, action or placeholder "demo/great": did you mean demo/greet?
	// item 2 skipped by dispatch/fail-fast: an earlier item failed
}

// Unknown is effect data that nobody handles.
type Unknown struct{}

func (Unknown) EffectName() string { return "demo/great" }

// A list in wire form is decoded by a dispatcher, which knows the types.
func ExampleDispatcher_Decode() {
	d := dispatch.Must(dispatch.New(greetings()))
	list, err := d.Decode([]byte(`[{"effect": "demo/greet", "args": {"name": "Bob"}}]`))
	if err != nil {
		fmt.Println(err)
		return
	}
	d.Dispatch(context.Background(), Printer{Prefix: "> "}, list...)

	_, err = d.Decode([]byte(`[{"effect": "demo/gret", "args": {}}]`))
	fmt.Println(err)
	// Output:
	// > hello, Bob
	// lookup demo/gret at 0: unknown effect, action or placeholder "demo/gret": did you mean demo/greet?
}
