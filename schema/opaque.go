package schema

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	"github.com/sfere-go/sfere/internal/plainjson"
)

// opaque describes types that write themselves, of which reflection sees
// nothing: anything, or any text. nil means that t is not one of them.
func (b *builder) opaque(t reflect.Type, addressable, quoted bool) (*Schema, error) {
	var s *Schema
	switch {
	case t == rawType:
		return &Schema{}, nil
	case t == numberType:
		if quoted {
			return nil, nil
		}
		return &Schema{Type: "number"}, nil
	case t == timeType:
		s = &Schema{Type: "string", Format: "date-time"}
	case marshals(t, addressable, jsonMarshaler):
		s = &Schema{Examples: b.probe(t, anyProbes)}
	case !addressable && marshals(t, true, jsonMarshaler):
		return nil, b.errorf("MarshalJSON of %s has a pointer receiver, and JSON calls it for some values only: give it a value receiver, or use a pointer", t)
	case marshals(t, addressable, textMarshaler):
		s = &Schema{Type: "string", Examples: b.texts(t)}
	case !addressable && marshals(t, true, textMarshaler):
		return nil, b.errorf("MarshalText of %s has a pointer receiver, and JSON calls it for some values only: give it a value receiver, or use a pointer", t)
	default:
		return nil, nil
	}
	if quoted {
		return nil, b.errorf(`the json option "string" does not go with %s, which writes itself`, t)
	}
	if s.Format == "" && len(s.Examples) == 0 && !b.written {
		b.unknown = append(b.unknown, fmt.Sprintf("%s, a %s", b.place(), t))
	}
	return s, nil
}

// Values that types which write themselves are asked to read, the plainest first.
var (
	textProbes = []string{
		"ann", "lobby", "info", "1", "1.5", "192.0.2.1", "2001:db8::1", "192.0.2.0/24", "192.0.2.1:80", "1h", "2024-01-02", "2024-01-02T03:04:05Z",
		"https://example.com/ann", "ann@example.com", "00000000-0000-4000-8000-000000000001", "00:00:5e:00:53:01", "en", "EUR", "#123456", "true", "",
	}
	anyProbes = []string{`"ann"`, `1`, `1.5`, `true`, `["ann"]`, `[1]`, `{}`, `[]`, `"2024-01-02T03:04:05Z"`, `"2024-01-02"`, `"192.0.2.1"`, `"1h"`, `""`, `null`}
)

// texts returns a few texts that a t reads, at most three.
func (b *builder) texts(t reflect.Type) []any {
	probes := make([]string, len(textProbes))
	for i, p := range textProbes {
		text, _ := plainjson.Marshal(p)
		probes[i] = string(text)
	}
	return slices.DeleteFunc(b.probe(t, probes), func(v any) bool {
		_, ok := v.(string)
		return !ok
	})
}

// probe returns those of texts that a t reads and writes again, and what its zero
// value writes: values that samples can use, at most three.
func (b *builder) probe(t reflect.Type, texts []string) []any {
	if b.written {
		return nil
	}
	var out []any
	try := func(text []byte) {
		var v any
		if len(out) < 3 && comesBack(t, text) && json.Unmarshal(text, &v) == nil && !slices.ContainsFunc(out, func(o any) bool { return reflect.DeepEqual(o, v) }) {
			out = append(out, v)
		}
	}
	var zero []byte
	_ = guard(func() (err error) {
		zero, err = plainjson.Marshal(reflect.New(t).Interface())
		return err
	})
	if marshals(t, true, jsonMarshaler) {
		try(zero) // says more of the form than a guess
	}
	for _, text := range texts {
		try([]byte(text))
	}
	try(zero)
	return out
}

// comesBack reports whether a t can be read from text and written again.
func comesBack(t reflect.Type, text []byte) bool {
	read := func(text []byte) (again []byte, err error) {
		err = guard(func() error {
			v := reflect.New(t)
			if err := json.Unmarshal(text, v.Interface()); err != nil {
				return err
			}
			again, err = plainjson.Marshal(v.Interface())
			return err
		})
		return again, err
	}
	again, err := read(text)
	if err == nil {
		_, err = read(again)
	}
	return err == nil
}
