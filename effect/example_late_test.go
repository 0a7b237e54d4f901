package effect_test

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/registry"
)

// Welcome has a text that is known only when it runs.
type Welcome struct {
	Name effect.Late[string] `json:"name"`
}

// Recipient is a placeholder: who the effect is for.
type Recipient struct{}

// Everyone runs its list once for each of the guests.
type Everyone struct {
	Guests  []string    `json:"guests"`
	Effects effect.List `json:"effects"`
}

func (Welcome) EffectName() string   { return "party/welcome" }
func (Recipient) EffectName() string { return "party/recipient" }
func (Everyone) EffectName() string  { return "party/everyone" }

// recipient is dispatch data: a typed key for a value in the context.
var recipient = effect.NewContextKey[string]("recipient")

func party() registry.Registry[App] {
	return registry.New("party",
		effect.Provide("The guest whose turn it is.",
			func(ctx context.Context, _ effect.Call[App], _ Recipient) (string, error) {
				name, ok := recipient.From(ctx)
				if !ok {
					return "", fmt.Errorf("nobody's turn")
				}
				return name, nil
			}),
		effect.Handle("Welcome somebody.",
			func(_ context.Context, _ effect.Call[App], w Welcome) (int, error) {
				return fmt.Println("welcome,", w.Name.Value)
			}),
		effect.Handle("Run effects for every guest.",
			func(ctx context.Context, call effect.Call[App], e Everyone) (int, error) {
				for _, guest := range e.Guests {
					call.Dispatch(recipient.With(ctx, guest), e.Effects...)
				}
				return len(e.Guests), nil
			}))
}

// A late value is resolved when the effect that holds it runs: in a continuation
// once for every recipient. Until then it is data and can be sent.
func ExampleLate() {
	d := dispatch.Must(dispatch.New(party()))
	item := Everyone{
		Guests:  []string{"Bob", "Cy"},
		Effects: effect.List{Welcome{Name: effect.Later[string](Recipient{})}},
	}
	d.Dispatch(context.Background(), App{}, item)

	text, err := json.Marshal(effect.List{item})
	fmt.Println(string(text), err)
	decoded, err := d.Decode(text)
	if err != nil {
		fmt.Println(err)
		return
	}
	d.Dispatch(context.Background(), App{}, decoded...)
	// Output:
	// welcome, Bob
	// welcome, Cy
	// [{"effect":"party/everyone","args":{"guests":["Bob","Cy"],"effects":[{"effect":"party/welcome","args":{"name":{"$placeholder":"party/recipient","args":{}}}}]}}] <nil>
	// welcome, Bob
	// welcome, Cy
}
