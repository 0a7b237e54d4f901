package registry

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"regexp"
	"slices"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
)

// Registry is a collection of items written against C. The zero Registry is
// empty. Registries are immutable and may be shared between goroutines and
// dispatchers.
type Registry[C any] struct {
	parts []part[C]
}

// part is what one call of New made, seen from C.
type part[C any] func(path func(any) *C) core.Set

// New returns a registry of the given items. name appears in messages and
// catalogues. At most one item may be an [effect.State]; it serves the actions
// of this registry only.
func New[C any](name string, items ...effect.Item[C]) Registry[C] {
	items = slices.Clone(items)
	return Registry[C]{[]part[C]{func(path func(any) *C) core.Set { return bind(name, items, path) }}}
}

func bind[C any](name string, items []effect.Item[C], path func(any) *C) core.Set {
	var set core.Set
	var state *core.State
	fail := func(format string, args ...any) {
		set.Errs = append(set.Errs, fmt.Errorf("registry %q: "+format, append([]any{name}, args...)...))
	}
	if name == "" {
		fail("it has no name: give New one")
	}
	if len(items) == 0 {
		fail("it has no items: leave it out, or pass the items to New")
	}
	seal := core.Seal{}
	for i, item := range items {
		if item == nil {
			fail("item %d is nil", i)
			continue
		}
		b := effect.Bind(seal, item, path)
		for _, err := range b.Errs(seal) {
			if e := b.Entry(seal); e != nil {
				fail("item made at %s: %w", e.Site, err)
			} else {
				fail("%w", err)
			}
		}
		switch {
		case b.State(seal) != nil:
			if state != nil {
				fail("two state functions, at %s and %s: keep one, or make two registries", state.Site, b.State(seal).Site)
			}
			state = b.State(seal)
		case b.Interceptor(seal) != nil:
			b.Interceptor(seal).Registry = name
			set.Interceptors = append(set.Interceptors, b.Interceptor(seal))
		case len(b.Errs(seal)) == 0:
			e := b.Entry(seal)
			e.Registry = name
			set.Entries = append(set.Entries, e)
			checkEntry(e, fail)
		}
	}
	for _, e := range set.Entries {
		if e.StateType == nil {
			continue
		}
		switch {
		case state == nil:
			// The action sees the zero state, as one without a state function does.
		case state.Type != e.StateType:
			fail("action %s at %s expects a %s as state, the state function at %s gives a %s", e.Name, e.Site, e.StateType, state.Site, state.Type)
		default:
			e.State = state
		}
	}
	return set
}

var nameForm = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*(/[a-z0-9]+(-[a-z0-9]+)*)+$`)

func checkEntry(e *core.Entry, fail func(string, ...any)) {
	if !nameForm.MatchString(e.Name) {
		fail("%s at %s is named %q: use the form package/kebab-name", e.Type, e.Site, e.Name)
	}
	if e.Doc == "" {
		fail("%s at %s has no doc: say in a sentence what it does", e.Name, e.Site)
	}
	for i, x := range e.Examples {
		if d, ok := x.(effect.Data); !ok || d.EffectName() != e.Name {
			fail("%s at %s: example %d is not a %s", e.Name, e.Site, i, e.Type)
		}
	}
}

// Join returns a registry with the items of all rs, in order. Joins flatten:
// Join(Join(a, b), c) is Join(a, b, c).
func Join[C any](rs ...Registry[C]) Registry[C] {
	var out Registry[C]
	for _, r := range rs {
		out.parts = append(out.parts, r.parts...)
	}
	return out
}

// Lift makes a registry written against Inner work where the Ctx is an Outer
// that holds an Inner: field returns the place of the Inner inside its
// argument. It is called on copies, reads and writes go through it, and it must
// always return the same field and never nil.
//
//	registry.Lift(twk.Registry(nil), func(a *App) *twk.Session { return &a.Session })
func Lift[Outer, Inner any](r Registry[Inner], field func(*Outer) *Inner) Registry[Outer] {
	var out Registry[Outer]
	for _, p := range r.parts {
		out.parts = append(out.parts, func(path func(any) *Outer) core.Set {
			if field == nil {
				return core.Set{Errs: []error{errors.New("registry: Lift got a nil field function: pass one that returns the place of the inner Ctx")}}
			}
			if path == nil {
				return p(func(root any) *Inner { return field(root.(*Outer)) })
			}
			return p(func(root any) *Inner { return field(path(root)) })
		})
	}
	return out
}

// Replace returns base with every item of with in the place of the item of the
// same name. An item without one to replace is an error: joining adds,
// replacing replaces. Interceptors of with are added after those of base.
func Replace[C any](base, with Registry[C]) Registry[C] {
	return Registry[C]{[]part[C]{func(path func(any) *C) core.Set {
		set, add := base.bind(path), with.bind(path)
		set.Errs = append(set.Errs, add.Errs...)
		set.Interceptors = append(set.Interceptors, add.Interceptors...)
		set.Entries = slices.Clone(set.Entries)
		for _, e := range add.Entries {
			i := slices.IndexFunc(set.Entries, func(old *core.Entry) bool { return old.Name == e.Name })
			if i < 0 {
				set.Errs = append(set.Errs, fmt.Errorf("registry %q: %s at %s replaces nothing: use Join to add it", e.Registry, e.Name, e.Site))
				continue
			}
			set.Entries[i] = e
		}
		return set
	}}}
}

func (r Registry[C]) bind(path func(any) *C) core.Set {
	var set core.Set
	for _, p := range r.parts {
		s := p(path)
		set.Entries = append(set.Entries, s.Entries...)
		set.Interceptors = append(set.Interceptors, s.Interceptors...)
		set.Errs = append(set.Errs, s.Errs...)
	}
	names := map[string]*core.Entry{}
	for _, e := range set.Entries {
		if old := names[e.Name]; old != nil {
			set.Errs = append(set.Errs, fmt.Errorf("%s is registered twice, at %s (registry %q) and at %s (registry %q): rename one, or use registry.Replace to override on purpose",
				e.Name, old.Site, old.Registry, e.Site, e.Registry))
			continue
		}
		names[e.Name] = e
	}
	return set
}

// Bind returns the content for a dispatcher whose Ctx is C.
func (r Registry[C]) Bind(core.Seal) core.Set { return r.bind(nil) }

// Err returns everything that is wrong with r, joined, or nil.
func (r Registry[C]) Err() error { return errors.Join(r.bind(nil).Errs...) }

// All iterates over the effects, actions and placeholders in name order.
func (r Registry[C]) All() iter.Seq[effect.Info] {
	return func(yield func(effect.Info) bool) {
		entries := r.bind(nil).Entries
		slices.SortFunc(entries, func(a, b *core.Entry) int { return cmp.Compare(a.Name, b.Name) })
		for _, e := range entries {
			if !yield(effect.InfoOf(core.Seal{}, e)) {
				return
			}
		}
	}
}

// Get returns the item called name.
func (r Registry[C]) Get(name string) (effect.Info, bool) {
	for info := range r.All() {
		if info.Name == name {
			return info, true
		}
	}
	return effect.Info{}, false
}
