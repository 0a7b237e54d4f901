package schema

import (
	"maps"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"
	orderedmap "github.com/pb33f/ordered-map/v2"

	"github.com/sfere-go/sfere/effect"
)

// RegistryID is the $id of [Catalogue.Document]. The schemas of single items
// refer to its lists.
const RegistryID = "urn:sfere:registry"

// Keys of the wire form of late values.
const (
	placeholderKey = "$placeholder"
	literalKey     = "$literal"
)

// itemDefName is the name of the definition of a whole item; argsPath is a
// reference to its arguments.
func itemDefName(kind, name string) string { return kind + "." + strings.ReplaceAll(name, "/", ".") }

// document makes the schema of all lists. The items of a list are told apart by
// name: in the published form with oneOf, which editors and models know best. A
// validator would try every branch of that at every depth, which takes
// exponential time on nested lists, so that the checking form says the same with
// if and then.
func (b *builder) document(checking bool) *Schema {
	doc := &Schema{
		Version: jsonschema.Version, ID: RegistryID, Title: "A list of effects",
		Description: "Effects and actions to run in order, each by its name.",
		Ref:         defsPath + listDef, Definitions: maps.Clone(b.defs),
	}
	doc.Definitions[listDef] = &Schema{Type: "array", Items: &Schema{Ref: defsPath + itemDef}}
	var items, references []choice
	for _, i := range b.infos {
		args := b.args[i.Name]
		if args == nil {
			args = &Schema{} // no schema: anything goes
		}
		def := itemDefName(i.Kind, i.Name)
		if i.Kind == string(Placeholders) {
			doc.Definitions[def] = b.reference(i, args)
			references = append(references, choice{i.Name, def})
			continue
		}
		doc.Definitions[def] = b.call(i, "effect", args)
		items = append(items, choice{i.Name, def})
	}
	doc.Definitions[itemDef] = choose("effect", items, checking)
	for name, t := range b.late {
		givers := b.givers(t)
		if len(givers) == 0 {
			continue
		}
		fitting := slices.DeleteFunc(slices.Clone(references), func(c choice) bool { return !slices.Contains(givers, c.name) })
		doc.Definitions[referenceDef(name)] = choose(placeholderKey, fitting, checking)
	}
	return doc
}

// referenceDef is the definition of the references that fit a late value.
func referenceDef(late string) string { return "reference." + strings.TrimPrefix(late, "late.") }

// call is the wire form of an item.
func (b *builder) call(i effect.Info, key string, args *Schema) *Schema {
	s := &Schema{Type: "object", Title: i.Name, Description: i.Doc, Properties: jsonschema.NewProperties(), Required: []string{key}, AdditionalProperties: jsonschema.FalseSchema}
	s.Properties.Set(key, &Schema{Const: i.Name})
	s.Properties.Set("args", args)
	if len(b.resolve(args).Required) > 0 {
		s.Required = append(s.Required, "args")
	}
	return s
}

// reference is the wire form of a late value that waits for a placeholder. Its
// arguments may also be given in order.
func (b *builder) reference(i effect.Info, args *Schema) *Schema {
	s := b.call(i, placeholderKey, args)
	object := b.resolve(args)
	if properties(object) == nil {
		return s
	}
	inOrder := &Schema{Type: "array"}
	for p := properties(object); p != nil; p = p.Next() {
		inOrder.PrefixItems = append(inOrder.PrefixItems, p.Value)
	}
	most, least := uint64(object.Properties.Len()), uint64(len(object.Required))
	inOrder.MaxItems, inOrder.MinItems = &most, &least
	s.Properties.Set("args", &Schema{AnyOf: []*Schema{args, inOrder}})
	return s
}

// resolve follows a reference to a definition.
func (b *builder) resolve(s *Schema) *Schema {
	if def := b.defs[strings.TrimPrefix(s.Ref, defsPath)]; s.Ref != "" && def != nil {
		return def
	}
	return s
}

type choice struct{ name, def string }

// choose is the schema of objects that are told apart by the name under key.
func choose(key string, among []choice, checking bool) *Schema {
	s := &Schema{}
	if !checking {
		for _, c := range among {
			s.OneOf = append(s.OneOf, &Schema{Ref: defsPath + c.def})
		}
		return s
	}
	names := &Schema{Type: "string", Enum: []any{}}
	for _, c := range among {
		names.Enum = append(names.Enum, c.name)
		s.AllOf = append(s.AllOf, &Schema{If: object(key, &Schema{Const: c.name}), Then: &Schema{Ref: defsPath + c.def}})
	}
	s.AllOf = append(s.AllOf, object(key, names))
	return s
}

// object is an object with one required property.
func object(key string, value *Schema) *Schema {
	s := &Schema{Type: "object", Properties: jsonschema.NewProperties(), Required: []string{key}}
	s.Properties.Set(key, value)
	return s
}

// lateSchema is the schema of a late value: a literal, or a reference to one of
// givers if there are any. An object that could be taken for a reference is
// wrapped.
func lateSchema(literal *Schema, defs jsonschema.Definitions, referenceTo string) *Schema {
	resolved := literal
	if def := defs[strings.TrimPrefix(literal.Ref, defsPath)]; literal.Ref != "" && def != nil {
		resolved = def
	}
	s := &Schema{}
	closed := resolved.Type == "object" && resolved.AdditionalProperties == jsonschema.FalseSchema
	switch {
	case closed || resolved.Type != "" && resolved.Type != "object":
		s.AnyOf = []*Schema{literal}
	default:
		s.AnyOf = []*Schema{{AllOf: []*Schema{literal, {Not: &Schema{AnyOf: []*Schema{object(placeholderKey, &Schema{}), object(literalKey, &Schema{})}}}}}}
		wrapped := object(literalKey, literal)
		wrapped.AdditionalProperties = jsonschema.FalseSchema
		s.AnyOf = append(s.AnyOf, wrapped)
	}
	if referenceTo != "" {
		s.AnyOf = append(s.AnyOf, &Schema{Ref: defsPath + referenceTo})
	}
	if len(s.AnyOf) == 1 {
		return s.AnyOf[0]
	}
	return s
}

// standalone returns a copy of s with the definitions that it needs, its own
// in place of a reference to it. Lists and references to placeholders, which
// need everything, are left to the document.
func (b *builder) standalone(s *Schema) *Schema {
	defs := jsonschema.Definitions{}
	var fix func(*Schema)
	fix = func(s *Schema) {
		name, ok := strings.CutPrefix(s.Ref, defsPath)
		if !ok {
			return
		}
		if name == listDef || strings.HasPrefix(name, "reference.") {
			s.Ref = RegistryID + s.Ref
			return
		}
		if defs[name] == nil && b.defs[name] != nil {
			defs[name] = &Schema{} // ends cycles
			*defs[name] = *clone(b.defs[name], fix)
		}
	}
	out := clone(s, fix)
	if name, ok := strings.CutPrefix(out.Ref, defsPath); ok && defs[name] != nil && !refersTo(defs, defsPath+name) {
		root := *defs[name]
		delete(defs, name)
		root.Description = firstOf(out.Description, root.Description)
		out = &root
	}
	if len(defs) > 0 {
		out.Definitions = defs
	}
	return out
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
