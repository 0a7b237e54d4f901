package schema_test

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
	"github.com/sfere-go/sfere/schema"
)

func nameOf(i schema.Item) string { return i.Name }

func TestDescribe(t *testing.T) {
	c := schema.Of(newDispatcher(t, nil))
	for _, test := range []struct {
		reason string
		kinds  []schema.Kind
		want   []string
	}{
		{"all kinds, sorted by name, with the built-in ones", nil, []string{"effect/batch", "effect/serial", "test/later", "test/note", "test/spot", "test/twice", "test/upper", "test/user-name"}},
		{"one kind only", []schema.Kind{schema.Actions}, []string{"test/twice"}},
		{"several kinds", []schema.Kind{schema.Actions, schema.Placeholders}, []string{"test/spot", "test/twice", "test/upper", "test/user-name"}},
		{"a kind that does not exist has no items", []schema.Kind{"interceptor"}, []string{}},
	} {
		if diff := cmp.Diff(test.want, names(c.Describe(test.kinds...), nameOf)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.reason, diff)
		}
	}
	note, err := c.Get("test/note")
	if err != nil {
		t.Fatal(err)
	}
	got := tree(t, note).(map[string]any)
	delete(got, "args")
	delete(got, "site")
	want := map[string]any{
		"name": "test/note", "kind": "effect", "doc": "Post a note to a channel.", "registry": "test", "ctx": "schema_test.env", "reach": "external",
		"result":   map[string]any{"type": "integer"},
		"examples": []any{map[string]any{"effect": "test/note", "args": map[string]any{"channel": "general", "text": "Hello", "tags": nil, "when": nil}}},
		"meta":     map[string]any{"owner": "chat team", "since": 3.0, "see": []any{"handbook", "wiki"}, "sets": map[string]any{"beta": true}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("an item with everything but the handler (-want +got):\n%s", diff)
	}
	_, err = c.Get("test/nota")
	if !errors.Is(err, schema.ErrUnknown) || !strings.Contains(err.Error(), "test/note") {
		t.Errorf("an unknown name gives %v, which should suggest test/note", err)
	}
}

// grep is a search that must not fail.
func grep(t *testing.T, search func(context.Context, string) ([]schema.Match, error), text string) []schema.Match {
	t.Helper()
	found, err := search(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestGrep(t *testing.T) {
	c := schema.Of(newDispatcher(t, nil))
	itemOf := func(m schema.Match) string { return m.Item.Name }
	for _, test := range []struct {
		reason, text string
		want         []string
	}{
		{"a name", "NOTE", []string{"test/note"}},
		{"a doc, whatever the case", "dO soMETHING", []string{"test/later"}},
		{"the description of a field", "whom it is for", []string{"test/later"}},
		{"the name of a field", "spots", []string{"test/later"}},
		{"the description of a field inside a field", "from the top", []string{"test/later", "test/spot"}},
		{"an enum value", "warn", []string{"test/note"}},
		{"a value of the metadata", "chat team", []string{"test/note"}},
		{"a list in the metadata", "handbook", []string{"test/note"}},
		{"a map in the metadata", "beta", []string{"test/note"}},
		{"a literal is not an expression", "n.te", []string{}},
		{"no hit", "zebra", []string{}},
		{"the empty text is everywhere", "", names(c.Describe(), nameOf)},
	} {
		if diff := cmp.Diff(test.want, names(grep(t, c.Grep, test.text), itemOf)); diff != "" {
			t.Errorf("%s: %q (-want +got):\n%s", test.reason, test.text, diff)
		}
	}
	for _, test := range []struct {
		reason, re string
		want       []string
	}{
		{"an expression is as written", "^test/n.te$", []string{"test/note"}},
		{"and minds the case", "POST", []string{}},
		{"unless it says otherwise", "(?i)POST", []string{"test/note"}},
	} {
		if diff := cmp.Diff(test.want, names(grep(t, c.GrepRegexp, test.re), itemOf)); diff != "" {
			t.Errorf("%s: %q (-want +got):\n%s", test.reason, test.re, diff)
		}
	}
}

func TestGrepTellsWhere(t *testing.T) {
	c := schema.Of(newDispatcher(t, nil))
	for _, test := range []struct {
		reason, text string
		want         []schema.Hit
	}{
		{"a field of the metadata by its key", "owner", []schema.Hit{{Field: "meta.owner:key", Text: "owner", Start: 0, End: 5}}},
		{"one description", "how urgent", []schema.Hit{{Field: "args.level:description", Text: "how urgent it is", Start: 0, End: 10}}},
		{"the doc and not the description of the arguments too", "Post a", []schema.Hit{{Field: "doc", Text: "Post a note to a channel.", Start: 0, End: 6}}},
	} {
		found := grep(t, c.Grep, test.text)
		if len(found) != 1 {
			t.Errorf("%s: %q is found in %d items", test.reason, test.text, len(found))
			continue
		}
		if diff := cmp.Diff(test.want, found[0].Hits); diff != "" {
			t.Errorf("%s: %q (-want +got):\n%s", test.reason, test.text, diff)
		}
	}
	if found := grep(t, c.GrepRegexp, `test/note\s*Post`); len(found) != 0 {
		t.Errorf("the name and the doc are matched as one text: %v", found[0].Hits)
	}
	if found := grep(t, c.Grep, "schema_test.env"); len(found) != 6 {
		t.Errorf("the Ctx type is found in %d items, want the 6 of the test", len(found))
	}
}

func TestSampleIsSeeded(t *testing.T) {
	c := schema.Of(newDispatcher(t, nil))
	for _, i := range c.Describe() {
		for _, n := range []int{0, 1, 7} {
			got, err := c.Sample(i.Name, n, 42)
			if err != nil || got == nil || len(got) != n {
				t.Errorf("%d samples of %s: %d, %v", n, i.Name, len(got), err)
			}
			again, _ := c.Sample(i.Name, n, 42)
			if diff := cmp.Diff(got, again); diff != "" {
				t.Errorf("the same seed gives other samples of %s:\n%s", i.Name, diff)
			}
			for _, text := range got {
				key := "effect"
				if i.Kind == schema.Placeholders {
					key = "$placeholder"
				}
				if !strings.HasPrefix(string(text), fmt.Sprintf("{%q:%q", key, i.Name)) {
					t.Errorf("a sample of %s does not begin with its name: %s", i.Name, text)
				}
			}
		}
	}
	a, _ := c.Sample("test/later", 5, 1)
	b, _ := c.Sample("test/later", 5, 2)
	if cmp.Equal(a, b) {
		t.Error("another seed gives the same samples")
	}
	if first, _ := c.Sample("test/note", 1, 9); !strings.Contains(string(first[0]), "general") {
		t.Errorf("the example is not the first sample: %s", first[0])
	}
}

type (
	impossible struct {
		Code string `json:"code" jsonschema:"pattern=^a$,minLength=5"`
	}
	selfish struct{ V fmt.Stringer }
)

func (impossible) EffectName() string { return "test/impossible" }
func (selfish) EffectName() string    { return "test/selfish" }

func TestSampleSaysWhyNot(t *testing.T) {
	c := schema.Of(registryOf(
		effect.Handle("Fits nothing.", func(context.Context, call, impossible) (int, error) { return 0, nil }),
		effect.Handle("Has no schema.", func(context.Context, call, selfish) (int, error) { return 0, nil }),
	))
	for _, test := range []struct {
		reason, name string
		want         error
	}{
		{"no such item", "test/nothing", schema.ErrUnknown},
		{"a kind is not a name", "effect", schema.ErrUnknown},
		{"its type holds an interface with methods", "test/selfish", schema.ErrNoSchema},
		{"its schema contradicts itself", "test/impossible", schema.ErrCannotGenerate},
	} {
		_, err := c.Sample(test.name, 1, 1)
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.reason, err, test.want)
		}
	}
	if err := c.Err(); !errors.Is(err, schema.ErrNoSchema) || !strings.Contains(err.Error(), "test/selfish") {
		t.Errorf("Err is %v", err)
	}
}

func TestSchemasAndCtx(t *testing.T) {
	c := schema.Of(registryOf(
		effect.Handle("Has no schema.", func(context.Context, call, selfish) (int, error) { return 0, nil }),
		effect.Handle("Post a note.", func(context.Context, call, note) (int, error) { return 0, nil }),
	))
	got := c.Schemas()
	if got["test/note"] == nil || got["test/selfish"] != nil || len(got) != 3 { // and the built-in ones
		t.Errorf("schemas of %v", got)
	}
	want := []schema.CtxType{{
		Type: "schema_test.env", Items: []string{"test/note", "test/selfish"},
		Fields: []schema.CtxField{{Name: "User", Type: "string", Description: "who is signed in", Required: true}, {Name: "Log", Type: "*[]string"}},
	}}
	if diff := cmp.Diff(want, c.CtxSchema()); diff != "" {
		t.Errorf("what the Ctx must hold (-want +got):\n%s", diff)
	}
	if got := tree(t, schema.Of(bare{}).CtxSchema()); !cmp.Equal(got, []any{}) {
		t.Errorf("no item declares a Ctx: %v", got)
	}
	type app struct {
		Env   env
		Other int
	}
	for _, test := range []struct {
		reason string
		ctx    any
		want   string
	}{
		{"the type itself", newEnv(), ""},
		{"inside another struct", app{Env: newEnv()}, ""},
		{"behind a pointer", &app{Env: newEnv()}, ""},
		{"a required field is not set", app{}, "schema_test.env.User is not set, which test/note, test/selfish needs"},
		{"it is not there", struct{ N int }{1}, "holds no schema_test.env"},
		{"there is nothing", nil, "holds no schema_test.env"},
	} {
		err := c.CheckCtx(test.ctx)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v, want %q", test.reason, err, test.want)
		}
	}
}

func TestValidatorModes(t *testing.T) {
	good, bad := note{Channel: "general"}, note{Channel: ""}
	for _, test := range []struct {
		reason            string
		mode              schema.Mode
		ran, errs, report int
	}{
		{"off: both run", schema.Off, 2, 0, 0},
		{"report: both run, one is reported", schema.Report, 2, 0, 1},
		{"strict: the bad one does not run", schema.Strict, 1, 1, 0},
	} {
		var reported []string
		check := schema.Of(items()).Validator(test.mode, func(d effect.Data, e *schema.Error) { reported = append(reported, e.Error()) })
		e := newEnv()
		res := newDispatcher(t, &dispatch.Options{Validate: check}).Dispatch(t.Context(), e, bad, good)
		if len(*e.Log) != test.ran || len(res.Errors) != test.errs || len(reported) != test.report {
			t.Errorf("%s: ran %q, errors %v, reported %q", test.reason, *e.Log, res.Errors, reported)
		}
		if test.errs == 0 {
			continue
		}
		if p := res.Errors[0].Phase; p != dispatch.PhaseValidate {
			t.Errorf("%s: the phase is %s", test.reason, p)
		}
		invalid, ok := errors.AsType[*schema.Error](res.Err())
		if !ok {
			t.Fatalf("%s: the error is %v", test.reason, res.Err())
		}
		want := []schema.Problem{{Pointer: "/args/channel", Name: "test/note", Keyword: "minLength", Message: "minLength: got 0, want 1"}}
		if diff := cmp.Diff(want, invalid.Problems); diff != "" {
			t.Errorf("%s: problems (-want +got):\n%s", test.reason, diff)
		}
	}
}

// A bad item inside a list is reported when it is dispatched; the item that
// holds the list runs.
func TestValidatorLeavesNestedItems(t *testing.T) {
	check := schema.Of(items()).Validator(schema.Strict, nil)
	e := newEnv()
	res := newDispatcher(t, &dispatch.Options{Validate: check}).Dispatch(t.Context(), e,
		later{Who: effect.Now("ann"), Effects: effect.List{note{Channel: ""}, note{Channel: "general"}}})
	if diff := cmp.Diff([]string{"later ann", "general "}, *e.Log); diff != "" {
		t.Errorf("ran (-want +got):\n%s", diff)
	}
	if len(res.Errors) == 0 || res.Errors[0].Name != "test/note" {
		t.Errorf("errors %v", res.Errors)
	}
}

func TestSamplesValidateAndRoundTrip(t *testing.T) {
	d := newDispatcher(t, nil)
	n := 1000
	if testing.Short() {
		n = 50
	}
	roundTrip(t, d, schema.Of(d), n)
}

// roundTrip checks n samples of everything: each fits the schema and decodes,
// and what it decodes to fits and is the same value once more.
func roundTrip[C any](t *testing.T, d *dispatch.Dispatcher[C], c *schema.Catalogue, n int) {
	t.Helper()
	for _, i := range c.Describe() {
		t.Run(i.Name, func(t *testing.T) {
			samples, err := c.Sample(i.Name, n, 7)
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range samples {
				if i.Kind == schema.Placeholders {
					if err := c.ValidateReference(text); err != nil {
						t.Fatalf("%v\n%s", err, text)
					}
					continue
				}
				once := again(t, d, c, append(append([]byte{'['}, text...), ']'))
				twice := again(t, d, c, once)
				if diff := cmp.Diff(tree(t, once), tree(t, twice)); diff != "" {
					t.Fatalf("changes on the way:\n%s", diff)
				}
			}
		})
	}
}

func again[C any](t *testing.T, d *dispatch.Dispatcher[C], c *schema.Catalogue, text []byte) json.RawMessage {
	t.Helper()
	if err := c.Validate(t.Context(), text); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	l, err := d.Decode(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	out, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
