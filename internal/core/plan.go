package core

import (
	"errors"
	"fmt"
	"reflect"
	"time"
)

// Late is implemented by *effect.Late[T] for every T.
type Late interface {
	// IsRef reports whether a placeholder is still to be resolved.
	IsRef() bool
	// Ref is the placeholder data; nil if there is none.
	Ref() any
	// SetRef replaces the placeholder data.
	SetRef(ref any)
	// Set stores the resolved value and drops the reference.
	Set(value any) error
}

// Lister is implemented by *effect.List.
type Lister interface{ IsEffectList() }

var (
	lateType   = reflect.TypeFor[Late]()
	listerType = reflect.TypeFor[Lister]()
	timeType   = reflect.TypeFor[time.Time]()
)

// Plan says where in values of a type late values and nested lists sit, so
// that types without any cost nothing at run time. It is immutable.
type Plan struct {
	late   *node
	nested *node
	shares bool
}

// node leads to the interesting places below one type.
type node struct {
	leaf   bool
	from   int         // of a leaf that is a Late: the field that holds the reference
	fields []fieldNode // struct
	elem   *node       // slice, array, map value, pointer
}

type fieldNode struct {
	index int
	node  *node
}

// NewPlan checks that t is fit for effect data and finds its late values and
// nested lists.
func NewPlan(t reflect.Type) (*Plan, error) {
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("%s is a %s: effect data must be a struct type, passed by value", t, t.Kind())
	}
	if err := fit(t); err != nil {
		return nil, err
	}
	return &Plan{
		late:   find(t, lateType, listerType),
		nested: find(t, listerType, nil),
		shares: shares(t, map[reflect.Type]bool{}),
	}, nil
}

// is reports whether *t implements want by itself and not by embedding a type
// that does.
func is(t, want reflect.Type) bool {
	if !reflect.PointerTo(t).Implements(want) {
		return false
	}
	if t.Kind() == reflect.Struct {
		for i := range t.NumField() {
			if f := t.Field(i); f.Anonymous && (f.Type.Implements(want) || reflect.PointerTo(f.Type).Implements(want)) {
				return false
			}
		}
	}
	return true
}

// finder builds the way to all places whose pointer implements want; it does
// not look inside types that implement stop. Recursive types get nodes that
// point back to themselves.
type finder struct {
	want, stop reflect.Type
	made       map[reflect.Type]*node
}

func find(t, want, stop reflect.Type) *node {
	f := finder{want, stop, map[reflect.Type]*node{}}
	return f.node(t)
}

func (f *finder) node(t reflect.Type) *node {
	if n, ok := f.made[t]; ok {
		return n
	}
	if !f.reaches(t, map[reflect.Type]bool{}) {
		return nil
	}
	n := &node{leaf: is(t, f.want)}
	f.made[t] = n
	if n.leaf && f.want == lateType {
		from, _ := t.FieldByName("From")
		n.from = from.Index[0]
	}
	switch {
	case n.leaf:
	case t.Kind() == reflect.Struct:
		for i := range t.NumField() {
			if sub := f.node(t.Field(i).Type); sub != nil && usable(t.Field(i)) {
				n.fields = append(n.fields, fieldNode{i, sub})
			}
		}
	default:
		n.elem = f.node(t.Elem())
	}
	return n
}

func (f *finder) reaches(t reflect.Type, seen map[reflect.Type]bool) bool {
	if is(t, f.want) {
		return true
	}
	if seen[t] || f.stop != nil && is(t, f.stop) {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Struct:
		for i := range t.NumField() {
			if usable(t.Field(i)) && f.reaches(t.Field(i).Type, seen) {
				return true
			}
		}
	case reflect.Slice, reflect.Array, reflect.Pointer, reflect.Map:
		return f.reaches(t.Elem(), seen)
	}
	return false
}

// usable reports whether reflection may set what is in the field.
func usable(f reflect.StructField) bool { return f.IsExported() }

// HasLate reports whether values of the type can hold late values.
func (p *Plan) HasLate() bool { return p != nil && p.late != nil }

// HasNested reports whether values of the type can hold effect lists.
func (p *Plan) HasNested() bool { return p != nil && p.nested != nil }

// Shares reports whether copies of a value of the type share memory, so that a
// change inside one changes the others.
func (p *Plan) Shares() bool { return p != nil && p.shares }

func shares(t reflect.Type, seen map[reflect.Type]bool) bool {
	if t == timeType || seen[t] {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
		return true
	case reflect.Array:
		return shares(t.Elem(), seen)
	case reflect.Struct:
		for i := range t.NumField() {
			if shares(t.Field(i).Type, seen) {
				return true
			}
		}
	}
	return false
}

// Refs reports whether item holds an unresolved reference now.
func (p *Plan) Refs(item any) (bool, error) {
	if !p.HasLate() {
		return false, nil
	}
	found := false
	err := walk(p.late, reflect.ValueOf(item), 0, func(n *node, v reflect.Value) error {
		found = found || !v.Field(n.from).IsNil()
		return nil
	})
	return found, err
}

// EachNested calls do with every effect list inside item, itself excluded.
func (p *Plan) EachNested(item any, do func(list any) error) error {
	if !p.HasNested() {
		return nil
	}
	return walk(p.nested, reflect.ValueOf(item), 0, func(_ *node, v reflect.Value) error { return do(v.Interface()) })
}

// MapLate returns a copy of item in which do has been applied to every late
// value that is a reference. item itself is not changed.
func (p *Plan) MapLate(item any, do func(Late) error) (any, error) {
	return rewrite(p.late, item, func(v reflect.Value) error {
		if l := v.Addr().Interface().(Late); l.IsRef() {
			return do(l)
		}
		return nil
	})
}

// MapNested returns a copy of item in which do has been applied to a pointer
// to every effect list.
func (p *Plan) MapNested(item any, do func(list any) error) (any, error) {
	return rewrite(p.nested, item, func(v reflect.Value) error { return do(v.Addr().Interface()) })
}

func rewrite(n *node, item any, do func(reflect.Value) error) (any, error) {
	if n == nil {
		return item, nil
	}
	v := reflect.New(reflect.TypeOf(item)).Elem()
	v.Set(reflect.ValueOf(item))
	if err := change(n, v, 0, do); err != nil {
		return nil, err
	}
	return v.Interface(), nil
}

// maxValueDepth ends the walk through values that hold themselves.
const maxValueDepth = 1000

// ErrValueDepth is returned for values that nest without end.
var ErrValueDepth = errors.New("the value nests too deep, or holds itself")

// walk visits the leaves below v without changing them.
func walk(n *node, v reflect.Value, depth int, do func(*node, reflect.Value) error) error {
	if n.leaf {
		return do(n, v)
	}
	if depth++; depth > maxValueDepth {
		return ErrValueDepth
	}
	switch v.Kind() {
	case reflect.Struct:
		for _, f := range n.fields {
			if err := walk(f.node, v.Field(f.index), depth, do); err != nil {
				return err
			}
		}
	case reflect.Pointer:
		if !v.IsNil() {
			return walk(n.elem, v.Elem(), depth, do)
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if err := walk(n.elem, v.Index(i), depth, do); err != nil {
				return err
			}
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			if err := walk(n.elem, it.Value(), depth, do); err != nil {
				return err
			}
		}
	}
	return nil
}

// change visits the leaves below the addressable v, which do may set. Whatever
// v shares with the original (slices, maps, pointers) is copied on the way.
func change(n *node, v reflect.Value, depth int, do func(reflect.Value) error) error {
	if n.leaf {
		return do(v)
	}
	if depth++; depth > maxValueDepth {
		return ErrValueDepth
	}
	switch v.Kind() {
	case reflect.Struct:
		for _, f := range n.fields {
			if err := change(f.node, v.Field(f.index), depth, do); err != nil {
				return err
			}
		}
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		c := reflect.New(v.Type().Elem())
		c.Elem().Set(v.Elem())
		v.Set(c)
		return change(n.elem, c.Elem(), depth, do)
	case reflect.Array:
		for i := range v.Len() {
			if err := change(n.elem, v.Index(i), depth, do); err != nil {
				return err
			}
		}
	case reflect.Slice:
		if v.IsNil() {
			return nil
		}
		c := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(c, v)
		v.Set(c)
		for i := range c.Len() {
			if err := change(n.elem, c.Index(i), depth, do); err != nil {
				return err
			}
		}
	case reflect.Map:
		if v.IsNil() {
			return nil
		}
		c := reflect.MakeMapWithSize(v.Type(), v.Len())
		for it := v.MapRange(); it.Next(); {
			e := reflect.New(v.Type().Elem()).Elem()
			e.Set(it.Value())
			if err := change(n.elem, e, depth, do); err != nil {
				return err
			}
			c.SetMapIndex(it.Key(), e)
		}
		v.Set(c)
	}
	return nil
}
