package schema

import (
	"github.com/invopop/jsonschema"
	check "github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/message"
)

// Keywords of our own in the schemas that check. What JSON Schema has for a choice by
// name tries every name, so that each item would cost as much as there are names.
const (
	// itemKey says that a value is an item of a list: what is registered under its name
	// checks its arguments.
	itemKey = "sfere:item"
	// chooseKey says that a value is one of several objects, by the name in it.
	chooseKey = "sfere:choose"
)

// chooseArgs is the value of chooseKey.
type chooseArgs struct {
	By string            `json:"by"` // the key under which the name is
	Of map[string]string `json:"of"` // references by name
}

// misnamed is the kind of errors about a name that cannot stand where it does.
type misnamed struct{ key, name string }

// KeywordPath says that it is about the names to choose from.
func (*misnamed) KeywordPath() []string { return []string{"enum"} }

// LocalizedString is not shown: what is registered tells more.
func (m *misnamed) LocalizedString(p *message.Printer) string { return p.Sprintf("no such name") }

// broken is the kind of errors about a schema that cannot be compiled.
type broken struct{ err error }

func (*broken) KeywordPath() []string { return []string{"schema"} }

// LocalizedString returns the cause.
func (b *broken) LocalizedString(*message.Printer) string { return b.err.Error() }

// vocabulary makes the keywords known to a compiler.
func (c *Catalogue) vocabulary(on *check.Compiler) {
	on.RegisterVocabulary(&check.Vocabulary{URL: "urn:sfere:vocabulary", Compile: c.keywords})
	on.AssertVocabs()
}

func (c *Catalogue) keywords(ctx *check.CompilerContext, obj map[string]any) (check.SchemaExt, error) {
	if obj[itemKey] == true {
		return itemKeyword{c}, nil
	}
	args, ok := obj[chooseKey].(map[string]any)
	if !ok {
		return nil, nil
	}
	by, _ := args["by"].(string)
	of, _ := args["of"].(map[string]any)
	out := &chooseKeyword{by, map[string]*check.Schema{}}
	for name, ref := range of {
		at, _ := ref.(string)
		s, err := ctx.EnqueueRef(at)
		if err != nil {
			return nil, err
		}
		out.of[name] = s
	}
	return out, nil
}

// itemKeyword checks an item of a list.
type itemKeyword struct{ c *Catalogue }

// Validate looks the item up and checks its arguments.
func (k itemKeyword) Validate(ctx *check.ValidatorContext, v any) {
	item, _ := v.(map[string]any)
	name, ok := item["effect"].(string)
	if !ok {
		return // another keyword says so
	}
	e := k.c.byName[name]
	if e == nil || e.info.Kind == string(Placeholders) {
		ctx.AddError(&misnamed{"effect", name})
		return
	}
	checked, err := k.c.compiled(e)
	switch args, given := item["args"]; {
	case err != nil:
		ctx.AddError(&broken{err})
	case checked == nil: // no schema: anything goes
	case given:
		ctx.AddErr(ctx.Validate(checked.args, args, []string{"args"}))
	case checked.needed:
		ctx.AddError(&kind.Required{Missing: []string{"args"}})
	}
}

// chooseKeyword checks an object by the name in it.
type chooseKeyword struct {
	by string
	of map[string]*check.Schema
}

// Validate looks the name up.
func (k *chooseKeyword) Validate(ctx *check.ValidatorContext, v any) {
	object, _ := v.(map[string]any)
	name, ok := object[k.by].(string)
	if !ok {
		return // another keyword says so
	}
	if s := k.of[name]; s != nil {
		ctx.AddErr(ctx.Validate(s, v, nil))
		return
	}
	ctx.AddError(&misnamed{k.by, name})
}

// itemSchema is the checking form of an item of a list.
func itemSchema() *Schema {
	s := object("effect", &Schema{Type: "string"})
	s.Properties.Set("args", &Schema{})
	s.AdditionalProperties = jsonschema.FalseSchema
	s.Extras = map[string]any{itemKey: true}
	return s
}

// chooseSchema is the checking form of a choice.
func chooseSchema(key string, among []choice) *Schema {
	args := chooseArgs{key, map[string]string{}}
	for _, c := range among {
		args.Of[c.name] = defsPath + c.def
	}
	s := object(key, &Schema{Type: "string"})
	s.Extras = map[string]any{chooseKey: args}
	return s
}
