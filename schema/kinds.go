package schema

import (
	"encoding"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"time"

	"github.com/invopop/jsonschema"

	"github.com/sfere-go/sfere/effect"
)

var (
	listType        = reflect.TypeFor[effect.List]()
	timeType        = reflect.TypeFor[time.Time]()
	rawType         = reflect.TypeFor[json.RawMessage]()
	numberType      = reflect.TypeFor[json.Number]()
	jsonMarshaler   = reflect.TypeFor[json.Marshaler]()
	textMarshaler   = reflect.TypeFor[encoding.TextMarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// of returns the schema of everything that JSON has for values of t.
// addressable tells whether encoding/json reaches such values through a pointer
// or a slice, as only then it calls methods with a pointer receiver.
func (b *builder) of(t reflect.Type, addressable bool) (*Schema, error) {
	s, finish, err := b.parts(t, addressable, false, false)
	if err != nil {
		return nil, err
	}
	return finish(s), nil
}

// parts returns the schema of t in two steps: what tags of a field speak of, and
// what is put around that. Without nil, the nil of t itself is not written.
func (b *builder) parts(t reflect.Type, addressable, quoted, withoutNil bool) (*Schema, wrap, error) {
	if value, ok := lateOf(t); ok {
		s, finish, err := b.parts(value, false, false, false)
		if err != nil {
			return nil, nil, err
		}
		return s, func(s *Schema) *Schema { return b.late(value, finish(s)) }, nil
	}
	if t.Kind() == reflect.Pointer {
		if endless(t) {
			return nil, nil, b.errorf("a %s points to itself, which JSON cannot say", t)
		}
		s, finish, err := b.parts(t.Elem(), true, quoted, false)
		if err != nil || withoutNil {
			return s, finish, err
		}
		return s, func(s *Schema) *Schema { return orNull(finish(s)) }, nil
	}
	s, finish, err := b.named(t, addressable, quoted)
	if err != nil || s.Ref == "" && s.Type == "" { // that allows null already
		return s, finish, err
	}
	nilable := (t.Kind() == reflect.Slice || t.Kind() == reflect.Map) && !marshals(t, addressable, jsonMarshaler) && !marshals(t, addressable, textMarshaler)
	if nilable && !withoutNil {
		return s, func(s *Schema) *Schema { return orNull(finish(s)) }, nil
	}
	return s, finish, nil
}

// endless reports whether t is a pointer to itself.
func endless(t reflect.Type) bool {
	for seen := map[reflect.Type]bool{}; t.Kind() == reflect.Pointer; t = t.Elem() {
		if seen[t] {
			return true
		}
		seen[t] = true
	}
	return false
}

// marshals reports whether encoding/json calls the method of by for a t.
func marshals(t reflect.Type, addressable bool, by reflect.Type) bool {
	return t.Kind() != reflect.Interface && (t.Implements(by) || addressable && reflect.PointerTo(t).Implements(by))
}

// What types can have to describe themselves, as invopop/jsonschema reads it.
type (
	aliased interface{ JSONSchemaAlias() any }
	custom  interface{ JSONSchema() *Schema }
	extends interface{ JSONSchemaExtend(*Schema) }
)

var (
	aliasType  = reflect.TypeFor[aliased]()
	customType = reflect.TypeFor[custom]()
	extendType = reflect.TypeFor[extends]()
)

// named describes t with the help of what it says of itself.
func (b *builder) named(t reflect.Type, addressable, quoted bool) (*Schema, wrap, error) {
	if t.Kind() == reflect.Interface {
		return b.plain(t, addressable, quoted)
	}
	zero := func() any { return reflect.New(t).Interface() }
	switch {
	case t == listType:
		b.outside = true
		return &Schema{Ref: b.whole + defsPath + listDef}, same, nil
	case t.Implements(aliasType):
		s, err := b.define(t, func() (*Schema, error) {
			alias := reflect.TypeOf(zero().(aliased).JSONSchemaAlias())
			for alias != nil && alias.Kind() == reflect.Pointer {
				alias = alias.Elem()
			}
			switch {
			case alias == nil:
				return nil, b.errorf("JSONSchemaAlias of %s returns nil", t)
			case alias.Kind() == reflect.Struct && !b.special(alias):
				return b.structure(alias)
			}
			s, err := b.of(alias, false)
			if err == nil && b.leadsTo(s, t) {
				err = b.errorf("JSONSchemaAlias of %s leads back to it", t)
			}
			return s, err
		})
		return s, same, err
	case t.Implements(customType):
		s, err := b.define(t, func() (*Schema, error) {
			s := zero().(custom).JSONSchema()
			if s == nil {
				return nil, b.errorf("JSONSchema of %s returns nil", t)
			}
			return clone(s, func(*Schema) {}), nil
		})
		return s, same, err
	}
	s, finish, err := b.plain(t, addressable, quoted)
	if err == nil && t.Implements(extendType) {
		zero().(extends).JSONSchemaExtend(b.resolve(s))
	}
	return s, finish, err
}

// special reports whether a struct type is not written as its fields.
func (b *builder) special(t reflect.Type) bool {
	_, late := lateOf(t)
	return late || t == timeType || t.Implements(aliasType) || t.Implements(customType) || marshals(t, true, jsonMarshaler) || marshals(t, true, textMarshaler)
}

// plain describes t by its kind.
func (b *builder) plain(t reflect.Type, addressable, quoted bool) (*Schema, wrap, error) {
	if s, err := b.opaque(t, addressable, quoted); s != nil || err != nil {
		return s, same, err
	}
	if quoted {
		return b.inString(t)
	}
	switch t.Kind() {
	case reflect.Struct:
		if t.Name() == "" {
			s, err := b.structure(t)
			return s, same, err
		}
		s, err := b.define(t, func() (*Schema, error) { return b.structure(t) })
		return s, same, err
	case reflect.Slice, reflect.Array, reflect.Map:
		return b.collection(t, addressable)
	case reflect.Interface:
		if t.NumMethod() > 0 {
			return nil, nil, b.errorf("JSON cannot be read into a %s, an interface with methods: use a concrete type, or any", t)
		}
		return &Schema{}, same, nil
	case reflect.Bool:
		return &Schema{Type: "boolean"}, same, nil
	case reflect.String:
		return &Schema{Type: "string"}, same, nil
	case reflect.Float32, reflect.Float64:
		return &Schema{Type: "number"}, same, nil
	}
	if t.Kind() >= reflect.Int && t.Kind() <= reflect.Uintptr {
		s := &Schema{Type: "integer"}
		limits(t, s)
		return s, same, nil
	}
	return nil, nil, b.errorf("JSON has nothing for a %s: leave it out of the type, or give the type a MarshalJSON", t.Kind())
}

// limits adds the range of an integer type. That of 64 bits with a sign is left
// to the reader of the text: it would say little and make every schema longer.
func limits(t reflect.Type, s *Schema) {
	bits := t.Bits()
	switch {
	case t.Kind() >= reflect.Uint:
		s.Minimum, s.Maximum = "0", json.Number(fmt.Sprint(uint64(math.MaxUint64)>>(64-bits)))
	case bits < 64:
		s.Minimum, s.Maximum = json.Number(fmt.Sprint(int64(-1)<<(bits-1))), json.Number(fmt.Sprint(int64(1)<<(bits-1)-1))
	}
}

// Regular expressions of numbers inside strings, as keys or with the option
// "string".
const (
	wholePattern   = `^-?(0|[1-9][0-9]*)$`
	countPattern   = `^(0|[1-9][0-9]*)$`
	decimalPattern = `^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`
)

func integerPattern(t reflect.Type) string {
	if t.Kind() >= reflect.Uint {
		return countPattern
	}
	return wholePattern
}

// inString describes a t with the json option "string".
func (b *builder) inString(t reflect.Type) (*Schema, wrap, error) {
	s := &Schema{Type: "string"}
	switch k := t.Kind(); {
	case t == numberType || k == reflect.Float32 || k == reflect.Float64:
		s.Pattern = decimalPattern
	case k == reflect.Bool:
		s.Enum = []any{"true", "false"}
	case k == reflect.String:
		s.Pattern = `^".*"$`
		return s, quoteTags(s.Pattern), nil
	default:
		s.Pattern = integerPattern(t)
	}
	return s, same, nil
}

// quoteTags turns what tags say of a text into what is true of its JSON form,
// which is what stands in the string.
func quoteTags(pattern string) wrap {
	return func(s *Schema) *Schema {
		quote := func(v any) any {
			if text, ok := v.(string); ok {
				return fmt.Sprintf("%q", text)
			}
			return v
		}
		for _, values := range [][]any{s.Enum, s.Examples} {
			for i := range values {
				values[i] = quote(values[i])
			}
		}
		if s.Default != nil {
			s.Default = quote(s.Default)
		}
		s.MinLength, s.MaxLength, s.Pattern = nil, nil, pattern // they count other characters
		return s
	}
}

// collection describes slices, arrays and maps. One that refers to itself gets a
// definition.
func (b *builder) collection(t reflect.Type, addressable bool) (*Schema, wrap, error) {
	if _, inside := b.open[t]; inside || b.names[t] != "" {
		if inside {
			b.open[t] = true
		}
		s, err := b.define(t, func() (*Schema, error) { return &Schema{}, nil })
		return s, same, err
	}
	b.open[t] = false
	s, finish, err := b.elements(t, addressable)
	itself := b.open[t]
	delete(b.open, t)
	if err != nil || !itself {
		return s, finish, err
	}
	*b.defs[b.names[t]] = *finish(s)
	return &Schema{Ref: defsPath + b.names[t]}, same, nil
}

func (b *builder) elements(t reflect.Type, addressable bool) (*Schema, wrap, error) {
	if t.Kind() == reflect.Map {
		return b.mapping(t)
	}
	if t.Kind() == reflect.Slice && isByte(t.Elem()) {
		return &Schema{Type: "string", ContentEncoding: "base64"}, same, nil
	}
	s := &Schema{Type: "array", Description: b.said(t, "")}
	if t.Kind() == reflect.Array {
		n := uint64(t.Len())
		s.MinItems, s.MaxItems = &n, &n
	}
	finishItems, err := wrap(nil), error(nil)
	err = b.within("[]", func() error {
		s.Items, finishItems, err = b.parts(t.Elem(), addressable || t.Kind() == reflect.Slice, false, false)
		return err
	})
	return s, func(s *Schema) *Schema {
		if s.Items != nil {
			s.Items = finishItems(s.Items)
		}
		return s
	}, err
}

// isByte reports whether encoding/json writes a slice of t as base64.
func isByte(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return t.Kind() == reflect.Uint8 && !p.Implements(jsonMarshaler) && !p.Implements(textMarshaler)
}

// mapping describes a map by its kind of key.
func (b *builder) mapping(t reflect.Type) (*Schema, wrap, error) {
	s := &Schema{Type: "object", Description: b.said(t, "")}
	var values *Schema
	err := b.within("[]", func() (err error) {
		values, err = b.of(t.Elem(), false)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	key := t.Key()
	text := key.Kind() == reflect.String && reflect.PointerTo(key).Implements(textUnmarshaler) ||
		key.Kind() != reflect.String && key.Implements(textMarshaler)
	switch {
	case text:
		s.PropertyNames = &Schema{Examples: b.texts(key)}
	case key.Kind() == reflect.String:
	case key.Kind() >= reflect.Int && key.Kind() <= reflect.Uintptr:
		s.PatternProperties, s.AdditionalProperties = map[string]*Schema{integerPattern(key): values}, jsonschema.FalseSchema
		return s, same, nil
	default:
		return nil, nil, b.errorf("JSON has no key for a %s: use text, an integer or a type with MarshalText", key)
	}
	if t.Elem().Kind() != reflect.Interface {
		s.AdditionalProperties = values
	}
	return s, same, nil
}
