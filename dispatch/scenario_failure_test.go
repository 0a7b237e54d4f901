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

func TestPanics(t *testing.T) {
	for _, row := range []struct{ how, want, reason string }{
		{"text", "panic: text", "a plain panic"},
		{"error", "panic: failed on purpose", "a panic with an error keeps the error"},
		{"nil", "panic: panic called with nil argument", "even panic(nil)"},
		{"runtime", "panic: assignment to entry in nil map", "a runtime error"},
		{"uncomparable", "panic: [1]", "a value that cannot be compared"},
	} {
		env := newEnv()
		res := tester(t).Dispatch(t.Context(), env, Boom{row.how}, Note{"after"})
		wantLog(t, env, "after")
		if len(res.Errors) != 1 || !strings.Contains(res.Errors[0].Error(), row.want) || res.Errors[0].Phase != dispatch.PhaseEffect {
			t.Errorf("%s: got %v", row.reason, res.Err())
			continue
		}
		p, ok := errors.AsType[*effect.PanicError](res.Err())
		if !ok || len(p.Stack) == 0 {
			t.Errorf("%s: no PanicError with a stack", row.reason)
		}
		if row.how == "error" && !errors.Is(res.Err(), errFail) {
			t.Error("errors.Is does not see through a panic")
		}
	}
}

func TestStateAndPlaceholderFail(t *testing.T) {
	n := 0
	d := dispatch.Must(dispatch.New(counter(&n, true), registry.New("test", handleNote(), handleSay(),
		effect.Provide("Fail.", func(context.Context, call, Loop) (string, error) { return "", errFail }))))
	res := d.Dispatch(t.Context(), newEnv(), Increment{}, Say{effect.Later[string](Loop{})}, Note{"after"}, Set{5})
	wantSummary(t, res, summary{
		Outcomes: []string{"2 test/note = after", "3 test/set = 5"},
		Errors: []string{
			"state test/increment at 0: failed on purpose",
			"placeholder test/say at 1 by test/loop: failed on purpose",
		},
	})
	if !errors.Is(res.Err(), errFail) {
		t.Error("errors.Is does not reach the cause")
	}
}

func TestMalformedItems(t *testing.T) {
	for _, row := range []struct {
		item   effect.Data
		want   string
		reason string
	}{
		{nil, "lookup nil item at 1: item is nil", "a nil item"},
		{(*Note)(nil), "lookup *dispatch_test.Note at 1: item is a nil *dispatch_test.Note", "a nil pointer"},
		{effect.Raw{Effect: "test/note", Args: []byte(`{"text":1}`)},
			"decode test/note at 1: reading the arguments of test/note: at /args/text: got number, want string", "wire form of the wrong type"},
		{effect.Raw{Effect: "test/note", Args: []byte(`{"text":`)}, "decode test/note at 1: reading the arguments of test/note: at /args/text: unexpected end of JSON input", "broken wire form"},
		{effect.Raw{}, `lookup "" at 1: unknown effect, action or placeholder "": a name has the form package/kebab-name`, "no name"},
		{other{}, "lookup test/note at 1: test/note is registered for type dispatch_test.Note, not dispatch_test.other", "another type of the same name"},
		{Loop{}, "lookup test/loop at 1: test/loop is a placeholder: use it in a field of type effect.Late, with effect.Later", "a placeholder on its own"},
	} {
		env := newEnv()
		d := tester(t, effect.Provide("Loop.", func(context.Context, call, Loop) (string, error) { return "", nil }))
		res := d.Dispatch(t.Context(), env, Note{"A"}, row.item, Note{"B"})
		wantLog(t, env, "A", "B")
		if diff := cmp.Diff([]string{row.want}, summarize(res).Errors); diff != "" {
			t.Errorf("%s (-want +got):\n%s", row.reason, diff)
		}
	}
}

type other struct{}

func (other) EffectName() string { return "test/note" }

func TestPointerIsReadAsItsValue(t *testing.T) {
	env := newEnv()
	res := tester(t).Dispatch(t.Context(), env, &Note{"p"}, &effect.Raw{Effect: "test/note", Args: []byte(`{"text":"r"}`)})
	if diff := cmp.Diff(effect.List{Note{"p"}, Note{"r"}}, executed(res)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPathsOfOrigin(t *testing.T) {
	res := tester(t, actions()...).Dispatch(t.Context(), newEnv(), Fail{"F"}, Two{}, Chain{1, "x"}, Nope{}, Note{"last"})
	wantSummary(t, res, summary{
		Outcomes: []string{"1.0 test/note = E1", "1.1 test/note = E2", "2.0.0 test/note = x!", "4 test/note = last"},
		Errors: []string{
			"effect test/fail at 0: F: failed on purpose",
			`lookup test/nope at 3: unknown effect, action or placeholder "test/nope": did you mean test/note?`,
		},
	})
	p := res.Outcomes[2].Path
	if diff := cmp.Diff([]int{2, 0, 0}, p.Indices()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"test/chain", "test/chain"}, p.Chain()); diff != "" {
		t.Error(diff)
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	env := newEnv()
	stop := func(context.Context, call) (any, error) { cancel(); return "stopped", nil }
	d := tester(t, append(actions(), does(stop))...)
	res := d.Dispatch(ctx, env, Do{}, Note{"x"}, Two{})
	wantSummary(t, res, summary{
		Outcomes: []string{"0 test/do = stopped"},
		Errors:   []string{"cancel test/note at 1: context canceled"},
		Skipped:  []string{"1 test/note: context canceled", "2 test/two: context canceled"},
	})
	if !errors.Is(res.Err(), context.Canceled) || !errors.Is(res.Skipped[1].Reason, context.Canceled) {
		t.Error("errors.Is does not see context.Canceled")
	}
	before := d.Dispatch(ctx, env, Note{"x"})
	if len(before.Skipped) != 1 || len(before.Errors) != 1 || len(*env.Log) != 0 {
		t.Errorf("cancelled before: %+v, log %q", summarize(before), *env.Log)
	}
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	wantSummary(t, d.Dispatch(ctx, env, effect.Batch{Effects: effect.List{Do{}, Note{"x"}}}), summary{
		Outcomes: []string{"0.0 test/do = stopped"},
		Errors:   []string{"cancel test/note at 0.1 (via effect/batch): context canceled"},
		Skipped:  []string{"0.1 test/note: context canceled"},
	})
}

func TestValidation(t *testing.T) {
	o := &dispatch.Options{Validate: func(d effect.Data) error {
		if n, ok := d.(Note); ok && n.Text == "" {
			return errors.New("text is empty")
		}
		if _, ok := d.(Two); ok {
			panic("validator broke")
		}
		return nil
	}}
	env := newEnv()
	res := testerWith(t, o, actions()...).Dispatch(t.Context(), env, Note{}, Two{}, Note{"ok"})
	wantSummary(t, res, summary{
		Outcomes: []string{"2 test/note = ok"},
		Errors:   []string{"validate test/note at 0: text is empty", "validate test/two at 1: panic: validator broke"},
	})
}

func TestOptionsOutOfRange(t *testing.T) {
	_, err := dispatch.NewWith(&dispatch.Options{MaxDepth: -1, MaxWireDepth: 5000}, registry.New("test", handleNote()))
	if err == nil || !containsAll(err.Error(), "Options.MaxDepth is -1", "Options.MaxWireDepth is 5000") {
		t.Errorf("got %v", err)
	}
}
