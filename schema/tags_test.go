package schema_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/schema"
)

type labels []string

// What tags say is said of the value itself, whatever is around it.
func TestTagsReachTheirPlace(t *testing.T) {
	text := func(s string) any {
		var v any
		if err := json.Unmarshal([]byte(s), &v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, test := range []struct {
		reason string
		typ    reflect.Type
		want   string // of the properties
	}{
		{"a pointer", reflect.TypeFor[struct {
			V *string `json:"v" jsonschema:"enum=a,enum=b,description=one of two"`
		}](), `{"v":{"anyOf":[{"type":"string","enum":["a","b"]},{"type":"null"}],"description":"one of two"}}`},
		{"the items of a slice", reflect.TypeFor[struct {
			V []*int `json:"v,omitempty" jsonschema:"minItems=1,maximum=9"`
		}](), `{"v":{"items":{"anyOf":[{"type":"integer","maximum":9},{"type":"null"}]},"type":"array","minItems":1}}`},
		{"a slice with a name", reflect.TypeFor[struct {
			V labels `json:"v,omitempty" jsonschema:"minItems=1"`
		}](), `{"v":{"items":{"type":"string"},"type":"array","minItems":1}}`},
		{"a late value", reflect.TypeFor[struct {
			V effect.Late[string] `json:"v" jsonschema:"minLength=1,description=a text"`
		}](), `{"v":{"anyOf":[{"type":"string","minLength":1},{"$ref":"urn:sfere:registry#/$defs/reference.string"}],"description":"a text"}}`},
		{"a late pointer", reflect.TypeFor[struct {
			V effect.Late[*int8] `json:"v" jsonschema:"minimum=1,description=a number"`
		}](), `{"v":{"anyOf":[{"type":"integer","minimum":1,"maximum":127},{"type":"null"},{"$ref":"urn:sfere:registry#/$defs/reference.dynamic"}],"description":"a number"}}`},
		{"a number inside a string", reflect.TypeFor[struct {
			V int `json:"v,string" jsonschema:"enum=1,enum=2"`
		}](), `{"v":{"type":"string","enum":["1","2"],"pattern":"^-?(0|[1-9][0-9]*)$"}}`},
		{"a text inside a string", reflect.TypeFor[struct {
			V string `json:"v,string" jsonschema:"enum=a,maxLength=1"`
		}](), `{"v":{"type":"string","enum":["\"a\""],"pattern":"^\".*\"$"}}`},
		{"a definition", reflect.TypeFor[struct {
			V place `json:"v,omitempty" jsonschema:"description=where"`
		}](), `{"v":{"$ref":"#/$defs/schema_test.place","description":"where"}}`},
		{"null where it is asked for", reflect.TypeFor[struct {
			V int `json:"v" jsonschema:"nullable"`
		}](), `{"v":{"oneOf":[{"type":"integer"},{"type":"null"}]}}`},
	} {
		c := schema.Of(typed(test.typ))
		item, err := c.Get("test/t0")
		if err != nil || item.Args == nil {
			t.Fatalf("%s: %v %s", test.reason, err, item.SchemaError)
		}
		got, err := json.Marshal(item.Args.Properties)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(text(test.want), text(string(got))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.reason, diff)
		}
		if err := c.Err(); err != nil {
			t.Errorf("%s: %v", test.reason, err)
		}
		if _, err := c.Sample("test/t0", 5, 1); err != nil {
			t.Errorf("%s: %v", test.reason, err)
		}
	}
	c := schema.Of(typed(reflect.TypeFor[struct {
		A int `json:"a,omitempty" jsonschema:"required"`
		B int `json:"b"`
		C int `json:"c,omitempty" jsonschema:"oneof_required=one"`
		D int `json:"d,omitempty" jsonschema:"oneof_required=two"`
	}]()))
	if _, err := c.Sample("test/t0", 5, 1); err != nil {
		t.Errorf("one of two fields: %v", err)
	}
	item, _ := c.Get("test/t0")
	if diff := cmp.Diff([]string{"a", "b"}, item.Args.Required); diff != "" {
		t.Errorf("required (-want +got):\n%s", diff)
	}
	if len(item.Args.OneOf) != 2 || item.Args.OneOf[0].Required[0] != "c" || item.Args.OneOf[1].Required[0] != "d" {
		t.Errorf("one of %v", item.Args.OneOf)
	}
}
