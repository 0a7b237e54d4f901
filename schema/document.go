package schema

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"
	orderedmap "github.com/pb33f/ordered-map/v2"

	"github.com/sfere-go/sfere/effect"
)

// RegistryID is the $id of [Catalogue.Document]. The schemas of single items
// refer to its lists.
const RegistryID = "urn:sfere:registry"

// itemDefName is the name of the definition of a whole item.
func itemDefName(kind, name string) string { return kind + "." + strings.ReplaceAll(name, "/", ".") }

// document makes the schema of all lists of infos, with the references to their
// placeholders. Calls are told apart by name with oneOf, which editors and models
// know best. A validator would try every branch of that at every depth, which takes
// exponential time on nested lists: what checks has a keyword of its own instead.
func (b *builder) document(infos []effect.Info) *Schema {
	defs := map[string]string{} // of items, by name
	for _, i := range infos {
		def := unique(itemDefName(i.Kind, i.Name), func(n string) bool { return b.defs[n] != nil })
		defs[i.Name], b.defs[def] = def, &Schema{} // types take other names
	}
	item := &Schema{OneOf: []*Schema{}}
	for _, i := range infos {
		args, err := b.arguments(i)
		if err != nil {
			args = &Schema{} // no schema: anything goes
		}
		ref := &Schema{Ref: defsPath + defs[i.Name]}
		if i.Kind == string(Placeholders) {
			*b.defs[defs[i.Name]] = *b.call(i, placeholderKey, b.inOrder(args), args)
			continue
		}
		*b.defs[defs[i.Name]] = *b.call(i, "effect", args, args)
		item.OneOf = append(item.OneOf, ref)
	}
	b.defs[listDef], b.defs[itemDef] = &Schema{Type: "array", Items: &Schema{Ref: defsPath + itemDef}}, item
	for group, givers := range b.refs.groups {
		for _, i := range givers {
			b.defs[group].OneOf = append(b.defs[group].OneOf, &Schema{Ref: defsPath + defs[i.Name]})
		}
	}
	return &Schema{
		Version: jsonschema.Version, ID: RegistryID, Title: "A list of effects",
		Description: "Effects and actions to run in order, each by its name.",
		Ref:         defsPath + listDef, Definitions: b.defs,
	}
}

// newDocumentBuilder returns a builder in which nothing but the parts of the
// document itself has their names.
func newDocumentBuilder(o *Options, refs *references) *builder {
	b := newBuilder(o, refs, "")
	b.defs[listDef], b.defs[itemDef] = &Schema{}, &Schema{}
	for group := range refs.groups {
		b.defs[group] = &Schema{}
	}
	return b
}

// arguments returns the schema of the arguments of an item.
func (b *builder) arguments(i effect.Info) (*Schema, error) {
	if i.Type == nil {
		return nil, fmt.Errorf("args: it has no type")
	}
	s, err := b.root(i.Type, "args")
	if err == nil && i.Type.Kind() != reflect.Struct {
		err = fmt.Errorf("args: %s is no struct type", i.Type)
	}
	return s, err
}

// call is the wire form of an item. fields is what is known of args.
func (b *builder) call(i effect.Info, key string, args, fields *Schema) *Schema {
	s := &Schema{Type: "object", Title: i.Name, Description: i.Doc, Properties: jsonschema.NewProperties(), Required: []string{key}, AdditionalProperties: jsonschema.FalseSchema}
	s.Properties.Set(key, &Schema{Const: i.Name})
	s.Properties.Set("args", args)
	if len(b.resolve(fields).Required) > 0 {
		s.Required = append(s.Required, "args")
	}
	return s
}

// inOrder allows the arguments of a placeholder to be given in order as well.
func (b *builder) inOrder(args *Schema) *Schema {
	object := b.resolve(args)
	if properties(object) == nil {
		return args
	}
	ordered := &Schema{Type: "array"}
	needed := 0
	for p := properties(object); p != nil; p = p.Next() {
		ordered.PrefixItems = append(ordered.PrefixItems, p.Value)
		if slices.Contains(object.Required, p.Key) {
			needed = len(ordered.PrefixItems) // those before it cannot be left out
		}
	}
	most, least := uint64(len(ordered.PrefixItems)), uint64(needed)
	ordered.MaxItems, ordered.MinItems = &most, &least
	return &Schema{AnyOf: []*Schema{args, ordered}}
}

// object is an object with one required property.
func object(key string, value *Schema) *Schema {
	s := &Schema{Type: "object", Properties: jsonschema.NewProperties(), Required: []string{key}}
	s.Properties.Set(key, value)
	return s
}

// standalone returns s, which one of b's own definitions may describe, with the
// definitions that it needs.
func (b *builder) standalone(s *Schema) *Schema {
	out := *s
	if name, ok := strings.CutPrefix(s.Ref, defsPath); ok && b.defs[name] != nil {
		if root := *b.defs[name]; !refersTo(b.defs, s.Ref) {
			delete(b.defs, name)
			root.Description = firstOf(s.Description, root.Description)
			out = root
		}
	}
	if len(b.defs) > 0 {
		out.Definitions = b.defs
	}
	return &out
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// refersTo reports whether any of defs refers to ref.
func refersTo(defs jsonschema.Definitions, ref string) bool {
	found := false
	for _, d := range defs {
		clone(d, func(s *Schema) { found = found || s.Ref == ref })
	}
	return found
}

// clone returns a deep copy of s on every part of which fix was called, the
// outermost first.
func clone(s *Schema, fix func(*Schema)) *Schema {
	if s == nil {
		return nil
	}
	c := *s
	fix(&c)
	list := func(in []*Schema) []*Schema {
		var out []*Schema
		for _, s := range in {
			out = append(out, clone(s, fix))
		}
		return out
	}
	for _, l := range []*[]*Schema{&c.AllOf, &c.AnyOf, &c.OneOf, &c.PrefixItems} {
		*l = list(*l)
	}
	for _, p := range []**Schema{&c.Not, &c.If, &c.Then, &c.Else, &c.Items, &c.Contains, &c.AdditionalProperties, &c.PropertyNames, &c.ContentSchema} {
		*p = clone(*p, fix)
	}
	for _, m := range []*map[string]*Schema{&c.PatternProperties, &c.DependentSchemas} {
		*m = maps.Clone(*m)
		for k, v := range *m {
			(*m)[k] = clone(v, fix)
		}
	}
	if s.Properties != nil {
		c.Properties = jsonschema.NewProperties()
		for p := properties(s); p != nil; p = p.Next() {
			c.Properties.Set(p.Key, clone(p.Value, fix))
		}
	}
	return &c
}

// properties returns the first property of s, nil if it has none.
func properties(s *Schema) *orderedmap.Pair[string, *Schema] {
	if s.Properties == nil {
		return nil
	}
	return s.Properties.Oldest()
}
