package schema

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
)

// refine adds to the schema of t what its Go type says and reflection leaves
// out: the ranges of integers, and null where Go writes a nil.
func refine(t reflect.Type, s *Schema) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if s.Ref != "" || len(s.AnyOf) > 0 { // a definition of its own, or refined already
		return
	}
	switch t.Kind() {
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		if s.Type == "integer" {
			limits(t, s)
		}
	case reflect.Slice, reflect.Array:
		if s.Items != nil {
			refine(t.Elem(), s.Items)
			s.Items = orNull(t.Elem(), s.Items)
		}
	case reflect.Map:
		for key, p := range s.PatternProperties { // numbers as keys
			refine(t.Elem(), p)
			s.PatternProperties[key] = orNull(t.Elem(), p)
		}
		if s.AdditionalProperties != nil && s.PatternProperties == nil {
			refine(t.Elem(), s.AdditionalProperties)
			s.AdditionalProperties = orNull(t.Elem(), s.AdditionalProperties)
		}
	case reflect.Struct:
		if s.Properties != nil {
			refineFields(t, s)
		}
	}
}

func refineFields(t reflect.Type, s *Schema) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		ft := f.Type
		if f.Anonymous && name == "" {
			if ft.Kind() == reflect.Pointer {
				ft = ft.Elem()
			}
			if ft.Kind() == reflect.Struct {
				refineFields(ft, s)
				continue
			}
		}
		if name == "" {
			name = f.Name
		}
		property, ok := s.Properties.Get(name)
		if !ok {
			continue
		}
		refine(ft, property)
		if left := strings.Split(options, ","); !slices.Contains(left, "omitempty") && !slices.Contains(left, "omitzero") {
			s.Properties.Set(name, orNull(ft, property))
		}
	}
}

// orNull returns s or null for types whose nil is written as null.
func orNull(t reflect.Type, s *Schema) *Schema {
	if t == listType {
		return s // writes [] by itself
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice:
	default:
		return s
	}
	described := *s
	described.Description = ""
	return &Schema{AnyOf: []*Schema{&described, {Type: "null"}}, Description: s.Description}
}

func limits(t reflect.Type, s *Schema) {
	lo, hi := json.Number("0"), json.Number("")
	bits := t.Bits()
	switch t.Kind() {
	case reflect.Int8, reflect.Int16, reflect.Int32:
		lo = json.Number(fmt.Sprint(-(int64(1) << (bits - 1))))
		hi = json.Number(fmt.Sprint(int64(1)<<(bits-1) - 1))
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		hi = json.Number(fmt.Sprint(uint64(1)<<bits - 1))
	default:
		hi = json.Number(fmt.Sprint(uint64(math.MaxUint64)))
	}
	if s.Minimum == "" {
		s.Minimum = lo
	}
	if s.Maximum == "" {
		s.Maximum = hi
	}
}
