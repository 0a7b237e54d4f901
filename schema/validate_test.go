package schema_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	check "github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/sfere-go/sfere/schema"
)

func TestValidateText(t *testing.T) {
	c := schema.Of(newDispatcher(t, nil))
	for _, test := range []struct {
		reason, text string
		want         []schema.Problem
	}{
		{"an empty list is fine", `[]`, nil},
		{"one of everything", `[{"effect":"test/note","args":{"channel":"a","tags":null,"when":null}},{"effect":"effect/batch","args":{"effects":[]}},{"effect":"effect/serial","args":{"key":"k","effects":[]}}]`, nil},
		{"a placeholder where one fits", `[{"effect":"test/later","args":{"who":{"$placeholder":"test/user-name"},"effects":[]}}]`, nil},
		{"placeholder arguments in order", `[{"effect":"test/later","args":{"who":{"$placeholder":"test/upper","args":["a"]},"effects":[]}}]`, nil},
		{"not JSON", `[`, []schema.Problem{{Pointer: "/0", Keyword: "syntax", Message: "unexpected end of JSON input"}}},
		{"not a list", `{"effect":"test/note"}`, []schema.Problem{{Name: "test/note", Keyword: "type", Message: "got object, want array"}}},
		{"an item without a name", `[{"args":{}}]`, []schema.Problem{{Pointer: "/0", Keyword: "required", Message: "missing property 'effect'"}}},
		{"a misspelt name", `[{"effect":"test/nota","args":{}}]`, []schema.Problem{
			{Pointer: "/0/effect", Keyword: "enum", Message: `nothing is registered under this name: "test/nota": did you mean test/note?`},
		}},
		{"a placeholder is no effect", `[{"effect":"test/user-name"}]`, []schema.Problem{
			{Pointer: "/0/effect", Keyword: "enum", Message: "test/user-name is a placeholder: use it as the value of a field that takes one"},
		}},
		{"a field of the wrong type, deep inside", `[{"effect":"test/later","args":{"who":"x","effects":[{"effect":"test/note","args":{"channel":7,"tags":[],"when":null}}]}}]`, []schema.Problem{
			{Pointer: "/0/args/effects/0/args/channel", Name: "test/note", Keyword: "type", Message: "got number, want string"},
		}},
		{"an unknown field", `[{"effect":"test/note","args":{"channel":"a","tags":[],"when":null,"chanel":"b"}}]`, []schema.Problem{
			{Pointer: "/0/args", Name: "test/note", Keyword: "additionalProperties", Message: "additional properties 'chanel' not allowed"},
		}},
		{"out of range", `[{"effect":"test/note","args":{"channel":"a","tags":[],"when":null,"times":10}}]`, []schema.Problem{
			{Pointer: "/0/args/times", Name: "test/note", Keyword: "maximum", Message: "maximum: got 10, want 9"},
		}},
		{"missing arguments", `[{"effect":"test/note"}]`, []schema.Problem{
			{Pointer: "/0", Name: "test/note", Keyword: "required", Message: "missing property 'args'"},
		}},
		{"a placeholder that gives another type", `[{"effect":"test/later","args":{"who":{"$placeholder":"test/spot","args":{"name":"x"}},"effects":[]}}]`, []schema.Problem{
			{Pointer: "/0/args/who/$placeholder", Keyword: "enum", Message: "test/spot gives another type than the field takes"},
		}},
		{"a literal of the wrong type where a placeholder may stand", `[{"effect":"test/later","args":{"who":7,"effects":[]}}]`, []schema.Problem{
			{Pointer: "/0/args/who", Name: "test/later", Keyword: "type", Message: "got number, want string"},
		}},
		{"fits the schema and cannot be decoded", `[{"effect":"test/note","args":{"channel":"a","tags":[],"when":"yesterday"}}]`, []schema.Problem{
			{Pointer: "/0/args/when", Name: "test/note", Keyword: "decode", Message: `parsing time "yesterday"`},
		}},
	} {
		err := c.Validate(t.Context(), []byte(test.text))
		invalid, ok := errors.AsType[*schema.Error](err)
		if test.want == nil {
			if err != nil {
				t.Errorf("%s: %v", test.reason, err)
			}
			continue
		}
		if !ok {
			t.Errorf("%s: %v is no *schema.Error", test.reason, err)
			continue
		}
		for i := range invalid.Problems { // the wording of the standard library is its own
			p := &invalid.Problems[i]
			if i < len(test.want) && p.Keyword == "decode" && strings.HasPrefix(p.Message, test.want[i].Message) {
				p.Message = test.want[i].Message
			}
		}
		if diff := cmp.Diff(test.want, invalid.Problems); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.reason, diff)
		}
	}
}

// The published document, with oneOf, and the form that validates mean the same.
func TestDocumentAgreesWithValidate(t *testing.T) {
	d := newDispatcher(t, nil)
	c := schema.Of(registryOnly{d})
	text, err := json.Marshal(c.Document())
	if err != nil {
		t.Fatal(err)
	}
	published := compile(t, text)
	broken := [][]byte{
		list(`[{"effect":"test/none"}]`), list(`[7]`), list(`{}`), list(`[{"effect":"test/note","args":{}}]`),
		list(`[{"effect":"test/later","args":{"who":{"$placeholder":"test/spot","args":["x"]},"effects":[]}}]`),
	}
	for _, b := range broken {
		if valid(published, b) || c.Validate(t.Context(), b) == nil {
			t.Errorf("%s: document says %t, Validate says %v", b, valid(published, b), c.Validate(t.Context(), b))
		}
	}
	for _, i := range c.Describe(schema.Effects, schema.Actions) {
		samples, err := c.Sample(i.Name, 50, 3)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range samples {
			l := list("[%s]", s)
			if !valid(published, l) {
				t.Errorf("the document refuses %s", l)
			}
			for _, cut := range []string{`"effects"`, `"channel"`, `"who"`} { // break it somewhere
				b := bytes.Replace(l, []byte(cut), []byte(`"other"`), 1)
				if got, want := valid(published, b), c.Validate(t.Context(), b) == nil; got != want {
					t.Errorf("%s: document says %t, Validate says %t", b, got, want)
				}
			}
		}
	}
}

// registryOnly hides the decoder, so that only the schema decides.
type registryOnly struct{ schema.Source }

func compile(t *testing.T, text []byte) *check.Schema {
	t.Helper()
	doc, err := check.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	compiler := check.NewCompiler()
	if err := compiler.AddResource(schema.RegistryID, doc); err != nil {
		t.Fatal(err)
	}
	s, err := compiler.Compile(schema.RegistryID)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func valid(s *check.Schema, text []byte) bool {
	v, err := check.UnmarshalJSON(bytes.NewReader(text))
	return err == nil && s.Validate(v) == nil
}

func TestSchemasStandAlone(t *testing.T) {
	c := schema.Of(newDispatcher(t, nil))
	for name, s := range c.Schemas() {
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := check.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		registry, err := json.Marshal(c.Document())
		if err != nil {
			t.Fatal(err)
		}
		all, err := check.UnmarshalJSON(bytes.NewReader(registry))
		if err != nil {
			t.Fatal(err)
		}
		compiler := check.NewCompiler()
		for id, d := range map[string]any{"urn:one": doc, schema.RegistryID: all} {
			if err := compiler.AddResource(id, d); err != nil {
				t.Fatal(err)
			}
		}
		one, err := compiler.Compile("urn:one")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		samples, err := c.Sample(name, 20, 5)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range samples {
			args, ok := tree(t, text).(map[string]any)["args"].(map[string]any)
			if ok && one.Validate(any(args)) != nil {
				t.Errorf("the schema of %s refuses the arguments of %s", name, text)
			}
		}
	}
}
