// Package jsonfields gives the fields of struct types as encoding/json sees them,
// for everything that reads, checks or describes JSON by the Go type: the reader of the
// wire form, the check of the types of data, and the schemas.
package jsonfields

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// Field is one field of a struct type, or of a struct that is embedded in it.
type Field struct {
	Name  string // in JSON
	Index []int  // for reflect.Value.FieldByIndex
	Go    reflect.StructField

	Tagged    bool // a tag gives the name
	OmitEmpty bool
	OmitZero  bool
	// Quoted is the option "string" on a type for which it means something: the value
	// is written inside a string.
	Quoted bool
	// Optional says that the field sits in a pointer that is embedded, and is left out
	// when that is nil.
	Optional bool
}

// Of returns the fields that JSON has for values of t, in the order in which they are
// written. It follows embedded structs as encoding/json does: the field that is nested
// least wins, then the one with a tag; two that are equal hide each other. t must be a
// struct type. The caller owns what is returned.
func Of(t reflect.Type) []Field {
	byName := map[string][]Field{}
	var names []string
	for _, f := range collect(t) {
		if byName[f.Name] == nil {
			names = append(names, f.Name)
		}
		byName[f.Name] = append(byName[f.Name], f)
	}
	var seen []Field
	for _, name := range names {
		same := byName[name]
		slices.SortStableFunc(same, rank)
		if len(same) == 1 || rank(same[0], same[1]) != 0 {
			seen = append(seen, same[0])
		}
	}
	slices.SortFunc(seen, func(a, b Field) int { return slices.Compare(a.Index, b.Index) })
	return seen
}

// rank orders fields of one name, the one that wins first.
func rank(a, b Field) int {
	tagged := func(f Field) int {
		if f.Tagged {
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(len(a.Index), len(b.Index)), cmp.Compare(tagged(a), tagged(b)))
}

// level is an embedded struct whose fields are still to be collected.
type level struct {
	t        reflect.Type
	index    []int
	optional bool
	twice    bool // the same type is embedded more than once at this depth
}

// collect walks the embedded structs by depth and enters each type once. The fields of
// one that is embedded twice at a depth come twice, so that they hide each other.
func collect(t reflect.Type) []Field {
	var out []Field
	visited := map[reflect.Type]bool{}
	for next := []level{{t: t}}; len(next) > 0; {
		current := next
		next = nil
		for _, l := range current {
			if visited[l.t] {
				continue
			}
			visited[l.t] = true
			for i := range l.t.NumField() {
				field, embedded, ok := read(l.t.Field(i))
				if !ok {
					continue
				}
				field.Index = append(slices.Clone(l.index), i)
				field.Optional = l.optional
				if embedded == nil {
					out = append(out, field)
					if l.twice {
						out = append(out, field)
					}
					continue
				}
				at := slices.IndexFunc(next, func(l level) bool { return l.t == embedded })
				if at < 0 {
					pointer := field.Go.Type.Kind() == reflect.Pointer
					next = append(next, level{t: embedded, index: field.Index, optional: l.optional || pointer})
				} else {
					next[at].twice = true
				}
			}
		}
	}
	return out
}

// read says what f is in JSON: nothing, a field, or the fields of an embedded struct.
func read(f reflect.StructField) (field Field, embedded reflect.Type, ok bool) {
	base := f.Type
	if base.Name() == "" && base.Kind() == reflect.Pointer {
		base = base.Elem()
	}
	tag := f.Tag.Get("json")
	if tag == "-" || !f.IsExported() && !(f.Anonymous && base.Kind() == reflect.Struct) {
		return Field{}, nil, false
	}
	name, options, _ := strings.Cut(tag, ",")
	field = Field{Name: name, Tagged: true, Go: f}
	if !ValidName(name) {
		field.Name, field.Tagged = f.Name, false
	}
	if f.Anonymous && !field.Tagged && base.Kind() == reflect.Struct {
		return field, base, true
	}
	for option := range strings.SplitSeq(options, ",") {
		switch option {
		case "omitempty":
			field.OmitEmpty = true
		case "omitzero":
			field.OmitZero = true
		case "string":
			field.Quoted = scalar(base.Kind())
		}
	}
	return field, nil, true
}

func scalar(k reflect.Kind) bool {
	return k >= reflect.Bool && k <= reflect.Float64 || k == reflect.String
}

// ValidName reports whether encoding/json takes name from a tag; it uses the Go name in
// place of one that it does not.
func ValidName(name string) bool {
	for _, c := range name {
		if !strings.ContainsRune("!#$%&()*+-./:;<=>?@[]^_{|}~ ", c) && !unicode.IsLetter(c) && !unicode.IsDigit(c) {
			return false
		}
	}
	return name != ""
}
