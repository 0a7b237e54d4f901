package schema_test

import (
	"context"
	"fmt"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/registry"
	"github.com/sfere-go/sfere/schema"
)

// Notify is effect data; the tags of its fields are what catalogues say of them.
type Notify struct {
	Channel string `json:"channel" jsonschema:"minLength=1,description=where to post"`
	Text    string `json:"text,omitempty" jsonschema:"description=what to say"`
	Level   string `json:"level,omitempty" jsonschema:"enum=,enum=info,enum=warn,description=how urgent it is; info if empty"`
}

func (Notify) EffectName() string { return "app/notify" }

// Shop is the Ctx that the effects run against.
type Shop struct {
	User string `jsonschema:"required,description=who is signed in"`
}

func notifications() registry.Registry[Shop] {
	return registry.New("app",
		effect.Handle("Post a message to a channel.",
			func(_ context.Context, call effect.Call[Shop], n Notify) (int, error) {
				return len(n.Text), nil
			}).About(effect.About{
			Reach:    effect.External,
			Examples: []effect.Data{Notify{Channel: "ops", Text: "deployed"}},
			Meta:     map[string]any{"owner": "platform"},
		}))
}

func Example() {
	cat := schema.Of(dispatch.Must(dispatch.New(notifications())))
	for _, i := range cat.Describe(schema.Effects) {
		fmt.Println(i.Name, "-", i.Doc)
	}
	found, err := cat.Grep(context.Background(), "URGENT")
	if err != nil {
		fmt.Println(err)
	}
	for _, m := range found {
		fmt.Println("found in", m.Hits[0].Field, "of", m.Item.Name)
	}
	samples, err := cat.Sample("app/notify", 1, 1)
	fmt.Println(string(samples[0]), err)
	fmt.Println(cat.Validate(context.Background(), []byte(`[{"effect":"app/notify","args":{"channel":"","level":"loud"}}]`)))
	// Output:
	// app/notify - Post a message to a channel.
	// effect/batch - Run effects in two phases: first expand all actions against one state, then run what they gave.
	// effect/serial - Run effects as one step: no other list with the same key runs meanwhile.
	// found in args.level:description of app/notify
	// {"effect":"app/notify","args":{"channel":"ops","text":"deployed"}} <nil>
	// schema: /0/args/channel: minLength: got 0, want 1; /0/args/level: value must be one of '', 'info', 'warn'
}

// Validation belongs in the options of the dispatcher, and the rest of what a
// catalogue checks into the start of the program.
func ExampleCatalogue_Validator() {
	all := notifications()
	cat := schema.Of(all)
	d := dispatch.Must(dispatch.NewWith(&dispatch.Options{Validate: cat.Validator(schema.Strict, nil)}, all))
	fmt.Println(cat.Err(), cat.Undocumented())
	fmt.Println(cat.CheckCtx(Shop{}))
	fmt.Println(d.Dispatch(context.Background(), Shop{User: "ann"}, Notify{}).Err())
	// Output:
	// <nil> []
	// schema: schema_test.Shop.User is not set, which app/notify needs
	// validate app/notify at 0: schema: /args/channel: minLength: got 0, want 1
}
