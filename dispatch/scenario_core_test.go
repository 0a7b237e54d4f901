package dispatch_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/registry"
)

// Actions of the scenarios.
type (
	// Two expands to notes E1 and E2.
	Two struct{}
	// Chain expands to another Chain until it reaches zero, then to a note.
	Chain struct {
		Left int    `json:"left"`
		Text string `json:"text"`
	}
	// Itself expands to Copies of itself.
	Itself struct {
		Copies int `json:"copies"`
	}
	// Nothing expands to nothing.
	Nothing struct{}
	// Broken cannot be expanded.
	Broken struct {
		Panics bool `json:"panics"`
	}
	// Increment writes the counter one higher than the state says.
	Increment struct{}
	// Set writes the counter.
	Set struct {
		To int `json:"to"`
	}
)

func (Two) EffectName() string       { return "test/two" }
func (Chain) EffectName() string     { return "test/chain" }
func (Itself) EffectName() string    { return "test/itself" }
func (Nothing) EffectName() string   { return "test/nothing" }
func (Broken) EffectName() string    { return "test/broken" }
func (Increment) EffectName() string { return "test/increment" }
func (Set) EffectName() string       { return "test/set" }

func actions() []effect.Item[Env] {
	return []effect.Item[Env]{
		effect.Expand[Env]("Two notes.", func(_ effect.NoState, _ Two) (effect.List, error) {
			return effect.List{Note{"E1"}, Note{"E2"}}, nil
		}),
		effect.Expand[Env]("Count down.", func(_ effect.NoState, c Chain) (effect.List, error) {
			if c.Left == 0 {
				return effect.List{Note{c.Text}}, nil
			}
			return effect.List{Chain{c.Left - 1, c.Text + "!"}}, nil
		}),
		effect.Expand[Env]("Never end.", func(_ effect.NoState, i Itself) (effect.List, error) {
			var out effect.List
			for range i.Copies {
				out = append(out, i)
			}
			return out, nil
		}),
		effect.Expand[Env]("Do nothing.", func(effect.NoState, Nothing) (effect.List, error) { return nil, nil }),
		effect.Expand[Env]("Fail.", func(_ effect.NoState, b Broken) (effect.List, error) {
			if b.Panics {
				panic("broken")
			}
			return nil, errFail
		}),
	}
}

// counter is a registry whose actions see how far it has counted.
func counter(n *int, fail bool) registry.Registry[Env] {
	return registry.New("counter",
		effect.State(func(context.Context, call) (int, error) {
			if fail {
				return 0, errFail
			}
			return *n, nil
		}),
		effect.Handle("Set the counter.", func(_ context.Context, _ call, s Set) (int, error) {
			*n = s.To
			return s.To, nil
		}),
		effect.Expand[Env]("Add one.", func(state int, _ Increment) (effect.List, error) {
			return effect.List{Set{state + 1}}, nil
		}))
}

func TestBasics(t *testing.T) {
	for _, row := range []struct {
		name   string
		items  effect.List
		want   summary
		log    []string
		reason string
	}{
		{"one effect", effect.List{Note{"ok"}},
			summary{Outcomes: []string{"0 test/note = ok"}}, []string{"ok"},
			"one effect, one outcome, no error"},
		{"failing effect", effect.List{Note{"A"}, Fail{"F"}, Note{"B"}},
			summary{
				Outcomes: []string{"0 test/note = A", "2 test/note = B"},
				Errors:   []string{"effect test/fail at 1: F: failed on purpose"},
			}, []string{"A", "B"},
			"a failing effect does not stop the next"},
		{"unknown name", effect.List{Note{"A"}, Nope{}, Note{"B"}},
			summary{
				Outcomes: []string{"0 test/note = A", "2 test/note = B"},
				Errors:   []string{`lookup test/nope at 1: unknown effect, action or placeholder "test/nope": did you mean test/note?`},
			}, []string{"A", "B"},
			"an unknown name is an error of its item and suggests near names"},
		{"empty list", nil, summary{}, nil, "an empty list is fine"},
		{"action", effect.List{Note{"E0"}, Two{}, Note{"E3"}},
			summary{Outcomes: []string{"0 test/note = E0", "1.0 test/note = E1", "1.1 test/note = E2", "2 test/note = E3"}},
			[]string{"E0", "E1", "E2", "E3"},
			"what an action gives takes its place in the order"},
		{"nested actions", effect.List{Chain{2, "x"}},
			summary{Outcomes: []string{"0.0.0.0 test/note = x!!"}}, []string{"x!!"},
			"actions expand to actions"},
		{"empty action", effect.List{Nothing{}}, summary{}, nil, "nil from an action is nothing to do"},
		{"failing action", effect.List{Note{"A"}, Broken{}, Broken{true}, Note{"B"}},
			summary{
				Outcomes: []string{"0 test/note = A", "3 test/note = B"},
				Errors:   []string{"expand test/broken at 1: failed on purpose", "expand test/broken at 2: panic: broken"},
			}, []string{"A", "B"},
			"a failing action is an error of phase expand"},
	} {
		t.Run(row.name, func(t *testing.T) {
			env := newEnv()
			res := tester(t, actions()...).Dispatch(t.Context(), env, row.items...)
			if diff := cmp.Diff(row.want, summarize(res)); diff != "" {
				t.Errorf("%s: (-want +got):\n%s", row.reason, diff)
			}
			if diff := cmp.Diff(row.log, *env.Log); diff != "" {
				t.Errorf("%s: log (-want +got):\n%s", row.reason, diff)
			}
		})
	}
}

// A name that is like no other names the remedy.
func TestUnknownNameWithoutANearOne(t *testing.T) {
	for _, row := range []struct{ name, want, reason string }{
		{"twk/patch-elements", `unknown effect, action or placeholder "twk/patch-elements": no registry with the prefix twk/ is joined`, "a registry was forgotten"},
		{"test/something-else", `unknown effect, action or placeholder "test/something-else": the registries with the prefix test/ have no such name; Dispatcher.All lists all`, "the registry is there, the item is not"},
		{"patch-elements", `unknown effect, action or placeholder "patch-elements": a name has the form package/kebab-name`, "the package is missing"},
		{"no\nline/x", `unknown effect, action or placeholder "no\nline/x": a name has the form package/kebab-name`, "text from outside is not repeated without quotes"},
	} {
		res := tester(t).Dispatch(t.Context(), newEnv(), effect.Raw{Effect: row.name})
		if len(res.Errors) != 1 || !errors.Is(res.Err(), dispatch.ErrUnknown) {
			t.Fatalf("%s: got %v", row.reason, res.Err())
		}
		if diff := cmp.Diff(row.want, res.Errors[0].Err.Error()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", row.reason, diff)
		}
	}
}

// A handler without a value has an outcome all the same.
func TestDo(t *testing.T) {
	d := dispatch.Must(dispatch.New(registry.New("test",
		effect.Do("Fail on demand.", func(_ context.Context, _ call, n Note) error {
			if n.Text == "" {
				return errFail
			}
			return nil
		}))))
	res := d.Dispatch(t.Context(), newEnv(), Note{"x"}, Note{})
	wantSummary(t, res, summary{
		Outcomes: []string{"0 test/note = {}"},
		Errors:   []string{"effect test/note at 1: failed on purpose"},
	})
	if _, ok := effect.Value[struct{}](res); !ok {
		t.Error("Value cannot find an effect without a value")
	}
}

func TestZeroCtx(t *testing.T) {
	type empty struct{}
	var got []string
	d := dispatch.Must(dispatch.New(registry.New("test", effect.Handle("Note.", func(ctx context.Context, c effect.Call[empty], n Note) (int, error) {
		got = append(got, n.Text)
		return 0, nil
	}))))
	d.Dispatch(context.Background(), empty{}, Note{"no system, no data"})
	if diff := cmp.Diff([]string{"no system, no data"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestEmptyListRunsDispatchHooksOnce(t *testing.T) {
	env := newEnv()
	res := tester(t, onion("a")).Dispatch(t.Context(), env)
	wantSummary(t, res, summary{})
	wantLog(t, env, "a> dispatch", "a< dispatch")
}

func TestEndlessAction(t *testing.T) {
	env := newEnv()
	res := tester(t, actions()...).Dispatch(t.Context(), env, Note{"before"}, Itself{1}, Note{"after"})
	wantLog(t, env, "before", "after")
	if len(res.Errors) != 1 {
		t.Fatalf("want one error, got %v", res.Err())
	}
	e := res.Errors[0]
	if e.Phase != dispatch.PhaseLimit || e.Name != "test/itself" || !errors.Is(e, dispatch.ErrDepth) {
		t.Errorf("want a depth error that names the action, got %v", e)
	}
	if len(e.Chain) != 100 || e.Chain[0] != "test/itself" {
		t.Errorf("want the chain of 100 names, got %q", e.Chain)
	}
	if got, want := e.Error(), "(via test/itself > test/itself > test/itself > test/itself > ... > test/itself)"; !strings.Contains(got, want) {
		t.Errorf("message %q does not contain %q", got, want)
	}
}

func TestFanningAction(t *testing.T) {
	env := newEnv()
	res := tester(t, actions()...).Dispatch(t.Context(), env, Note{"before"}, Itself{2}, Note{"after"})
	wantLog(t, env, "before") // the budget ends the dispatch
	var budget *effect.Error
	for _, e := range res.Errors {
		if errors.Is(e, dispatch.ErrBudget) {
			if budget != nil {
				t.Error("the budget is reported twice")
			}
			budget = e
		}
	}
	if budget == nil {
		t.Fatalf("want ErrBudget, got %v", res.Err())
	}
	if budget.Phase != dispatch.PhaseLimit || len(budget.Chain) == 0 || budget.Chain[0] != "test/itself" {
		t.Errorf("want phase limit and the chain, got %s with %d names", budget.Phase, len(budget.Chain))
	}
	if len(res.Errors) > 2 { // one more for the depth, which is reached first
		t.Errorf("%d errors, want one for each limit", len(res.Errors))
	}
	last := res.Skipped[len(res.Skipped)-1]
	if last.Item != (Note{"after"}) || !errors.Is(last.Reason, dispatch.ErrBudget) {
		t.Errorf("the rest is not listed as skipped: %+v", last)
	}
	small := testerWith(t, &dispatch.Options{MaxItems: 2}, actions()...).Dispatch(t.Context(), newEnv(), Note{"1"}, Note{"2"}, Note{"3"})
	wantSummary(t, small, summary{
		Outcomes: []string{"0 test/note = 1", "1 test/note = 2"},
		Errors:   []string{"limit test/note at 2: too many items in one dispatch: more than 2"},
		Skipped:  []string{"2 test/note: too many items in one dispatch: more than 2"},
	})
}

func TestState(t *testing.T) {
	n := 41
	d := dispatch.Must(dispatch.New(counter(&n, false)))
	wantSummary(t, d.Dispatch(t.Context(), newEnv(), Increment{}), summary{Outcomes: []string{"0.0 test/set = 42"}})

	without := dispatch.Must(dispatch.New(registry.New("test",
		effect.Handle("Set.", func(_ context.Context, _ call, s Set) (int, error) { return s.To, nil }),
		effect.Expand[Env]("Add one.", func(state int, _ Increment) (effect.List, error) { return effect.List{Set{state + 1}}, nil }))))
	wantSummary(t, without.Dispatch(t.Context(), newEnv(), Increment{}), summary{Outcomes: []string{"0.0 test/set = 1"}})
}

// States belong to registries, so that a later one cannot clobber an earlier
// one.
func TestStatesCompose(t *testing.T) {
	n := 10
	d := dispatch.Must(dispatch.New(counter(&n, false), registry.New("names",
		effect.State(func(_ context.Context, c call) (string, error) { return c.Ctx().Label, nil }),
		handleNote(),
		effect.Expand[Env]("Note the label.", func(label string, _ Two) (effect.List, error) { return effect.List{Note{"is " + label}}, nil }))))
	env := newEnv()
	env.Label = "L"
	wantSummary(t, d.Dispatch(t.Context(), env, Increment{}, Two{}), summary{Outcomes: []string{"0.0 test/set = 11", "1.0 test/note = is L"}})
}

func TestBatchOrInterleaved(t *testing.T) {
	for _, row := range []struct {
		items  effect.List
		want   int
		reason string
	}{
		{effect.List{Increment{}, Increment{}}, 2, "an action sees what the effects before it did"},
		{effect.List{effect.Batch{Effects: effect.List{Increment{}, Increment{}}}}, 1, "in a batch all actions see one snapshot, as upstream"},
		{effect.List{Increment{}, effect.Batch{Effects: effect.List{Increment{}, Increment{}}}, Increment{}}, 3, "the snapshot is of the moment the batch starts"},
		{effect.List{effect.Batch{Effects: effect.List{Increment{}, effect.Batch{Effects: effect.List{Increment{}}}}}}, 1, "a batch in a batch is part of it"},
		{effect.List{effect.Batch{}}, 0, "an empty batch is nothing"},
	} {
		n := 0
		d := dispatch.Must(dispatch.New(counter(&n, false)))
		if err := d.Dispatch(t.Context(), newEnv(), row.items...).Err(); err != nil {
			t.Error(err)
		}
		if n != row.want {
			t.Errorf("counter is %d, want %d: %s", n, row.want, row.reason)
		}
	}
}

func TestBatchRunsEffectsAfterAllExpansions(t *testing.T) {
	env := newEnv()
	d := tester(t, append(actions(), onion("i"))...)
	res := d.Dispatch(t.Context(), env, effect.Batch{Effects: effect.List{Note{"E0"}, Two{}, Broken{}, Fail{"F"}, Note{"E3"}}})
	wantSummary(t, res, summary{
		Outcomes: []string{"0.0 test/note = E0", "0.1.0 test/note = E1", "0.1.1 test/note = E2", "0.4 test/note = E3"},
		Errors:   []string{"expand test/broken at 0.2 (via effect/batch): failed on purpose", "effect test/fail at 0.3 (via effect/batch): F: failed on purpose"},
	})
	var actionsDone, effectsBegun int
	for i, line := range *env.Log {
		if line == "i< test/broken" {
			actionsDone = i
		}
		if line == "i> test/note" && effectsBegun == 0 {
			effectsBegun = i
		}
	}
	if effectsBegun < actionsDone {
		t.Errorf("an effect ran before the last expansion: %q", *env.Log)
	}
}

func executed(r *effect.Result) effect.List {
	var out effect.List
	for _, o := range r.Outcomes {
		out = append(out, o.Item)
	}
	return out
}

func TestResultAccessors(t *testing.T) {
	res := tester(t).Dispatch(t.Context(), newEnv(), Note{"a"}, Fail{"x"}, Note{"b"})
	if v, ok := effect.Value[string](res); v != "a" || !ok {
		t.Errorf("Value = %q, %v", v, ok)
	}
	if _, ok := effect.Value[float64](res); ok {
		t.Error("Value found a float64")
	}
	got := map[string]string{}
	for n, v := range effect.Values[Note, string](res) {
		got[n.Text] = v
	}
	if diff := cmp.Diff(map[string]string{"a": "a", "b": "b"}, got); diff != "" {
		t.Error(diff)
	}
	e, ok := errors.AsType[*effect.Error](res.Err())
	if !ok || e.Name != "test/fail" || e.Dispatch != res.ID {
		t.Errorf("AsType gave %+v", e)
	}
	var none *effect.Result
	if none.Err() != nil {
		t.Error("a nil result has an error")
	}
}

func TestResultIsNotShared(t *testing.T) {
	d := tester(t)
	one := d.Dispatch(t.Context(), newEnv(), Note{"1"})
	one.Outcomes = append(one.Outcomes, effect.Outcome{Value: "mine"})
	one.Errors = append(one.Errors, &effect.Error{Err: errFail})
	two := d.Dispatch(t.Context(), newEnv(), Note{"2"})
	wantSummary(t, two, summary{Outcomes: []string{"0 test/note = 2"}})
	if two.ID != one.ID+1 {
		t.Errorf("ids %d and %d do not count up", one.ID, two.ID)
	}
}
