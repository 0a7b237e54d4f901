package dispatch

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
)

// ErrTooLarge is the cause of errors about wire form over the limits.
var ErrTooLarge = errors.New("wire form is over the limit")

// Decode reads a list in wire form, as effect.List marshals itself, into the
// registered types, at any nesting depth. The error joins an *[effect.Error] for every
// item that is wrong; nothing is returned then. A decoded list runs exactly
// like the literal one.
func (d *Dispatcher[C]) Decode(text []byte) (effect.List, error) {
	e := d.e
	if err := checkWire(text, e.opts.MaxWireBytes, e.opts.MaxWireDepth); err != nil {
		return nil, fmt.Errorf("dispatch: decoding: %w", err)
	}
	var raw effect.List
	if err := json.Unmarshal(text, &raw); err != nil {
		return nil, fmt.Errorf("dispatch: decoding: %w", err)
	}
	return (&decoder{engine: e}).list(raw)
}

// decoder turns one text into effect data.
type decoder struct {
	*engine
	items int // decoded so far, at all depths
}

// list decodes every item that is still in wire form.
func (e *decoder) list(raw effect.List) (effect.List, error) {
	if e.items += len(raw); e.items > e.opts.MaxItems {
		return nil, fmt.Errorf("%w: more than %d items", ErrTooLarge, e.opts.MaxItems)
	}
	if len(raw) == 0 {
		return nil, nil
	}
	out := make(effect.List, len(raw))
	var errs []error
	for i, item := range raw {
		r, ok := item.(effect.Raw)
		if !ok {
			out[i] = item
			continue
		}
		data, phase, err := e.raw(r)
		if err != nil {
			errs = append(errs, &effect.Error{Phase: phase, Path: effect.NewPath(i), Name: r.Effect, Item: r, Err: err})
			continue
		}
		out[i] = data
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return out, nil
}

// decodeRaw decodes an item that was dispatched, or used as a reference, in wire
// form. Such items can be made in Go too, so the limits are checked here as well.
func (e *engine) decodeRaw(r effect.Raw) (effect.Data, effect.Phase, error) {
	if err := checkWire(r.Args, e.opts.MaxWireBytes, e.opts.MaxWireDepth); err != nil {
		return nil, PhaseDecode, err
	}
	return (&decoder{engine: e}).raw(r)
}

// raw gives the value that r stands for, nested lists and references included.
func (e *decoder) raw(r effect.Raw) (effect.Data, effect.Phase, error) {
	entry := e.byName[r.Effect]
	if entry == nil {
		return nil, PhaseLookup, e.unknown(r.Effect)
	}
	var data effect.Data
	err := guard(func() (err error) { // of methods of the types
		data, err = e.args(entry, r.Args)
		return err
	})
	if err != nil {
		return nil, PhaseDecode, err
	}
	return data, "", nil
}

// args reads the arguments of one item.
func (e *decoder) args(entry *core.Entry, args json.RawMessage) (effect.Data, error) {
	args = bytes.TrimSpace(args)
	if len(args) == 0 {
		args = json.RawMessage("{}")
	}
	if args[0] == '[' && entry.Kind == core.Placeholder {
		var err error
		if args, err = positional(entry.Type, args); err != nil {
			return nil, err
		}
	}
	v := reflect.New(entry.Type)
	dec := json.NewDecoder(bytes.NewReader(args))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v.Interface()); err != nil {
		return nil, fmt.Errorf("reading the arguments of %s: %w", entry.Name, err)
	}
	if dec.InputOffset() != int64(len(args)) {
		return nil, fmt.Errorf("reading the arguments of %s: text after the value", entry.Name)
	}
	item, err := entry.Plan.MapNested(v.Elem().Interface(), func(list any) error {
		l := list.(*effect.List)
		decoded, err := e.list(*l)
		*l = decoded
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("in %s: %w", entry.Name, err)
	}
	item, err = entry.Plan.MapLate(item, func(l core.Late) error {
		r, ok := l.Ref().(effect.Raw)
		if !ok {
			return nil
		}
		ref, _, err := e.raw(r)
		if err != nil {
			return err
		}
		if p := e.byName[r.Effect]; p.Kind != core.Placeholder {
			return fmt.Errorf("%s is not a placeholder", r.Effect)
		}
		l.SetRef(ref)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("in %s: %w", entry.Name, err)
	}
	return item.(effect.Data), nil
}

// positional turns placeholder arguments given as an array into an object with
// the fields of t in order.
func positional(t reflect.Type, args json.RawMessage) (json.RawMessage, error) {
	var list []json.RawMessage
	if err := json.Unmarshal(args, &list); err != nil {
		return nil, err
	}
	names := jsonFields(t)
	if len(list) > len(names) {
		return nil, fmt.Errorf("%d arguments for %d fields of %s", len(list), len(names), t)
	}
	object := map[string]json.RawMessage{}
	for i, arg := range list {
		object[names[i]] = arg
	}
	return json.Marshal(object)
}

func jsonFields(t reflect.Type) []string {
	var names []string
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-" || !f.IsExported():
		case name == "":
			names = append(names, f.Name)
		default:
			names = append(names, name)
		}
	}
	return names
}

// checkWire refuses text that is too long or nests too deep, before anything
// recursive looks at it.
func checkWire(text []byte, size, depth int) error {
	if len(text) > size {
		return fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(text), size)
	}
	level, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if level++; level > depth {
				return fmt.Errorf("%w: values nest more than %d deep", ErrTooLarge, depth)
			}
		case c == '}' || c == ']':
			level--
		}
	}
	return nil
}
