package sfere

import (
	"fmt"
	"slices"
)

// index finds values by key and pattern. An exact pattern costs one map lookup,
// every other one is answered by a posting list that holds its result and
// nothing else; no lookup ever scans the store.
//
// All values under one key form a cell. Each cell is in seven posting lists,
// one for each way of leaving positions of its key open, and knows its place in
// each of them, as each value knows its place in its cell. So adding and
// removing cost O(1) however many values there are.
//
// The zero index is empty and ready to use. It is not synchronised: the owner
// holds its write lock for add and remove, and at least its read lock for the
// rest, which writes nothing but what it returns. The index keeps the strings
// of the keys it is given and, until they are removed, the values and slots.
type index[V any] struct {
	cells shrinking[Key, *cell[V]]
	// lists has "" in the open positions of its keys, see [Pattern.fixed]. A
	// list that would be empty is not in the map.
	lists shrinking[Key, *posting[V]]
	size  int
	// names are the scopes and the categories in use.
	names [2]names
	// listings are the lists in order that somebody looks at. id orders values under one
	// key, and is needed for those only; it may be called on any goroutine.
	listings []*listing[V]
	id       func(V) uint64
	// changed, unless nil, is told of each key, room (scope and category), scope and
	// category that somebody is under from now on, or nobody any more: with "" in the
	// open positions, as the names of lists.
	changed func(open Key, there bool)
}

// addressed reports whether changed is told of lists of a shape.
func addressed(s shape) bool {
	return s == shapeScope|shapeCategory || s == shapeScope || s == shapeCategory
}

// slot is the place of one value under one key. The zero slot is free. Its
// memory belongs to the owner of the value, who typically embeds it there, so
// that adding under a known key allocates nothing; it must neither move nor be
// copied between add and remove.
type slot[V any] struct {
	cell *cell[V]
	// earlier is the slot of the same value that was added before this one, in
	// case the value is under several keys. It is set even when the slot is
	// free, see remove.
	earlier *slot[V]
	at      int // in cell.values and cell.slots
}

type cell[V any] struct {
	key Key
	// values and slots are parallel. They are apart so that a snapshot of a
	// cell is one copy of memory.
	values []V
	slots  []*slot[V]
	// repeats counts the slots with an earlier one. While it is 0, and it is 0
	// for good if every value has one key, nothing has to be deduplicated.
	repeats int
	lists   [listsPerCell]*posting[V] // by shape
	at      [listsPerCell]int32       // in lists[shape].cells
	// oneValue and oneSlot are the first memory of values and slots.
	oneValue [1]V
	oneSlot  [1]*slot[V]
}

type posting[V any] struct {
	cells   []*cell[V]
	total   int // number of slots in all cells
	repeats int // sum of cell.repeats
	// one is the first memory of cells, since most lists of a store with
	// unique ids never hold more than one.
	one [1]*cell[V]
}

// listsPerCell is the number of shapes but for shapeExact, which has the
// highest value.
const listsPerCell = int(shapeExact)

// add puts v under k by means of s, which must be free until then. For a value
// that is under other keys already, earlier is the slot of the add before this
// one, otherwise nil. Such a chain of slots is for one value only, and a freed
// slot is not added again while a later one of its chain is in use.
//
// It panics if s is in use or k is not valid: the owner checks both at its own
// boundary.
func (ix *index[V]) add(s *slot[V], k Key, v V, earlier *slot[V]) {
	if s.cell != nil {
		panic("sfere: index: slot for " + k.String() + " is in use for " + s.cell.key.String())
	}
	c := ix.cells.m[k]
	if c == nil {
		c = ix.newCell(k)
	}
	s.cell, s.earlier, s.at = c, earlier, len(c.values)
	c.values = append(c.values, v)
	c.slots = append(c.slots, s)
	if len(c.slots) == 2 { // outgrown, and must not keep anything alive
		clear(c.oneValue[:])
		c.oneSlot[0] = nil
	}
	ix.adjust(c, s, +1)
	ix.added(s, k)
}

// remove takes out what was added by means of s and frees s. It returns false
// if s was free: removing twice, or late, harms nobody who came after under
// the same key.
func (ix *index[V]) remove(s *slot[V]) bool {
	c := s.cell
	if c == nil {
		return false
	}
	ix.leaving(s)
	ix.adjust(c, s, -1)
	last := len(c.slots) - 1
	moved := c.slots[last]
	moved.at = s.at
	c.slots[s.at], c.values[s.at] = moved, c.values[last]
	c.slots, c.values = dropLast(c.slots), dropLast(c.values)
	// earlier stays: a slot of the chain that is still in use finds the rest
	// of its chain through it.
	s.cell, s.at = nil, 0
	if last == 0 {
		ix.dropCell(c)
	}
	return true
}

// adjust brings the totals in line with s coming (n = 1) or going (n = -1).
func (ix *index[V]) adjust(c *cell[V], s *slot[V], n int) {
	ix.size += n
	repeats := 0
	if s.earlier != nil {
		repeats = n
	}
	c.repeats += repeats
	for _, l := range c.lists {
		l.total += n
		l.repeats += repeats
	}
}

func (ix *index[V]) newCell(k Key) *cell[V] {
	if err := k.Validate(); err != nil {
		panic(err) // an empty field would be taken for an open position
	}
	c := &cell[V]{key: k}
	c.values, c.slots = c.oneValue[:0], c.oneSlot[:0]
	ix.cells.set(k, c)
	if ix.changed != nil {
		ix.changed(k, true)
	}
	for i := range c.lists {
		open := k.only(shape(i))
		l := ix.lists.m[open]
		if l == nil {
			l = &posting[V]{}
			l.cells = l.one[:0]
			ix.lists.set(open, l)
			ix.named(open, shape(i), true)
			if ix.changed != nil && addressed(shape(i)) {
				ix.changed(open, true)
			}
		}
		c.lists[i], c.at[i] = l, int32(len(l.cells))
		l.cells = append(l.cells, c)
		if len(l.cells) == 2 {
			l.one[0] = nil // outgrown, and must not keep a cell alive
		}
	}
	return c
}

func (ix *index[V]) dropCell(c *cell[V]) {
	ix.cells.delete(c.key)
	if ix.changed != nil {
		ix.changed(c.key, false)
	}
	for i, l := range c.lists {
		last := len(l.cells) - 1
		moved := l.cells[last]
		moved.at[i] = c.at[i]
		l.cells[c.at[i]] = moved
		l.cells = dropLast(l.cells)
		if last == 0 {
			open := c.key.only(shape(i))
			ix.lists.delete(open)
			ix.named(open, shape(i), false)
			if ix.changed != nil && addressed(shape(i)) {
				ix.changed(open, false)
			}
		}
	}
}

// named notes that a scope or a category has a list, or has none any more. Of other
// lists it takes no note.
func (ix *index[V]) named(open Key, s shape, there bool) {
	var in *names
	var name string
	switch s {
	case shapeScope:
		in, name = &ix.names[0], open.Scope
	case shapeCategory:
		in, name = &ix.names[1], open.Category
	default:
		return
	}
	if there {
		in.set(name, struct{}{})
	} else {
		in.delete(name)
	}
}

// len returns the number of slots in use.
func (ix *index[V]) len() int { return ix.size }

// appendKey appends the values under k to dst.
func (ix *index[V]) appendKey(dst []V, k Key) []V {
	c := ix.cells.m[k]
	if c == nil {
		return dst
	}
	return c.appendValues(dst, k)
}

// appendMatches appends the values under the keys that p matches to dst, each
// value once and in no particular order. The result is a snapshot: the owner
// leaves its lock before acting on it. A pattern that is not valid matches
// nothing.
func (ix *index[V]) appendMatches(dst []V, p Pattern) []V {
	want, s, ok := p.fixed()
	switch {
	case !ok:
		return dst
	case s == shapeExact:
		return ix.appendKey(dst, want)
	}
	l := ix.lists.m[want]
	if l == nil {
		return dst
	}
	dst = slices.Grow(dst, l.total-l.repeats)
	for _, c := range l.cells {
		dst = c.appendValues(dst, want)
	}
	return dst
}

// count returns the length of what appendMatches would append. It takes O(1)
// unless values with several keys are among them.
func (ix *index[V]) count(p Pattern) int {
	want, s, ok := p.fixed()
	switch {
	case !ok:
		return 0
	case s == shapeExact:
		if c := ix.cells.m[want]; c != nil {
			return c.count(want)
		}
		return 0
	}
	l := ix.lists.m[want]
	switch {
	case l == nil:
		return 0
	case l.repeats == 0:
		return l.total
	}
	n := 0
	for _, c := range l.cells {
		n += c.count(want)
	}
	return n
}

// keyCount is a key in use and the number of values under it.
type keyCount struct {
	Key   Key
	Count int
}

// keys returns the keys that p matches, sorted. The sum of their counts is more
// than count(p) if a value is under several of them.
func (ix *index[V]) keys(p Pattern) []keyCount {
	want, s, ok := p.fixed()
	if !ok {
		return nil
	}
	cells := ix.cellsFor(want, s)
	out := make([]keyCount, 0, len(cells))
	for _, c := range cells {
		out = append(out, keyCount{c.key, c.count(c.key)})
	}
	slices.SortFunc(out, func(a, b keyCount) int { return compareKeys(a.Key, b.Key) })
	return out
}

// cellsFor returns the cells with the values that want does not leave open.
// The slice may be one of the index.
func (ix *index[V]) cellsFor(want Key, s shape) []*cell[V] {
	if s == shapeExact {
		if c := ix.cells.m[want]; c != nil {
			return []*cell[V]{c}
		}
		return nil
	}
	if l := ix.lists.m[want]; l != nil {
		return l.cells
	}
	return nil
}

// plan tells how the index answers a pattern.
type plan struct {
	List    string // what is looked up: the positions that are fixed, or "all"; "none" for an invalid pattern
	Keys    int    // length of the posting list, which is the number of keys to walk
	Entries int    // values copied from it, before each is reduced to once
	Repeats int    // how many of those have to be checked for being there twice
}

// String returns a line such as "scope+id: 10 keys, 100 entries".
func (p plan) String() string {
	s := fmt.Sprintf("%s: %d keys, %d entries", p.List, p.Keys, p.Entries)
	if p.Repeats > 0 {
		s += fmt.Sprintf(", %d to deduplicate", p.Repeats)
	}
	return s
}

// explain returns the plan for p without carrying it out.
func (ix *index[V]) explain(p Pattern) plan {
	want, s, ok := p.fixed()
	if !ok {
		return plan{List: "none"}
	}
	out := plan{List: s.String()}
	cells := ix.cellsFor(want, s)
	out.Keys = len(cells)
	switch {
	case len(cells) == 0:
	case s == shapeExact:
		out.Entries, out.Repeats = len(cells[0].values), cells[0].repeats
	default:
		l := cells[0].lists[s]
		out.Entries, out.Repeats = l.total, l.repeats
	}
	return out
}

// appendValues appends the values of c to dst, except for those that come up
// under another key accepted by want as well, and earlier.
func (c *cell[V]) appendValues(dst []V, want Key) []V {
	if c.repeats == 0 {
		return append(dst, c.values...)
	}
	for i, s := range c.slots {
		if !s.repeated(want) {
			dst = append(dst, c.values[i])
		}
	}
	return dst
}

// count returns how many values appendValues would append.
func (c *cell[V]) count(want Key) int {
	if c.repeats == 0 {
		return len(c.values)
	}
	n := 0
	for _, s := range c.slots {
		if !s.repeated(want) {
			n++
		}
	}
	return n
}

// repeated reports whether an earlier slot of the same value is under a key
// that want accepts too. Exactly one of those slots is not repeated, and that
// one stands for the value.
func (s *slot[V]) repeated(want Key) bool {
	for e := s.earlier; e != nil; e = e.earlier {
		if e.cell != nil && accepts(want, e.cell.key) {
			return true
		}
	}
	return false
}

// dropLast shortens s by one, forgets what was there, and gives memory back
// when less than a quarter is in use, so that a crowd that left is not paid
// for ever after. The slack makes this O(1) per element over time.
func dropLast[T any](s []T) []T {
	var zero T
	n := len(s) - 1
	s[n] = zero
	s = s[:n]
	if cap(s) >= 32 && n < cap(s)/4 {
		return append(make([]T, 0, cap(s)/2), s...)
	}
	return s
}
