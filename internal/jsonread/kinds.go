package jsonread

import (
	"encoding"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
)

func readPointer(d *Decoder, v Value, into reflect.Value) error {
	if v.Kind() == Null {
		return nil
	}
	p := reflect.New(into.Type().Elem())
	if err := d.Decode(v, p.Elem()); err != nil {
		return err
	}
	into.Set(p)
	return nil
}

func readInterface(d *Decoder, v Value, into reflect.Value) error {
	if v.Kind() == Null {
		return nil
	}
	if into.NumMethod() > 0 {
		return d.Fail(fmt.Errorf("no value can be read into the interface %s", into.Type()))
	}
	into.Set(reflect.ValueOf(v.Any()))
	return nil
}

// readCustom is for types with a method of their own. It must not keep the text.
func readCustom(d *Decoder, v Value, into reflect.Value) error { return d.custom(v.Raw(), into) }

func (d *Decoder) custom(text []byte, into reflect.Value) error {
	d.Customs++
	if err := into.Addr().Interface().(json.Unmarshaler).UnmarshalJSON(text); err != nil {
		if inner, ok := err.(*Error); ok { // from a method that reads with this package
			return &Error{Pointer: d.Pointer() + inner.Pointer, Err: inner.Err}
		}
		return &Error{Pointer: d.Pointer(), Err: err}
	}
	return nil
}

func readText(d *Decoder, v Value, into reflect.Value) error {
	switch v.Kind() {
	case Null:
		return nil
	case String:
	default:
		return d.Want(v, "string")
	}
	if err := into.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(v.Text())); err != nil {
		return d.Fail(err)
	}
	return nil
}

func readNumber(d *Decoder, v Value, into reflect.Value) error {
	switch v.Kind() {
	case Null:
	case Number:
		into.SetString(string(v.Raw()))
	case String:
		if err := asNumber(v.Text()); err != nil {
			return d.Fail(err)
		}
		into.SetString(v.Text())
	default:
		return d.Want(v, "number")
	}
	return nil
}

func readMap(d *Decoder, v Value, into reflect.Value) error {
	switch v.Kind() {
	case Null:
		return nil
	case Object:
	default:
		return d.Want(v, "object")
	}
	t := into.Type()
	m := reflect.MakeMapWithSize(t, v.Len())
	key, elem := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
	for n, value := range v.members() {
		name := n.Text()
		d.Enter(name)
		key.SetZero()
		if err := d.key(name, key); err != nil {
			return err
		}
		if m.MapIndex(key).IsValid() {
			return d.Fail(fmt.Errorf("the name %s means the same as another", Quote(name)))
		}
		elem.SetZero()
		if err := d.Decode(value, elem); err != nil {
			return err
		}
		m.SetMapIndex(key, elem)
		d.Leave()
	}
	into.Set(m)
	return nil
}

// key reads the name of a member as the key of a map.
func (d *Decoder) key(name string, into reflect.Value) error {
	if u, ok := into.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if err := u.UnmarshalText([]byte(name)); err != nil {
			return d.Fail(err)
		}
		return nil
	}
	switch into.Kind() {
	case reflect.String:
		into.SetString(name)
		return nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if n, err := strconv.ParseInt(name, 10, into.Type().Bits()); err == nil {
			into.SetInt(n)
			return nil
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		if n, err := strconv.ParseUint(name, 10, into.Type().Bits()); err == nil {
			into.SetUint(n)
			return nil
		}
	}
	return d.Fail(fmt.Errorf("the name %s does not fit %s", Quote(name), into.Type()))
}

func readSlice(d *Decoder, v Value, into reflect.Value) error {
	t := into.Type()
	switch v.Kind() {
	case Null:
		return nil
	case Array:
		s := reflect.MakeSlice(t, v.Len(), v.Len())
		if err := d.elements(v, s); err != nil {
			return err
		}
		into.Set(s)
		return nil
	case String:
		if t.Elem().Kind() != reflect.Uint8 {
			break
		}
		b, err := base64.StdEncoding.DecodeString(v.Text())
		if err != nil {
			return d.Fail(err)
		}
		into.SetBytes(b)
		return nil
	}
	return d.Want(v, "array")
}

func readArray(d *Decoder, v Value, into reflect.Value) error {
	switch v.Kind() {
	case Null:
		return nil
	case Array:
	default:
		return d.Want(v, "array")
	}
	if v.Len() > into.Len() {
		return d.Fail(fmt.Errorf("%d elements for %s", v.Len(), into.Type()))
	}
	return d.elements(v, into)
}

func (d *Decoder) elements(v Value, into reflect.Value) error {
	for i, e := range v.Elements() {
		d.EnterAt(i)
		if err := d.Decode(e, into.Index(i)); err != nil {
			return err
		}
		d.Leave()
	}
	return nil
}

func readBool(d *Decoder, v Value, into reflect.Value) error {
	switch v.Kind() {
	case Null:
	case Bool:
		into.SetBool(v.Raw()[0] == 't')
	default:
		return d.Want(v, "boolean")
	}
	return nil
}

func readString(d *Decoder, v Value, into reflect.Value) error {
	switch v.Kind() {
	case Null:
	case String:
		into.SetString(v.Text())
	default:
		return d.Want(v, "string")
	}
	return nil
}

func readInt(d *Decoder, v Value, into reflect.Value) error {
	switch v.Kind() {
	case Null:
		return nil
	case Number:
		n, err := strconv.ParseInt(string(v.Raw()), 10, into.Type().Bits())
		if err != nil {
			return d.unfit(v, into)
		}
		into.SetInt(n)
		return nil
	}
	return d.Want(v, "integer")
}

func readUint(d *Decoder, v Value, into reflect.Value) error {
	switch v.Kind() {
	case Null:
		return nil
	case Number:
		n, err := strconv.ParseUint(string(v.Raw()), 10, into.Type().Bits())
		if err != nil {
			return d.unfit(v, into)
		}
		into.SetUint(n)
		return nil
	}
	return d.Want(v, "integer")
}

func readFloat(d *Decoder, v Value, into reflect.Value) error {
	switch v.Kind() {
	case Null:
		return nil
	case Number:
		n, err := strconv.ParseFloat(string(v.Raw()), into.Type().Bits())
		if err != nil {
			return d.unfit(v, into)
		}
		into.SetFloat(n)
		return nil
	}
	return d.Want(v, "number")
}

func (d *Decoder) unfit(v Value, into reflect.Value) error {
	return d.Fail(fmt.Errorf("number %s does not fit %s", v.Raw(), into.Type()))
}

func readUnfit(d *Decoder, v Value, into reflect.Value) error {
	if v.Kind() == Null {
		return nil
	}
	return d.Fail(fmt.Errorf("no value can be read into a %s", into.Type()))
}
