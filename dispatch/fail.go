package dispatch

import (
	"slices"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
)

// fail reports the failure of an item. One that its continuations have reported is
// not reported again.
func (r *run) fail(phase effect.Phase, path effect.Path, item effect.Data, by string, err error) {
	r.enter(&effect.Error{
		Phase: phase, Path: path, Name: core.SafeName(item), Item: item, By: by, Chain: path.Chain(),
		Dispatch: r.res.ID, Parent: r.res.Parent, Err: err,
	})
}

// enter adds e to the result, or to the entries it is made of.
func (r *run) enter(e *effect.Error) {
	m := r.extra()
	if m == returned {
		return
	}
	parts := entries(e.Err)
	if parts == nil {
		r.addErrors(e)
		return
	}
	// The error holds those of continuations. It must not hold what is reported by
	// itself: errors that do so at each level are walked 2^depth times.
	mine := m.among(parts)
	c := core.Carry(e.Err, func(err error) bool {
		part, ok := err.(*effect.Error)
		_, ok2 := mine[part]
		return ok && ok2
	})
	if e.Err = c; !c.Whole() {
		r.addErrors(e)
		return
	}
	m.outer(mine, e)
}

// entries returns the entries of dispatches that err holds, nil if none.
func entries(err error) map[*effect.Error]bool {
	var found map[*effect.Error]bool
	core.Parts(err, func(err error) bool {
		switch x := err.(type) {
		case *effect.PanicError: // a failure of its own, whatever it panicked with
			return false
		case *effect.Error:
			if found == nil {
				found = map[*effect.Error]bool{}
			}
			found[x] = true
			return false
		}
		return true
	})
	return found
}

// among returns which of parts the continuations of the item that runs have
// reported, and where.
func (m *more) among(parts map[*effect.Error]bool) map[*effect.Error]int {
	mine := map[*effect.Error]int{}
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := max(int(m.from.Load()), m.published); i < len(m.errs); i++ {
		if e := m.errs[i]; parts[e] {
			mine[e] = i
		}
	}
	return mine
}

// outer notes that an item has failed of what is reported already. The entries may
// be in results that others have, so copies take their place.
func (m *more) outer(mine map[*effect.Error]int, outer *effect.Error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for e, i := range mine {
		if i < len(m.errs) && m.errs[i] == e {
			again := *e
			again.Outer = append(slices.Clip(e.Outer), outer)
			m.errs[i] = &again
		}
	}
}

// reported returns the errors so far that are not in a result yet.
func (m *more) reported() []*effect.Error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.errs[m.published:])
}

// addErrors adds to the result unless it has already been returned.
func (r *run) addErrors(errs ...*effect.Error) {
	m := r.extra()
	if m == returned {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.done {
		m.errs = append(m.errs, errs...)
		m.count.Store(int32(len(m.errs)))
		m.failed.Store(true)
	}
}
