package schema_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"math"
	"math/big"
	"net"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/schema"
)

// described is a source of items, some with types that nobody could register.
type described []effect.Info

func (d described) All() iter.Seq[effect.Info] { return slices.Values(d) }

// typed describes types as the arguments of effects test/t0, test/t1 and so on,
// with placeholders that give a text, a place and anything.
func typed(types ...reflect.Type) described {
	out := described{
		{Kind: string(schema.Effects), Name: "test/twice", Type: reflect.TypeFor[twice]()},
		{Kind: string(schema.Placeholders), Name: "test/spot", Type: reflect.TypeFor[spot](), Result: reflect.TypeFor[place]()},
		{Kind: string(schema.Placeholders), Name: "test/upper", Type: reflect.TypeFor[upper](), Result: reflect.TypeFor[string]()},
		{Kind: string(schema.Placeholders), Name: "test/user-name", Type: reflect.TypeFor[userName](), Result: reflect.TypeFor[any]()},
	}
	for i, t := range types {
		out = append(out, effect.Info{Kind: string(schema.Effects), Name: fmt.Sprintf("test/t%d", i), Type: t, Site: fmt.Sprintf("t%d.go:1", i)})
	}
	return out
}

// wire is a list with one call of test/t0.
func wire(args []byte) []byte { return fmt.Appendf(nil, `[{"effect":"test/t0","args":%s}]`, args) }

// decodeStrict reads args as a dispatcher does.
func decodeStrict(t reflect.Type, args []byte) (reflect.Value, error) {
	v := reflect.New(t)
	dec := json.NewDecoder(bytes.NewReader(args))
	dec.DisallowUnknownFields()
	err := dec.Decode(v.Interface())
	return v.Elem(), err
}

// agrees checks that the schema of typ is what encoding/json does.
func agrees(t *rapid.T, c *schema.Catalogue, typ reflect.Type) {
	v := drawValue(t, typ, 0)
	text, err := json.Marshal(v.Interface())
	if err != nil {
		return // years after 9999 and the like
	}
	if err := c.Validate(t.Context(), wire(text)); err != nil {
		t.Fatalf("Go wrote a %v as %s, and the schema refuses it: %v\n%s", typ, text, err, argsOf(c))
	}
	samples, err := c.Sample("test/t0", 2, rapid.Uint64().Draw(t, "seed"))
	if err != nil {
		t.Fatalf("no sample of %v: %v\n%s", typ, err, argsOf(c))
	}
	for _, s := range samples {
		checkSampleOf(t, c, typ, s)
	}
	for range 4 {
		wrong, ok := mutate(t, text)
		if !ok {
			continue
		}
		if _, err := decodeStrict(typ, wrong); wrongKind(err) && c.Validate(t.Context(), wire(wrong)) == nil {
			t.Fatalf("Go does not read %s as a %v (%v), and the schema allows it\n%s", wrong, typ, err, argsOf(c))
		}
	}
}

// checkSampleOf checks that a sample of test/t0 is read strictly, and written as
// something that fits.
func checkSampleOf(t *rapid.T, c *schema.Catalogue, typ reflect.Type, sample json.RawMessage) {
	var call struct{ Args json.RawMessage }
	if err := json.Unmarshal(sample, &call); err != nil {
		t.Fatal(err)
	}
	if call.Args == nil {
		return
	}
	if err := c.Validate(t.Context(), append(append([]byte{'['}, sample...), ']')); err != nil {
		t.Fatalf("the sample %s of %v is refused: %v", sample, typ, err)
	}
	v, err := decodeStrict(typ, call.Args)
	if err != nil {
		t.Fatalf("the sample %s of %v cannot be read: %v", sample, typ, err)
	}
	again, err := json.Marshal(v.Interface())
	if err != nil {
		t.Fatalf("the sample %s of %v is read and cannot be written: %v", sample, typ, err)
	}
	if err := c.Validate(t.Context(), wire(again)); err != nil {
		t.Fatalf("the sample %s of %v is written again as %s, which is refused: %v", sample, typ, again, err)
	}
}

func argsOf(c *schema.Catalogue) []byte {
	i, _ := c.Get("test/t0")
	text, _ := json.MarshalIndent(i.Args, "", " ")
	return text
}

// wrongKind reports whether encoding/json says that a value is of another kind
// than its type takes.
func wrongKind(err error) bool {
	if err == nil {
		return false
	}
	_, typeError := errors.AsType[*json.UnmarshalTypeError](err)
	return typeError || strings.Contains(err.Error(), "unknown field") || strings.Contains(err.Error(), "invalid use of ,string")
}

// mutate puts a value of another kind somewhere into text, or another name.
func mutate(t *rapid.T, text []byte) ([]byte, bool) {
	var tree any
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if dec.Decode(&tree) != nil {
		return nil, false
	}
	others := []any{"text", true, json.Number("1.5"), json.Number("-1"), json.Number("300"), []any{"text"}, map[string]any{"other": 1}, map[string]any{}, []any{}}
	var change func(v any) any
	change = func(v any) any {
		other := func() any { return others[rapid.IntRange(0, len(others)-1).Draw(t, "other")] }
		switch v := v.(type) {
		case map[string]any:
			keys := slices.Sorted(func(yield func(string) bool) {
				for k := range v {
					if !yield(k) {
						return
					}
				}
			})
			switch at := rapid.IntRange(-1, len(keys)).Draw(t, "at"); at {
			case -1:
				return other()
			case len(keys):
				v["one more"] = other()
			default:
				v[keys[at]] = change(v[keys[at]])
			}
			return v
		case []any:
			at := rapid.IntRange(-1, len(v)-1).Draw(t, "at")
			if at < 0 {
				return other()
			}
			v[at] = change(v[at])
			return v
		}
		return other()
	}
	out, err := json.Marshal(change(tree))
	return out, err == nil
}

// made are values of types that reflection cannot fill.
func made(t *rapid.T, typ reflect.Type) (any, bool) {
	pick := func(of ...any) (any, bool) { return of[rapid.IntRange(0, len(of)-1).Draw(t, "value")], true }
	switch typ {
	case reflect.TypeFor[time.Time]():
		return time.Unix(rapid.Int64Range(-1<<33, 1<<33).Draw(t, "time"), 5).UTC(), true
	case reflect.TypeFor[stamped]():
		return stamped{time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "time"), 0).UTC(), "label"}, true
	case reflect.TypeFor[netip.Addr]():
		return pick(netip.Addr{}, netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1"))
	case reflect.TypeFor[net.IP]():
		return pick(net.IP(nil), net.ParseIP("192.0.2.1"))
	case reflect.TypeFor[big.Int]():
		v := new(big.Int).Lsh(big.NewInt(rapid.Int64().Draw(t, "big")), 70)
		return *v, true
	case reflect.TypeFor[slog.Level]():
		return pick(slog.LevelDebug, slog.LevelError, slog.Level(3))
	case reflect.TypeFor[json.Number]():
		return pick(json.Number(""), json.Number("1"), json.Number("-1.5e7"), json.Number("9007199254740993"))
	case reflect.TypeFor[json.RawMessage]():
		return pick(json.RawMessage(nil), json.RawMessage("1"), json.RawMessage(`{"a":[null]}`))
	case reflect.TypeFor[colour]():
		return pick(colour{1, 2, 3}, colour{})
	case reflect.TypeFor[degrees]():
		return pick(degrees{0}, degrees{1.5})
	case reflect.TypeFor[effect.List]():
		return pick(effect.List(nil), effect.List{twice{}}, effect.List{twice{effect.List{twice{}}}})
	case reflect.TypeFor[effect.Late[string]]():
		return pick(effect.Now(""), effect.Now("a"), effect.Later[string](upper{effect.Now("a")}), effect.Later[string](userName{}))
	case reflect.TypeFor[effect.Late[place]]():
		return pick(effect.Now(place{}), effect.Later[place](spot{Name: "a"}))
	case reflect.TypeFor[effect.Late[any]]():
		return pick(effect.Now[any](nil), effect.Now[any]("a"), effect.Now[any](map[string]any{"$placeholder": 1}), effect.Now[any](map[string]any{"a": 1}), effect.Later[any](spot{Name: "a"}))
	}
	return nil, false
}

// drawValue draws a value of any type that data can have.
func drawValue(t *rapid.T, typ reflect.Type, depth int) reflect.Value {
	v := reflect.New(typ).Elem()
	if m, ok := made(t, typ); ok {
		v.Set(reflect.ValueOf(m))
		return v
	}
	most := 3
	if depth > 4 {
		most = 0
	}
	isNil := func() bool { return depth > 4 || rapid.IntRange(0, 3).Draw(t, "nil") == 0 }
	switch k := typ.Kind(); {
	case k == reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "bool"))
	case k >= reflect.Int && k <= reflect.Int64:
		bits := typ.Bits()
		v.SetInt(rapid.Int64Range(math.MinInt64>>(64-bits), math.MaxInt64>>(64-bits)).Draw(t, "int"))
	case k >= reflect.Uint && k <= reflect.Uintptr:
		v.SetUint(rapid.Uint64Range(0, math.MaxUint64>>(64-typ.Bits())).Draw(t, "uint"))
	case k == reflect.Float32:
		v.SetFloat(float64(rapid.Float32().Draw(t, "float")))
	case k == reflect.Float64:
		v.SetFloat(rapid.Float64().Draw(t, "float"))
	case k == reflect.String:
		v.SetString(rapid.String().Draw(t, "text"))
	case k == reflect.Interface:
		v.Set(reflect.ValueOf([]any{"a", 1.5, true, []any{nil}, map[string]any{"a": nil}}[rapid.IntRange(0, 4).Draw(t, "any")]))
		if isNil() {
			v.SetZero()
		}
	case k == reflect.Pointer:
		if !isNil() {
			v.Set(reflect.New(typ.Elem()))
			v.Elem().Set(drawValue(t, typ.Elem(), depth+1))
		}
	case k == reflect.Slice:
		if !isNil() {
			v.Set(reflect.MakeSlice(typ, 0, 3))
			for range rapid.IntRange(0, most).Draw(t, "len") {
				v.Set(reflect.Append(v, drawValue(t, typ.Elem(), depth+1)))
			}
		}
	case k == reflect.Array:
		for i := range v.Len() {
			v.Index(i).Set(drawValue(t, typ.Elem(), depth+1))
		}
	case k == reflect.Map:
		if !isNil() {
			v.Set(reflect.MakeMap(typ))
			for range rapid.IntRange(0, most).Draw(t, "len") {
				v.SetMapIndex(drawValue(t, typ.Key(), depth+1), drawValue(t, typ.Elem(), depth+1))
			}
		}
	case k == reflect.Struct:
		for i := range v.NumField() {
			if f := v.Field(i); f.CanSet() && typ.Field(i).Name != "From" {
				f.Set(drawValue(t, f.Type(), depth+1))
			}
		}
	}
	return v
}
