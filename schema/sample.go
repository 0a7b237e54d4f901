package schema

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"reflect"
	"strings"

	"github.com/sfere-go/sfere/internal/jsonread"
	"github.com/sfere-go/sfere/internal/plainjson"
)

// MaxSamples is the most that [Catalogue.Sample] makes at once.
const MaxSamples = 10_000

// Sample returns n calls of the item called name as they are written in JSON,
// for a placeholder n references to it. Every one fits the schema, and its
// arguments can be read; the dispatcher reads it too, if one is behind the
// catalogue. The examples of the item that do so come first. The same seed gives
// the same samples.
//
// The error wraps [ErrUnknown], [ErrNoSchema] or [ErrCannotGenerate].
func (c *Catalogue) Sample(name string, n int, seed uint64) ([]json.RawMessage, error) {
	e := c.byName[name]
	if e == nil {
		return nil, c.unknown(name)
	}
	d := c.described(e)
	switch {
	case n < 0 || n > MaxSamples:
		return nil, fmt.Errorf("schema: %d samples of %s: ask for 0 to %d", n, name, MaxSamples)
	case d.item.Args == nil:
		return nil, fmt.Errorf("schema: sampling %s: %w: %s", name, ErrNoSchema, d.item.SchemaError)
	}
	out := make([]json.RawMessage, 0, n)
	for _, x := range d.item.Examples {
		if len(out) < n && c.checkSample(e, x) == nil {
			out = append(out, x)
		}
	}
	g := c.newGenerator(name, seed)
	for len(out) < n {
		text, err := c.generate(g, e)
		if err != nil {
			return nil, fmt.Errorf("schema: sampling %s: %w", name, err)
		}
		out = append(out, text)
	}
	return out, nil
}

func (c *Catalogue) newGenerator(name string, seed uint64) *generator {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name))
	return &generator{c: c, rand: rand.New(rand.NewPCG(seed, h.Sum64()))}
}

// generate makes one sample of e. The generator does not know every keyword, so
// that what it makes is checked and thrown away if need be.
func (c *Catalogue) generate(g *generator, e *entry) (json.RawMessage, error) {
	var last error
	for range 50 {
		v, err := g.call(e, 0)
		if err != nil {
			last = err
			continue
		}
		text, err := plainjson.Marshal(v)
		if err != nil {
			return nil, err
		}
		if last = c.checkSample(e, text); last == nil {
			return text, nil
		}
	}
	if unknown := c.described(e).unknown; len(unknown) > 0 {
		return nil, fmt.Errorf("%w: no value is known for %s: %w", ErrCannotGenerate, strings.Join(unknown, ", "), last)
	}
	return nil, fmt.Errorf("%w: %w", ErrCannotGenerate, last)
}

// checkSample checks a call of e in wire form: with the schema, and by reading it.
func (c *Catalogue) checkSample(e *entry, text json.RawMessage) error {
	call, err := jsonread.Parse(text, jsonread.Limits{})
	if err != nil {
		return err
	}
	if err := c.checkArgs(e, call.Get("args"), "/args"); err != nil {
		return err
	}
	if c.decode == nil || e.info.Kind == string(Placeholders) {
		return nil
	}
	if _, err := c.decode(append(append([]byte{'['}, text...), ']')); err != nil {
		return decodeProblems(err)
	}
	return nil
}

// checkArgs checks the arguments of a call, the zero Value if it has none; they are at
// the given pointer.
func (c *Catalogue) checkArgs(e *entry, args jsonread.Value, at string) error {
	k, err := c.compiled(e)
	switch {
	case err != nil || k == nil:
		return err
	case args.IsZero() && k.needed:
		return &Error{Problems: []Problem{{Name: e.info.Name, Keyword: "required", Message: "missing property 'args'"}}}
	case args.IsZero():
		return nil
	}
	value, found := args.Any(), problems{c: c}
	if err := k.args.Validate(value); err != nil {
		if err := found.add(value, err, at, e.info.Name); err != nil {
			return err
		}
		return found.err()
	}
	if err := c.readable(e.info.Type, args); err != nil {
		p := Problem{Pointer: at, Name: e.info.Name, Keyword: "decode", Message: err.Error()}
		if e, ok := errors.AsType[*jsonread.Error](err); ok {
			p.Pointer, p.Message = at+e.Pointer, e.Err.Error()
		}
		found.put(p)
	}
	return found.err()
}

// readable reports why args cannot be read into a t, with no field unknown. Those of a
// placeholder may be in order.
func (c *Catalogue) readable(t reflect.Type, args jsonread.Value) error {
	return guard(func() error {
		d, into := c.types.Decoder(nil), reflect.New(t).Elem()
		if args.Kind() == jsonread.Array && t.Kind() == reflect.Struct {
			return d.DecodeInOrder(args, into)
		}
		return d.Decode(args, into)
	})
}
