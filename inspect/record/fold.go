package record

import (
	"encoding/binary"
	"hash/maphash"
	"slices"
	"strconv"
)

// keepLike is how many trees of one kind are kept with their data, whatever else
// there is no room for.
const keepLike = 4

// like returns a number that is equal for trees that ran the same in the same way,
// whatever their data. Recorder.mu is held.
func (r *Recorder) like(n *node) uint64 {
	b := n.shape(r.buf[:0])
	if cap(b) <= MaxValue { // kept for the next
		r.buf = b
	}
	return maphash.Bytes(r.seed, b)
}

// shape appends to b what ran in the tree and what became of it.
func (n *node) shape(b []byte) []byte {
	text := func(s string) {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	list := func(texts []string) {
		b = binary.AppendUvarint(b, uint64(len(texts)))
		for _, s := range texts {
			text(s)
		}
	}
	for _, set := range []bool{n.d.Dry, n.d.Failed, n.each} {
		b = strconv.AppendBool(b, set)
	}
	text(n.d.Request)
	list(n.d.Names)
	list(n.d.Targets)
	for _, s := range n.steps {
		for _, i := range s.path.Indices() {
			b = binary.AppendUvarint(b, uint64(i)+1)
		}
		text(string(s.s.Kind))
		text(s.s.Name)
		text(string(s.s.State))
		text(string(s.s.Phase))
		text(s.s.By)
		if s.s.Error != nil {
			text(s.s.Error.Error()) // a textError
		}
		for _, inner := range s.nested {
			b = inner.shape(b)
		}
	}
	for _, inner := range n.nested {
		b = inner.shape(b)
	}
	return append(b, '.')
}

// alike counts the trees that may be folded, by kind: those that no request has
// asked for. Recorder.mu is held.
func (r *Recorder) alike(n *node) {
	if n.d.Request == "" && !n.hidden && !n.tree.gone {
		n.counted = true
		r.likes[n.d.Like]++
	}
}

// forget undoes alike.
func (r *Recorder) forget(n *node) {
	if n.counted {
		if n.counted = false; r.likes[n.d.Like] > 1 {
			r.likes[n.d.Like]--
		} else {
			delete(r.likes, n.d.Like)
		}
	}
}

// fold gives up the oldest tree of which there are enough newer ones that are like
// it, if there is such a tree. The next older one stands for it from then on.
// Recorder.mu is held.
func (r *Recorder) fold() bool {
	for i, n := range r.roots {
		if !n.counted || r.likes[n.d.Like] <= keepLike {
			continue
		}
		for _, heir := range r.roots[i+1:] {
			if heir.counted && heir.d.Like == n.d.Like {
				heir.d.Times += n.d.Times
				heir.d.First = n.d.First
				r.drop(i)
				r.changed(heir)
				return true
			}
		}
	}
	return false
}

// join lets a sibling of n stand for it as well, if both are for recipients of one
// broadcast and what became of them is the same. Recorder.mu is held.
func (r *Recorder) join(n *node) {
	if !n.each || n.hidden || n.siblings == nil {
		return
	}
	all := *n.siblings
	at := slices.Index(all, n)
	for i := max(0, at-keepLike); i < at; i++ {
		o := all[i]
		if !o.each || o.d.Running || o.d.Like != n.d.Like {
			continue
		}
		o.d.Times += n.d.Times
		*n.siblings = slices.Delete(all, at, at+1)
		n.forEach(func(gone *node) {
			gone.hidden = true
			r.grow(gone.tree, -gone.bytes)
			gone.tree.entries -= 1 + len(gone.steps)
			gone.tree.joined++
			if r.byID[gone.id] == gone {
				delete(r.byID, gone.id)
			}
		})
		t := n.tree
		t.nodes = slices.DeleteFunc(t.nodes, func(x *node) bool { return x.hidden })
		return
	}
}

// forEach calls f with n and everything below it.
func (n *node) forEach(f func(*node)) {
	f(n)
	for _, s := range n.steps {
		for _, inner := range s.nested {
			inner.forEach(f)
		}
	}
	for _, inner := range n.nested {
		inner.forEach(f)
	}
}
