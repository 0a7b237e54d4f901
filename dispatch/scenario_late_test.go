package dispatch_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/registry"
)

type (
	// Upper is a placeholder for its argument in capitals.
	Upper struct {
		Of effect.Late[string] `json:"of"`
	}
	// Value is a placeholder for what the data say.
	Value struct{}
	// Form has late values in every place where they may be.
	Form struct {
		Title   effect.Late[string]            `json:"title"`
		Tags    []effect.Late[string]          `json:"tags"`
		Fields  map[string]effect.Late[string] `json:"fields"`
		Pair    [2]effect.Late[int]            `json:"pair"`
		Section *Section                       `json:"section"`
		Any     effect.Late[any]               `json:"any"`
		Times   effect.Late[*int]              `json:"times"`
		Flags   effect.Late[[]bool]            `json:"flags"`
	}
	Section struct {
		Name effect.Late[string] `json:"name"`
		Sub  []Section           `json:"sub"`
	}
	// Greeting is an action with a late value.
	Greeting struct {
		Name effect.Late[string] `json:"name"`
	}
)

func (Upper) EffectName() string    { return "test/upper" }
func (Value) EffectName() string    { return "test/value" }
func (Form) EffectName() string     { return "test/form" }
func (Greeting) EffectName() string { return "test/greeting" }

var late = effect.NewContextKey[any]("late")

// lates are the placeholders of the scenarios, and effects that use them.
func lates() []effect.Item[Env] {
	return []effect.Item[Env]{
		handleSay(), handleWho(),
		effect.Provide("In capitals.", func(_ context.Context, c call, u Upper) (string, error) {
			return strings.ToUpper(u.Of.Value) + c.Ctx().Label, nil
		}),
		effect.Provide("What the data say.", func(ctx context.Context, _ call, _ Value) (any, error) {
			v, ok := late.From(ctx)
			if !ok {
				return nil, errors.New("not yet known")
			}
			return v, nil
		}),
		effect.Handle("Take a form.", func(context.Context, call, Form) (int, error) { return 1, nil }),
		effect.Expand[Env]("Greet.", func(_ effect.NoState, g Greeting) (effect.List, error) {
			return effect.List{Note{"hello " + g.Name.Value}, Say{effect.Later[string](Who{})}}, nil
		}),
	}
}

func who() effect.Late[string] { return effect.Later[string](Who{}) }

func TestPlaceholdersAreResolved(t *testing.T) {
	upper := effect.Later[string](Upper{who()})
	for _, row := range []struct {
		name, reason string
		item         effect.Data
		want         effect.List
	}{
		{"reference", "a reference becomes its value", Say{who()}, effect.List{Say{effect.Now("Bob")}}},
		{"literal", "a literal stays", Say{effect.Now("Ann")}, effect.List{Say{effect.Now("Ann")}}},
		{"argument", "arguments are resolved first", Say{upper}, effect.List{Say{effect.Now("BOB")}}},
		{"argument of an argument", "at any depth", Say{effect.Later[string](Upper{upper})}, effect.List{Say{effect.Now("BOB")}}},
		{"form", "in structs, slices, maps, arrays and behind pointers", Form{
			Title:   who(),
			Tags:    []effect.Late[string]{effect.Now("x"), who()},
			Fields:  map[string]effect.Late[string]{"name": who(), "lit": effect.Now("l")},
			Section: &Section{who(), []Section{{Name: upper}}},
			Any:     effect.Later[any](Who{}),
		}, effect.List{Form{
			Title:   effect.Now("Bob"),
			Tags:    []effect.Late[string]{effect.Now("x"), effect.Now("Bob")},
			Fields:  map[string]effect.Late[string]{"name": effect.Now("Bob"), "lit": effect.Now("l")},
			Section: &Section{effect.Now("Bob"), []Section{{Name: effect.Now("BOB")}}},
			Any:     effect.Now[any]("Bob"),
		}}},
		{"action", "in actions and in what they give", Greeting{who()}, effect.List{Note{"hello Bob"}, Say{effect.Now("Bob")}}},
		{"batch", "in a batch too", effect.Batch{Effects: effect.List{Greeting{who()}}}, effect.List{Note{"hello Bob"}, Say{effect.Now("Bob")}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			for name, d := range map[string]*dispatch.Dispatcher[Env]{
				"plain":       tester(t, lates()...),
				"intercepted": tester(t, append(lates(), onion("i"))...),
			} {
				before := fmt.Sprintf("%#v", row.item)
				res := d.Dispatch(user.With(t.Context(), "Bob"), newEnv(), row.item)
				if err := res.Err(); err != nil {
					t.Error(name, err)
				}
				if diff := cmp.Diff(row.want, executed(res)); diff != "" {
					t.Errorf("%s, %s (-want +got):\n%s", name, row.reason, diff)
				}
				if after := fmt.Sprintf("%#v", row.item); after != before && row.name != "form" {
					t.Errorf("the item was changed from %s to %s", before, after)
				}
			}
		})
	}
}

func TestResolvingLeavesTheItemAlone(t *testing.T) {
	form := Form{Tags: []effect.Late[string]{who()}, Fields: map[string]effect.Late[string]{"a": who()}, Section: &Section{Name: who()}}
	want := Form{Tags: []effect.Late[string]{who()}, Fields: map[string]effect.Late[string]{"a": who()}, Section: &Section{Name: who()}}
	tester(t, lates()...).Dispatch(user.With(t.Context(), "Bob"), newEnv(), form)
	if diff := cmp.Diff(want, form); diff != "" {
		t.Errorf("slices, maps and pointers of the item were written to (-want +got):\n%s", diff)
	}
}

// Later is an effect that continues with its list once it knows the value.
type Later struct {
	Value   any         `json:"value"`
	Effects effect.List `json:"effects"`
}

func (Later) EffectName() string { return "test/later" }

func TestLateInContinuations(t *testing.T) {
	later := effect.Handle("Continue with a value.", func(ctx context.Context, c call, l Later) (effect.List, error) {
		return executed(c.Dispatch(late.With(ctx, l.Value), l.Effects...)), nil
	})
	three := 3
	for _, row := range []struct {
		value  any
		ref    Form
		want   Form
		reason string
	}{
		{"text", Form{Any: effect.Later[any](Value{})}, Form{Any: effect.Now[any]("text")}, "resolved where it runs, not where it was written"},
		{"", Form{Title: effect.Later[string](Value{})}, Form{}, "an empty text is a value"},
		{false, Form{Any: effect.Later[any](Value{})}, Form{Any: effect.Now[any](false)}, "so is false"},
		{0, Form{Any: effect.Later[any](Value{})}, Form{Any: effect.Now[any](0)}, "and zero"},
		{&three, Form{Times: effect.Later[*int](Value{})}, Form{Times: effect.Now(&three)}, "a pointer"},
		{(*int)(nil), Form{Times: effect.Later[*int](Value{})}, Form{}, "a nil pointer"},
		{[]bool(nil), Form{Flags: effect.Later[[]bool](Value{})}, Form{}, "a nil slice"},
	} {
		res := tester(t, append(lates(), later)...).Dispatch(t.Context(), newEnv(), Later{row.value, effect.List{row.ref}})
		if err := res.Err(); err != nil {
			t.Errorf("%s: %v", row.reason, err)
		}
		got, _ := effect.Value[effect.List](res)
		if diff := cmp.Diff(effect.List{row.want}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", row.reason, diff)
		}
	}
}

func TestLateValueOfAnotherType(t *testing.T) {
	for _, row := range []struct {
		value        any
		item         effect.Data
		want, reason string
	}{
		{7, Say{effect.Later[string](Value{})}, "placeholder test/say at 0 by test/value: placeholder gave a int, the field wants string", "the types differ"},
	} {
		res := tester(t, lates()...).Dispatch(late.With(t.Context(), row.value), newEnv(), row.item)
		if diff := cmp.Diff([]string{row.want}, summarize(res).Errors); diff != "" {
			t.Errorf("%s (-want +got):\n%s", row.reason, diff)
		}
	}
	var l effect.Late[*int]
	l = effect.Later[*int](Value{})
	if err := l.Set(nil); err != nil || l.IsRef() {
		t.Errorf("an untyped nil is the nil of a pointer: %v", err)
	}
	var s effect.Late[string]
	if err := s.Set(nil); err == nil {
		t.Error("there is no nil string")
	}
}

func TestValueThatLooksLikeAReference(t *testing.T) {
	for _, row := range []struct {
		value  any
		reason string
	}{
		{`{"$placeholder":"test/who"}`, "text in wire form"},
		{map[string]any{"$placeholder": "test/who"}, "a map in wire form"},
		{who(), "a late value itself"},
		{Who{}, "placeholder data"},
		{effect.Raw{Effect: "test/who"}, "placeholder data in wire form"},
	} {
		item := Form{Any: effect.Later[any](Value{})}
		for name, d := range map[string]*dispatch.Dispatcher[Env]{
			"plain":       tester(t, lates()...),
			"intercepted": tester(t, append(lates(), onion("i"))...),
		} {
			res := d.Dispatch(user.With(late.With(t.Context(), row.value), "Bob"), newEnv(), item)
			if diff := cmp.Diff(effect.List{Form{Any: effect.Now(row.value)}}, executed(res)); diff != "" {
				t.Errorf("%s, %s: not taken as it is (-want +got):\n%s", name, row.reason, diff)
			}
		}
	}
}

// Cast is a broadcast in small: it runs its list once for every recipient.
type Cast struct {
	To      []string              `json:"to"`
	Except  []effect.Late[string] `json:"except"`
	Effects effect.List           `json:"effects"`
}

func (Cast) EffectName() string { return "test/cast" }

func handleCast() effect.Item[Env] {
	return effect.Handle("Run a list for everyone.", func(ctx context.Context, c call, cast Cast) ([]string, error) {
		var told []string
		for _, to := range cast.To {
			skip := false
			for _, not := range cast.Except {
				skip = skip || not.Value == to
			}
			if !skip {
				c.Dispatch(user.With(ctx, to), cast.Effects...)
				told = append(told, to)
			}
		}
		return told, nil
	})
}

func TestLateInASetOfValues(t *testing.T) {
	env := newEnv()
	d := tester(t, append(lates(), handleCast())...)
	res := d.Dispatch(user.With(t.Context(), "Bob"), env, Cast{
		To: []string{"Ann", "Bob", "Cy"}, Except: []effect.Late[string]{who()}, Effects: effect.List{Say{who()}},
	})
	if err := res.Err(); err != nil {
		t.Error(err)
	}
	// The exclusion is resolved for the sender, the nested list for each
	// recipient.
	wantLog(t, env, "Ann", "Cy")
}

func TestPlaceholdersWithoutEnd(t *testing.T) {
	deep := who()
	for range 150 {
		deep = effect.Later[string](Upper{deep})
	}
	for _, row := range []struct {
		item   effect.Data
		reason string
	}{
		{Say{deep}, "arguments nest deeper than the limit"},
		{Say{effect.Later[string](Loop{1})}, "a placeholder that asks for itself"},
	} {
		env := newEnv()
		d := tester(t, append(lates(), effect.Provide("Ask again.", func(ctx context.Context, c call, l Loop) (string, error) {
			return effect.Resolve(ctx, c, effect.Later[string](l))
		}))...)
		res := d.Dispatch(user.With(t.Context(), "Bob"), env, row.item, Note{"after"})
		wantLog(t, env, "after")
		if len(res.Errors) != 1 || res.Errors[0].Phase != dispatch.PhasePlaceholder || !errors.Is(res.Err(), dispatch.ErrDepth) {
			t.Errorf("%s: want one depth error of phase placeholder, got %v", row.reason, res.Err())
		}
	}
}

func TestPlaceholderErrors(t *testing.T) {
	for _, row := range []struct{ ref, want, reason string }{
		{"test/whoo", `placeholder test/say at 0 by test/whoo: unknown effect, action or placeholder "test/whoo": did you mean test/who?`, "an unknown name"},
		{"test/note", "placeholder test/say at 0 by test/note: test/note is not a placeholder", "an effect"},
		{"test/value", "placeholder test/say at 0 by test/value: not yet known", "one that fails"},
	} {
		for name, d := range map[string]*dispatch.Dispatcher[Env]{
			"plain":       tester(t, lates()...),
			"intercepted": tester(t, append(lates(), onion("i"))...),
		} {
			res := d.Dispatch(t.Context(), newEnv(), Say{effect.Later[string](effect.Raw{Effect: row.ref})})
			if diff := cmp.Diff([]string{row.want}, summarize(res).Errors); diff != "" {
				t.Errorf("%s, %s (-want +got):\n%s", name, row.reason, diff)
			}
		}
	}
}

func TestRewrittenItemWithReference(t *testing.T) {
	d := tester(t, append(lates(), aroundEffect("rewrite", func(ctx context.Context, c call, _ effect.Data, next effect.EffectFunc[Env]) (any, error) {
		return next(user.With(ctx, "Cy"), c.With(func(e *Env) { e.Label = "!" }), Say{effect.Later[string](Upper{who()})})
	}))...)
	res := d.Dispatch(t.Context(), newEnv(), Note{"x"})
	if diff := cmp.Diff(effect.List{Say{effect.Now("CY!")}}, executed(res)); diff != "" {
		t.Errorf("references in a rewritten item see what the interceptors left (-want +got):\n%s", diff)
	}
}

func TestResolveInHandler(t *testing.T) {
	resolves := func(ctx context.Context, c call) (any, error) {
		return effect.Resolve(ctx, c, effect.Later[string](Upper{who()}))
	}
	res := tester(t, append(lates(), does(resolves))...).Dispatch(user.With(t.Context(), "Bob"), newEnv(), Do{})
	if v, _ := effect.Value[string](res); v != "BOB" {
		t.Errorf("got %q, %v", v, res.Err())
	}
}

// Types that a build must refuse because their late values would stay
// unresolved.
type (
	lateInLate struct{ X effect.Late[Say] }
	lateAsKey  struct {
		X map[effect.Late[string]]int
	}
)

func (lateInLate) EffectName() string { return "test/late-in-late" }
func (lateAsKey) EffectName() string  { return "test/late-as-key" }

func TestUnfitLateTypes(t *testing.T) {
	_, err := dispatch.New(registry.New("test",
		effect.Handle("Bad.", func(context.Context, call, lateInLate) (int, error) { return 0, nil }),
		effect.Handle("Bad.", func(context.Context, call, lateAsKey) (int, error) { return 0, nil })))
	if err == nil || !containsAll(err.Error(), "lateInLate.X is a effect.Late[", "late arguments instead", "lateAsKey.X has late values as map keys") {
		t.Errorf("got %v", err)
	}
}

func TestLateJSON(t *testing.T) {
	for _, row := range []struct {
		value  effect.Late[any]
		text   string
		reason string
	}{
		{effect.Now[any]("x"), `"x"`, "a literal is the value"},
		{effect.Now[any](nil), `null`, "also nil"},
		{effect.Now[any](false), `false`, "and false"},
		{effect.Now[any](map[string]any{"a": "<b>"}), `{"a":"<b>"}`, "no HTML escapes"},
		{effect.Now[any](map[string]any{"$placeholder": "test/who"}), `{"$literal":{"$placeholder":"test/who"}}`, "data that looks like a reference is no reference"},
		{effect.Now[any](map[string]any{"$literal": "x"}), `{"$literal":{"$literal":"x"}}`, "nor is data that looks like a literal one"},
		{effect.Late[any]{From: effect.Raw{Effect: "test/who"}}, `{"$placeholder":"test/who","args":{}}`, "a reference"},
		{effect.Late[any]{From: effect.Raw{Effect: "test/who", Args: json.RawMessage(`[1]`)}}, `{"$placeholder":"test/who","args":[1]}`, "positional arguments"},
	} {
		text, err := json.Marshal(row.value)
		// json.Marshal escapes what its marshalers return; undo that.
		plain := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(string(text))
		if err != nil || plain != row.text {
			t.Errorf("%s: Marshal gave %s, %v; want %s", row.reason, plain, err, row.text)
		}
		var back effect.Late[any]
		if err := json.Unmarshal(text, &back); err != nil {
			t.Errorf("%s: %v", row.reason, err)
		}
		if r, ok := back.From.(effect.Raw); ok && string(r.Args) == "{}" {
			r.Args = nil
			back.From = r
		}
		if diff := cmp.Diff(row.value, back); diff != "" {
			t.Errorf("%s (-want +got):\n%s", row.reason, diff)
		}
	}
	for _, text := range []string{`{"$placeholder":"a","other":1}`, `{"$literal":1,"other":2}`, `{"$placeholder":7}`} {
		var l effect.Late[any]
		if err := json.Unmarshal([]byte(text), &l); err == nil {
			t.Errorf("%s was read as %+v", text, l)
		}
	}
}
