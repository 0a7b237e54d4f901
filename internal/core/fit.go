package core

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"runtime"
	"strings"

	"github.com/sfere-go/sfere/internal/jsonfields"
)

var (
	jsonMarshaler   = reflect.TypeFor[json.Marshaler]()
	jsonUnmarshaler = reflect.TypeFor[json.Unmarshaler]()
	textMarshaler   = reflect.TypeFor[encoding.TextMarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
	dataType        = reflect.TypeFor[interface{ EffectName() string }]()
)

// fit refuses types whose values tests cannot compare, or JSON cannot carry to
// another machine and back.
func fit(t reflect.Type) error {
	c := fitting{root: t, seen: map[seen]bool{}}
	return c.check(t, t.String(), false)
}

// fitting is one look through a type.
type fitting struct {
	root reflect.Type
	seen map[seen]bool
}

// seen is a type that has been looked at.
type seen struct {
	t         reflect.Type
	addressed bool
}

// check looks at t, which is found at the place that at says. addressed tells that
// the value there has an address, so that JSON asks the methods of its pointer.
func (c *fitting) check(t reflect.Type, at string, addressed bool) error {
	if c.seen[seen{t, addressed}] {
		return nil
	}
	c.seen[seen{t, addressed}] = true
	if is(t, lateType) {
		value, ok := t.FieldByName("Value")
		if !ok {
			return nil
		}
		f := finder{lateType, listerType, nil}
		if f.reaches(value.Type, map[reflect.Type]bool{}) {
			return fmt.Errorf("%s is a %s, a late value that holds late values: those would not be resolved; give the placeholder late arguments instead", at, t)
		}
		return c.check(value.Type, at, false)
	}
	if is(t, listerType) {
		return nil
	}
	if t.Kind() == reflect.Struct {
		if err := checkEmbedded(t, at); err != nil {
			return err
		}
	}
	if t.Implements(jsonMarshaler) || t.Implements(textMarshaler) {
		return nil // it vouches for its own insides
	}
	if p := reflect.PointerTo(t); t.Kind() != reflect.Interface && (p.Implements(jsonMarshaler) || p.Implements(textMarshaler)) {
		if addressed {
			return nil
		}
		return fmt.Errorf("%s is a %s, whose pointer marshals itself and whose value does not: use a *%[2]s, or declare the method on the value", at, t)
	}
	switch t.Kind() {
	case reflect.Func, reflect.Chan, reflect.UnsafePointer:
		return fmt.Errorf("%s is a %s: effect data holds values only; close over it in the handler's constructor instead", at, t.Kind())
	case reflect.Complex64, reflect.Complex128:
		return fmt.Errorf("%s is a %s, which JSON has not: use two numbers", at, t)
	case reflect.Interface:
		if t.Implements(dataType) {
			return fmt.Errorf("%s is a %s, which JSON would carry without its name, so that nobody could read it: use an effect.List", at, t)
		}
	case reflect.Struct:
		return c.checkFields(t, at, addressed)
	case reflect.Map:
		if err := c.checkKey(t.Key(), at); err != nil {
			return err
		}
		return c.check(t.Elem(), at+"[]", false)
	case reflect.Slice:
		return c.check(t.Elem(), at+"[]", true)
	case reflect.Pointer:
		return c.check(t.Elem(), at, true)
	case reflect.Array:
		return c.check(t.Elem(), at+"[]", addressed)
	}
	return nil
}

// checkFields looks at the fields of a struct that JSON takes apart.
func (c *fitting) checkFields(t reflect.Type, at string, addressed bool) error {
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() {
			if t.PkgPath() != c.root.PkgPath() && t.PkgPath() != "" {
				return fmt.Errorf("%s.%s is unexported in package %s, so JSON cannot carry it: use a string, or a type of your own with MarshalJSON and UnmarshalJSON", at, f.Name, t.PkgPath())
			}
			return fmt.Errorf("%s.%s is unexported: export it, so that tests can compare and JSON can carry it", at, f.Name)
		}
		if f.Tag.Get("json") == "-" {
			return fmt.Errorf(`%s.%s is left out of JSON by its tag "-", so another machine would get another value: give it a name, or keep it out of the data`, at, f.Name)
		}
		if err := c.check(f.Type, at+"."+f.Name, addressed); err != nil {
			return err
		}
	}
	return checkNames(t, at, map[string]string{}, map[reflect.Type]bool{})
}

// checkKey looks at the type of the keys of a map.
func (c *fitting) checkKey(key reflect.Type, at string) error {
	f := finder{lateType, nil, nil}
	if f.reaches(key, map[reflect.Type]bool{}) {
		return fmt.Errorf("%s has late values as map keys: those are not resolved; make them values", at)
	}
	switch k := key.Kind(); {
	case key.Implements(textMarshaler):
		if !reflect.PointerTo(key).Implements(textUnmarshaler) {
			return fmt.Errorf("%s has map keys of type %s, which marshals itself and cannot be read: add UnmarshalText", at, key)
		}
	case k == reflect.String, k >= reflect.Int && k <= reflect.Uintptr:
	default:
		return fmt.Errorf("%s has map keys of type %s, which JSON has not: use strings, integers, or a type with MarshalText and UnmarshalText", at, key)
	}
	return nil
}

// checkEmbedded refuses embedded types whose methods t would have instead of its
// own form.
func checkEmbedded(t reflect.Type, at string) error {
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.Anonymous || !f.IsExported() {
			continue
		}
		p := f.Type
		if p.Kind() != reflect.Pointer && p.Kind() != reflect.Interface {
			p = reflect.PointerTo(p)
		}
		if p.Implements(lateType) || p.Implements(listerType) {
			return fmt.Errorf("%s embeds %s, so that it would be written as one: name the field", at, f.Type)
		}
		writes := p.Implements(jsonMarshaler) || p.Implements(textMarshaler)
		reads := p.Implements(jsonUnmarshaler) || p.Implements(textUnmarshaler)
		if t.NumField() == 1 || !writes && !reads || own(t, writes, reads) {
			continue
		}
		return fmt.Errorf("%s embeds %s, which marshals itself and would swallow the other fields: name the field, or declare MarshalJSON and UnmarshalJSON on %[1]s", at, f.Type)
	}
	return nil
}

// own reports whether t itself declares the methods that it has to.
func own(t reflect.Type, writes, reads bool) bool {
	p := reflect.PointerTo(t)
	w, ok := t.MethodByName("MarshalJSON")
	if !ok {
		w, ok = p.MethodByName("MarshalJSON")
	}
	if writes && (!ok || promoted(w)) {
		return false
	}
	r, ok := t.MethodByName("UnmarshalJSON")
	if !ok {
		r, ok = p.MethodByName("UnmarshalJSON")
	}
	return !reads || ok && !promoted(r)
}

// promoted reports whether m is that of an embedded field: the compiler has made it
// then, and it is in no file.
func promoted(m reflect.Method) bool {
	f := runtime.FuncForPC(m.Func.Pointer())
	if f == nil {
		return false
	}
	file, _ := f.FileLine(f.Entry())
	return file == "<autogenerated>"
}

// checkNames refuses two fields with one name in JSON, which leaves out both, or the
// one further in.
func checkNames(t reflect.Type, at string, names map[string]string, around map[reflect.Type]bool) error {
	if around[t] { // it embeds a pointer to itself
		return nil
	}
	around[t] = true
	defer delete(around, t)
	for i := range t.NumField() {
		f := t.Field(i)
		where := at + "." + f.Name
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !jsonfields.ValidName(name) {
			name = ""
		}
		if f.Anonymous && name == "" {
			in := f.Type
			if in.Kind() == reflect.Pointer {
				in = in.Elem()
			}
			if in.Kind() == reflect.Struct {
				if err := checkNames(in, where, names, around); err != nil {
					return err
				}
				continue
			}
		}
		if name == "" {
			name = f.Name
		}
		if other, ok := names[name]; ok {
			return fmt.Errorf("%s and %s are both %q in JSON, which leaves out one of them or both: give one another name", other, where, name)
		}
		names[name] = where
	}
	return nil
}
