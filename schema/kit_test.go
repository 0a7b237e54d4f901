package schema_test

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/registry"
)

// env is the Ctx of most tests.
type env struct {
	User string `jsonschema:"required,description=who is signed in"`
	Log  *[]string
}

type (
	// note has a field of every usual kind.
	note struct {
		Channel string            `json:"channel" jsonschema:"description=where to post,minLength=1"`
		Text    string            `json:"text,omitempty" jsonschema:"description=what to say"`
		Level   string            `json:"level,omitempty" jsonschema:"enum=info,enum=warn,description=how urgent it is"`
		Tags    []string          `json:"tags" jsonschema:"description=labels"`
		Labels  map[string]string `json:"labels,omitempty" jsonschema:"description=more labels"`
		Times   uint8             `json:"times,omitempty" jsonschema:"description=how often,maximum=9"`
		When    *time.Time        `json:"when" jsonschema:"description=not before"`
		Code    string            `json:"code,omitempty" jsonschema:"description=a code,pattern=^[A-Z]{2}-[0-9]+$"`
	}
	// later holds a list and late values.
	later struct {
		Who     effect.Late[string]    `json:"who" jsonschema:"description=whom it is for"`
		Any     effect.Late[any]       `json:"any,omitzero" jsonschema:"description=anything"`
		Spots   []effect.Late[place]   `json:"spots,omitempty" jsonschema:"description=where"`
		Effects effect.List            `json:"effects" jsonschema:"description=what to do then"`
		Else    map[string]effect.List `json:"else,omitempty" jsonschema:"description=what to do otherwise"`
	}
	place struct {
		X int `json:"x" jsonschema:"description=from the left"`
		Y int `json:"y" jsonschema:"description=from the top"`
	}
	twice struct {
		Effects effect.List `json:"effects" jsonschema:"description=what to do twice"`
	}
	userName struct{}
	upper    struct {
		Of effect.Late[string] `json:"of" jsonschema:"description=the text"`
	}
	spot struct {
		Name string `json:"name" jsonschema:"description=of the spot"`
		Z    int    `json:"z,omitempty" jsonschema:"description=height"`
	}
)

func (note) EffectName() string     { return "test/note" }
func (later) EffectName() string    { return "test/later" }
func (twice) EffectName() string    { return "test/twice" }
func (userName) EffectName() string { return "test/user-name" }
func (upper) EffectName() string    { return "test/upper" }
func (spot) EffectName() string     { return "test/spot" }

type call = effect.Call[env]

func items() registry.Registry[env] {
	log := func(c call, s string) { *c.Ctx().Log = append(*c.Ctx().Log, s) }
	return registry.New("test",
		effect.Handle("Post a note to a channel.", func(_ context.Context, c call, n note) (int, error) {
			log(c, n.Channel+" "+n.Text)
			return len(n.Text), nil
		}).About(effect.About{
			Examples: []effect.Data{note{Channel: "general", Text: "Hello"}},
			Meta:     map[string]any{"owner": "chat team", "since": 3, "see": []string{"handbook", "wiki"}, "sets": map[string]bool{"beta": true}},
		}),
		effect.Handle("Do something later.", func(ctx context.Context, c call, l later) (any, error) {
			log(c, "later "+l.Who.Value)
			return nil, c.Dispatch(ctx, l.Effects...).Err()
		}).About(effect.About{Reach: effect.Pure}),
		effect.Expand[env]("Do everything twice.", func(_ effect.NoState, t twice) (effect.List, error) {
			return append(t.Effects[:len(t.Effects):len(t.Effects)], t.Effects...), nil
		}),
		effect.Provide("The name of the user.", func(_ context.Context, c call, _ userName) (string, error) { return c.Ctx().User, nil }),
		effect.Provide("A text in capitals.", func(_ context.Context, _ call, u upper) (string, error) { return u.Of.Value + "!", nil }),
		effect.Provide("A place by its name.", func(_ context.Context, _ call, s spot) (place, error) { return place{len(s.Name), s.Z}, nil }),
	)
}

func newDispatcher(t testing.TB, o *dispatch.Options) *dispatch.Dispatcher[env] {
	t.Helper()
	d, err := dispatch.NewWith(o, items())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func newEnv() env { return env{User: "ann", Log: new([]string)} }

// tree gives JSON as plain values, for comparing.
func tree(t testing.TB, v any) any {
	t.Helper()
	text, ok := v.(json.RawMessage)
	if !ok {
		var err error
		if text, err = json.Marshal(v); err != nil {
			t.Fatal(err)
		}
	}
	var out any
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return out
}

func names[T any](in []T, name func(T) string) []string {
	out := []string{}
	for _, v := range in {
		out = append(out, name(v))
	}
	return out
}

func list(format string, args ...any) []byte { return fmt.Appendf(nil, format, args...) }

func registryOf(items ...effect.Item[env]) registry.Registry[env] {
	return registry.New("test", items...)
}

// bare is a source without anything.
type bare struct{}

func (bare) All() iter.Seq[effect.Info] { return func(func(effect.Info) bool) {} }
