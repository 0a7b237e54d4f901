package schema

import (
	"github.com/invopop/jsonschema"
	check "github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/message"
)

// callKey is a keyword of our own in the schemas that check: a value is a call, by a
// name in it, and what is registered under the name checks its arguments. What JSON
// Schema has for a choice by name tries every name, so that each item would cost as
// much as there are names, and all of them would have to be described first.
const callKey = "sfere:call"

// callArgs is the value of callKey.
type callArgs struct {
	By string   `json:"by"` // the key under which the name is
	Of []string `json:"of"` // names to choose from; null for all effects and actions
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

func (c *Catalogue) keywords(_ *check.CompilerContext, obj map[string]any) (check.SchemaExt, error) {
	args, ok := obj[callKey].(map[string]any)
	if !ok {
		return nil, nil
	}
	out := &callKeyword{c: c}
	out.by, _ = args["by"].(string)
	if of, ok := args["of"].([]any); ok {
		out.of = map[string]bool{}
		for _, name := range of {
			name, _ := name.(string)
			out.of[name] = true
		}
	}
	return out, nil
}

// callKeyword checks a call.
type callKeyword struct {
	c  *Catalogue
	by string
	of map[string]bool // nil for all effects and actions
}

// Validate looks the name up and checks the arguments.
func (k *callKeyword) Validate(ctx *check.ValidatorContext, v any) {
	call, _ := v.(map[string]any)
	name, ok := call[k.by].(string)
	if !ok {
		return // another keyword says so
	}
	e := k.c.byName[name]
	if e == nil || k.of == nil && e.info.Kind == string(Placeholders) || k.of != nil && !k.of[name] {
		ctx.AddError(&misnamed{k.by, name})
		return
	}
	checked, err := k.c.compiled(e)
	switch args, given := call["args"]; {
	case err != nil:
		ctx.AddError(&broken{err})
	case checked == nil: // no schema: anything goes
	case given:
		ctx.AddErr(ctx.Validate(checked.args, args, []string{"args"}))
	case checked.needed:
		ctx.AddError(&kind.Required{Missing: []string{"args"}})
	}
}

// callSchema is the checking form of a call of one of the names, nil for all effects and
// actions.
func callSchema(key string, names []string) *Schema {
	s := object(key, &Schema{Type: "string"})
	s.Properties.Set("args", &Schema{})
	s.AdditionalProperties = jsonschema.FalseSchema
	s.Extras = map[string]any{callKey: callArgs{key, names}}
	return s
}

// checkingDocument stands in for [Catalogue.Document] when the schemas of items are
// compiled. It knows the names only: what they stand for is looked up when it is used.
func (r *references) checkingDocument() *Schema {
	defs := jsonschema.Definitions{
		listDef: {Type: "array", Items: &Schema{Ref: defsPath + itemDef}},
		itemDef: callSchema("effect", nil),
	}
	for group, givers := range r.groups {
		names := []string{}
		for _, i := range givers {
			names = append(names, i.Name)
		}
		defs[group] = callSchema(placeholderKey, names)
	}
	return &Schema{Version: jsonschema.Version, ID: RegistryID, Definitions: defs}
}
