package inspect

import (
	"slices"
	"time"

	"github.com/sfere-go/sfere/effect"
)

// Dispatch is one recorded dispatch. It is a copy and belongs to the caller; the
// data of its effects is shared.
type Dispatch struct {
	Seq     uint64 // numbers everything a Recorder has seen, from 1
	ID      uint64 // Result.ID
	Parent  uint64 // Result.Parent
	Began   time.Time
	Took    time.Duration // 0 while it runs
	Running bool
	Failed  bool     // it, or a continuation attached to it, had an error
	Dry     bool     // a dry run
	Names   []string // of the first items that were dispatched
	Steps   []Step   // in the order of their paths
	// Nested are the continuations that belong to no step.
	Nested []Dispatch
	// Omitted counts the entries of the tree that were not kept; it is set on the
	// outermost dispatch only.
	Omitted int

	// These are set on the outermost dispatch only.
	rev     uint64 // changes with everything in the tree
	entries int    // continuations in the tree
}

// Step is one item of a recorded dispatch.
type Step struct {
	Path effect.Path
	Kind StepKind
	Name string
	Item effect.Data // may be nil
	// Value is what its handler returned, or the name of its type if somebody
	// might still change it.
	Value any
	Began time.Time // zero if it never ran
	Took  time.Duration
	State State
	Error error        // why it failed or was skipped
	Phase effect.Phase // of the error
	By    string       // the interceptor or placeholder at fault
	// Nested are the continuations that it started.
	Nested []Dispatch
}

// StepKind tells what a step was; it is empty for items that were not run.
type StepKind string

// The kinds of steps.
const (
	StepEffect StepKind = "effect"
	StepAction StepKind = "action"
)

// State is how far a step came.
type State string

// The states of steps.
const (
	StateRunning State = "running"
	StateDone    State = "done"
	StateFailed  State = "failed"
	StateSkipped State = "skipped"
)

// Recent returns the recorded dispatches, newest first.
func (r *Recorder) Recent() []Dispatch { return r.each((*node).copy) }

// summaries is Recent without steps and continuations.
func (r *Recorder) summaries() []Dispatch { return r.each((*node).alone) }

// each returns what of makes of each recorded dispatch, newest first.
func (r *Recorder) each(of func(*node) Dispatch) []Dispatch {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]Dispatch, 0, len(r.roots))
	for _, n := range slices.Backward(r.roots) {
		out = append(out, of(n))
	}
	return out
}

// Get returns the recorded dispatch whose Seq is seq, if it comes from outside
// and is still kept.
func (r *Recorder) Get(seq uint64) (Dispatch, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range r.roots {
		if n.d.Seq == seq {
			return n.copy(), true
		}
	}
	return Dispatch{}, false
}

// counts returns how many dispatches came from outside so far, how many of them
// failed, and a number that changes with everything that is recorded.
func (r *Recorder) counts() (total, failed, version uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.total, r.failed, r.version
}

// alone returns n without its steps and continuations. Recorder.mu is held.
func (n *node) alone() Dispatch {
	d := n.d
	if n.tree.nodes[0] == n {
		d.Omitted, d.rev, d.entries = n.tree.omitted, n.tree.rev, len(n.tree.nodes)-1
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

// newest returns the Seq of the newest dispatch from outside with this
// Result.ID.
func (r *Recorder) newest(id uint64) (uint64, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range slices.Backward(r.roots) {
		if n.d.ID == id {
			return n.d.Seq, true
		}
	}
	return 0, false
}
