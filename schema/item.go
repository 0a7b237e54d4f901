package schema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"sync/atomic"

	"github.com/invopop/jsonschema"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/plainjson"
)

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
	// Args is the schema of the arguments. It stands alone, but for references to
	// the lists of effects and the placeholders in [Catalogue.Document].
	Args *Schema `json:"args,omitempty"`
	// Result is the schema of the value an effect or a placeholder gives; nil if
	// it gives none or nothing can be said of it.
	Result *Schema `json:"result,omitempty"`
	// SchemaError says why Args is missing, beginning with the field.
	SchemaError string `json:"schemaError,omitempty"`
	// Examples are calls as they are written in JSON.
	Examples []json.RawMessage `json:"examples,omitempty"`
	// Meta is what the author added; values that JSON cannot carry are text.
	Meta map[string]any `json:"meta,omitempty"`
}

// entry is one item of a catalogue, and what has been made of it so far.
type entry struct {
	info  effect.Info
	made  atomic.Pointer[described]
	check atomic.Pointer[checked]
}

// described is what the schemas of an item say. It is immutable.
type described struct {
	item    Item
	wrong   []error  // examples that cannot be written
	outside bool     // Args refers to the document
	unknown []string // fields of which no value is known
}

// described returns the description of e, made when it is first asked for.
func (c *Catalogue) described(e *entry) *described {
	return once(&e.made, func() *described { return c.describe(e.info) })
}

// describe makes the description of an item. It calls methods of its types.
func (c *Catalogue) describe(info effect.Info) *described {
	d := &described{item: Item{
		Name: info.Name, Kind: Kind(info.Kind), Doc: info.Doc, Registry: info.Registry, Site: info.Site,
		Ctx: typeName(info.Ctx), State: typeName(info.State), Late: info.HasLate, Meta: plain(info.Meta),
	}}
	i := &d.item
	if i.Kind == Effects {
		i.Reach, i.Shared, i.Dry = info.Reach.String(), info.Shared, info.Dry
	}
	b := newBuilder(c.options, c.refs, RegistryID)
	if args, err := b.arguments(info); err != nil {
		i.SchemaError = err.Error()
	} else {
		d.outside, d.unknown = b.outside, b.unknown
		i.Args = b.standalone(args)
		i.Args.Title, i.Args.Version = info.Name, jsonschema.Version
		i.Args.Description = firstOf(i.Args.Description, info.Doc)
	}
	if r := info.Result; r != nil && r != reflect.TypeFor[struct{}]() && r.Kind() != reflect.Interface {
		b := newBuilder(c.options, c.refs, RegistryID)
		b.written = true
		if result, err := b.root(r, "result"); err == nil {
			i.Result = b.standalone(result)
		}
	}
	for n, x := range info.Examples {
		text, err := wireOf(x, i.Kind)
		if err != nil {
			d.wrong = append(d.wrong, fmt.Errorf("example number %d cannot be written: %w", n, err))
			continue
		}
		i.Examples = append(i.Examples, text)
	}
	return d
}

func typeName(t reflect.Type) string {
	if t == nil {
		return ""
	}
	return t.String()
}

// plain returns meta with every value in a form that JSON can carry.
func plain(meta map[string]any) map[string]any {
	if len(meta) == 0 {
		return nil
	}
	out := map[string]any{}
	for k, v := range meta {
		var p any
		err := guard(func() error {
			text, err := json.Marshal(v)
			if err != nil {
				return err
			}
			return json.Unmarshal(text, &p)
		})
		if err != nil {
			p = fmt.Sprint(v)
		}
		out[k] = p
	}
	return out
}

// wireOf returns the wire form of one item; a placeholder is written as the
// reference to it.
func wireOf(d effect.Data, kind Kind) (text json.RawMessage, err error) {
	err = guard(func() error {
		if kind == Placeholders {
			text, err = plainjson.Marshal(effect.Later[any](d))
			return err
		}
		text, err = plainjson.Marshal(effect.List{d})
		text = bytes.TrimSuffix(bytes.TrimPrefix(text, []byte("[")), []byte("]"))
		return err
	})
	return text, err
}
