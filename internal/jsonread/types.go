package jsonread

import (
	"encoding"
	"encoding/json"
	"reflect"
	"sync"

	"github.com/sfere-go/sfere/internal/jsonfields"
)

// Special reads values of one type in place of the [Decoder]. into can be set, and holds
// the zero value.
type Special func(d *Decoder, v Value, into reflect.Value) error

// Types knows how the values of Go types are read. It may be used from any goroutine.
type Types struct {
	special func(reflect.Type) Special
	known   sync.Map // *typ by reflect.Type
}

// NewTypes returns a Types that asks special for each type first, once. A nil Special
// means that there is none for it; special may be nil.
func NewTypes(special func(reflect.Type) Special) *Types { return &Types{special: special} }

// typ is what is known of one type. It is immutable.
type typ struct {
	read   Special
	fields []jsonfields.Field // of a struct
	byName map[string]int     // in fields
}

var (
	jsonUnmarshaler = reflect.TypeFor[json.Unmarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
	numberType      = reflect.TypeFor[json.Number]()
)

func (t *Types) of(r reflect.Type) *typ {
	if known, ok := t.known.Load(r); ok {
		return known.(*typ)
	}
	made := &typ{}
	if r.Kind() == reflect.Struct {
		made.fields, made.byName = jsonfields.Of(r), map[string]int{}
		for i, f := range made.fields {
			made.byName[f.Name] = i
		}
	}
	made.read = t.reader(r, made)
	known, _ := t.known.LoadOrStore(r, made)
	return known.(*typ)
}

func (t *Types) reader(r reflect.Type, of *typ) Special {
	if t.special != nil {
		if s := t.special(r); s != nil {
			return s
		}
	}
	pointer := reflect.PointerTo(r)
	switch {
	case r.Kind() == reflect.Pointer:
		return readPointer
	case r.Kind() == reflect.Interface:
		return readInterface
	case pointer.Implements(jsonUnmarshaler):
		return readCustom
	case pointer.Implements(textUnmarshaler):
		return readText
	case r == numberType:
		return readNumber
	}
	switch r.Kind() {
	case reflect.Struct:
		return func(d *Decoder, v Value, into reflect.Value) error { return d.object(of, v, into) }
	case reflect.Map:
		return readMap
	case reflect.Slice:
		return readSlice
	case reflect.Array:
		return readArray
	case reflect.Bool:
		return readBool
	case reflect.String:
		return readString
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return readInt
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return readUint
	case reflect.Float32, reflect.Float64:
		return readFloat
	}
	return readUnfit
}

// names iterates over the names of the fields.
func (t *typ) names(yield func(string) bool) {
	for _, f := range t.fields {
		if !yield(f.Name) {
			return
		}
	}
}
