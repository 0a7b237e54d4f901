package schema

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// CtxType is a Go type that items run against: what the Ctx of a program must
// hold for them.
type CtxType struct {
	Type   string     `json:"type"` // as in Go, such as "twk.Session"
	Items  []string   `json:"items"`
	Fields []CtxField `json:"fields,omitempty"`
}

// CtxField is one field of a [CtxType].
type CtxField struct {
	Name        string `json:"name"`
	Type        string `json:"type"`
	Description string `json:"description,omitempty"`
	// Required fields are checked by [Catalogue.CheckCtx]. The author of the type
	// marks them with the tag `jsonschema:"required"`.
	Required bool `json:"required,omitempty"`
}

// CtxSchema returns the types that the registered items run against, sorted by
// name. It is empty if no item says.
func (c *Catalogue) CtxSchema() []CtxType {
	out := []CtxType{}
	for t, names := range c.ctxTypes() {
		out = append(out, CtxType{Type: t.String(), Items: names, Fields: ctxFields(t)})
	}
	slices.SortFunc(out, func(a, b CtxType) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Items[0], b.Items[0]))
	})
	return out
}

func (c *Catalogue) ctxTypes() map[reflect.Type][]string {
	types := map[reflect.Type][]string{}
	for _, e := range c.entries {
		if t := e.info.Ctx; t != nil {
			types[t] = append(types[t], e.info.Name)
		}
	}
	return types
}

func ctxFields(t reflect.Type) []CtxField {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	var out []CtxField
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() {
			continue
		}
		field := CtxField{Name: f.Name, Type: f.Type.String(), Description: f.Tag.Get("jsonschema_description")}
		for tag := range strings.SplitSeq(f.Tag.Get("jsonschema"), ",") {
			if text, ok := strings.CutPrefix(tag, "description="); ok {
				field.Description = text
			}
			field.Required = field.Required || tag == "required"
		}
		out = append(out, field)
	}
	return out
}

// CheckCtx returns what ctx, a value of the program's Ctx type, lacks for the
// registered items: types that it does not hold, and required fields that are
// not set. Call it when the program starts, with a Ctx as its dispatches get.
func (c *Catalogue) CheckCtx(ctx any) error {
	var errs []error
	types := c.ctxTypes()
	for _, need := range c.CtxSchema() {
		for t, names := range types {
			if t.String() != need.Type || names[0] != need.Items[0] {
				continue
			}
			v, ok := findType(reflect.ValueOf(ctx), t, 0)
			if !ok {
				errs = append(errs, fmt.Errorf("schema: the Ctx is a %T and holds no %s, which %s needs", ctx, t, strings.Join(need.Items, ", ")))
				continue
			}
			errs = append(errs, unset(v, need)...)
		}
	}
	return errors.Join(errs...)
}

// findType looks for a value of type t in v and its exported fields.
func findType(v reflect.Value, t reflect.Type, depth int) (reflect.Value, bool) {
	switch {
	case !v.IsValid():
		return v, false
	case v.Type() == t:
		return v, true
	case depth > 10:
		return v, false
	case v.Kind() == reflect.Pointer:
		return findType(v.Elem(), t, depth+1)
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			if !v.Type().Field(i).IsExported() {
				continue
			}
			if found, ok := findType(v.Field(i), t, depth+1); ok {
				return found, true
			}
		}
	}
	return v, false
}

func unset(v reflect.Value, need CtxType) []error {
	var errs []error
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return []error{fmt.Errorf("schema: the %s of the Ctx is nil, which %s needs", need.Type, strings.Join(need.Items, ", "))}
		}
		v = v.Elem()
	}
	for _, f := range need.Fields {
		if f.Required && v.FieldByName(f.Name).IsZero() {
			errs = append(errs, fmt.Errorf("schema: %s.%s is not set, which %s needs", need.Type, f.Name, strings.Join(need.Items, ", ")))
		}
	}
	return errs
}

// Undocumented returns the places that lack a description, sorted: an item
// without a doc, and arguments of which nothing is said, as "name: args.to".
func (c *Catalogue) Undocumented() []string {
	out := []string{}
	for _, i := range c.Describe() {
		if i.Doc == "" {
			out = append(out, i.Name)
		}
		if i.Args == nil {
			continue
		}
		said := map[string]bool{}
		var fields []string
		w := &walker{defs: i.Args.Definitions, inside: map[string]bool{}, add: func(name, text string) {
			if at, ok := strings.CutSuffix(name, ":description"); ok {
				said[at] = said[at] || text != ""
			} else if !strings.HasSuffix(name, ":enum") {
				fields = append(fields, name)
			}
		}}
		w.schema("args", i.Args)
		for _, f := range fields {
			if !said[f] {
				out = append(out, i.Name+": "+f)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
