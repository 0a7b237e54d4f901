package inspect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/sfere-go/sfere/internal/plainjson"
	"github.com/sfere-go/sfere/schema"
)

// field is one input of the form for an item, made from its schema.
type field struct {
	ID       string // name of the input: the place of the value, as "/to/scope"
	Name     string
	Help     string
	Type     string // for people: "string", "list of effects"
	Kind     fieldKind
	Required bool
	Late     bool     // may be a reference to a placeholder
	Options  []string // of an enumeration
	Value    string   // what the input holds
	Problem  string   // what is wrong with it
	Fields   []*field // of a group
}

// fieldKind is how a field is entered.
type fieldKind string

const (
	textField   fieldKind = "text"
	numberField fieldKind = "number"
	choiceField fieldKind = "choice" // enumerations and booleans
	jsonField   fieldKind = "json"
	groupField  fieldKind = "group"
)

// maxFormDepth is how deep groups nest; what is deeper is entered as JSON.
const maxFormDepth = 4

const defs = "#/$defs/"

// formOf returns the fields of the arguments that s describes.
func formOf(s *schema.Schema) []*field {
	if s == nil {
		return nil
	}
	b := &formBuilder{defs: s.Definitions}
	return b.fields("", s, 0)
}

type formBuilder struct {
	defs map[string]*schema.Schema
}

func (b *formBuilder) fields(at string, s *schema.Schema, depth int) []*field {
	s, _, _ = b.plain(s)
	if s.Properties == nil {
		return nil
	}
	var out []*field
	for p := s.Properties.Oldest(); p != nil; p = p.Next() {
		f := b.field(at+"/"+escapeToken(p.Key), p.Value, depth)
		f.Name, f.Required = p.Key, slices.Contains(s.Required, p.Key)
		if f.Kind == choiceField {
			f.Options = slices.DeleteFunc(f.Options, func(o string) bool { return o == "" })
		}
		out = append(out, f)
	}
	return out
}

func (b *formBuilder) field(at string, s *schema.Schema, depth int) *field {
	help := s.Description
	s, late, list := b.plain(s)
	f := &field{ID: at, Help: help, Late: late, Kind: jsonField, Type: typeName(s)}
	if f.Help == "" {
		f.Help = s.Description
	}
	switch {
	case list:
		f.Type = "list of effects"
	case len(s.Enum) > 0:
		f.Kind = choiceField
		for _, v := range s.Enum {
			text, ok := v.(string)
			if !ok {
				f.Kind = jsonField
			}
			f.Options = append(f.Options, text)
		}
	case s.Type == "string":
		f.Kind = textField
	case s.Type == "integer" || s.Type == "number":
		f.Kind = numberField
	case s.Type == "boolean":
		f.Kind, f.Options = choiceField, []string{"true", "false"}
	case s.Type == "object" && s.Properties != nil && s.Properties.Len() > 0 && depth < maxFormDepth && !late:
		f.Kind, f.Fields = groupField, b.fields(at, s, depth+1)
	}
	if late && f.Kind != textField {
		f.Kind = jsonField
	}
	return f
}

// plain returns what s stands for: without references, null, and the ways to
// write a late value.
func (b *formBuilder) plain(s *schema.Schema) (plain *schema.Schema, late, list bool) {
	for range 20 { // definitions may refer to each other
		if name, ok := strings.CutPrefix(s.Ref, defs); ok && b.defs[name] != nil {
			s = b.defs[name]
			continue
		}
		if strings.HasSuffix(s.Ref, "/list") || strings.HasSuffix(s.Ref, "/effects") {
			return s, late, true
		}
		var rest []*schema.Schema
		for _, a := range slices.Concat(s.AnyOf, s.OneOf) {
			switch {
			case a.Type == "null" || isWrapped(a):
			case strings.Contains(a.Ref, "reference."):
				late = true
			default:
				rest = append(rest, a)
			}
		}
		if s.Type == "" && len(rest) == 1 {
			s = rest[0]
			continue
		}
		if s.Type == "" && s.Properties == nil && len(s.AllOf) > 0 {
			s = s.AllOf[0]
			continue
		}
		break
	}
	return s, late, false
}

// isWrapped reports whether s is the form of a literal that could be taken for a
// reference.
func isWrapped(s *schema.Schema) bool {
	return len(s.Required) == 1 && s.Required[0] == "$literal"
}

func typeName(s *schema.Schema) string {
	switch {
	case s.Type == "array" && s.Items != nil && s.Items.Type != "":
		return "list of " + s.Items.Type
	case s.Type == "array":
		return "list"
	case s.Type != "":
		return s.Type
	}
	return "any"
}

func escapeToken(t string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(t) }

// fill puts the arguments args into the inputs.
func fill(fields []*field, args any) {
	object, ok := args.(map[string]any)
	if !ok {
		return
	}
	for _, f := range fields {
		v, ok := object[f.Name]
		switch s, isText := v.(string); {
		case !ok:
		case f.Kind == groupField:
			fill(f.Fields, v)
		case isText && f.Kind != jsonField:
			f.Value = s
		default:
			f.Value = compactJSON(v)
		}
	}
}

func compactJSON(v any) string {
	text, err := plainjson.Marshal(v)
	if err != nil {
		return ""
	}
	return string(text)
}

// read takes the inputs from form and returns the arguments as a JSON object,
// nil if there are none. What is no JSON is noted in the field, and ok is false.
func read(fields []*field, form url.Values) (args json.RawMessage, ok bool) {
	ok = true
	var b bytes.Buffer
	for _, f := range fields {
		f.Value = strings.ReplaceAll(form.Get(f.ID), "\r\n", "\n")
		v, fine := f.read(form)
		ok = ok && fine
		if v == nil {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.WriteString(compactJSON(f.Name))
		b.WriteByte(':')
		b.Write(v)
	}
	if b.Len() == 0 {
		return nil, ok
	}
	return json.RawMessage("{" + b.String() + "}"), ok
}

func (f *field) read(form url.Values) (v json.RawMessage, ok bool) {
	text := strings.TrimSpace(f.Value)
	switch {
	case f.Kind == groupField && !f.Required && !filled(f.Fields, form):
		return nil, true
	case f.Kind == groupField:
		v, ok = read(f.Fields, form)
		if v == nil && f.Required {
			v = json.RawMessage("{}")
		}
		return v, ok
	case f.Kind == textField && (!f.Late || !strings.HasPrefix(text, "{")):
		if f.Value == "" && !f.Required {
			return nil, true
		}
		return json.RawMessage(compactJSON(f.Value)), true
	case text == "" && !f.Required:
		return nil, true
	case text == "":
		f.Problem = "is needed"
		return nil, false
	case f.Kind == choiceField && text != "true" && text != "false":
		return json.RawMessage(compactJSON(text)), true
	case !json.Valid([]byte(text)):
		f.Problem = fmt.Sprintf("is not JSON: %v", json.Unmarshal([]byte(text), new(any)))
		return nil, false
	}
	return json.RawMessage(text), true
}

// filled reports whether any of the inputs holds something.
func filled(fields []*field, form url.Values) bool {
	return slices.ContainsFunc(fields, func(f *field) bool { return form.Get(f.ID) != "" || filled(f.Fields, form) })
}
