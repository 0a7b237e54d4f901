package core

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
)

// Part is what one call of registry.New made, seen from some C. path is a
// func(root any) *C that finds that C inside the Ctx of a dispatcher, or a nil
// any if they are the same.
type Part func(path any) Set

// Registry is a sequence of parts. The zero Registry is empty.
type Registry struct{ s *RegistryState }

// RegistryState is the content of a Registry. It may be used from any number
// of goroutines.
type RegistryState struct {
	parts []Part
	bound func() *Bound // computed once, because catalogues ask often
}

// NewRegistry returns a Registry of parts, which the caller gives away.
func NewRegistry(parts []Part) Registry {
	s := &RegistryState{parts: parts}
	s.bound = sync.OnceValue(func() *Bound { return newBound(s.Bind(nil)) })
	return Registry{s}
}

// State gives access to the content of r; nil if r is zero.
func (r *Registry) State() *RegistryState { return r.s }

// Parts returns the parts in order; the caller must not change them.
func (s *RegistryState) Parts() []Part {
	if s == nil {
		return nil
	}
	return s.parts
}

// Set is the content of a registry for one kind of root.
type Set struct {
	Entries      []*Entry
	Interceptors []*Interceptor
	Errs         []error
}

// Bind returns the content for roots in which path finds the C; see Part.
func (s *RegistryState) Bind(path any) Set {
	var set Set
	for _, part := range s.Parts() {
		p := part(path)
		set.Entries = append(set.Entries, p.Entries...)
		set.Interceptors = append(set.Interceptors, p.Interceptors...)
		set.Errs = append(set.Errs, p.Errs...)
	}
	names := map[string]*Entry{}
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

// Bound is a Set for a dispatcher whose Ctx is the C of the registry. It is
// immutable and shared.
type Bound struct {
	Set
	Sorted []*Entry          // by name
	ByName map[string]*Entry // the first of each name
}

// Bound returns the content for a dispatcher whose Ctx is the C of the registry.
func (s *RegistryState) Bound() *Bound {
	if s == nil {
		return &Bound{}
	}
	return s.bound()
}

func newBound(set Set) *Bound {
	b := &Bound{Set: set, Sorted: slices.Clone(set.Entries), ByName: make(map[string]*Entry, len(set.Entries))}
	slices.SortStableFunc(b.Sorted, func(x, y *Entry) int { return cmp.Compare(x.Name, y.Name) })
	for _, e := range set.Entries {
		if b.ByName[e.Name] == nil {
			b.ByName[e.Name] = e
		}
	}
	return b
}
