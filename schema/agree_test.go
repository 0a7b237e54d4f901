package schema_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/registry"
	"github.com/sfere-go/sfere/schema"
)

// Whatever Go writes fits the schema; samples are read strictly and written as
// something that fits; and what Go cannot read for its kind, the schema refuses.
func TestSchemaAgreesWithJSON(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.reason, func(t *testing.T) {
			c := schema.Of(typed(k.typ))
			if err := c.Err(); err != nil {
				t.Fatal(err)
			}
			rapid.Check(t, func(t *rapid.T) { agrees(t, c, k.typ) })
		})
	}
	t.Run("types that nobody wrote", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			typ := drawStruct(t, 0)
			c := schema.Of(typed(typ))
			if err := c.Err(); err != nil {
				t.Fatalf("%v: %v", typ, err)
			}
			for range 5 {
				agrees(t, c, typ)
			}
		})
	})
}

// drawStruct draws a struct type with any fields and tags.
func drawStruct(t *rapid.T, depth int) reflect.Type {
	var fields []reflect.StructField
	for i := range rapid.IntRange(0, 5).Draw(t, "fields") {
		f := reflect.StructField{Name: fmt.Sprintf("F%d", i), Type: drawType(t, depth+1)}
		tag := rapid.SampledFrom([]string{"", "", "same", "aName", "-,", "a.b", "$literal"}).Draw(t, "name")
		tag += rapid.SampledFrom([]string{"", "", ",omitempty", ",omitzero", ",string", ",string,omitempty"}).Draw(t, "options")
		if bare := f.Type; strings.Contains(tag, "string") {
			for bare.Kind() == reflect.Pointer {
				bare = bare.Elem()
			}
			if bare == reflect.TypeFor[slog.Level]() { // refused, see TestCannotBeDescribed
				tag = ""
			}
		}
		if tag != "" && tag != "-" {
			f.Tag = reflect.StructTag(fmt.Sprintf("json:%q", tag))
		}
		fields = append(fields, f)
	}
	if rapid.IntRange(0, 2).Draw(t, "embeds") == 0 {
		e := rapid.SampledFrom([]reflect.Type{reflect.TypeFor[Base](), reflect.TypeFor[*Base](), reflect.TypeFor[Deep](), reflect.TypeFor[*Deep](), reflect.TypeFor[Nick]()}).Draw(t, "embedded")
		name := e.Name()
		if e.Kind() == reflect.Pointer {
			name = e.Elem().Name()
		}
		fields = append(fields, reflect.StructField{Name: name, Type: e, Anonymous: true})
	}
	return reflect.StructOf(fields)
}

// drawType draws a type of which data can be made.
func drawType(t *rapid.T, depth int) reflect.Type {
	of := func() reflect.Type { return drawType(t, depth+1) }
	most := 6
	if depth > 3 {
		most = 1
	}
	switch rapid.IntRange(0, most).Draw(t, "kind") {
	case 2:
		return reflect.PointerTo(of())
	case 3:
		return reflect.SliceOf(of())
	case 4:
		return reflect.ArrayOf(rapid.IntRange(0, 2).Draw(t, "len"), of())
	case 5:
		return reflect.MapOf(rapid.SampledFrom([]reflect.Type{
			reflect.TypeFor[string](), reflect.TypeFor[int](), reflect.TypeFor[int8](), reflect.TypeFor[uint](), reflect.TypeFor[netip.Addr](), reflect.TypeFor[colour](), reflect.TypeFor[state](),
		}).Draw(t, "key"), of())
	case 6:
		return drawStruct(t, depth+1)
	}
	return rapid.SampledFrom([]reflect.Type{
		reflect.TypeFor[bool](), reflect.TypeFor[string](), reflect.TypeFor[int](), reflect.TypeFor[int8](), reflect.TypeFor[uint8](), reflect.TypeFor[uint64](),
		reflect.TypeFor[float32](), reflect.TypeFor[float64](), reflect.TypeFor[any](), reflect.TypeFor[[]byte](), reflect.TypeFor[json.Number](), reflect.TypeFor[json.RawMessage](),
		reflect.TypeFor[time.Time](), reflect.TypeFor[time.Duration](), reflect.TypeFor[netip.Addr](), reflect.TypeFor[net.IP](), reflect.TypeFor[*big.Int](), reflect.TypeFor[slog.Level](),
		reflect.TypeFor[colour](), reflect.TypeFor[degrees](), reflect.TypeFor[stamped](), reflect.TypeFor[place](), reflect.TypeFor[chain](), reflect.TypeFor[nest](), reflect.TypeFor[Outer](),
		reflect.TypeFor[effect.List](), reflect.TypeFor[effect.Late[string]](), reflect.TypeFor[effect.Late[any]](), reflect.TypeFor[effect.Late[[]string]](), reflect.TypeFor[effect.Late[*chain]](), reflect.TypeFor[effect.Late[place]](),
		reflect.TypeFor[box[*int]](), reflect.TypeFor[tags](),
	}).Draw(t, "type")
}

// holds is an effect with a field of any type.
type holds[T any] struct {
	V T   `json:"v"`
	L []T `json:"l,omitempty"`
	P *T  `json:"p"`
}

func (holds[T]) EffectName() string { return "test/t0" }

// Registered types behave alike: what Go makes is written, decoded, valid as text
// and let through by the strict validator; and samples decode to such values.
func TestSchemaAgreesWithDispatcher(t *testing.T) {
	registered[int](t)
	registered[uint64](t)
	registered[json.Number](t)
	registered[[]byte](t)
	registered[[2][]string](t)
	registered[map[int8]*string](t)
	registered[map[netip.Addr]place](t)
	registered[netip.Addr](t)
	registered[net.IP](t)
	registered[slog.Level](t)
	registered[time.Time](t)
	registered[any](t)
	registered[chain](t)
	registered[nest](t)
	registered[Deep](t)
	registered[box[*place]](t)
	registered[effect.List](t)
	registered[effect.Late[[]string]](t)
	registered[effect.Late[any]](t)
	registered[effect.Late[place]](t)
	registered[effect.Late[map[string]*chain]](t)
}

func registered[T any](t *testing.T) {
	t.Helper()
	t.Run(reflect.TypeFor[T]().String(), func(t *testing.T) {
		d := dispatch.Must(dispatch.New(items(), registry.New("more", effect.Handle("Hold a value.", func(context.Context, call, holds[T]) (T, error) {
			var zero T
			return zero, nil
		}))))
		c := schema.Of(d)
		if err := c.Err(); err != nil {
			t.Fatal(err)
		}
		strict := c.Validator(schema.Strict, nil)
		rapid.Check(t, func(t *rapid.T) {
			item := drawValue(t, reflect.TypeFor[holds[T]](), 0).Interface().(effect.Data)
			text, err := effect.List{item}.MarshalJSON()
			if err != nil {
				t.Skip(err)
			}
			if err := strict(item); err != nil {
				t.Fatalf("%s is kept from running: %v", text, err)
			}
			if err := c.Validate(t.Context(), text); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			if _, err := d.Decode(text); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			samples, err := c.Sample("test/t0", 1, rapid.Uint64().Draw(t, "seed"))
			if err != nil {
				t.Fatal(err)
			}
			decoded, err := d.Decode(list("[%s]", samples[0]))
			if err != nil {
				t.Fatalf("%s: %v", samples[0], err)
			}
			if err := strict(decoded[0]); err != nil {
				t.Fatalf("%s is decoded and kept from running: %v", samples[0], err)
			}
		})
	})
}
