package schema

import (
	"errors"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/invopop/jsonschema"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/jsonread"
)

// Schema is a JSON Schema. Those from a [Catalogue] must not be changed.
type Schema = jsonschema.Schema

// Kind is the kind of a registered item.
type Kind string

// The kinds.
const (
	Effects      Kind = "effect"
	Actions      Kind = "action"
	Placeholders Kind = "placeholder"
)

// Sentinels for errors.Is.
var (
	// ErrUnknown is the cause when no item has a name.
	ErrUnknown = errors.New("nothing is registered under this name")
	// ErrNoSchema is the cause when the type of an item has no schema.
	ErrNoSchema = errors.New("its type has no schema")
	// ErrCannotGenerate is the cause when a schema is too narrow for the generator.
	ErrCannotGenerate = errors.New("no value could be generated that fits its schema: give it an example")
	// ErrExpression is the cause when a search is not for a valid expression, or for
	// one that would cost too much.
	ErrExpression = errors.New("this cannot be searched for")
	// ErrNoDispatcher is the cause when a catalogue of registries is asked for
	// what only a dispatcher can do.
	ErrNoDispatcher = errors.New("this catalogue was not made from a dispatcher")
)

// Source is what a [Catalogue] is made from: a *dispatch.Dispatcher[C] or a
// registry.Registry[C].
type Source interface{ All() iter.Seq[effect.Info] }

// decoder is a Source that is a dispatcher.
type decoder interface {
	Decode(text []byte) (effect.List, error)
}

// Options adjust a [Catalogue]. Zero fields mean the defaults.
type Options struct {
	// Comment gives the description of a type (empty field) or of a field (its Go
	// name) that has none in its tags. Default: none.
	Comment func(t reflect.Type, field string) string
}

// Catalogue describes everything that is registered. It may be used from any
// goroutine. What it returns is shared: do not change it.
//
// Nothing is made before it is asked for: the schema of an item when the item is,
// what checks its arguments when they are checked, and [Catalogue.Document] when
// that is asked for. So it costs little to have many items and to use one.
type Catalogue struct {
	options *Options
	entries []*entry // sorted by name
	byName  map[string]*entry
	refs    *references
	decode  func([]byte) (effect.List, error) // nil without a dispatcher
	broken  error                             // why the source could not be read

	// Each is made by whoever needs it first. User code takes part in that, so that no
	// lock is held; when two make one at once, both get that of the first.
	doc      atomic.Pointer[Schema]
	err      atomic.Pointer[error]
	checking atomic.Pointer[any]     // what schemas of single items refer to, for the compiler
	item     atomic.Pointer[checked] // of one item of a list
	compiler compiler
	types    *jsonread.Types // how arguments are read
}

// Of returns the catalogue of s. It never fails: what is wrong with single items
// is in their SchemaError, and in [Catalogue.Err].
func Of(s Source) *Catalogue { return OfWith(nil, s) }

// OfWith is [Of] with options; nil means the defaults.
func OfWith(o *Options, s Source) *Catalogue {
	c := &Catalogue{byName: map[string]*entry{}, types: jsonread.NewTypes(nil)}
	if o != nil {
		copied := *o
		c.options = &copied
	}
	if d, ok := s.(decoder); ok {
		c.decode = d.Decode
	}
	add := func(i effect.Info) {
		if c.byName[i.Name] == nil {
			e := &entry{info: i}
			c.byName[i.Name], c.entries = e, append(c.entries, e)
		}
	}
	c.broken = guard(func() error {
		for i := range s.All() {
			add(i)
		}
		return nil
	})
	for _, i := range builtIn() {
		add(i)
	}
	slices.SortFunc(c.entries, func(a, b *entry) int { return strings.Compare(a.info.Name, b.info.Name) })
	var placeholders []effect.Info
	for _, e := range c.entries {
		if e.info.Kind == string(Placeholders) {
			placeholders = append(placeholders, e.info)
		}
	}
	c.refs = newReferences(placeholders)
	return c
}

// builtIn describes the items that every dispatcher has.
func builtIn() []effect.Info {
	return []effect.Info{{
		Kind: string(Effects), Name: effect.Batch{}.EffectName(), Registry: "effect", Site: "built in", Reach: effect.Pure,
		Doc:  "Run effects in two phases: first expand all actions against one state, then run what they gave.",
		Type: reflect.TypeFor[effect.Batch](),
	}, {
		Kind: string(Effects), Name: effect.Serial{}.EffectName(), Registry: "effect", Site: "built in", Reach: effect.Pure,
		Doc:  "Run effects as one step: no other list with the same key runs meanwhile.",
		Type: reflect.TypeFor[effect.Serial](),
	}}
}

// Describe returns the items of the given kinds, of all kinds if none is given,
// sorted by name.
func (c *Catalogue) Describe(kinds ...Kind) []Item {
	out := []Item{}
	for _, e := range c.entries {
		if len(kinds) == 0 || slices.Contains(kinds, Kind(e.info.Kind)) {
			out = append(out, c.described(e).item)
		}
	}
	return out
}

// Get returns the item called name. The error wraps [ErrUnknown] and lists names
// that look like it.
func (c *Catalogue) Get(name string) (Item, error) {
	if i, ok := c.get(name); ok {
		return i, nil
	}
	return Item{}, c.unknown(name)
}

func (c *Catalogue) get(name string) (Item, bool) {
	e := c.byName[name]
	if e == nil {
		return Item{}, false
	}
	return c.described(e).item, true
}

// infos returns what the source said, sorted by name.
func (c *Catalogue) infos() []effect.Info {
	out := make([]effect.Info, len(c.entries))
	for i, e := range c.entries {
		out[i] = e.info
	}
	return out
}

// Schemas returns the argument schema of every item that has one, by name.
func (c *Catalogue) Schemas() map[string]*Schema {
	out := map[string]*Schema{}
	for _, i := range c.Describe() {
		if i.Args != nil {
			out[i.Name] = i.Args
		}
	}
	return out
}

// Document returns one JSON Schema for every list of effects in wire form: its
// items are one of the registered effects and actions, by name. Everything else
// is under $defs.
func (c *Catalogue) Document() *Schema {
	return once(&c.doc, func() *Schema { return newDocumentBuilder(c.options, c.refs).document(c.infos()) })
}

// once returns what p points to, made first if there is nothing yet.
func once[T any](p *atomic.Pointer[T], newT func() *T) *T {
	if v := p.Load(); v != nil {
		return v
	}
	p.CompareAndSwap(nil, newT())
	return p.Load()
}

// Err returns everything that is wrong with the catalogue, joined, with the names
// of the items and fields: types that have no schema ([ErrNoSchema]), schemas that
// are not valid JSON Schema, examples that do not fit, as an *[Error] or the error
// of reading them, and items for which [Catalogue.Sample] can make nothing
// ([ErrCannotGenerate]). It looks at every item, the first time: call it when the
// program starts, or in a test.
func (c *Catalogue) Err() error {
	return *once(&c.err, func() *error {
		err := c.wrong()
		return &err
	})
}

func (c *Catalogue) wrong() error {
	var errs []error
	if c.broken != nil {
		errs = append(errs, fmt.Errorf("schema: reading what is registered: %w", c.broken))
	}
	for _, e := range c.entries {
		for _, err := range c.problemsOf(e) {
			errs = append(errs, fmt.Errorf("schema: %s made at %s: %w", e.info.Name, e.info.Site, err))
		}
	}
	return errors.Join(errs...)
}

// problemsOf returns what is wrong with one item.
func (c *Catalogue) problemsOf(e *entry) []error {
	d := c.described(e)
	if d.item.Args == nil {
		return append(slices.Clone(d.wrong), fmt.Errorf("%w: %s", ErrNoSchema, d.item.SchemaError))
	}
	if _, err := c.compiled(e); err != nil {
		return append(slices.Clone(d.wrong), fmt.Errorf("compiling its schema: %w", err))
	}
	errs := slices.Clone(d.wrong)
	for i, x := range d.item.Examples {
		if err := c.checkSample(e, x); err != nil {
			errs = append(errs, fmt.Errorf("example %s (number %d): %w", x, i, err))
		}
	}
	if _, err := c.generate(c.newGenerator(e.info.Name, 1), e); err != nil {
		errs = append(errs, err)
	}
	return errs
}

// Decode reads a list in wire form, as the dispatcher does.
func (c *Catalogue) Decode(text []byte) (effect.List, error) {
	if c.decode == nil {
		return nil, fmt.Errorf("schema: decoding: %w", ErrNoDispatcher)
	}
	return c.decode(text)
}
