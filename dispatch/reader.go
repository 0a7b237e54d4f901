package dispatch

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
	"github.com/sfere-go/sfere/internal/jsonread"
)

// maxWrong is how many errors of one text are told.
const maxWrong = 50

// maxName is how long a name may be to be looked for among those that are registered.
const maxName = 200

// reader turns one text into effect data, in one pass over its values: nested lists and
// references are read where they stand.
type reader struct {
	*engine
	d     *jsonread.Decoder
	items int     // so far, at all depths
	top   int     // the index in the outermost list
	lists int     // that are being read
	errs  []error // of single items, at most maxWrong
	wrong int     // items that are
}

func (e *engine) reader() *reader {
	r := &reader{engine: e}
	r.d = e.types.Decoder(r)
	return r
}

func (r *reader) note(err error) {
	if r.wrong++; len(r.errs) < maxWrong {
		r.errs = append(r.errs, err)
	}
}

var (
	listType = reflect.TypeFor[effect.List]()
	lateType = reflect.TypeFor[core.Late]()
)

// special gives the readers of the types that have a meaning in the wire form.
func (e *engine) special(t reflect.Type) jsonread.Special {
	switch {
	case t == listType:
		return readList
	case t.PkgPath() == listType.PkgPath() && strings.HasPrefix(t.Name(), "Late[") && reflect.PointerTo(t).Implements(lateType):
		value, _ := t.FieldByName("Value")
		return func(d *jsonread.Decoder, v jsonread.Value, into reflect.Value) error {
			return d.For.(*reader).late(value, v, into)
		}
	}
	return nil
}

func readList(d *jsonread.Decoder, v jsonread.Value, into reflect.Value) error {
	list, err := d.For.(*reader).list(v)
	if err == nil && list != nil {
		into.Set(reflect.ValueOf(list))
	}
	return err
}

// list reads a list. What is wrong with single items is noted; the error is what ends
// the reading.
func (r *reader) list(v jsonread.Value) (effect.List, error) {
	switch v.Kind() {
	case jsonread.Null:
		return nil, nil
	case jsonread.Array:
	default:
		return nil, r.d.Fail(fmt.Errorf("reading a list: got %s, want array", v.Kind()))
	}
	if err := r.count(v.Len()); err != nil || v.Len() == 0 {
		return nil, err
	}
	out := make(effect.List, v.Len())
	r.lists++
	for i, item := range v.Elements() {
		if r.lists == 1 {
			r.top = i
		}
		r.d.EnterAt(i)
		data, err := r.item(item)
		if err != nil {
			return nil, err
		}
		r.d.Leave()
		out[i] = data
	}
	r.lists--
	return out, nil
}

// count refuses more items than one dispatch may run.
func (r *reader) count(n int) error {
	if r.items += n; r.items > r.opts.MaxItems {
		return fmt.Errorf("%w: more than %d items", ErrTooLarge, r.opts.MaxItems)
	}
	return nil
}

// fields are the names in an item, references the names in a reference.
var (
	fields     = slices.Values([]string{"effect", "args"})
	references = slices.Values([]string{"$placeholder", "args"})
)

// item reads one item of a list and notes what is wrong with it.
func (r *reader) item(v jsonread.Value) (effect.Data, error) {
	depth, lists := r.d.Depth(), r.lists
	name, args, err := r.named(v, "effect", fields)
	phase := PhaseDecode
	var data effect.Data
	switch entry := r.byName[name]; {
	case err != nil:
		err = fmt.Errorf(`want {"effect": name, "args": {...}}: %w`, err)
	case entry == nil:
		phase, err = PhaseLookup, r.unknown(name)
	default:
		data, err = r.args(entry, args)
	}
	r.d.Back(depth)
	r.lists = lists
	if err == nil || errors.Is(err, ErrTooLarge) {
		return data, err
	}
	if r.wrong++; len(r.errs) < maxWrong {
		raw := effect.Raw{Effect: name}
		if !args.IsZero() && args.Kind() != jsonread.Null {
			raw.Args = slices.Clone(args.Raw())
		}
		r.errs = append(r.errs, &effect.Error{Phase: phase, Path: effect.NewPath(r.top), Name: name, Item: raw, Err: err})
	}
	return nil, nil
}

// named reads what items and references have in common: the name under key, and the
// arguments. args is the zero Value if there are none.
func (r *reader) named(v jsonread.Value, key string, known func(func(string) bool)) (name string, args jsonread.Value, err error) {
	if v.Kind() != jsonread.Object {
		return "", args, r.d.Want(v, "object")
	}
	for field, value := range v.Members() {
		switch field {
		case key:
			if value.Kind() != jsonread.String {
				return "", args, r.d.Fail(fmt.Errorf("the name is a %s, want a string", value.Kind()))
			}
			name = value.Text()
		case "args":
			args = value
		default:
			return name, args, r.d.Unknown(field, known)
		}
	}
	if name == "" {
		return "", args, r.d.Fail(errors.New("the name is missing"))
	}
	return name, args, nil
}

// unknown is the error for a name; only the first few of a text get suggestions, which
// look at all names that are registered.
func (r *reader) unknown(name string) error {
	var err error
	if len(name) <= maxName && r.d.MayHint() {
		err = r.engine.unknown(name)
	} else {
		err = fmt.Errorf("%w %s", ErrUnknown, jsonread.Quote(name))
	}
	if r.d.Depth() <= 1 { // the path of the item says as much
		return err
	}
	return r.d.Fail(err)
}

// args reads the arguments of one item.
func (r *reader) args(entry *core.Entry, args jsonread.Value) (effect.Data, error) {
	into := reflect.New(entry.Type).Elem()
	customs := r.d.Customs
	if !args.IsZero() {
		r.d.Enter("args")
		err := guard(func() error { // of methods of the types
			if args.Kind() == jsonread.Array && entry.Kind == core.Placeholder {
				return r.d.DecodeInOrder(args, into)
			}
			return r.d.Decode(args, into)
		})
		if err != nil {
			return nil, fmt.Errorf("reading the arguments of %s: %w", entry.Name, err)
		}
		r.d.Leave()
	}
	item := into.Interface()
	if r.d.Customs > customs && (entry.Plan.HasNested() || entry.Plan.HasLate()) {
		var err error
		if item, err = r.rest(entry, item); err != nil {
			return nil, fmt.Errorf("in %s: %w", entry.Name, err)
		}
	}
	return item.(effect.Data), nil
}

// late reads a late value: a literal, or a reference to a placeholder.
func (r *reader) late(field reflect.StructField, v jsonread.Value, into reflect.Value) error {
	if literal := v.Get("$literal"); !literal.IsZero() {
		if v.Len() != 1 {
			return r.d.Fail(errors.New(`"$literal" stands alone`))
		}
		r.d.Enter("$literal")
		if err := r.d.Decode(literal, into.FieldByIndex(field.Index)); err != nil {
			return err
		}
		r.d.Leave()
		return nil
	}
	if v.Get("$placeholder").IsZero() {
		return r.d.Decode(v, into.FieldByIndex(field.Index))
	}
	name, args, err := r.named(v, "$placeholder", references)
	if err != nil {
		return err
	}
	entry, err := r.placeholder(name, field.Type)
	if err != nil {
		return err
	}
	ref, err := r.args(entry, args)
	if err != nil {
		return err
	}
	into.Addr().Interface().(core.Late).SetRef(ref)
	return nil
}

// placeholder finds a placeholder whose value fits a field of type want.
func (r *reader) placeholder(name string, want reflect.Type) (*core.Entry, error) {
	entry := r.byName[name]
	switch {
	case entry == nil:
		return nil, r.unknown(name)
	case entry.Kind != core.Placeholder:
		return nil, r.d.Fail(fmt.Errorf("%s is not a placeholder", name))
	}
	if err := suits(entry, want); err != nil {
		return nil, r.d.Fail(err)
	}
	return entry, nil
}

// suits returns an error if the placeholder p cannot give a want; nil wants anything.
// What is in an interface is known when it runs only.
func suits(p *core.Entry, want reflect.Type) error {
	t := p.Result
	if t == nil || want == nil || t == want || t.Kind() == reflect.Interface || want.Kind() == reflect.Interface && t.Implements(want) {
		return nil
	}
	return fmt.Errorf("%s gives %s, the field wants %s", p.Name, t, want)
}

// wanted returns the T of an effect.Late[T].
func wanted(l core.Late) reflect.Type {
	value, _ := reflect.TypeOf(l).Elem().FieldByName("Value")
	return value.Type
}

// rest decodes what a type that reads itself has left in wire form.
func (r *reader) rest(entry *core.Entry, item any) (any, error) {
	item, err := entry.Plan.MapNested(item, func(list any) error {
		l := list.(*effect.List)
		for i, x := range *l {
			raw, ok := x.(effect.Raw)
			if !ok {
				continue
			}
			if err := r.count(1); err != nil {
				return err
			}
			data, _, err := r.raw(raw)
			if err != nil {
				return err
			}
			(*l)[i] = data
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return entry.Plan.MapLate(item, func(l core.Late) error {
		raw, ok := l.Ref().(effect.Raw)
		if !ok {
			return nil
		}
		if _, err := r.placeholder(raw.Effect, wanted(l)); err != nil {
			return err
		}
		ref, _, err := r.raw(raw)
		if err == nil {
			l.SetRef(ref)
		}
		return err
	})
}
