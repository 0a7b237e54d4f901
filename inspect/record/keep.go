package record

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"reflect"
	"strings"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/excerpt"
	"github.com/sfere-go/sfere/twk"
)

// keeper makes the copy of a value that a recording keeps. It shares nothing with
// the program, has no secrets in it, and is bounded. A keeper is for one value.
type keeper struct {
	secrets *secrets
	left    int   // bytes that may still be kept
	used    int   // bytes that are kept
	omitted int   // bytes that are not
	visits  int   // parts that were looked at
	hid     int   // how many secrets
	found   finds // texts of them
}

// maxDeep is how deep values nest that are copied.
const maxDeep = 60

var (
	contentType = reflect.TypeFor[twk.Content]()
	errorType   = reflect.TypeFor[error]()
	rawType     = reflect.TypeFor[json.RawMessage]()
)

// item returns what is kept of effect data. Markup of a template or a function was
// rendered when d ran; a note takes its place.
func (k *keeper) item(d effect.Data) (out effect.Data) {
	if d == nil {
		return nil
	}
	defer func() {
		if recover() != nil { // of reflection; a recording must not fail a dispatch
			k.omitted++
			out = effect.Raw{Effect: name(d)}
		}
	}()
	v := reflect.ValueOf(d)
	if v.Kind() == reflect.Pointer { // read as its value, as dispatchers do
		if v.IsNil() {
			return nil
		}
		if _, ok := v.Elem().Interface().(effect.Data); ok {
			v = v.Elem()
		}
	}
	return k.clone(v, 0).Interface().(effect.Data)
}

// value returns what is kept of what a handler returned: a copy if nobody can
// change it any more, else the name of its type. A value that is read must not be
// one that its owner writes to at the same time.
func (k *keeper) value(v any) (out any) {
	if v == nil {
		return nil
	}
	t := reflect.TypeOf(v)
	defer func() {
		if recover() != nil {
			out = t.String()
		}
	}()
	switch v.(type) {
	case sfere.Report, sfere.Refreshed: // they are made for the caller
	default:
		if !fixed(t, 0) {
			return t.String()
		}
	}
	return k.clone(reflect.ValueOf(v), 0).Interface()
}

// fixed reports whether a copy of a t shares nothing with the original that could
// change.
func fixed(t reflect.Type, depth int) bool {
	if depth > 8 {
		return false
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice, reflect.Interface, reflect.Func, reflect.Chan, reflect.UnsafePointer:
		return false
	case reflect.Array:
		return fixed(t.Elem(), depth+1)
	case reflect.Struct:
		for i := range t.NumField() {
			if !fixed(t.Field(i).Type, depth+1) {
				return false
			}
		}
	}
	return true
}

func (k *keeper) clone(src reflect.Value, depth int) reflect.Value {
	dst := reflect.New(src.Type()).Elem()
	if src.Kind() == reflect.Struct {
		dst.Set(src)
	}
	k.put(dst, src, depth)
	return dst
}

// put sets dst to a copy of src. A struct has been set already: what is unexported
// comes along as it is.
func (k *keeper) put(dst, src reflect.Value, depth int) {
	k.took(int(src.Type().Size()))
	if depth > maxDeep || k.left < -MaxValue { // it may be a circle
		k.omitted++
		dst.SetZero()
		return
	}
	switch src.Kind() {
	case reflect.String:
		dst.SetString(k.text(src.String()))
	case reflect.Struct:
		k.fields(dst, src, depth)
	case reflect.Slice:
		k.slice(dst, src, depth)
	case reflect.Array:
		for i := range src.Len() {
			k.set(dst.Index(i), src.Index(i), depth+1)
		}
	case reflect.Map:
		k.entries(dst, src, depth)
	case reflect.Pointer:
		if !src.IsNil() {
			dst.Set(k.clone(src.Elem(), depth+1).Addr())
		}
	case reflect.Interface:
		k.dynamic(dst, src, depth)
	case reflect.Func, reflect.Chan, reflect.UnsafePointer:
		dst.SetZero()
	default:
		dst.Set(src)
	}
}

// set is put for a dst that is part of something else.
func (k *keeper) set(dst, src reflect.Value, depth int) {
	if src.Kind() == reflect.Struct {
		dst.Set(src)
	}
	k.put(dst, src, depth)
}

func (k *keeper) took(n int) { k.used, k.left = k.used+n, k.left-n }

// perEntry is what a map takes up for each of its entries beside the entry.
const perEntry = 64

// brief is the length of texts that are kept even if there is no more room: what
// is left of a value should still be understood.
const brief = 256

// text returns s, or the beginning of it. One text takes half of the room at most.
func (k *keeper) text(s string) string {
	if room := max(k.left/2, brief); len(s) > room {
		if k.left < -2*MaxValue {
			room = 0
		}
		k.omitted += len(s) - room
		s = excerpt.Of(s, room, fmt.Sprintf("… %d bytes left out", len(s)-room))
	}
	k.took(len(s))
	return strings.Clone(s)
}

func (k *keeper) fields(dst, src reflect.Value, depth int) {
	t := src.Type()
	for i, secret := range k.secrets.fields(t) {
		f := t.Field(i)
		switch {
		case !f.IsExported() && (!f.Anonymous || f.Type.Kind() != reflect.Struct):
			// Nothing can be set here, and JSON does not show it. What is too big goes
			// with everything around it.
			size := k.weight(src.Field(i), depth)
			if k.took(size); size > MaxValue {
				k.omitted += size
				k.took(-size)
				dst.SetZero()
				return
			}
		case secret:
			k.hide(dst.Field(i), src.Field(i), depth+1)
		case f.Type == dataType && isLate(t):
			if raw, ok := src.Field(i).Interface().(effect.Raw); ok {
				dst.Field(i).Set(reflect.ValueOf(k.reference(raw)))
				continue
			}
			k.put(dst.Field(i), src.Field(i), depth+1)
		case f.IsExported():
			if f.Type.Kind() != reflect.Struct {
				dst.Field(i).SetZero()
			}
			k.put(dst.Field(i), src.Field(i), depth+1)
		default: // embedded
			k.fields(dst.Field(i), src.Field(i), depth+1)
		}
	}
}

// maxVisits bounds how many parts of a value are looked at without a copy.
const maxVisits = 10_000

// visit reports whether one more part may be looked at.
func (k *keeper) visit(depth int) bool {
	k.visits++
	return depth <= maxDeep && k.visits <= maxVisits
}

// weight reckons what v takes up, in bytes.
func (k *keeper) weight(v reflect.Value, depth int) int {
	n := int(v.Type().Size())
	if !k.visit(depth) {
		return n
	}
	switch v.Kind() {
	case reflect.String:
		n += v.Len()
	case reflect.Slice:
		n += v.Len() * int(v.Type().Elem().Size())
	case reflect.Map:
		n += v.Len() * int(v.Type().Elem().Size()+v.Type().Key().Size())
	case reflect.Struct:
		for i := range v.NumField() {
			n += k.weight(v.Field(i), depth+1)
		}
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			n += k.weight(v.Elem(), depth+1)
		}
	}
	return n
}

func (k *keeper) slice(dst, src reflect.Value, depth int) {
	t := src.Type()
	switch {
	case src.IsNil():
	case t == rawType:
		dst.SetBytes(k.raw(src.Bytes()))
	case t.Elem().Kind() == reflect.Uint8:
		b := src.Bytes()
		if room := max(k.left/2, brief); len(b) > room {
			k.omitted += len(b) - room
			b = b[:room]
		}
		k.took(len(b))
		dst.SetBytes(bytes.Clone(b))
	default:
		size := max(int(t.Elem().Size()), 1)
		out := reflect.MakeSlice(t, 0, min(src.Len(), max(k.left, 0)/size+1))
		for i := range src.Len() {
			if k.left <= 0 {
				k.omitted += (src.Len() - i) * size
				break
			}
			e := reflect.New(t.Elem()).Elem()
			k.set(e, src.Index(i), depth+1)
			out = reflect.Append(out, e)
		}
		dst.Set(out)
	}
}

func (k *keeper) entries(dst, src reflect.Value, depth int) {
	if src.IsNil() {
		return
	}
	t := src.Type()
	out := reflect.MakeMap(t)
	for it := src.MapRange(); it.Next(); {
		if k.left <= 0 {
			k.omitted += (src.Len() - out.Len()) * int(t.Elem().Size()+t.Key().Size())
			break
		}
		e := reflect.New(t.Elem()).Elem()
		if key := it.Key(); key.Kind() == reflect.String && t.Elem().Kind() != reflect.Bool && k.secrets.named(key.String()) {
			k.hide(e, it.Value(), depth+1)
		} else {
			k.set(e, it.Value(), depth+1)
		}
		k.took(perEntry)
		out.SetMapIndex(k.clone(it.Key(), depth+1), e)
	}
	dst.Set(out)
}

// dynamic copies what an interface holds.
func (k *keeper) dynamic(dst, src reflect.Value, depth int) {
	if src.IsNil() {
		return
	}
	e := src.Elem()
	var out reflect.Value
	switch t := e.Type(); {
	case e.Kind() == reflect.Pointer && e.IsNil():
		out = e
	case t.Implements(errorType):
		out = reflect.ValueOf(k.err(e.Interface()))
	case t.Implements(contentType) && e.Kind() != reflect.String:
		out = reflect.ValueOf(twk.HTML("<!-- rendered by a " + html.EscapeString(t.String()) + " when it ran -->"))
	default:
		if e.Kind() == reflect.Pointer { // effect data is read as its value
			if _, ok := e.Interface().(effect.Data); ok {
				if _, ok := e.Elem().Interface().(effect.Data); ok {
					e = e.Elem()
				}
			}
		}
		out = k.clone(e, depth+1)
	}
	if out.Type().AssignableTo(dst.Type()) {
		dst.Set(out)
	}
}

// textError is what is kept of an error.
type textError string

func (e textError) Error() string { return string(e) }

// err returns what is kept of an error. Its text may come from the program, and
// must not be asked for under a lock.
func (k *keeper) err(err any) textError {
	whole := fmt.Sprint(err) // which survives an Error that panics
	text := k.found.cover(whole)
	if len(text) > maxError {
		left := max(len(whole), len(text)) - maxError
		k.omitted += left
		text = excerpt.Of(text, maxError, fmt.Sprintf("… %d bytes left out", left))
	}
	k.took(len(text))
	return textError(strings.Clone(text))
}
