package schema

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/invopop/jsonschema"
	"github.com/sfere-go/sfere/internal/jsonread"
	"github.com/sfere-go/sfere/internal/plainjson"
)

// generator makes values that fit schemas. The same seed gives the same values.
type generator struct {
	c    *Catalogue
	rand *rand.Rand
	defs jsonschema.Definitions // of the item that is being made
}

// maxGenerated is how deep generated values nest before everything that may be
// left out is.
const maxGenerated = 6

var errTooNarrow = errors.New("the generator cannot meet its schema")

// value returns a value that should fit s; the caller checks.
func (g *generator) value(s *Schema, field string, depth int) (any, error) {
	if depth > 4*maxGenerated {
		return nil, errTooNarrow
	}
	if name, ok := strings.CutPrefix(s.Ref, RegistryID+defsPath); ok {
		if name == listDef {
			return g.list(depth), nil
		}
		return g.reference(name, depth)
	}
	if s.Ref != "" {
		def := g.resolve(s)
		if def == nil {
			return nil, errTooNarrow
		}
		return g.value(def, field, depth)
	}
	switch {
	case s.Const != nil:
		return s.Const, nil
	case len(s.Enum) > 0:
		return s.Enum[g.rand.IntN(len(s.Enum))], nil
	case len(s.Examples) > 0:
		return s.Examples[g.rand.IntN(len(s.Examples))], nil
	case s.Type == "object": // before choices, which are about its fields
		return g.object(s, depth)
	case len(s.OneOf) > 0:
		return g.oneOf(s.OneOf, field, depth)
	case len(s.AnyOf) > 0:
		return g.oneOf(s.AnyOf, field, depth)
	case len(s.AllOf) > 0:
		return g.value(s.AllOf[0], field, depth+1)
	}
	switch s.Type {
	case "array":
		return g.array(s, field, depth)
	case "string":
		return g.text(s, field)
	case "integer":
		lo, hi := g.limits(s, 0, 1000)
		return int64(lo) + int64(g.rand.Float64()*(hi-lo)), nil
	case "number":
		lo, hi := g.limits(s, 0, 1000)
		return lo + g.rand.Float64()*(hi-lo), nil
	case "boolean":
		return g.rand.IntN(2) == 0, nil
	case "null":
		return nil, nil
	}
	return g.anything(depth), nil
}

// resolve follows the reference s; nil if it leads nowhere, or back to itself.
func (g *generator) resolve(s *Schema) *Schema {
	for range len(g.defs) + 1 {
		name, ok := strings.CutPrefix(s.Ref, defsPath)
		if !ok {
			return s
		}
		if s = g.defs[name]; s == nil {
			return nil
		}
	}
	return nil
}

// call makes a whole call of e, a reference if it is a placeholder.
func (g *generator) call(e *entry, depth int) (any, error) {
	d := g.c.described(e)
	args := d.item.Args
	if args == nil || depth > 4*maxGenerated {
		return nil, errTooNarrow
	}
	key := "effect"
	if d.item.Kind == Placeholders {
		key = placeholderKey
	}
	out := ordered{{key, e.info.Name}}
	if len(args.Required) == 0 && (depth > maxGenerated || g.rand.IntN(2) == 0) {
		return out, nil
	}
	defs := g.defs
	g.defs = args.Definitions
	defer func() { g.defs = defs }()
	v, err := g.value(args, "args", depth+1)
	if err != nil {
		return nil, err
	}
	if fields, ok := v.(ordered); ok && d.item.Kind == Placeholders && args.Properties != nil && len(fields) == args.Properties.Len() && g.rand.IntN(2) == 0 {
		v = fields.values()
	}
	return append(out, member{"args", v}), nil
}

// list makes a list of effects. What cannot be made is left out.
func (g *generator) list(depth int) any {
	out := []any{}
	if depth >= 3 {
		return out
	}
	for range g.rand.IntN(4) {
		e := g.c.entries[g.rand.IntN(len(g.c.entries))]
		if e.info.Kind == string(Placeholders) {
			continue
		}
		if v, err := g.call(e, depth+1); err == nil && g.fits(e, v) {
			out = append(out, v)
		}
	}
	return out
}

// reference makes a reference to one of a group of placeholders.
func (g *generator) reference(group string, depth int) (any, error) {
	givers := g.c.refs.groups[group]
	if len(givers) == 0 {
		return nil, errTooNarrow
	}
	e := g.c.byName[givers[g.rand.IntN(len(givers))].Name]
	v, err := g.call(e, depth+1)
	if err == nil && !g.fits(e, v) {
		err = errTooNarrow
	}
	return v, err
}

// fits reports whether a call of e is as it should be.
func (g *generator) fits(e *entry, call any) bool {
	text, err := plainjson.Marshal(call)
	if err != nil {
		return false
	}
	v, err := jsonread.Parse(text, jsonread.Limits{})
	return err == nil && g.c.checkArgs(e, v.Get("args"), "/args") == nil
}

// oneOf takes one of the alternatives that lead to a value.
func (g *generator) oneOf(among []*Schema, field string, depth int) (any, error) {
	if depth > maxGenerated { // null is the shortest, and otherwise the plainest comes first
		if slices.ContainsFunc(among, func(s *Schema) bool { return s.Type == "null" }) {
			return nil, nil
		}
		return g.value(among[0], field, depth+1)
	}
	for _, i := range g.rand.Perm(len(among)) {
		if v, err := g.value(among[i], field, depth+1); err == nil {
			return v, nil
		}
	}
	return nil, errTooNarrow
}

func (g *generator) object(s *Schema, depth int) (any, error) {
	var out ordered
	required := map[string]bool{}
	for _, name := range s.Required {
		required[name] = true
	}
	without := map[string]bool{}
	for _, choice := range [][]*Schema{s.OneOf, s.AnyOf} { // of fields that must be there
		for _, c := range choice {
			for _, name := range c.Required {
				without[name] = true
			}
		}
		if len(choice) > 0 {
			for _, name := range choice[g.rand.IntN(len(choice))].Required {
				required[name] = true
			}
		}
	}
	for p := properties(s); p != nil; p = p.Next() {
		if !required[p.Key] && (without[p.Key] || depth > maxGenerated || g.rand.IntN(2) == 0) {
			continue
		}
		v, err := g.value(p.Value, p.Key, depth+1)
		if err != nil {
			if required[p.Key] {
				return nil, err
			}
			continue
		}
		out = append(out, member{p.Key, v})
	}
	if properties(s) == nil {
		for range g.rand.IntN(3) {
			values := s.AdditionalProperties
			key := words[g.rand.IntN(len(words))]
			if len(s.PatternProperties) > 0 { // numbers as keys
				key = strconv.Itoa(g.rand.IntN(100))
				for _, p := range s.PatternProperties {
					values = p
				}
			}
			if names := s.PropertyNames; names != nil {
				if len(names.Examples) == 0 {
					break
				}
				key = fmt.Sprint(names.Examples[g.rand.IntN(len(names.Examples))])
			}
			if values == jsonschema.FalseSchema {
				break
			}
			if values == nil {
				values = &Schema{}
			}
			v, err := g.value(values, key, depth+1)
			if err != nil {
				break
			}
			out = out.set(key, v)
		}
	}
	return out, nil
}

func (g *generator) array(s *Schema, field string, depth int) (any, error) {
	least, most := 0, 3
	if s.MinItems != nil {
		least = int(*s.MinItems)
	}
	if s.MaxItems != nil {
		most = int(*s.MaxItems)
	}
	if len(s.PrefixItems) > 0 {
		most = len(s.PrefixItems)
	}
	most = max(most, least)
	n := least
	if depth <= maxGenerated {
		n += g.rand.IntN(most - least + 1)
	}
	out := []any{}
	for i := range n {
		items := s.Items
		if i < len(s.PrefixItems) {
			items = s.PrefixItems[i]
		}
		if items == nil {
			items = &Schema{}
		}
		v, err := g.value(items, field, depth+1)
		if err != nil {
			if i >= least {
				break
			}
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func (g *generator) limits(s *Schema, lo, hi float64) (float64, float64) {
	read := func(n interface{ Float64() (float64, error) }, to *float64, text string) bool {
		if text == "" {
			return false
		}
		f, err := n.Float64()
		*to = f
		return err == nil
	}
	hasLo := read(s.Minimum, &lo, s.Minimum.String())
	if read(s.ExclusiveMinimum, &lo, s.ExclusiveMinimum.String()) {
		hasLo = true
		lo++
	}
	hasHi := read(s.Maximum, &hi, s.Maximum.String())
	if read(s.ExclusiveMaximum, &hi, s.ExclusiveMaximum.String()) {
		hasHi = true
		hi--
	}
	switch { // stay among numbers that people can read
	case hasLo && hasHi:
		lo, hi = max(lo, -1e6), min(hi, 1e6)
	case hasLo && lo > hi:
		hi = lo + 1000
	case hasHi && hi < lo:
		lo = hi - 1000
	}
	return lo, max(lo, hi)
}

var words = []string{"ann", "lobby", "hello", "news", "note", "team", "blue", "count", "status", "item"}

func (g *generator) text(s *Schema, field string) (any, error) {
	word := words[g.rand.IntN(len(words))]
	switch s.Format {
	case "date-time":
		return time.Unix(1_700_000_000+g.rand.Int64N(1e8), 0).UTC().Format(time.RFC3339), nil
	case "date":
		return time.Unix(1_700_000_000+g.rand.Int64N(1e8), 0).UTC().Format(time.DateOnly), nil
	case "email":
		return word + "@example.com", nil
	case "uri":
		return "https://example.com/" + word, nil
	case "ipv4":
		return fmt.Sprintf("192.0.2.%d", g.rand.IntN(256)), nil
	case "uuid":
		return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", g.rand.Uint32(), g.rand.Uint32()&0xffff, g.rand.Uint32()&0xfff, g.rand.Uint32()&0xfff, g.rand.Uint64()&0xffffffffffff), nil
	}
	switch {
	case s.Pattern != "":
		return g.matching(s.Pattern)
	case s.ContentEncoding == "base64":
		return "aGVsbG8=", nil
	case field == "elements":
		return fmt.Sprintf(`<p id="%s">%s</p>`, word, words[g.rand.IntN(len(words))]), nil
	case field == "selector":
		return "#" + word, nil
	}
	if g.rand.IntN(4) == 0 { // now and then what careless code trips over
		word += []string{" & <b>", `"quoted"`, " ünï 漢字", " 'x'", ".a/b"}[g.rand.IntN(5)]
	}
	for s.MinLength != nil && uint64(len(word)) < *s.MinLength {
		word += "x"
	}
	if runes := []rune(word); s.MaxLength != nil && uint64(len(runes)) > *s.MaxLength {
		word = string(runes[:*s.MaxLength])
	}
	return word, nil
}

// anything is a value for a schema that allows all.
func (g *generator) anything(depth int) any {
	most := 6
	if depth > maxGenerated {
		most = 4
	}
	switch g.rand.IntN(most) {
	case 0:
		return g.rand.IntN(100)
	case 1:
		return g.rand.IntN(2) == 0
	case 4:
		return []any{g.anything(depth + 2)}
	case 5:
		return map[string]any{words[g.rand.IntN(len(words))]: g.anything(depth + 2)}
	}
	return words[g.rand.IntN(len(words))]
}
