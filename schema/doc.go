// Package schema makes everything that is registered describe itself: JSON
// Schema of each effect, action and placeholder from its Go type, and on top of
// that a catalogue to search, sample and validate with.
//
//	cat := schema.Of(d)                       // a dispatcher, or a registry
//	cat.Describe(schema.Effects)              // what there is
//	cat.Grep("broadcast")                     // where a text occurs
//	cat.Sample("sfere/broadcast", 3, seed)    // calls that validate
//	cat.Validate([]byte(`[{"effect": ...}]`)) // what is wrong with a text
//	cat.Document()                            // one schema for every list of effects
//
// To check items before they run, give the validator to the dispatcher:
//
//	all := registry.Join(...)
//	check := schema.Of(all).Validator(schema.Strict, nil)
//	d, err := dispatch.NewWith(&dispatch.Options{Validate: check}, all)
//
// Nothing here runs an effect. Package inspect/console adds what needs a running
// program: its connections, dry runs and sending.
//
// # Where descriptions come from
//
// The name, doc, examples and metadata of an item are those it was registered
// with. Fields are described by struct tags, as github.com/invopop/jsonschema
// reads them: `jsonschema:"description=where to post,enum=a,enum=b"`, with
// jsonschema_description for text that has commas. A field is required unless
// its json tag says omitempty or omitzero. A type that marshals itself to
// something other than its fields has a method JSONSchemaAlias() any that
// returns a value of a type with the fields of the wire form.
//
// effect.List becomes a reference to the schema of all lists, so that nested
// lists are checked to any depth, and effect.Late[T] a T or a reference to one
// of the placeholders that give a T.
package schema
