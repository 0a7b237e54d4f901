package schema

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"github.com/invopop/jsonschema"
)

// builder makes schemas from Go types. What it says is what encoding/json does:
// a value of a type is written as something that fits the schema of the type.
// All schemas of one builder share its definitions.
type builder struct {
	comment func(t reflect.Type, field string) string // nil if there is none
	refs    *references
	written bool   // values are written only, so that nobody needs samples
	whole   string // where lists and references are: "" for the same document
	defs    jsonschema.Definitions
	names   map[reflect.Type]string
	open    map[reflect.Type]bool // types without a definition that are being described; true if one refers to itself
	at      []string              // the way to the type that is being described
	outside bool                  // something refers to the whole document
	unknown []string              // places for which no value is known
}

const (
	defsPath = "#/$defs/"
	listDef  = "list"
	itemDef  = "item"
)

func newBuilder(o *Options, refs *references, whole string) *builder {
	b := &builder{
		refs: refs, whole: whole, defs: jsonschema.Definitions{},
		names: map[reflect.Type]string{},
	}
	if o != nil {
		b.comment = o.Comment
	}
	return b
}

// root returns the schema of t, which is called name in errors. What methods of
// the types do wrong is an error as well.
func (b *builder) root(t reflect.Type, name string) (s *Schema, err error) {
	b.at, b.open = []string{name}, map[reflect.Type]bool{}
	err = guard(func() error {
		s, err = b.of(t, false)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

var unsafeName = regexp.MustCompile(`[^A-Za-z0-9_.-]+`)

// safeName returns the name of t as Go writes it, fit for a URI.
func safeName(t reflect.Type) string {
	return strings.Trim(unsafeName.ReplaceAllString(strings.ReplaceAll(t.String(), "interface {}", "any"), "_"), "_")
}

// unique returns base, with a number if it is taken.
func unique(base string, taken func(string) bool) string {
	name := base
	for i := 2; taken(name); i++ {
		name = fmt.Sprintf("%s-%d", base, i)
	}
	return name
}

// define gives t a definition, made by describe, and returns a reference to it.
// Two types never share one, whatever they are called.
func (b *builder) define(t reflect.Type, describe func() (*Schema, error)) (*Schema, error) {
	name, ok := b.names[t]
	if ok {
		return &Schema{Ref: defsPath + name}, nil
	}
	name = unique(safeName(t), func(n string) bool { return b.defs[n] != nil })
	def := &Schema{} // describe may refer to it
	b.names[t], b.defs[name] = name, def
	done := false
	defer func() { // what could not be described must not look as if it were
		if !done {
			delete(b.names, t)
			delete(b.defs, name)
		}
	}()
	s, err := describe()
	if err != nil {
		return nil, err
	}
	*def, done = *s, true
	return &Schema{Ref: defsPath + name}, nil
}

// resolve follows references to definitions.
func (b *builder) resolve(s *Schema) *Schema {
	for range len(b.defs) + 1 {
		def := b.defs[strings.TrimPrefix(s.Ref, defsPath)]
		if s.Ref == "" || def == nil {
			break
		}
		s = def
	}
	return s
}

// leadsTo reports whether s is nothing but references that end at the definition
// of t, which is being made.
func (b *builder) leadsTo(s *Schema, t reflect.Type) bool {
	for range len(b.defs) + 1 {
		if s.Ref == defsPath+b.names[t] {
			return true
		}
		def := b.defs[strings.TrimPrefix(s.Ref, defsPath)]
		if s.Ref == "" || def == nil {
			return false
		}
		s = def
	}
	return true
}

// within describes what lies below the current place.
func (b *builder) within(step string, describe func() error) error {
	b.at = append(b.at, step)
	err := describe()
	b.at = b.at[:len(b.at)-1]
	return err
}

// place is the current place, such as "args.to.scope".
func (b *builder) place() string { return strings.Join(b.at, "") }

func (b *builder) errorf(format string, args ...any) error {
	return fmt.Errorf("%s: %s", b.place(), fmt.Sprintf(format, args...))
}

// wrap finishes a schema after the tags of its field have been read.
type wrap func(*Schema) *Schema

func same(s *Schema) *Schema { return s }

// orNull returns s or null, for what is written as null when it is nil.
func orNull(s *Schema) *Schema {
	if n := len(s.AnyOf); n > 0 && s.AnyOf[n-1].Type == "null" {
		return s
	}
	described := *s
	described.Description = ""
	return &Schema{AnyOf: []*Schema{&described, {Type: "null"}}, Description: s.Description}
}

// guard calls do and makes an error of a panic, as of a method of a type of the
// program.
func guard(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return do()
}
