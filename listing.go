package sfere

import (
	"cmp"
	"slices"
	"sync/atomic"
)

// listing is the list of the values that a pattern matches, in the order of their keys
// and under one key of their ids. It is made when somebody looks at a long list and
// kept up to date as long as somebody does, so that a page of it costs what is on
// it, and a program that nobody looks into pays nothing.
//
// It has the slots that stand for their value when they are added. So it is right
// for values all of whose slots are removed together, as those of an entry are.
type listing[V any] struct {
	want Key // "" in the open positions
	// The fields below are guarded by the owner of the index; idle may be set under
	// its read lock.
	list  sorted[*slot[V]]
	ready bool
	// changed are the slots that came (true) or went while the list is made.
	changed map[*slot[V]]bool
	idle    atomic.Int64 // changes since somebody looked
}

// place is a position in the order of a listing.
type place struct {
	key Key
	id  uint64
}

func (p place) compare(o place) int {
	return cmp.Or(compareKeys(p.key, o.key), cmp.Compare(p.id, o.id))
}

const (
	// shortList is up to how many values are sorted whenever somebody asks.
	shortList = 512
	// maxListings bounds the listings. Then the one goes that is idle for longest.
	maxListings = 32
	// minIdle is after how many changes without a look a listing may go. A longer one
	// stays for twice its length, which pays for making it anew.
	minIdle = 4096
)

// place returns where s is in the order, which it has to be in the index for.
func (ix *index[V]) place(s *slot[V]) place {
	return place{s.cell.key, ix.id(s.cell.values[s.at])}
}

// added keeps the listings up to date after s has been added under k.
func (ix *index[V]) added(s *slot[V], k Key) {
	for _, v := range ix.listings {
		if !accepts(v.want, k) {
			continue
		}
		v.idle.Add(1)
		switch {
		case s.repeated(v.want):
		case v.ready:
			v.list.insert(s)
		default:
			v.changed[s] = true
		}
	}
}

// leaving keeps the listings up to date before s is removed, and gives up those that
// nobody looks at.
func (ix *index[V]) leaving(s *slot[V]) {
	tired := false
	for _, v := range ix.listings {
		if !accepts(v.want, s.cell.key) {
			continue
		}
		if v.ready {
			v.list.remove(s)
		} else {
			v.changed[s] = false
		}
		v.idle.Add(1)
		tired = tired || v.tired()
	}
	if tired {
		ix.listings = slices.DeleteFunc(ix.listings, (*listing[V]).tired)
	}
}

// tired reports whether nobody has looked at v for long.
func (v *listing[V]) tired() bool {
	return v.ready && v.idle.Load() > int64(max(minIdle, 2*v.list.len))
}

// listingOf returns the listing of want, nil if there is none.
func (ix *index[V]) listingOf(want Key) *listing[V] {
	for _, v := range ix.listings {
		if v.want == want {
			return v
		}
	}
	return nil
}

// look returns the values that want matches from a place on, in order: at most
// limit of them, and how many values match in all. s is the shape of want. ok is
// false if the list is long and has no listing that is ready.
func (ix *index[V]) look(want Key, s shape, from place, limit int) (out []V, matched int, ok bool) {
	var list *sorted[*slot[V]]
	cells := ix.cellsFor(want, s)
	if v := ix.listingOf(want); v != nil && v.ready {
		v.idle.Store(0)
		list = &v.list
	} else if ix.slotsOf(cells, s) <= shortList {
		var all []*slot[V]
		for _, c := range cells {
			for _, s := range c.slots {
				if !s.repeated(want) {
					all = append(all, s)
				}
			}
		}
		slices.SortFunc(all, ix.compareSlots)
		short := sortedOf(ix.compareSlots, all)
		list = &short
	} else {
		return nil, 0, false
	}
	for s := range list.after(func(s *slot[V]) bool { return ix.place(s).compare(from) <= 0 }) {
		if len(out) >= limit {
			break
		}
		out = append(out, s.cell.values[s.at])
	}
	return out, list.len, true
}

func (ix *index[V]) compareSlots(a, b *slot[V]) int {
	if a == b {
		return 0
	}
	return ix.place(a).compare(ix.place(b))
}

// slotsOf returns the number of slots in the cells of one list.
func (ix *index[V]) slotsOf(cells []*cell[V], s shape) int {
	switch {
	case len(cells) == 0:
		return 0
	case s == shapeExact:
		return len(cells[0].slots)
	}
	return cells[0].lists[s].total
}

// viewed is a slot of a listing that is being made, with what it is sorted by.
type viewed[V any] struct {
	place
	slot *slot[V]
}

// A listing is made in three steps: open under the write lock, after which no change
// is missed; gather under the read lock; close under the write lock, after
// everything has been sorted under none.

// open begins a listing of want.
func (ix *index[V]) open(want Key) *listing[V] {
	if len(ix.listings) >= maxListings {
		oldest := slices.MaxFunc(ix.listings, func(a, b *listing[V]) int { return cmp.Compare(a.idle.Load(), b.idle.Load()) })
		ix.listings = slices.DeleteFunc(ix.listings, func(v *listing[V]) bool { return v == oldest })
	}
	v := &listing[V]{want: want, changed: map[*slot[V]]bool{}}
	ix.listings = append(ix.listings, v)
	return v
}

// gather returns what v has to begin with, in no order.
func (ix *index[V]) gather(v *listing[V], s shape) []viewed[V] {
	cells := ix.cellsFor(v.want, s)
	all := make([]viewed[V], 0, ix.slotsOf(cells, s))
	for _, c := range cells {
		for i, s := range c.slots {
			if !s.repeated(v.want) {
				all = append(all, viewed[V]{place{c.key, ix.id(c.values[i])}, s})
			}
		}
	}
	return all
}

// close makes v ready, from what it had to begin with, in order, and what has
// changed since.
func (ix *index[V]) close(v *listing[V], all []viewed[V]) {
	slots := make([]*slot[V], 0, len(all))
	for _, a := range all {
		if _, ok := v.changed[a.slot]; !ok {
			slots = append(slots, a.slot)
		}
	}
	v.list = sortedOf(ix.compareSlots, slots)
	for s, there := range v.changed {
		if there {
			v.list.insert(s)
		}
	}
	v.ready, v.changed = true, nil
	v.idle.Store(0)
}

// names are the scopes or the categories that are in use.
type names struct{ shrinking[string, struct{}] }

// tally counts the slots that want matches by one field, 0 for the scope and 1 for
// the category: for the values of it with the most slots. others is how many
// values are left out, all of them if there are too many to look at.
func (ix *index[V]) tally(want Key, s shape, field int) (most map[string]int, others int) {
	const maxNames, maxMost = 1000, 20
	all := ix.names[field].m
	if fixed := want.fields()[field]; fixed != "" {
		if n := ix.slotsOf(ix.cellsFor(want, s), s); n > 0 {
			return map[string]int{fixed: n}, 0
		}
		return nil, 0
	}
	if len(all) > maxNames {
		return nil, len(all)
	}
	type count struct {
		name  string
		slots int
	}
	var counts []count
	s |= 1 << field
	for name := range all {
		one := want
		if field == 0 {
			one.Scope = name
		} else {
			one.Category = name
		}
		if n := ix.slotsOf(ix.cellsFor(one, s), s); n > 0 {
			counts = append(counts, count{name, n})
		}
	}
	slices.SortFunc(counts, func(a, b count) int {
		return cmp.Or(cmp.Compare(b.slots, a.slots), cmp.Compare(a.name, b.name))
	})
	others = max(0, len(counts)-maxMost)
	most = map[string]int{}
	for _, c := range counts[:len(counts)-others] {
		most[c.name] = c.slots
	}
	return most, others
}
