package schema_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"math/big"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/schema"
)

type (
	endless *endless
	// alone writes itself and cannot be read.
	alone struct{ N int }
	// hoarse has a MarshalJSON that panics.
	hoarse struct{ N int }
	// lost says that it looks like something, and panics.
	lost struct{ N int }
	// odd describes itself with a schema that is none.
	odd struct{ N int }
	// dizzy says that it looks like itself, and spun that it is what it is.
	dizzy struct{ N int }
	spun  struct{ N int }
)

func (alone) MarshalJSON() ([]byte, error)  { return []byte(`"alone"`), nil }
func (*alone) UnmarshalJSON([]byte) error   { return errors.New("leave me alone") }
func (hoarse) MarshalJSON() ([]byte, error) { panic("no voice") }
func (lost) JSONSchemaAlias() any           { panic("lost") }
func (dizzy) JSONSchemaAlias() any          { return dizzy{} }
func (spun) JSONSchema() *schema.Schema     { return &schema.Schema{Ref: "#/$defs/schema_test.spun"} }
func (odd) JSONSchema() *schema.Schema      { return &schema.Schema{Type: "oddity"} }

// What JSON cannot carry, or no sample can be made of, is told with the names of
// the item and the field; the others are not disturbed.
func TestErrNamesItemAndField(t *testing.T) {
	for _, test := range []struct {
		reason string
		typ    reflect.Type
		want   error
		text   string
	}{
		{"an interface with methods can be written only", reflect.TypeFor[struct {
			To struct {
				Who []fmt.Stringer `json:"who"`
			} `json:"to"`
		}](), schema.ErrNoSchema, "args.to.who[]: JSON cannot be read into a fmt.Stringer"},
		{"a late value too", reflect.TypeFor[struct {
			W effect.Late[fmt.Stringer] `json:"w"`
		}](), schema.ErrNoSchema, "args.w: JSON cannot be read into a fmt.Stringer"},
		{"a function", reflect.TypeFor[struct{ F func() }](), schema.ErrNoSchema, "args.F: JSON has nothing for a func"},
		{"a complex number", reflect.TypeFor[struct{ C map[string]complex64 }](), schema.ErrNoSchema, "args.C[]: JSON has nothing for a complex64"},
		{"a key that JSON has not", reflect.TypeFor[struct{ M map[bool]int }](), schema.ErrNoSchema, "args.M: JSON has no key for a bool"},
		{"a method that JSON calls only sometimes", reflect.TypeFor[struct{ B big.Int }](), schema.ErrNoSchema, "args.B: MarshalJSON of big.Int has a pointer receiver"},
		{"a pointer to itself", reflect.TypeFor[struct{ E endless }](), schema.ErrNoSchema, "points to itself"},
		{"an option that does not go with the type", reflect.TypeFor[struct {
			L slog.Level `json:",string"`
		}](), schema.ErrNoSchema, `args.L: the json option "string" does not go with slog.Level`},
		{"a field that is written and hidden from the schema", reflect.TypeFor[struct {
			H int `jsonschema:"-"`
		}](), schema.ErrNoSchema, `args.H: the tag jsonschema:"-" hides`},
		{"a method that panics", reflect.TypeFor[struct{ L lost }](), schema.ErrNoSchema, "panic: lost"},
		{"no struct", reflect.TypeFor[[]int](), schema.ErrNoSchema, "[]int is no struct type"},
		{"no type", nil, schema.ErrNoSchema, "args: it has no type"},
		{"an alias for itself", reflect.TypeFor[struct{ D dizzy }](), schema.ErrNoSchema, "args.D: JSONSchemaAlias of schema_test.dizzy leads back to it"},
		{"a schema of its own that says nothing", reflect.TypeFor[struct{ S spun }](), schema.ErrCannotGenerate, ""},
		{"a schema of its own that is none", reflect.TypeFor[struct{ O odd }](), nil, "compiling its schema"},
		{"a pattern that is none", reflect.TypeFor[struct {
			P string `jsonschema:"pattern=("`
		}](), nil, "compiling its schema"},
		{"nothing that it reads is known", reflect.TypeFor[struct {
			A []alone `json:"a"`
			B *alone  `json:"b"`
			C [1]alone
		}](), schema.ErrCannotGenerate, "args.a[], a schema_test.alone, args.b, a schema_test.alone, args.C[], a schema_test.alone"},
		{"it cannot even be written", reflect.TypeFor[struct{ H hoarse }](), nil, ""},
	} {
		c := schema.Of(typed(test.typ, reflect.TypeFor[note]()))
		err := c.Err()
		if test.text == "" {
			continue // no panic is all
		}
		if test.want != nil && !errors.Is(err, test.want) || err == nil || !strings.Contains(err.Error(), "schema: test/t0 made at t0.go:1: ") || !strings.Contains(err.Error(), test.text) {
			t.Errorf("%s: %v, want %q", test.reason, err, test.text)
		}
		if err != nil && strings.Contains(err.Error(), "test/t1") {
			t.Errorf("%s: another item is blamed too: %v", test.reason, err)
		}
		if _, err := c.Sample("test/t1", 3, 1); err != nil {
			t.Errorf("%s: and then another item cannot be sampled: %v", test.reason, err)
		}
		if c.Document() == nil || c.Schemas()["test/t1"] == nil {
			t.Errorf("%s: the rest is gone", test.reason)
		}
	}
}

type risky struct {
	P string `json:"p" jsonschema:"pattern=("`
}

func (risky) EffectName() string { return "test/risky" }

// A placeholder with a broken schema disturbs nobody who does not use it.
func TestBrokenPlaceholder(t *testing.T) {
	c := schema.Of(registryOf(
		effect.Provide("Give a text.", func(context.Context, call, risky) (string, error) { return "", nil }),
		effect.Provide("Give another.", func(context.Context, call, userName) (string, error) { return "", nil }),
		effect.Handle("Say hi.", func(context.Context, call, hi) (int, error) { return 0, nil }),
	))
	if err := c.Validator(schema.Strict, nil)(hi{Name: effect.Later[string](userName{})}); err != nil {
		t.Error(err)
	}
	if _, err := c.Sample("test/hi", 10, 1); err != nil {
		t.Error(err)
	}
	for _, test := range []struct {
		reason, text, want string
	}{
		{"a reference to the other", `[{"effect":"test/hi","args":{"name":{"$placeholder":"test/user-name"},"any":null}}]`, ""},
		{"a reference to it", `[{"effect":"test/hi","args":{"name":{"$placeholder":"test/risky","args":{"p":"x"}},"any":null}}]`, "error parsing regexp"},
	} {
		if err := c.Validate(t.Context(), []byte(test.text)); (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", test.reason, err)
		}
	}
	if err := c.Err(); err == nil || !strings.Contains(err.Error(), "test/risky") || strings.Contains(err.Error(), "test/hi") {
		t.Errorf("Err is %v", err)
	}
}

// What cannot be described is not checked, and so never kept from running.
func TestStrictLetsTheUndescribedRun(t *testing.T) {
	c := schema.Of(registryOf(effect.Handle("Has no schema.", func(context.Context, call, selfish) (int, error) { return 0, nil })))
	if err := c.Validator(schema.Strict, nil)(selfish{}); err != nil {
		t.Error(err)
	}
}

// panicking is a source that breaks in the middle.
type panicking struct{}

func (panicking) All() iter.Seq[effect.Info] {
	return func(yield func(effect.Info) bool) {
		yield(effect.Info{Kind: string(schema.Effects), Name: "test/t0", Type: reflect.TypeFor[place]()})
		panic("broken")
	}
}

// angry panics when its name is asked.
type angry struct{ N int }

func (*angry) EffectName() string { panic("who asks?") }

func TestOfNeverPanics(t *testing.T) {
	takes := func(x effect.Data) schema.Source {
		return registryOf(effect.Handle("Post a note.", func(context.Context, call, note) (int, error) { return 0, nil }).About(effect.About{Examples: []effect.Data{x}}))
	}
	info := func(x effect.Data) schema.Source {
		return described{{Kind: string(schema.Effects), Name: "test/note", Type: reflect.TypeFor[note](), Examples: []effect.Data{x}}}
	}
	for _, test := range []struct {
		reason string
		source schema.Source
	}{
		{"a registry with nil as an example", takes(nil)},
		{"a registry with a nil pointer as an example", takes((*note)(nil))},
		{"nil as an example", info(nil)},
		{"a nil pointer as an example", info((*note)(nil))},
		{"an example that panics", info(&angry{})},
		{"no source", nil},
		{"a source that panics", panicking{}},
	} {
		c := schema.Of(test.source)
		if len(c.Describe()) < 2 || c.Document() == nil {
			t.Errorf("%s: there is nothing", test.reason)
		}
		if c.Err() == nil {
			t.Errorf("%s: nothing is wrong", test.reason)
		}
	}
}

type enumed struct {
	Mode string `json:"mode" jsonschema:"enum=a,enum=b"`
}

func (enumed) EffectName() string { return "test/enumed" }

// An example outside its schema is no sample, and Err says so.
func TestExamplesAreChecked(t *testing.T) {
	c := schema.Of(registryOf(effect.Handle("Take a mode.", func(context.Context, call, enumed) (int, error) { return 0, nil }).
		About(effect.About{Examples: []effect.Data{enumed{"c"}, enumed{"b"}}})))
	samples, err := c.Sample("test/enumed", 3, 1)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(samples[0]); got != `{"effect":"test/enumed","args":{"mode":"b"}}` {
		t.Errorf("the first sample is %s", got)
	}
	for _, s := range samples {
		if err := c.Validate(t.Context(), list("[%s]", s)); err != nil {
			t.Errorf("sample %s: %v", s, err)
		}
	}
	err = c.Err()
	if _, ok := errors.AsType[*schema.Error](err); !ok || !strings.Contains(err.Error(), `test/enumed`) || !strings.Contains(err.Error(), "/mode") || strings.Contains(err.Error(), `"b"}`) {
		t.Errorf("Err is %v", err)
	}
}

type both struct {
	A effect.Late[[]string]       `json:"a"`
	B effect.Late[*string]        `json:"b"`
	M effect.Late[map[string]int] `json:"m"`
}

func (both) EffectName() string { return "test/both" }

// Late values of different types have different schemas, and nil is valid in them.
func TestLateValuesOfManyTypes(t *testing.T) {
	d := dispatch.Must(dispatch.New(registryOf(effect.Handle("Take late values.", func(context.Context, call, both) (int, error) { return 0, nil }))))
	c := schema.Of(d)
	text := "text"
	for _, item := range []both{{}, {A: effect.Now([]string{"a"}), B: effect.Now(&text), M: effect.Now(map[string]int{"a": 1})}} {
		wire, err := effect.List{item}.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Decode(wire); err != nil {
			t.Error(err)
		}
		if err := c.Validate(t.Context(), wire); err != nil {
			t.Errorf("%s: %v", wire, err)
		}
		if err := c.Validator(schema.Strict, nil)(item); err != nil {
			t.Errorf("%s in Go: %v", wire, err)
		}
	}
	if err := c.Err(); err != nil {
		t.Error(err)
	}
}

type (
	// Seat is embedded.
	Seat struct {
		Seat string `json:"seat"`
	}
	who struct {
		Base
		*Seat
		Nick effect.Late[string] `json:"nick"`
		Last string              `json:"last,omitempty"`
	}
	hi struct {
		Name effect.Late[string] `json:"name"`
		Any  effect.Late[any]    `json:"any"`
	}
)

func (who) EffectName() string { return "test/who" }
func (hi) EffectName() string  { return "test/hi" }

// Samples of placeholders are read where they are used, their arguments by name
// or in order.
func TestReferenceSamplesDecode(t *testing.T) {
	d := dispatch.Must(dispatch.New(registryOf(
		effect.Handle("Say hi.", func(context.Context, call, hi) (int, error) { return 0, nil }),
		effect.Provide("Who.", func(context.Context, call, who) (string, error) { return "", nil }),
	)))
	c := schema.Of(d)
	samples, err := c.Sample("test/who", 60, 1)
	if err != nil {
		t.Fatal(err)
	}
	ordered := 0
	for _, s := range samples {
		var w struct{ Args json.RawMessage }
		if err := json.Unmarshal(s, &w); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(string(w.Args), "[") {
			ordered++
		}
		if err := c.ValidateReference(s); err != nil {
			t.Errorf("%s: %v", s, err)
		}
		in := list(`[{"effect":"test/hi","args":{"name":%s,"any":%s}}]`, s, s)
		if err := c.Validate(t.Context(), in); err != nil {
			t.Errorf("%s: %v", in, err)
		}
		if _, err := d.Decode(in); err != nil {
			t.Errorf("%s: %v", in, err)
		}
	}
	if ordered == 0 || ordered == len(samples) {
		t.Errorf("%d of %d samples have their arguments in order", ordered, len(samples))
	}
}

// A definition is called the same in the schema of an item and in the document,
// so that the one may refer to the other.
func TestDefinitionsHaveOneName(t *testing.T) {
	same := func(t reflect.Type) reflect.Type {
		return reflect.StructOf([]reflect.StructField{{Name: "L", Type: t}})
	}
	a, _ := sameA().FieldByName("L")
	b, _ := sameB().FieldByName("L")
	source := typed(same(a.Type), same(b.Type))
	for i, t := range []reflect.Type{reflect.TypeFor[[]int](), reflect.TypeFor[*[]int]()} {
		source = append(source, effect.Info{Kind: string(schema.Placeholders), Name: fmt.Sprintf("test/p%d", i), Type: reflect.TypeFor[userName](), Result: t})
	}
	value, _ := a.Type.FieldByName("Value")
	source = append(source, effect.Info{Kind: string(schema.Placeholders), Name: "test/same", Type: reflect.TypeFor[userName](), Result: value.Type})
	c := schema.Of(source)
	doc := c.Document().Definitions
	var refs []string
	for _, i := range c.Describe(schema.Effects) {
		text, err := json.Marshal(i.Args)
		if err != nil {
			t.Fatal(err)
		}
		for part := range strings.SplitSeq(string(text), `"`) {
			if name, ok := strings.CutPrefix(part, schema.RegistryID+"#/$defs/"); ok {
				refs = append(refs, name)
				if doc[name] == nil {
					t.Errorf("%s refers to %s, which the document has not", i.Name, name)
				}
			}
		}
	}
	for _, ref := range []string{`{"$placeholder":"test/same"}`, `{"$placeholder":"test/user-name"}`, `{"$placeholder":"test/p0"}`} {
		got := []bool{c.Validate(t.Context(), list(`[{"effect":"test/t0","args":{"L":%s}}]`, ref)) == nil, c.Validate(t.Context(), list(`[{"effect":"test/t1","args":{"L":%s}}]`, ref)) == nil}
		want := map[string][]bool{"same": {true, false}, "user-name": {true, true}, "p0": {false, false}}[strings.TrimSuffix(ref[len(`{"$placeholder":"test/`):], `"}`)]
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s in either field, of the types refs %v (-want +got):\n%s", ref, refs, diff)
		}
	}
}
