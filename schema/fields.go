package schema

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/invopop/jsonschema"

	"github.com/sfere-go/sfere/internal/jsonfields"
)

// structure returns the schema of the fields of t, a struct type.
func (b *builder) structure(t reflect.Type) (*Schema, error) {
	fields := jsonfields.Of(t)
	cores, finishes := make([]*Schema, len(fields)), make([]wrap, len(fields))
	for i, f := range fields {
		err := b.within("."+f.Name, func() (err error) {
			if tag, _, _ := strings.Cut(f.Go.Tag.Get("jsonschema"), ","); tag == "-" {
				return b.errorf(`the tag jsonschema:"-" hides a field that is written: hide it from JSON as well`)
			}
			ft := f.Go.Type
			if alias := propertyAlias(t, f.Name); alias != nil {
				ft = alias
			}
			cores[i], finishes[i], err = b.parts(ft, false, f.Quoted, nilIsLeftOut(f))
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	s := b.readTags(t, fields, cores)
	for i, f := range fields {
		property, _ := s.Properties.Get(f.Name)
		s.Properties.Set(f.Name, finishes[i](property))
	}
	return s, nil
}

// nilIsLeftOut reports whether f is left out when it is nil, instead of written
// as null.
func nilIsLeftOut(f jsonfields.Field) bool {
	type zeroer interface{ IsZero() bool }
	ownZero := f.Go.Type.Kind() != reflect.Pointer && reflect.PointerTo(f.Go.Type).Implements(reflect.TypeFor[zeroer]())
	return f.OmitEmpty || f.OmitZero && !ownZero
}

// propertyAlias is the type that t says the field called name has; nil if it
// says nothing.
func propertyAlias(t reflect.Type, name string) reflect.Type {
	if p, ok := reflect.New(t).Interface().(interface{ JSONSchemaProperty(string) any }); ok {
		return reflect.TypeOf(p.JSONSchemaProperty(name))
	}
	return nil
}

// carrier stands for a struct and held for the type of each of its fields when
// invopop/jsonschema reads their tags.
var (
	carrier = reflect.TypeFor[struct{}]()
	held    = reflect.TypeFor[[]struct{}]()
)

// readTags returns an object with a property for each of fields, made of cores
// and what invopop/jsonschema reads in the tags. Which fields there are and how
// they are written it does not decide: it has other rules than encoding/json.
func (b *builder) readTags(t reflect.Type, fields []jsonfields.Field, cores []*Schema) *Schema {
	next := 0
	own := make([]string, len(cores)) // what is said of the types
	for i, c := range cores {
		own[i] = c.Description
	}
	r := jsonschema.Reflector{
		Anonymous: true, DoNotReference: true,
		Mapper: func(t reflect.Type) *Schema {
			if t != held {
				return nil
			}
			next++
			return cores[next-1]
		},
		KeyNamer: func(key string) string { // names can be such as a tag cannot hold
			i, _ := strconv.Atoi(key)
			return fields[i].Name
		},
		AdditionalFields: func(reflect.Type) []reflect.StructField {
			out := make([]reflect.StructField, len(fields))
			for i, f := range fields {
				out[i] = reflect.StructField{Name: f.Go.Name, Type: held, Tag: tagsOf(i, f)}
			}
			return out
		},
	}
	s := r.ReflectFromType(carrier)
	s.Version, s.Definitions, s.Description = "", nil, b.said(t, "")
	for i, f := range fields {
		property, _ := s.Properties.Get(f.Name)
		if property.Description == "" {
			owner := t
			for _, at := range f.Index[:len(f.Index)-1] {
				if owner = owner.Field(at).Type; owner.Kind() == reflect.Pointer {
					owner = owner.Elem()
				}
			}
			property.Description = firstOf(b.said(owner, f.Go.Name), own[i])
		}
	}
	return s
}

// said is what the option Comment says of t, or of one of its fields.
func (b *builder) said(t reflect.Type, field string) string {
	if b.comment == nil {
		return ""
	}
	return b.comment(t, field)
}

// tagsOf returns the tags of f that are about schemas, and its number as its name.
func tagsOf(i int, f jsonfields.Field) reflect.StructTag {
	omit := ""
	if f.OmitEmpty || f.OmitZero || f.Optional {
		omit = ",omitempty"
	}
	tags := fmt.Sprintf(`json:"%d%s"`, i, omit)
	for _, key := range []string{"jsonschema", "jsonschema_description", "jsonschema_extras"} {
		if v, ok := f.Go.Tag.Lookup(key); ok {
			tags += fmt.Sprintf(" %s:%q", key, v)
		}
	}
	return reflect.StructTag(tags)
}
