package schema

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"

	"github.com/sfere-go/sfere/internal/plainjson"
)

// MaxSamples is the most that [Catalogue.Sample] makes at once.
const MaxSamples = 10_000

// Sample returns n calls of the item called name as they are written in JSON,
// for a placeholder n references to it. Every one fits the schema, and decodes if
// a dispatcher is behind the catalogue; the examples of the item come first. The
// same seed gives the same samples.
//
// The error wraps [ErrUnknown], [ErrNoSchema] or [ErrCannotGenerate].
func (c *Catalogue) Sample(name string, n int, seed uint64) ([]json.RawMessage, error) {
	item, err := c.Get(name)
	switch {
	case err != nil:
		return nil, err
	case n < 0 || n > MaxSamples:
		return nil, fmt.Errorf("schema: %d samples of %s: ask for 0 to %d", n, name, MaxSamples)
	case item.Args == nil:
		return nil, fmt.Errorf("schema: sampling %s: %w: %s", name, ErrNoSchema, item.SchemaError)
	}
	out := make([]json.RawMessage, 0, n)
	for _, x := range item.Examples {
		if len(out) < n {
			out = append(out, x)
		}
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(name))
	g := &generator{rand: rand.New(rand.NewPCG(seed, h.Sum64())), defs: c.doc.Definitions}
	for len(out) < n {
		text, err := c.generate(g, item)
		if err != nil {
			return nil, fmt.Errorf("schema: sampling %s: %w", name, err)
		}
		out = append(out, text)
	}
	return out, nil
}

// generate makes one sample. The generator does not know every keyword, so that
// what it makes is checked and thrown away if need be.
func (c *Catalogue) generate(g *generator, item Item) (json.RawMessage, error) {
	var last error
	for range 50 {
		v, err := g.value(&Schema{Ref: defsPath + itemDefName(string(item.Kind), item.Name)}, "", 0)
		if err != nil {
			last = err
			continue
		}
		text, err := plainjson.Marshal(v)
		if err != nil {
			return nil, err
		}
		if last = c.checkSample(item, text); last == nil {
			return text, nil
		}
	}
	return nil, fmt.Errorf("%w (%w)", ErrCannotGenerate, last)
}

func (c *Catalogue) checkSample(item Item, text json.RawMessage) error {
	if item.Kind == Placeholders {
		return c.ValidateReference(text)
	}
	return c.Validate(append(append([]byte{'['}, text...), ']'))
}
