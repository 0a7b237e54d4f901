package schema

import (
	"context"
	"errors"
	"fmt"

	check "github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/internal/jsonread"
)

// The limits of texts for a catalogue that has no dispatcher are the defaults of one.
const (
	maxBytes = 1 << 20
	maxDepth = 64
)

// itemID is the $id of the schema of one item of a list.
const itemID = "urn:sfere:one-item"

// Validate checks a list of effects in wire form, item by item. The error is an
// *[Error]; with a dispatcher behind the catalogue, it also tells of texts that fit the
// schema and cannot be decoded. It ends with the cause of ctx if that is done first.
//
// It reads the text as a dispatcher does ([dispatch.Dispatcher.Decode]): names that are
// given twice and numbers that are too large are problems of keyword "syntax". The
// limits are those of the dispatcher, or its defaults. The time it takes grows with the
// length of the text, not with the number of registered items.
func (c *Catalogue) Validate(ctx context.Context, text []byte) error {
	// Decoding comes first because it has limits, and last in what is told, because
	// a schema tells more.
	var undecoded error
	limits := jsonread.Limits{Bytes: maxBytes, Depth: maxDepth}
	if c.decode != nil {
		if _, undecoded = c.decode(text); errors.Is(undecoded, dispatch.ErrTooLarge) {
			return decodeProblems(undecoded)
		}
		limits = jsonread.Limits{}
	}
	v, err := jsonread.Parse(text, limits)
	if err != nil {
		return syntaxProblem(err, "", "")
	}
	if v.Kind() != jsonread.Array {
		name := ""
		if n := v.Get("effect"); !n.IsZero() && n.Kind() == jsonread.String {
			name = n.Text()
		}
		return &Error{Problems: []Problem{{Name: jsonread.Excerpt(name), Keyword: "type", Message: fmt.Sprintf("got %s, want array", v.Kind())}}}
	}
	item, err := c.itemCheck()
	if err != nil {
		return fmt.Errorf("schema: compiling the schemas: %w", err)
	}
	found := problems{c: c}
	for i, e := range v.Elements() {
		if ctx.Err() != nil {
			return fmt.Errorf("schema: validating a list: %w", context.Cause(ctx))
		}
		value := e.Any()
		if err := item.Validate(value); err != nil {
			if err := found.add(value, err, fmt.Sprintf("/%d", i), ""); err != nil {
				return fmt.Errorf("schema: validating item %d: %w", i, err)
			}
		}
	}
	if err := found.err(); err != nil {
		return err
	}
	if undecoded != nil {
		return decodeProblems(undecoded)
	}
	return nil
}

// itemCheck returns the validator of one item of a list, made when it is first asked
// for.
func (c *Catalogue) itemCheck() (*check.Schema, error) {
	k := once(&c.item, func() *checked {
		plain, err := plainSchema(callSchema("effect", nil))
		if err != nil {
			return &checked{err: err}
		}
		s, err := c.compile(itemID, map[string]any{itemID: plain})
		return &checked{args: s, err: err}
	})
	return k.args, k.err
}

// ValidateReference checks a reference to a placeholder in wire form, as
// [Catalogue.Sample] gives them, and that its arguments can be read. The error is an
// *[Error]. The limits are the defaults of a dispatcher.
func (c *Catalogue) ValidateReference(text []byte) error {
	v, err := jsonread.Parse(text, jsonread.Limits{Bytes: maxBytes, Depth: maxDepth})
	if err != nil {
		return syntaxProblem(err, "", "")
	}
	fail := func(at, keyword, format string, args ...any) error {
		return &Error{Problems: []Problem{{Pointer: at, Keyword: keyword, Message: fmt.Sprintf(format, args...)}}}
	}
	name, args := v.Get(placeholderKey), v.Get("args")
	switch {
	case v.Kind() != jsonread.Object:
		return fail("", "type", "got %s, want object", v.Kind())
	case name.IsZero():
		return fail("", "required", "missing property '%s'", placeholderKey)
	case name.Kind() != jsonread.String:
		return fail("/"+placeholderKey, "type", "got %s, want string", name.Kind())
	}
	var other []string
	for key := range v.Members() {
		if key != placeholderKey && key != "args" {
			other = append(other, key)
		}
	}
	if len(other) > 0 {
		return fail("", "additionalProperties", "%s", additional(other))
	}
	e := c.byName[name.Text()]
	if e == nil || e.info.Kind != string(Placeholders) {
		return fail("/"+placeholderKey, "enum", "%s", c.unknown(name.Text()))
	}
	return c.checkArgs(e, args, "/args")
}
