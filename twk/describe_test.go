package twk_test

import (
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/invopop/jsonschema"

	"github.com/sfere-go/sfere/twk"
)

// Every field of every effect describes itself to catalogues, under the name
// that it has in JSON.
func TestFieldsDescribed(t *testing.T) {
	t.Parallel()
	for info := range twk.Registry(nil).All() {
		s := (&jsonschema.Reflector{DoNotReference: true, ExpandedStruct: true}).ReflectFromType(info.Type)
		n := 0
		for pair := s.Properties.Oldest(); pair != nil; pair = pair.Next() {
			n++
			if pair.Value.Description == "" {
				t.Errorf("%s: field %q has no description", info.Name, pair.Key)
			}
		}
		want := 0
		fields(t, info.Type, nil, func(string, []int, reflect.StructField) { want++ })
		if n != want {
			t.Errorf("%s has %d fields, its schema %d", info.Name, want, n)
		}
	}
}

// The values of enumerations in the schema are those of the constants.
func TestEnums(t *testing.T) {
	t.Parallel()
	enum := func(typ reflect.Type, field string) []any {
		s := (&jsonschema.Reflector{DoNotReference: true, ExpandedStruct: true}).ReflectFromType(typ)
		p, _ := s.Properties.Get(field)
		return p.Enum
	}
	want := map[string][]any{
		"mode":      {"", "outer", "inner", "replace", "prepend", "append", "before", "after", "remove"},
		"namespace": {"", "html", "svg", "mathml"},
		"overflow":  {"", "disconnect", "drop-oldest"},
	}
	for field, values := range want {
		for _, typ := range []reflect.Type{reflect.TypeFor[twk.PatchElements](), reflect.TypeFor[twk.PatchElementsSeq]()} {
			if diff := cmp.Diff(values, enum(typ, field)); diff != "" {
				t.Errorf("%s.%s (-want +got):\n%s", typ, field, diff)
			}
		}
	}
	if diff := cmp.Diff([]any{"", "log", "debug", "info", "warn", "error"}, enum(reflect.TypeFor[twk.ConsoleLog](), "level")); diff != "" {
		t.Errorf("level (-want +got):\n%s", diff)
	}
}
