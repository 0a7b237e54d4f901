package record

import (
	"slices"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
	"github.com/sfere-go/sfere/internal/excerpt"
)

// id finds a dispatch again whose context did not reach its continuation.
type id struct {
	source *source
	id     uint64
}

// source is what dispatch numbers are unique in.
type source struct{ _ byte }

// node is a Dispatch that is being recorded. A continuation shares its root with
// the dispatch it continues.
type node struct {
	d      Dispatch // without steps and continuations
	id     id
	steps  []*step
	nested []*node
	tree   *tree
	hidden bool // beyond MaxEntries; its steps are counted only
	each   bool // for recipients of a broadcast
	bytes  int  // that it and its steps take up
	// counted tells that Recorder.likes counts it; of a root.
	counted bool
	// siblings is the list of the step or node that n continues; nil for a root.
	siblings *[]*node
}

// step is a Step that is being recorded.
type step struct {
	s      Step // without continuations
	path   effect.Path
	found  finds // its own secrets, as long as it runs
	nested []*node
}

// tree is what the nodes of one root share.
type tree struct {
	entries int
	omitted int
	joined  int // continuations that others stand for
	bytes   int
	found   finds  // secrets, as long as it runs
	rev     uint64 // Recorder.version at the last change
	gone    bool   // pushed out; continuations that still come begin a new tree
	nodes   []*node
}

// room reports whether one more entry fits, and counts it.
func (t *tree) room() bool {
	if t.entries >= MaxEntries {
		t.omitted++
		return false
	}
	t.entries++
	return true
}

// data is what is kept of something, and what it takes up.
type data struct {
	item    effect.Data
	value   any
	bytes   int
	omitted int
	hid     int
	found   finds
}

// add appends a step, if there is room for it.
func (n *node) add(path effect.Path, kind Kind, name string) *step {
	if n.hidden {
		n.tree.omitted++
		return nil
	}
	if !n.tree.room() {
		return nil
	}
	s := &step{path: path, s: Step{Kind: kind, Name: name}}
	n.steps = append(n.steps, s)
	return s
}

// find returns the step at path, nil if there is none.
func (n *node) find(path effect.Path) *step {
	for _, s := range slices.Backward(n.steps) {
		if s.path.Equal(path) {
			return s
		}
	}
	return nil
}

func names(items effect.List) []string {
	var out []string
	for i, item := range items {
		if i == maxNames {
			break
		}
		out = append(out, name(item))
	}
	return out
}

// maxNames is how many items of a dispatch are named: enough to recognise it.
const maxNames = 8

// maxName bounds names in bytes: those in wire form may be anything.
const maxName = 120

// name returns the name of item, whatever it is: this runs before anything has
// been checked.
func name(item effect.Data) string { return cut(core.SafeName(item)) }

func cut(name string) string { return excerpt.Of(name, maxName, "…") }

// alone returns n without its steps and continuations. Recorder.mu is held.
func (n *node) alone() Dispatch {
	d := n.d
	if n.tree.nodes[0] == n {
		d.Omitted, d.Revision, d.Continuations = n.tree.omitted, n.tree.rev, len(n.tree.nodes)-1+n.tree.joined
	}
	return d
}

// copy returns n as it is now. Recorder.mu is held.
func (n *node) copy() Dispatch {
	d := n.alone()
	for _, s := range n.steps {
		c := s.s
		c.Path, c.Nested = s.path, copies(s.nested)
		d.Steps = append(d.Steps, c)
	}
	// A failure without a run is known at the end only.
	slices.SortStableFunc(d.Steps, func(a, b Step) int { return slices.Compare(a.Path.Indices(), b.Path.Indices()) })
	d.Nested = copies(n.nested)
	return d
}

func copies(ns []*node) []Dispatch {
	var out []Dispatch
	for _, n := range ns {
		out = append(out, n.copy())
	}
	return out
}
