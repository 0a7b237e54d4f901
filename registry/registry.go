package registry

import (
	"errors"
	"fmt"
	"iter"
	"reflect"
	"slices"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
)

// Registry is a collection of items written against C. The zero Registry is
// empty. Registries are immutable and may be shared between goroutines and
// dispatchers.
type Registry[C any] core.Registry

func (r Registry[C]) state() *core.RegistryState { return (*core.Registry)(&r).State() }

// New returns a registry of the given items. name appears in messages and
// catalogues. At most one item may be an [effect.State]; it serves the actions
// of this registry only. What is wrong with the items is reported by
// [Registry.Err] and dispatch.New.
func New[C any](name string, items ...effect.Item[C]) Registry[C] {
	p := &part[C]{name: name, site: core.Site(1), items: slices.Clone(items)}
	return Registry[C](core.NewRegistry([]core.Part{p.bind}))
}

// Join returns a registry with the items of all rs, in order. Joins flatten:
// Join(Join(a, b), c) is Join(a, b, c).
func Join[C any](rs ...Registry[C]) Registry[C] {
	var parts []core.Part
	for _, r := range rs {
		parts = append(parts, r.state().Parts()...)
	}
	return Registry[C](core.NewRegistry(parts))
}

// Lift makes a registry written against Inner work where the Ctx is an Outer
// that holds an Inner: field returns the place of the Inner inside its
// argument. It is called on copies, reads and writes go through it, and it must
// always return the same field. It may be called concurrently. A field that is not
// inside the Outer, such as one behind a pointer, is an error of the registry: what
// one dispatch changes with Call.With would change for all.
//
//	registry.Lift(twk.Registry(nil), func(a *App) *twk.Session { return &a.Session })
func Lift[Outer, Inner any](r Registry[Inner], field func(*Outer) *Inner) Registry[Outer] {
	if err := inside(field); err != nil {
		err = fmt.Errorf("registry: Lift at %s: %w", core.Site(1), err)
		return Registry[Outer](core.NewRegistry([]core.Part{func(any) core.Set { return core.Set{Errs: []error{err}} }}))
	}
	var parts []core.Part
	for _, part := range r.state().Parts() {
		parts = append(parts, func(path any) core.Set {
			outer, _ := path.(func(any) *Outer)
			if outer == nil {
				return part(func(root any) *Inner { return field(root.(*Outer)) })
			}
			return part(func(root any) *Inner { return field(outer(root)) })
		})
	}
	return Registry[Outer](core.NewRegistry(parts))
}

// inside says what is wrong with the field function of a Lift, which it tries on a
// zero Outer.
func inside[Outer, Inner any](field func(*Outer) *Inner) (err error) {
	if field == nil {
		return errors.New("the field function is nil: pass one that returns the place of the inner Ctx")
	}
	what := fmt.Sprintf("the field function must return the place of a %s inside the %s", reflect.TypeFor[Inner](), reflect.TypeFor[Outer]())
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%s, and panics on a zero one, as one behind a pointer does: hold the value, not a pointer: %s", what, core.SafeValue(p))
		}
	}()
	outer := reflect.New(reflect.TypeFor[Outer]()) // whose place does not change
	inner := field(outer.Interface().(*Outer))
	if inner == nil {
		return fmt.Errorf("%s, and returns nil for a zero one, as one behind a pointer does: hold the value, not a pointer", what)
	}
	from, at := outer.Pointer(), reflect.ValueOf(inner).Pointer()
	if at < from || at+reflect.TypeFor[Inner]().Size() > from+reflect.TypeFor[Outer]().Size() {
		return fmt.Errorf("%s, and returns one that is elsewhere: what is changed for one dispatch would change for all; hold the value in the Ctx", what)
	}
	return nil
}

// Replace returns base with every item of with in the place of the item of the
// same name. An item without one to replace is an error: joining adds,
// replacing replaces. Interceptors of with are added after those of base.
func Replace[C any](base, with Registry[C]) Registry[C] {
	return Registry[C](core.NewRegistry([]core.Part{func(path any) core.Set {
		set, add := base.state().Bind(path), with.state().Bind(path)
		set.Errs = append(set.Errs, add.Errs...)
		set.Interceptors = append(set.Interceptors, add.Interceptors...)
		at := make(map[string]int, len(set.Entries))
		for i, e := range slices.Backward(set.Entries) { // the first of each name
			at[e.Name] = i
		}
		for _, e := range add.Entries {
			i, ok := at[e.Name]
			if !ok {
				set.Errs = append(set.Errs, fmt.Errorf("registry %q: %s at %s replaces nothing: use Join to add it", e.Registry, e.Name, e.Site))
				continue
			}
			set.Entries[i] = e
		}
		return set
	}}))
}

// Err returns everything that is wrong with r, joined, or nil.
func (r Registry[C]) Err() error { return errors.Join(r.state().Bound().Errs...) }

// All iterates over the effects, actions and placeholders in name order.
func (r Registry[C]) All() iter.Seq[effect.Info] {
	return func(yield func(effect.Info) bool) {
		for _, e := range r.state().Bound().Sorted {
			if !yield(infoOf(e)) {
				return
			}
		}
	}
}

// Get returns the item called name, and whether there is one.
func (r Registry[C]) Get(name string) (effect.Info, bool) {
	e := r.state().Bound().ByName[name]
	if e == nil {
		return effect.Info{}, false
	}
	return infoOf(e), true
}
