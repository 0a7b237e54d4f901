package schema

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"regexp/syntax"
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

// What a search may cost: it takes time in proportion to what is searched, times the
// size of the expression.
const (
	maxExpression = 200  // bytes
	maxProgram    = 1000 // instructions of the compiled expression
)

// Grep returns the items that contain text, without regard to case, sorted by
// name. Every field is searched by itself: a match never spans two. The empty
// text is everywhere. A text of more than 200 bytes is an error that wraps
// [ErrExpression]; when ctx is done, the error wraps its cause.
func (c *Catalogue) Grep(ctx context.Context, text string) ([]Match, error) {
	if len(text) > maxExpression {
		return nil, fmt.Errorf("schema: searching: %w: %d bytes, at most %d", ErrExpression, len(text), maxExpression)
	}
	re, err := regexp.Compile("(?i)" + regexp.QuoteMeta(strings.ToValidUTF8(text, "\uFFFD")))
	if err != nil {
		return nil, fmt.Errorf("schema: searching: %w: %w", ErrExpression, err)
	}
	return c.search(ctx, re)
}

// GrepRegexp is [Catalogue.Grep] for a regular expression of package regexp, taken as
// it is written: it minds the case unless it says (?i). An expression that is not
// valid, of more than 200 bytes or of more than 1000 instructions when it is compiled
// is an error that wraps [ErrExpression].
func (c *Catalogue) GrepRegexp(ctx context.Context, expression string) ([]Match, error) {
	re, err := compileExpression(expression)
	if err != nil {
		return nil, fmt.Errorf("schema: searching: %w: %w", ErrExpression, err)
	}
	return c.search(ctx, re)
}

// compileExpression compiles an expression that costs little to search for.
func compileExpression(expression string) (*regexp.Regexp, error) {
	if len(expression) > maxExpression {
		return nil, fmt.Errorf("%d bytes, at most %d", len(expression), maxExpression)
	}
	parsed, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return nil, err
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return nil, err
	}
	if n := len(program.Inst); n > maxProgram {
		return nil, fmt.Errorf("%d instructions when compiled, at most %d: repeat less", n, maxProgram)
	}
	return regexp.Compile(expression)
}

func (c *Catalogue) search(ctx context.Context, re *regexp.Regexp) ([]Match, error) {
	out := []Match{}
	for _, e := range c.entries {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("schema: searching: %w", context.Cause(ctx))
		}
		i := c.described(e).item
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
	return out, nil
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
