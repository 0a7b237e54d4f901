package effecttest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/effect/effecttest"
	"github.com/sfere-go/sfere/registry"
)

// Env is an empty Ctx.
type Env struct{}

// fakeTB collects what the kit reports.
type fakeTB struct {
	testing.TB
	errors []string
}

func (f *fakeTB) Helper() {}
func (f *fakeTB) Errorf(format string, args ...any) {
	f.errors = append(f.errors, fmt.Sprintf(format, args...))
}

type (
	Good struct {
		Text    effect.Late[string] `json:"text"`
		Effects effect.List         `json:"effects,omitempty"`
	}
	Ask struct {
		Of effect.Late[string] `json:"of"`
	}
	// Lossy loses a field on the way through JSON.
	Lossy struct{ Text string }
	// Empty differs between nil and empty.
	Empty struct {
		Tags []string `json:"tags,omitempty"`
	}
	// Rude panics when it is written.
	Rude struct{}
	// Moody has a name that depends on its value.
	Moody struct{ Mood string }
	// Fussy cannot be read back.
	Fussy struct{ When fussyTime }
	// Silent cannot be written.
	Silent struct{ X mute }
	Plain  struct{}
)

type fussyTime struct{ Year int }

func (fussyTime) MarshalJSON() ([]byte, error)  { return []byte(`"soon"`), nil }
func (*fussyTime) UnmarshalJSON(b []byte) error { return fmt.Errorf("cannot read %s", b) }

type mute struct{}

func (mute) MarshalJSON() ([]byte, error) { return nil, fmt.Errorf("says nothing") }

func (Good) EffectName() string            { return "kit/good" }
func (Ask) EffectName() string             { return "kit/ask" }
func (Lossy) EffectName() string           { return "kit/lossy" }
func (Empty) EffectName() string           { return "kit/empty" }
func (m Moody) EffectName() string         { return "kit/moody" + m.Mood }
func (Fussy) EffectName() string           { return "kit/fussy" }
func (Silent) EffectName() string          { return "kit/silent" }
func (Rude) EffectName() string            { return "kit/rude" }
func (Rude) MarshalJSON() ([]byte, error)  { panic("no JSON") }
func (Lossy) MarshalJSON() ([]byte, error) { return []byte("{}"), nil }
func (Plain) EffectName() string           { return "kit/plain" }

func handle[E effect.Data](doc string, examples ...effect.Data) effect.Item[Env] {
	return effect.Handle(doc, func(context.Context, effect.Call[Env], E) (int, error) { return 1, nil }).
		About(effect.About{Examples: examples})
}

func ask() effect.Item[Env] {
	return effect.Provide("Ask for a text.", func(_ context.Context, _ effect.Call[Env], a Ask) (string, error) {
		return "<" + a.Of.Value + ">", nil
	})
}

func TestRunAcceptsAGoodRegistry(t *testing.T) {
	effecttest.Run(t, registry.New("kit", ask(), handle[Plain]("Do nothing."),
		handle[Good]("Say a text, then more.",
			Good{Text: effect.Now("<b>")},
			&Good{Text: effect.Later[string](Ask{effect.Later[string](Ask{effect.Now("x")})})},
			Good{Effects: effect.List{Good{}, effect.Batch{Effects: effect.List{Plain{}}}, effect.Serial{Key: "k", Effects: effect.List{Plain{}}}, effect.Raw{Effect: "kit/plain", Args: json.RawMessage("{}")}}},
		)))
}

func TestRunReports(t *testing.T) {
	for _, row := range []struct {
		name   string
		items  []effect.Item[Env]
		want   []string // each in an error of its own
		reason string
	}{
		{"does not build", []effect.Item[Env]{handle[Plain]("")}, []string{"does not build"}, "a registry with errors is not looked at further"},
		{"empty doc", []effect.Item[Env]{handle[Plain]("Plain.")}, []string{"says nothing"}, "the name again is no doc"},
		{"no example", []effect.Item[Env]{handle[Empty]("Take tags.")}, []string{"has no example"}, "an effect with arguments needs an example"},
		{"lossy", []effect.Item[Env]{handle[Lossy]("Lose it all.", Lossy{"x"})}, []string{"another value after a round trip"}, "a marshaler that leaves something out"},
		{"nil and empty", []effect.Item[Env]{handle[Empty]("Take tags.", Empty{Tags: []string{}})}, []string{"another value after a round trip"}, "omitempty drops empty slices"},
		{"name on example", []effect.Item[Env]{handle[Moody]("Change names.", Moody{"/happy"})}, []string{"does not build"}, "registry already sees that the example has another name"},
		{"cannot be read", []effect.Item[Env]{handle[Fussy]("Be fussy.", Fussy{fussyTime{7}})}, []string{"cannot be read back"}, "an unmarshaler that fails"},
		{"cannot be written", []effect.Item[Env]{handle[Silent]("Be silent.", Silent{})}, []string{"cannot be written as JSON"}, "a marshaler that fails"},
		{"nested without handler", []effect.Item[Env]{handle[Good]("Say a text.", Good{Effects: effect.List{Plain{}, nil}})},
			[]string{"nested item 0 is kit/plain, which has no handler", "nested item 1 is nil"}, "lists have to run"},
		{"nested nil pointer", []effect.Item[Env]{handle[Good]("Say a text.", Good{Effects: effect.List{(*Plain)(nil)}})},
			[]string{"nested item 0 is a nil *effecttest_test.Plain"}, "a nil pointer has no name"},
		{"panics", []effect.Item[Env]{handle[Rude]("Be rude.", Rude{})}, []string{"panic"}, "a marshaler that panics"},
		{"nested deeper", []effect.Item[Env]{handle[Good]("Say a text.", Good{Effects: effect.List{effect.Batch{Effects: effect.List{Plain{}}}}})},
			[]string{"nested item 0, nested item 0 is kit/plain"}, "at any depth"},
		{"nested wire form", []effect.Item[Env]{handle[Good]("Say a text.", Good{Effects: effect.List{effect.Raw{Effect: "kit/good", Args: json.RawMessage(`{"txt":1}`)}}})},
			[]string{"cannot be read back"}, "wire form inside examples is decoded"},
		{"reference without placeholder", []effect.Item[Env]{handle[Good]("Say a text.", Good{Text: effect.Later[string](Ask{})})},
			[]string{"refers to kit/ask, which is no placeholder"}, "late values have to resolve"},
		{"reference in a reference", []effect.Item[Env]{ask(), handle[Good]("Say a text.", Good{Text: effect.Later[string](Ask{effect.Later[string](Plain{})})})},
			[]string{"kit/ask refers to kit/plain, which is no placeholder"}, "also in arguments"},
		{"reference of another type", []effect.Item[Env]{handle[Good]("Say a text.", Good{Text: effect.Later[string](Plain{})}),
			effect.Provide("Count them.", func(context.Context, effect.Call[Env], Plain) (int, error) { return 1, nil })},
			[]string{"kit/plain gives int, the field wants string"}, "a value has to fit its field"},
	} {
		t.Run(row.name, func(t *testing.T) {
			tb := &fakeTB{}
			effecttest.Run(tb, registry.New("kit", row.items...))
			if len(tb.errors) != len(row.want) {
				t.Fatalf("%s: %d errors, want %d: %q", row.reason, len(tb.errors), len(row.want), tb.errors)
			}
			for i, want := range row.want {
				if !strings.Contains(tb.errors[i], want) {
					t.Errorf("%s: got %q, want it to contain %q", row.reason, tb.errors[i], want)
				}
				if !strings.ContainsAny(tb.errors[i], ":;") {
					t.Errorf("%q does not explain itself", tb.errors[i])
				}
			}
		})
	}
}

func TestRecorder(t *testing.T) {
	for _, row := range []struct {
		answer func(effect.Data) (any, bool)
		want   any
		reason string
	}{
		{nil, 1, "handlers run by default"},
		{func(effect.Data) (any, bool) { return "canned", true }, "canned", "an answer stands in"},
		{func(effect.Data) (any, bool) { return nil, true }, struct{}{}, "nil is an answer too"},
		{func(effect.Data) (any, bool) { return nil, false }, 1, "no answer lets the handler run"},
	} {
		rec := effecttest.Recorder[Env]{Answer: row.answer}
		d := dispatch.Must(dispatch.New(registry.New("kit", ask(), handle[Good]("Say."), handle[Plain]("Do."), rec.Interceptor())))
		res := d.Dispatch(t.Context(), Env{}, Good{Text: effect.Later[string](Ask{effect.Now("x")})}, effect.Batch{Effects: effect.List{Plain{}}})
		if diff := cmp.Diff(effect.List{Good{Text: effect.Now("<x>")}, Plain{}}, rec.Effects()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", row.reason, diff)
		}
		if got := res.Outcomes[0].Value; got != row.want {
			t.Errorf("%s: value %v, want %v", row.reason, got, row.want)
		}
		rec.Reset()
		if rec.Effects() != nil {
			t.Error("Reset left something")
		}
	}
}

func TestRecorderFromManyGoroutines(t *testing.T) {
	var rec effecttest.Recorder[Env]
	d := dispatch.Must(dispatch.New(registry.New("kit", handle[Plain]("Do nothing."), rec.Interceptor())))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				d.Dispatch(t.Context(), Env{}, Plain{})
				_ = rec.Effects()
			}
		})
	}
	wg.Wait()
	if n := len(rec.Effects()); n != 400 {
		t.Errorf("recorded %d, want 400", n)
	}
}
