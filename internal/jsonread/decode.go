package jsonread

import (
	"errors"
	"fmt"
	"iter"
	"reflect"
	"strconv"
	"strings"

	"github.com/sfere-go/sfere/internal/jsonfields"
	"github.com/sfere-go/sfere/internal/near"
)

// Unmarshal reads one JSON value into what v points to, which must be zero. v must be a
// non-nil pointer. Errors are those of [Parse] and [Decoder.Decode].
func Unmarshal(text []byte, v any) error {
	parsed, err := Parse(text, Limits{})
	if err != nil {
		return err
	}
	return Read(parsed, v)
}

// Read is [Unmarshal] for a value that has been parsed.
func Read(from Value, v any) error {
	return NewTypes(nil).Decoder(nil).Decode(from, reflect.ValueOf(v).Elem())
}

// Decoder reads values into Go values, as encoding/json does by default but for what the
// package comment says. It is for one text and one goroutine.
type Decoder struct {
	// For is what the caller of [Types.Decoder] gave, for its Specials.
	For any
	// Customs counts the values that read themselves, so that whoever asks before and
	// after knows whether there were any.
	Customs int

	types *Types
	path  []step
	hints int // that may still be looked for
}

// step is a name or, if that is empty, an index on the way to a value.
type step struct {
	name  string
	index int
}

// maxHints is how many errors of one text get suggestions, which cost more than finding
// the errors does.
const maxHints = 3

// Decoder returns a decoder for one text. Its Specials find who in the field For.
func (t *Types) Decoder(who any) *Decoder {
	return &Decoder{For: who, types: t, path: make([]step, 0, 8), hints: maxHints}
}

// Enter says that what follows is about a member of the current place; [Decoder.Leave]
// ends that.
func (d *Decoder) Enter(name string) { d.path = append(d.path, step{name: name, index: -1}) }

// EnterAt is Enter for an element.
func (d *Decoder) EnterAt(i int) { d.path = append(d.path, step{index: i}) }

// Leave goes back to the place in which the last Enter was called.
func (d *Decoder) Leave() { d.path = d.path[:len(d.path)-1] }

// Depth says how deep the current place is; [Decoder.Back] returns to it, also after a
// panic.
func (d *Decoder) Depth() int { return len(d.path) }

// Back returns to a place further out.
func (d *Decoder) Back(depth int) { d.path = d.path[:depth] }

// Pointer returns the JSON pointer of the current place.
func (d *Decoder) Pointer() string {
	var b strings.Builder
	for _, s := range d.path {
		b.WriteByte('/')
		if s.index >= 0 {
			b.WriteString(strconv.Itoa(s.index))
			continue
		}
		_, _ = escaper.WriteString(&b, s.name)
	}
	return b.String()
}

// Fail returns an [*Error] about the current place. An err that is one stays as it is.
func (d *Decoder) Fail(err error) error {
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	return &Error{Pointer: d.Pointer(), Err: err}
}

// Want returns the error for a value of the wrong kind.
func (d *Decoder) Want(v Value, want string) error {
	return d.Fail(fmt.Errorf("got %s, want %s", v.Kind(), want))
}

// Unknown returns the error for a name that is none of known.
func (d *Decoder) Unknown(name string, known iter.Seq[string]) error {
	hint := ""
	if d.MayHint() {
		hint = near.Hint(name, known)
	}
	return d.Fail(fmt.Errorf("unknown field %s%s", Quote(name), hint))
}

// MayHint reports whether a suggestion may be looked for, and counts it.
func (d *Decoder) MayHint() bool {
	d.hints--
	return d.hints >= 0
}

// Decode reads v into a value that can be set and is zero. The error is an *[Error], or
// what a Special returned.
func (d *Decoder) Decode(v Value, into reflect.Value) error {
	return d.types.of(into.Type()).read(d, v, into)
}

// DecodeInOrder reads an array into the fields of a struct, in their order.
func (d *Decoder) DecodeInOrder(v Value, into reflect.Value) error {
	of := d.types.of(into.Type())
	if v.Len() > len(of.fields) {
		return d.Fail(fmt.Errorf("%d arguments for %d fields of %s", v.Len(), len(of.fields), into.Type()))
	}
	if reflect.PointerTo(into.Type()).Implements(jsonUnmarshaler) {
		return d.custom(inOrder(of.fields, v), into)
	}
	for i, e := range v.Elements() {
		d.EnterAt(i)
		if err := d.field(&of.fields[i], e, into); err != nil {
			return err
		}
		d.Leave()
	}
	return nil
}

// inOrder writes an array as the object with the given fields, for types that read
// themselves.
func inOrder(fields []jsonfields.Field, v Value) []byte {
	text := []byte{'{'}
	for i, e := range v.Elements() {
		if i > 0 {
			text = append(text, ',')
		}
		text = append(strconv.AppendQuote(text, fields[i].Name), ':') // a name from a tag has nothing to escape
		text = append(text, e.Raw()...)
	}
	return append(text, '}')
}

// object reads an object into a struct.
func (d *Decoder) object(of *typ, v Value, into reflect.Value) error {
	switch v.Kind() {
	case Null:
		return nil
	case Object:
	default:
		return d.Want(v, "object")
	}
	for name, value := range v.members() {
		text := name.inner()
		i, ok := of.byName[string(text)]
		if !ok {
			return d.Unknown(string(text), of.names)
		}
		d.Enter(of.fields[i].Name)
		if err := d.field(&of.fields[i], value, into); err != nil {
			return err
		}
		d.Leave()
	}
	return nil
}

// field reads v into one field of a struct.
func (d *Decoder) field(f *jsonfields.Field, v Value, in reflect.Value) error {
	for n, i := range f.Index {
		if n > 0 && in.Kind() == reflect.Pointer {
			if in.IsNil() {
				if !in.CanSet() {
					return d.Fail(fmt.Errorf("the field is in an embedded pointer to the unexported type %s", in.Type().Elem()))
				}
				in.Set(reflect.New(in.Type().Elem()))
			}
			in = in.Elem()
		}
		in = in.Field(i)
	}
	if !f.Quoted || v.Kind() == Null {
		return d.Decode(v, in)
	}
	if v.Kind() != String {
		return d.Want(v, "string that holds the value")
	}
	inner, err := Parse(v.inner(), Limits{Depth: 1})
	if err != nil || inner.Kind() == Array || inner.Kind() == Object || len(inner.Raw()) != len(v.inner()) {
		return d.Fail(fmt.Errorf("%s does not hold a value", Quote(v.Text())))
	}
	return d.Decode(inner, in)
}
