package record

import "slices"

// add notes that n takes up more bytes, and pushes out what there is no more room
// for.
func (r *Recorder) add(n *node, bytes int) {
	if n.tree.gone || n.hidden {
		return
	}
	n.bytes += bytes
	r.grow(n.tree, bytes)
	r.shrink()
}

func (r *Recorder) grow(t *tree, bytes int) {
	if t.bytes += bytes; !t.gone {
		r.bytes += bytes
	}
}

// shrink pushes out what is too much: first what there is more of the same kind of,
// then the oldest that has not failed, as long as what has failed takes less than
// half of the room. The newest stays.
func (r *Recorder) shrink() {
	for len(r.roots) > 1 && (len(r.roots) > r.size || r.bytes > r.max) {
		if r.fold() {
			continue
		}
		failed, bytes := 0, 0
		for _, n := range r.roots {
			if n.d.Failed {
				failed, bytes = failed+1, bytes+n.tree.bytes
			}
		}
		at := 0
		if 2*failed <= r.size && 2*bytes <= r.max {
			at = max(0, slices.IndexFunc(r.roots[:len(r.roots)-1], func(n *node) bool { return !n.d.Failed }))
		}
		r.drop(at)
	}
}

// drop forgets the tree at a place of the list.
func (r *Recorder) drop(at int) {
	old := r.roots[at].tree
	r.bytes -= old.bytes
	r.forget(r.roots[at])
	old.gone = true
	for _, o := range old.nodes {
		if r.byID[o.id] == o {
			delete(r.byID, o.id)
		}
	}
	r.roots = slices.Delete(r.roots, at, at+1)
}
