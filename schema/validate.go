package schema

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"sync"

	check "github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
)

// Mode is what a validator does about an item that does not fit its schema.
type Mode int

// The modes. The zero Mode is Off.
const (
	Off    Mode = iota // nothing is checked
	Report             // it is reported and runs all the same
	Strict             // it is an error of phase "validate" and does not run
)

// Problem is one thing that is wrong with a value.
type Problem struct {
	// Pointer is the JSON pointer of the place in the text: "/0/args/channel".
	Pointer string `json:"pointer"`
	// Name is the innermost item around the place, if it has a name.
	Name string `json:"name,omitempty"`
	// Keyword is the part of the schema that is not met, "syntax" or "decode".
	Keyword string `json:"keyword"`
	Message string `json:"message"`
}

// String returns "pointer: message".
func (p Problem) String() string { return cmp.Or(p.Pointer, "/") + ": " + p.Message }

// Error says why a value does not fit its schema. Problems is never empty.
type Error struct {
	Problems []Problem
}

// Error lists the problems.
func (e *Error) Error() string {
	var lines []string
	for _, p := range e.Problems {
		lines = append(lines, p.String())
	}
	return "schema: " + strings.Join(lines, "; ")
}

// checks are the compiled schemas. They are immutable.
type checks struct {
	list *check.Schema
	args map[string]*check.Schema // arguments by item name
	ref  map[string]*check.Schema // references by placeholder name
}

func compile(doc *Schema, items []effect.Info) (*checks, error) {
	text, err := json.Marshal(doc)
	if err != nil {
		return nil, err
	}
	plain, err := check.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	c := check.NewCompiler()
	if err := c.AddResource(RegistryID, plain); err != nil {
		return nil, err
	}
	out := &checks{args: map[string]*check.Schema{}, ref: map[string]*check.Schema{}}
	if out.list, err = c.Compile(RegistryID); err != nil {
		return nil, err
	}
	for _, i := range items {
		at := RegistryID + defsPath + itemDefName(i.Kind, i.Name)
		if i.Kind == string(Placeholders) {
			out.ref[i.Name], err = c.Compile(at)
		} else {
			out.args[i.Name], err = c.Compile(at + "/properties/args")
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Validate checks a list of effects in wire form. The error is an *[Error]; with
// a dispatcher behind the catalogue, it also tells of texts that fit the schema
// and cannot be decoded.
func (c *Catalogue) Validate(text []byte) error {
	return c.validate(text, func(k *checks) *check.Schema { return k.list })
}

// ValidateReference checks a reference to a placeholder in wire form, as
// [Catalogue.Sample] gives them. The error is an *[Error].
func (c *Catalogue) ValidateReference(text []byte) error {
	var w struct {
		Name string `json:"$placeholder"`
	}
	if err := json.Unmarshal(text, &w); err != nil {
		return &Error{[]Problem{{Keyword: "syntax", Message: err.Error()}}}
	}
	if i, ok := c.get(w.Name); !ok || i.Kind != Placeholders {
		return &Error{[]Problem{{Pointer: "/" + placeholderKey, Keyword: "enum", Message: c.unknown(w.Name).Error()}}}
	}
	return c.validate(text, func(k *checks) *check.Schema { return k.ref[w.Name] })
}

func (c *Catalogue) validate(text []byte, by func(*checks) *check.Schema) error {
	k, err := c.checks()
	if err != nil {
		return fmt.Errorf("schema: compiling the schemas: %w", err)
	}
	// Decoding comes first because it has limits, and last in what is told,
	// because a schema tells more.
	var undecoded error
	if c.decode != nil && by(k) == k.list {
		if _, undecoded = c.decode(text); errors.Is(undecoded, dispatch.ErrTooLarge) {
			return decodeProblems(undecoded)
		}
	}
	value, err := check.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return &Error{[]Problem{{Keyword: "syntax", Message: err.Error()}}}
	}
	if err := by(k).Validate(value); err != nil {
		return c.problems(value, err)
	}
	if undecoded != nil {
		return decodeProblems(undecoded)
	}
	return nil
}

// decodeProblems says of a decoder's error where it came from.
func decodeProblems(err error) error {
	causes := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		causes = joined.Unwrap()
	}
	out := &Error{}
	for _, cause := range causes {
		p := Problem{Keyword: "decode", Message: cause.Error()}
		if e, ok := errors.AsType[*effect.Error](cause); ok {
			p.Pointer, p.Name, p.Message = fmt.Sprintf("/%d/args", e.Path.Index()), e.Name, e.Err.Error()
		}
		out.Problems = append(out.Problems, p)
	}
	return out
}

var english = message.NewPrinter(language.English)

// problems makes an Error of what the validator says.
func (c *Catalogue) problems(value any, err error) error {
	invalid, ok := errors.AsType[*check.ValidationError](err)
	if !ok {
		return err
	}
	out := &Error{}
	for _, leaf := range leaves(invalid) {
		p := Problem{Pointer: pointer(leaf.InstanceLocation), Message: leaf.ErrorKind.LocalizedString(english)}
		if path := leaf.ErrorKind.KeywordPath(); len(path) > 0 {
			p.Keyword = path[0]
		}
		p.Name = nameAround(value, leaf.InstanceLocation)
		if e, ok := leaf.ErrorKind.(*kind.Enum); ok && len(leaf.InstanceLocation) > 0 {
			if last := leaf.InstanceLocation[len(leaf.InstanceLocation)-1]; last == "effect" || last == placeholderKey {
				if name, ok := e.Got.(string); ok {
					p.Message, p.Name = c.misnamed(name, e.Want).Error(), ""
				}
			}
		}
		if !slices.Contains(out.Problems, p) {
			out.Problems = append(out.Problems, p)
		}
	}
	// The validator walks objects in the order of a map.
	slices.SortStableFunc(out.Problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Pointer, b.Pointer), cmp.Compare(a.Message, b.Message))
	})
	return out
}

// misnamed says why name cannot stand where only the names of want can.
func (c *Catalogue) misnamed(name string, want []any) error {
	i, ok := c.get(name)
	takesPlaceholders := false
	for _, w := range want {
		fits, _ := c.get(fmt.Sprint(w))
		takesPlaceholders = takesPlaceholders || fits.Kind == Placeholders
	}
	switch {
	case !ok:
		return c.unknown(name)
	case takesPlaceholders && i.Kind == Placeholders:
		return fmt.Errorf("%s gives another type than the field takes", name)
	case takesPlaceholders:
		return fmt.Errorf("%s is an %s and no placeholder", name, i.Kind)
	}
	return fmt.Errorf("%s is a placeholder: use it as the value of a field that takes one", name)
}

// leaves returns the errors that say something. Of alternatives that all failed
// it takes the one that went furthest: the others were not meant.
func leaves(e *check.ValidationError) []*check.ValidationError {
	if len(e.Causes) == 0 {
		return []*check.ValidationError{e}
	}
	var all [][]*check.ValidationError
	for _, cause := range e.Causes {
		all = append(all, leaves(cause))
	}
	switch e.ErrorKind.(type) {
	case *kind.AnyOf, *kind.OneOf:
		return slices.MaxFunc(all, func(a, b []*check.ValidationError) int { return cmp.Compare(meant(a), meant(b)) })
	}
	return slices.Concat(all...)
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
		}
		deepest = max(deepest, d)
	}
	return deepest
}

func pointer(tokens []string) string {
	var b strings.Builder
	for _, t := range tokens {
		b.WriteByte('/')
		b.WriteString(strings.NewReplacer("~", "~0", "/", "~1").Replace(t))
	}
	return b.String()
}

// nameAround returns the name of the innermost item around a place in value.
func nameAround(value any, tokens []string) string {
	name := ""
	for _, t := range append(slices.Clone(tokens), "") {
		switch v := value.(type) {
		case map[string]any:
			if n, ok := v["effect"].(string); ok {
				name = n
			} else if n, ok := v[placeholderKey].(string); ok {
				name = n
			}
			value = v[t]
		case []any:
			i := -1
			if _, err := fmt.Sscan(t, &i); err != nil || i < 0 || i >= len(v) {
				return name
			}
			value = v[i]
		}
	}
	return name
}

// Validator returns a function for dispatch.Options.Validate, nil for [Off]. It
// checks the fields of each item; lists nested in it are checked when they are
// dispatched. In mode [Report] problems go to report, nil means a warning with
// slog.Default; it may be called from several goroutines at once.
//
// An item is marshalled to be checked, which renders the content of patches once
// more. Items from outside are worth that; for those made in Go, Report during
// development is enough. What cannot be marshalled is not checked.
func (c *Catalogue) Validator(m Mode, report func(effect.Data, *Error)) func(effect.Data) error {
	if m == Off {
		return nil
	}
	if report == nil {
		report = func(d effect.Data, e *Error) {
			slog.Warn("schema: an item does not fit its schema", "name", d.EffectName(), "error", e)
		}
	}
	var plans sync.Map // of *core.Plan by reflect.Type
	return func(d effect.Data) error {
		err := c.validateData(d, &plans)
		if invalid, ok := errors.AsType[*Error](err); ok && m == Report {
			report(d, invalid)
			return nil
		}
		return err
	}
}

func (c *Catalogue) validateData(d effect.Data, plans *sync.Map) error {
	e := c.byName[d.EffectName()]
	if e == nil {
		return nil // not ours
	}
	k, err := c.compiled(e)
	if err != nil {
		return fmt.Errorf("schema: compiling the schema of %s: %w", d.EffectName(), err)
	}
	if k == nil {
		return nil // without a schema
	}
	schema := k.args
	text, err := json.Marshal(shallow(d, plans))
	if err != nil {
		return nil // content that renders only where it is sent, and the like
	}
	value, err := check.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return &Error{[]Problem{{Name: d.EffectName(), Keyword: "syntax", Message: err.Error()}}}
	}
	if err := schema.Validate(value); err != nil {
		err := c.problems(value, err)
		if invalid, ok := errors.AsType[*Error](err); ok {
			for i := range invalid.Problems {
				p := &invalid.Problems[i]
				p.Pointer, p.Name = "/args"+p.Pointer, d.EffectName()
			}
		}
		return err
	}
	return nil
}

// shallow returns d without the lists nested in it.
func shallow(d effect.Data, plans *sync.Map) any {
	t := reflect.TypeOf(d)
	p, ok := plans.Load(t)
	if !ok {
		plan, err := core.NewPlan(t)
		if err != nil {
			return d
		}
		p, _ = plans.LoadOrStore(t, plan)
	}
	v, err := p.(*core.Plan).MapNested(d, func(list any) error {
		*list.(*effect.List) = nil
		return nil
	})
	if err != nil {
		return d
	}
	return v
}
