package record

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/sfere-go/sfere/internal/plainjson"
)

// raw returns JSON text without its secrets, or a text in its place that says why
// it is not there.
func (k *keeper) raw(text []byte) []byte {
	note := func(format string, args ...any) []byte {
		k.omitted += len(text)
		s, _ := plainjson.Marshal(fmt.Sprintf(format, args...)) // a string marshals
		k.took(len(s))
		return s
	}
	if len(text) > max(k.left/2, brief) {
		return note("%d bytes left out", len(text))
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil || dec.More() {
		return note("%d bytes left out that are not JSON", len(text))
	}
	before := k.hid
	if v = k.members(v); k.hid == before {
		k.took(len(text))
		return bytes.Clone(text)
	}
	out, err := plainjson.Marshal(v)
	if err != nil {
		return note("%d bytes left out", len(text))
	}
	k.took(len(out))
	return out
}

// members hides the secrets of decoded JSON, which it may change.
func (k *keeper) members(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			if _, isBool := inner.(bool); inner != nil && !isBool && k.secrets.named(name) {
				k.hid++
				k.find(reflect.ValueOf(inner), 0)
				v[name] = Hidden
				continue
			}
			v[name] = k.members(inner)
		}
	case []any:
		for i := range v {
			v[i] = k.members(v[i])
		}
	}
	return v
}

// hide sets dst, of the type of src, to something that does not tell what src is.
// What is empty may be seen to be.
func (k *keeper) hide(dst, src reflect.Value, depth int) {
	k.hid++
	k.find(src, depth)
	k.cover(dst, src, depth)
}

func (k *keeper) cover(dst, src reflect.Value, depth int) {
	k.took(int(src.Type().Size()))
	if !dst.CanSet() {
		return
	}
	dst.SetZero()
	if src.IsZero() || !k.visit(depth) {
		return
	}
	switch t := src.Type(); {
	case src.Kind() == reflect.String:
		dst.SetString(Hidden)
	case src.Kind() == reflect.Interface && t.NumMethod() == 0:
		dst.Set(reflect.ValueOf(Hidden))
	case t == rawType:
		dst.SetBytes([]byte(`"` + Hidden + `"`))
	case src.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		dst.SetBytes([]byte(Hidden))
	case src.Kind() == reflect.Struct:
		for i := range t.NumField() {
			if t.Field(i).IsExported() {
				k.cover(dst.Field(i), src.Field(i), depth+1)
			}
		}
	case src.Kind() == reflect.Pointer:
		p := reflect.New(t.Elem())
		k.cover(p.Elem(), src.Elem(), depth+1)
		dst.Set(p)
	}
}

// find notes the texts of a secret, so that they are hidden in errors as well.
func (k *keeper) find(v reflect.Value, depth int) {
	if !k.visit(depth) {
		k.found.over = true
		return
	}
	switch v.Kind() {
	case reflect.String:
		k.found.add(v.String())
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
			k.find(reflect.ValueOf(string(v.Bytes())), depth+1)
			return
		}
		for i := range v.Len() {
			k.find(v.Index(i), depth+1)
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			k.find(it.Value(), depth+1)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			k.find(v.Field(i), depth+1)
		}
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			k.find(v.Elem(), depth+1)
		}
	}
}
