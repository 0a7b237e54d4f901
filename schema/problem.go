package schema

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	check "github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/excerpt"
	"github.com/sfere-go/sfere/internal/jsonread"
)

// Problem is one thing that is wrong with a value.
type Problem struct {
	// Pointer is the JSON pointer of the place in the text: "/0/args/channel". One of
	// more than 1000 bytes is cut, and ends with "...".
	Pointer string `json:"pointer"`
	// Name is the innermost item around the place, if it has a name.
	Name string `json:"name,omitempty"`
	// Keyword is the part of the schema that is not met, "syntax", "decode", or "more"
	// for the last of many.
	Keyword string `json:"keyword"`
	Message string `json:"message"`
}

// String returns "pointer: message".
func (p Problem) String() string { return cmp.Or(p.Pointer, "/") + ": " + p.Message }

// Error says why a value does not fit its schema. Problems is never empty. It lists 50
// problems at most, in the order of the text but for the members of objects; if there
// are more, one of keyword "more" follows that says how many.
type Error struct {
	Problems []Problem
	more     int // that are not listed
}

// Error lists the first problems.
func (e *Error) Error() string {
	var lines []string
	more := e.more
	for _, p := range e.Problems {
		switch {
		case p.Keyword == moreKeyword:
		case len(lines) == maxLines:
			more++
		default:
			lines = append(lines, Problem{Pointer: jsonread.Excerpt(p.Pointer), Message: p.Message}.String())
		}
	}
	if more > 0 {
		lines = append(lines, leftOut(more))
	}
	return "schema: " + strings.Join(lines, "; ")
}

func leftOut(n int) string { return "... and " + strconv.Itoa(n) + " more" }

const (
	maxProblems = 50   // that are listed
	maxPointer  = 1000 // bytes of a pointer
	maxMessage  = 500  // bytes of a message
	maxHints    = 3    // problems of one text that get suggestions
	maxLines    = 8    // problems in the text of an error
	moreKeyword = "more"
)

// problems collects what is wrong with one text.
type problems struct {
	c     *Catalogue
	list  []Problem
	has   map[Problem]bool
	more  int // that are not listed
	hints int // that were looked for
}

// put notes one problem, once.
func (f *problems) put(p Problem) {
	p.Pointer, p.Message = cut(p.Pointer, maxPointer), cut(p.Message, maxMessage)
	p.Name = jsonread.Excerpt(p.Name)
	switch {
	case f.has[p]:
	case len(f.list) >= maxProblems:
		f.more++
	default:
		if f.has == nil {
			f.has = map[Problem]bool{}
		}
		f.has[p] = true
		f.list = append(f.list, p)
	}
}

func cut(s string, most int) string { return excerpt.Of(s, most, "...") }

// err returns an *[Error] about everything that was noted, nil if nothing was.
func (f *problems) err() error {
	if len(f.list) == 0 {
		return nil
	}
	if f.more > 0 {
		f.list = append(f.list, Problem{Keyword: moreKeyword, Message: leftOut(f.more)})
	}
	return &Error{f.list, f.more}
}

// syntaxProblem is about a text that is no JSON, or none that is read; it is at the
// given pointer.
func syntaxProblem(err error, at, name string) error {
	var f problems
	if e, ok := errors.AsType[*jsonread.Error](err); ok {
		at, err = at+e.Pointer, e.Err
	}
	f.put(Problem{Pointer: at, Name: name, Keyword: "syntax", Message: err.Error()})
	return f.err()
}

// decodeProblems says of a decoder's error where it came from.
func decodeProblems(err error) error {
	causes := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		causes = joined.Unwrap()
	}
	var f problems
	for _, cause := range causes {
		p := Problem{Keyword: "decode", Message: cause.Error()}
		if e, ok := errors.AsType[*effect.Error](cause); ok {
			p.Pointer, p.Name, p.Message = fmt.Sprintf("/%d/args", e.Path.Index()), e.Name, e.Err.Error()
		}
		if e, ok := errors.AsType[*jsonread.Error](cause); ok {
			p.Pointer, p.Message = e.Pointer, e.Err.Error()
		}
		f.put(p)
	}
	return f.err()
}

var english = message.NewPrinter(language.English)

// add notes what the validator says about value, which is at the given pointer in an
// item called name. It returns an err that is of another kind.
func (f *problems) add(value any, err error, at, name string) error {
	invalid, ok := errors.AsType[*check.ValidationError](err)
	if !ok {
		return err
	}
	found := leaves(invalid)
	// The validator walks objects in the order of a map.
	slices.SortStableFunc(found, func(a, b *check.ValidationError) int {
		return cmp.Or(slices.CompareFunc(a.InstanceLocation, b.InstanceLocation, compareTokens), cmp.Compare(keyword(a), keyword(b)))
	})
	for _, leaf := range found {
		if len(f.list) >= maxProblems {
			f.more++ // its text costs more than to count it
			continue
		}
		p := Problem{Pointer: at + pointer(leaf.InstanceLocation), Name: nameAround(value, leaf.InstanceLocation, name), Keyword: keyword(leaf)}
		switch k := leaf.ErrorKind.(type) {
		case *misnamed:
			p.Pointer += "/" + k.key
			p.Name, p.Message = "", f.misnamed(k).Error()
		case *kind.AdditionalProperties:
			p.Message = additional(k.Properties)
		default:
			p.Message = leaf.ErrorKind.LocalizedString(english)
		}
		f.put(p)
	}
	return nil
}

// additional names a few of the members that may not be there.
func additional(names []string) string {
	names = slices.Sorted(slices.Values(names))
	var quoted []string
	for _, n := range names[:min(5, len(names))] {
		quoted = append(quoted, "'"+jsonread.Excerpt(n)+"'")
	}
	text := "additional properties " + strings.Join(quoted, ", ")
	if n := len(names) - len(quoted); n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	return text + " not allowed"
}

func keyword(e *check.ValidationError) string {
	if path := e.ErrorKind.KeywordPath(); len(path) > 0 {
		return path[0]
	}
	return ""
}

// compareTokens orders indices as numbers.
func compareTokens(a, b string) int {
	if len(a) != len(b) && numeric(a) && numeric(b) {
		return cmp.Compare(len(a), len(b))
	}
	return cmp.Compare(a, b)
}

func numeric(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// misnamed says why a name cannot stand where it does.
func (f *problems) misnamed(k *misnamed) error {
	i, ok := f.c.get(k.name)
	switch takesPlaceholders := k.key == placeholderKey; {
	case !ok:
		if f.hints++; f.hints > maxHints {
			return fmt.Errorf("%w: %s", ErrUnknown, jsonread.Quote(k.name))
		}
		return f.c.unknown(k.name)
	case takesPlaceholders && i.Kind == Placeholders:
		return fmt.Errorf("%s gives another type than the field takes", k.name)
	case takesPlaceholders:
		return fmt.Errorf("%s is an %s and no placeholder", k.name, i.Kind)
	}
	return fmt.Errorf("%s is a placeholder: use it as the value of a field that takes one", k.name)
}

// leaves returns the errors that say something. Of alternatives that all failed
// it takes the one that went furthest: the others were not meant.
func leaves(e *check.ValidationError) []*check.ValidationError {
	switch e.ErrorKind.(type) {
	case *kind.AnyOf, *kind.OneOf:
		var best []*check.ValidationError
		for _, cause := range e.Causes {
			if l := leaves(cause); best == nil || meant(l) > meant(best) {
				best = l
			}
		}
		if best != nil {
			return best
		}
	}
	if len(e.Causes) == 0 {
		return []*check.ValidationError{e}
	}
	if len(e.Causes) == 1 {
		return leaves(e.Causes[0])
	}
	var all []*check.ValidationError
	for _, cause := range e.Causes {
		all = append(all, leaves(cause)...)
	}
	return all
}

// meant is how deep into the value the deepest error is; an alternative of
// another type altogether counts least.
func meant(es []*check.ValidationError) int {
	deepest := -1
	for _, e := range es {
		d := 2 * len(e.InstanceLocation)
		switch e.ErrorKind.(type) {
		case *kind.Type, *kind.Not:
			d--
		case *misnamed: // about the name inside
			d += 2
		}
		deepest = max(deepest, d)
	}
	return deepest
}

var escaper = strings.NewReplacer("~", "~0", "/", "~1")

func pointer(tokens []string) string {
	var b strings.Builder
	for _, t := range tokens {
		b.WriteByte('/')
		_, _ = escaper.WriteString(&b, t)
	}
	return b.String()
}

// nameAround returns the name of the innermost item around a place in value, which is
// in an item called name.
func nameAround(value any, tokens []string, name string) string {
	for n := 0; ; n++ {
		token := ""
		if n < len(tokens) {
			token = tokens[n]
		}
		switch v := value.(type) {
		case map[string]any:
			if n, ok := v["effect"].(string); ok {
				name = n
			} else if n, ok := v[placeholderKey].(string); ok {
				name = n
			}
			value = v[token]
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(v) {
				return name
			}
			value = v[i]
		}
		if n >= len(tokens) {
			return name
		}
	}
}
