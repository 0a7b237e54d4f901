package schema

import (
	"reflect"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"

	"github.com/sfere-go/sfere/effect"
)

// Keys of the wire form of late values.
const (
	placeholderKey = "$placeholder"
	literalKey     = "$literal"
)

// lateOf returns the T of effect.Late[T].
func lateOf(t reflect.Type) (reflect.Type, bool) {
	isLate := reflect.TypeFor[interface {
		IsRef() bool
		SetRef(any)
		Set(any) error
	}]()
	if t.Kind() != reflect.Struct || !strings.HasPrefix(t.Name(), "Late[") || !reflect.PointerTo(t).Implements(isLate) {
		return nil, false
	}
	value, ok := t.FieldByName("Value")
	return value.Type, ok
}

// late is the schema of an effect.Late of value: a literal, or a reference to a
// placeholder that gives one if there are any. An object that could be taken for
// a reference is wrapped.
func (b *builder) late(value reflect.Type, literal *Schema) *Schema {
	group := b.refs.group(value)
	reserved := b.mayBeReserved(literal, 0)
	if group == "" && !reserved {
		return literal
	}
	described := *literal
	described.Description = ""
	s := &Schema{AnyOf: []*Schema{&described}, Description: literal.Description}
	switch {
	case reserved:
		s.AnyOf[0] = &Schema{AllOf: []*Schema{&described, {Not: &Schema{AnyOf: []*Schema{object(placeholderKey, &Schema{}), object(literalKey, &Schema{})}}}}}
		wrapped := object(literalKey, &described)
		wrapped.AdditionalProperties = jsonschema.FalseSchema
		s.AnyOf = append(s.AnyOf, wrapped)
	case len(described.AnyOf) > 0 && described.Type == "" && described.Ref == "":
		s.AnyOf = slices.Clone(described.AnyOf)
	}
	if group != "" {
		b.outside = true
		s.AnyOf = append(s.AnyOf, &Schema{Ref: b.whole + defsPath + group})
	}
	return s
}

// mayBeReserved reports whether s allows objects with a key that has a meaning in
// late values. It says yes when it does not know.
func (b *builder) mayBeReserved(s *Schema, depth int) bool {
	s = b.resolve(s)
	any := func(of []*Schema) bool {
		return slices.ContainsFunc(of, func(s *Schema) bool { return b.mayBeReserved(s, depth+1) })
	}
	switch {
	case depth > 20:
		return true
	case s.Ref != "":
		return !strings.HasSuffix(s.Ref, defsPath+listDef) // a list is an array
	case s.Type == "object" && s.AdditionalProperties == jsonschema.FalseSchema:
		for p := properties(s); p != nil; p = p.Next() {
			if p.Key == placeholderKey || p.Key == literalKey {
				return true
			}
		}
		return false
	case s.Type != "":
		return s.Type == "object"
	case len(s.AnyOf) > 0:
		return any(s.AnyOf)
	case len(s.OneOf) > 0:
		return any(s.OneOf)
	}
	return true
}

// references knows which placeholders give what. It depends on the placeholders
// only, so that all schemas of a catalogue call them the same.
type references struct {
	groups map[string][]effect.Info // placeholders by the name of a definition
	exact  map[reflect.Type]string  // the group of those that give this type
}

// Groups of placeholders that do not depend on one type.
const (
	anyGroup     = "reference.any"     // all that give a value
	dynamicGroup = "reference.dynamic" // those of which the type is known at run time only
)

// newReferences sorts out placeholders, which come in the order of their names.
func newReferences(placeholders []effect.Info) *references {
	r := &references{groups: map[string][]effect.Info{}, exact: map[reflect.Type]string{}}
	for _, i := range placeholders {
		if i.Result == nil {
			continue
		}
		r.groups[anyGroup] = append(r.groups[anyGroup], i)
		if i.Result.Kind() == reflect.Interface {
			r.groups[dynamicGroup] = append(r.groups[dynamicGroup], i)
			continue
		}
		group, ok := r.exact[i.Result]
		if !ok {
			group = unique("reference."+safeName(i.Result), func(n string) bool { return r.groups[n] != nil || n == anyGroup || n == dynamicGroup })
			r.exact[i.Result] = group
		}
		r.groups[group] = append(r.groups[group], i)
	}
	for _, group := range r.exact {
		r.groups[group] = append(r.groups[group], r.groups[dynamicGroup]...)
		slices.SortFunc(r.groups[group], func(a, b effect.Info) int { return strings.Compare(a.Name, b.Name) })
	}
	return r
}

// group returns the name of the definition for the references that give a t, ""
// if no placeholder does.
func (r *references) group(t reflect.Type) string {
	group, ok := r.exact[t]
	switch {
	case t.Kind() == reflect.Interface:
		group = anyGroup
	case !ok:
		group = dynamicGroup
	}
	if len(r.groups[group]) == 0 {
		return ""
	}
	return group
}
