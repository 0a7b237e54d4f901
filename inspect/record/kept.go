package record

import (
	"reflect"

	"github.com/sfere-go/sfere"
)

// kept returns what a recording keeps of a value: itself if nobody can change it
// any more, else the name of its type. A value that is shown later must not be
// one that its owner writes to at the same time.
func kept(v any) any {
	switch v.(type) {
	case nil:
		return nil
	case sfere.Report: // made for the caller
		return v
	}
	if t := reflect.TypeOf(v); !fixed(t, 0) {
		return t.String()
	}
	return v
}

// fixed reports whether a copy of a t shares nothing with the original.
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
