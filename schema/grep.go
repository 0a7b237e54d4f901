package schema

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Match is an item in which a search found something.
type Match struct {
	Item Item  `json:"item"`
	Hits []Hit `json:"hits"` // at least one, in the order of the fields of the item
}

// Hit is one place where a search found something.
type Hit struct {
	// Field says where: "name", "doc", "ctx", "args.to.scope" for the name of a
	// field, "args.to.scope:description" for what is said of it,
	// "meta.owner:key" and "meta.owner" for user metadata.
	Field string `json:"field"`
	Text  string `json:"text"`  // all of that field
	Start int    `json:"start"` // byte offsets of the first match in Text
	End   int    `json:"end"`
}

// Grep returns the items that contain text, without regard to case, sorted by
// name. Every field is searched by itself: a match never spans two. The empty
// text is everywhere.
func (c *Catalogue) Grep(text string) []Match {
	return c.GrepRegexp(regexp.MustCompile("(?i)" + regexp.QuoteMeta(text)))
}

// GrepRegexp is [Catalogue.Grep] for a regular expression, taken as it is
// written: it minds the case unless it says (?i).
func (c *Catalogue) GrepRegexp(re *regexp.Regexp) []Match {
	out := []Match{}
	for _, i := range c.Describe() {
		var hits []Hit
		for _, f := range fieldsOf(i) {
			if at := re.FindStringIndex(f.text); at != nil {
				hits = append(hits, Hit{Field: f.name, Text: f.text, Start: at[0], End: at[1]})
			}
		}
		if len(hits) > 0 {
			out = append(out, Match{i, hits})
		}
	}
	return out
}

// searched is a field of an item that searches look at.
type searched struct{ name, text string }

func fieldsOf(i Item) []searched {
	out := []searched{{"name", i.Name}, {"doc", i.Doc}}
	add := func(name, text string) {
		if text != "" {
			out = append(out, searched{name, text})
		}
	}
	add("ctx", i.Ctx)
	add("state", i.State)
	for _, part := range []struct {
		name   string
		schema *Schema
	}{{"args", i.Args}, {"result", i.Result}} {
		if part.schema == nil {
			continue
		}
		w := &walker{defs: part.schema.Definitions, add: add, inside: map[string]bool{}}
		w.schema(part.name, part.schema)
	}
	for n, x := range i.Examples {
		add("examples["+strconv.Itoa(n)+"]", string(x))
	}
	metaFields("meta", i.Meta, add)
	return out
}

// walker finds the texts in a schema.
type walker struct {
	defs   map[string]*Schema
	add    func(name, text string)
	inside map[string]bool // definitions that the walk is in, against cycles
}

func (w *walker) schema(at string, s *Schema) {
	if s == nil {
		return
	}
	if at != "args" { // that is the doc of the item
		w.add(at+":description", s.Description)
	}
	for _, v := range s.Enum {
		w.add(at+":enum", fmt.Sprint(v))
	}
	if name, ok := strings.CutPrefix(s.Ref, defsPath); ok && w.defs[name] != nil && !w.inside[name] {
		w.inside[name] = true
		w.schema(at, w.defs[name])
		delete(w.inside, name)
	}
	for p := properties(s); p != nil; p = p.Next() {
		if p.Key == literalKey || p.Key == placeholderKey { // how late values are written, not a field
			continue
		}
		w.add(at+"."+p.Key, p.Key)
		w.schema(at+"."+p.Key, p.Value)
	}
	for _, alternatives := range [][]*Schema{s.AllOf, s.AnyOf, s.OneOf} {
		for _, a := range alternatives {
			w.schema(at, a)
		}
	}
	w.schema(at+"[]", s.Items)
	w.schema(at+"[]", s.AdditionalProperties)
	for _, key := range slices.Sorted(maps.Keys(s.PatternProperties)) {
		w.schema(at+"[]", s.PatternProperties[key])
	}
}

// metaFields adds keys and values of user metadata at all depths.
func metaFields(at string, v any, add func(name, text string)) {
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			add(at+"."+key+":key", key)
			metaFields(at+"."+key, v[key], add)
		}
	case []any:
		for i, e := range v {
			metaFields(fmt.Sprintf("%s[%d]", at, i), e, add)
		}
	case string:
		add(at, v)
	case nil:
	default:
		text, _ := json.Marshal(v)
		add(at, string(text))
	}
}
