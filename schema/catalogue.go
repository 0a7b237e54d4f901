package schema

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/invopop/jsonschema"

	"github.com/sfere-go/sfere/effect"
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

// Catalogue describes everything that is registered. It is immutable and may be
// used from any goroutine. What it returns is shared: do not change it.
type Catalogue struct {
	items  []Item // sorted by name
	infos  map[string]effect.Info
	decode func([]byte) (effect.List, error) // nil without a dispatcher
	doc    *Schema

	checks func() (*checks, error) // compiled once, when first needed
}

// Item is one effect, action or placeholder as catalogues show it.
type Item struct {
	Name     string `json:"name"`
	Kind     Kind   `json:"kind"`
	Doc      string `json:"doc"`
	Registry string `json:"registry"`
	Site     string `json:"site"`            // file:line where it was made
	Ctx      string `json:"ctx,omitempty"`   // the Go type that the item runs against
	State    string `json:"state,omitempty"` // the Go type of the state that an action sees
	Reach    string `json:"reach,omitempty"` // of effects: how far they reach
	Dry      bool   `json:"dry,omitempty"`   // of effects: takes part in dry runs although it is not pure
	Shared   bool   `json:"shared,omitempty"`
	Late     bool   `json:"late,omitempty"` // some field can hold a placeholder
	// Args is the schema of the arguments. It stands alone, but for references
	// to the lists of effects in [Catalogue.Document].
	Args *Schema `json:"args,omitempty"`
	// Result is the schema of the value an effect or a placeholder gives; nil if
	// it gives none or nothing can be said of it.
	Result *Schema `json:"result,omitempty"`
	// SchemaError says why Args is missing.
	SchemaError string `json:"schemaError,omitempty"`
	// Examples are calls as they are written in JSON.
	Examples []json.RawMessage `json:"examples,omitempty"`
	// Meta is what the author added; values that JSON cannot carry are text.
	Meta map[string]any `json:"meta,omitempty"`
}

// Of returns the catalogue of s. It never fails: what is wrong with single items
// is in their SchemaError, and in [Catalogue.Err].
func Of(s Source) *Catalogue { return OfWith(nil, s) }

// OfWith is [Of] with options; nil means the defaults.
func OfWith(o *Options, s Source) *Catalogue {
	c := &Catalogue{infos: map[string]effect.Info{}}
	if d, ok := s.(decoder); ok {
		c.decode = d.Decode
	}
	infos := slices.Collect(s.All())
	for _, b := range builtIn {
		if !slices.ContainsFunc(infos, func(i effect.Info) bool { return i.Name == b.Name }) {
			infos = append(infos, b)
		}
	}
	slices.SortFunc(infos, func(a, b effect.Info) int { return strings.Compare(a.Name, b.Name) })
	b := newBuilder(o, infos)
	for _, info := range infos {
		c.infos[info.Name] = info
		c.items = append(c.items, b.item(info))
	}
	c.doc = b.document(false)
	c.checks = sync.OnceValues(func() (*checks, error) { return compile(b.document(true), c.items) })
	return c
}

// builtIn describes the items that every dispatcher has.
var builtIn = []effect.Info{{
	Kind: string(Effects), Name: effect.Batch{}.EffectName(), Registry: "effect", Site: "built in", Reach: effect.Pure,
	Doc:  "Run effects in two phases: first expand all actions against one state, then run what they gave.",
	Type: reflect.TypeFor[effect.Batch](),
}, {
	Kind: string(Effects), Name: effect.Serial{}.EffectName(), Registry: "effect", Site: "built in", Reach: effect.Pure,
	Doc:  "Run effects as one step: no other list with the same key runs meanwhile.",
	Type: reflect.TypeFor[effect.Serial](),
}}

// Describe returns the items of the given kinds, of all kinds if none is given,
// sorted by name.
func (c *Catalogue) Describe(kinds ...Kind) []Item {
	out := []Item{}
	for _, i := range c.items {
		if len(kinds) == 0 || slices.Contains(kinds, i.Kind) {
			out = append(out, i)
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
	i, ok := slices.BinarySearchFunc(c.items, name, func(i Item, name string) int { return strings.Compare(i.Name, name) })
	if !ok {
		return Item{}, false
	}
	return c.items[i], true
}

// Schemas returns the argument schema of every item that has one, by name.
func (c *Catalogue) Schemas() map[string]*Schema {
	out := map[string]*Schema{}
	for _, i := range c.items {
		if i.Args != nil {
			out[i.Name] = i.Args
		}
	}
	return out
}

// Document returns one JSON Schema for every list of effects in wire form: its
// items are one of the registered effects and actions, by name. Everything else
// is under $defs.
func (c *Catalogue) Document() *Schema { return c.doc }

// Err returns what is wrong with the schemas, joined: types that have none, and
// schemas that are not valid JSON Schema. Call it when the program starts.
func (c *Catalogue) Err() error {
	var errs []error
	for _, i := range c.items {
		if i.SchemaError != "" {
			errs = append(errs, fmt.Errorf("schema: %s made at %s: %w: %s", i.Name, i.Site, ErrNoSchema, i.SchemaError))
		}
	}
	if _, err := c.checks(); err != nil {
		errs = append(errs, fmt.Errorf("schema: compiling the schemas: %w", err))
	}
	return errors.Join(errs...)
}

// Decode reads a list in wire form, as the dispatcher does.
func (c *Catalogue) Decode(text []byte) (effect.List, error) {
	if c.decode == nil {
		return nil, fmt.Errorf("schema: decoding: %w", ErrNoDispatcher)
	}
	return c.decode(text)
}
