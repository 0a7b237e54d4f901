// Package schema makes everything that is registered describe itself: JSON
// Schema of each effect, action and placeholder from its Go type, and on top of
// that a catalogue to search, sample and validate with.
//
//	cat := schema.Of(d)                       // a dispatcher, or a registry
//	cat.Describe(schema.Effects)              // what there is
//	cat.Grep(ctx, "broadcast")                // where a text occurs
//	cat.Sample("sfere/broadcast", 3, seed)    // calls that validate
//	cat.Validate(ctx, text)                   // what is wrong with a list
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
// jsonschema_description for text that has commas.
//
// # What a schema says
//
// The schema of a type is what encoding/json writes of its values, and samples
// are what it reads into them. A field is required unless its json tag says
// omitempty or omitzero, or it sits in an embedded pointer. What is written as
// null when it is nil may be null. Embedded structs, the json option "string",
// keys of maps, byte slices and types that write themselves are described as they
// are written. The reader of the text is more lenient in one point: it takes
// null, and fields that are missing, everywhere.
//
// Nothing is known of what a type with a MarshalJSON writes, and so anything is
// allowed. To say more, give it a method JSONSchemaAlias() any that returns a
// value of a type with the fields of the wire form. Samples use what such a type
// is seen to read.
//
// effect.List becomes a reference to the schema of all lists, so that nested
// lists are checked to any depth, and effect.Late[T] a T or a reference to one
// of the placeholders that give a T.
//
// [Catalogue.Err] names the item and the field of everything that cannot be
// described or sampled, and every example that does not fit. An item without a
// schema is not validated: what Go made is never kept from running by a schema
// that does not know it.
package schema
