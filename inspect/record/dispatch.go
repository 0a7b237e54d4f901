package record

import "time"

// Dispatch is one recorded dispatch with its continuations. It is a copy and
// belongs to the caller; the data of its effects is shared with the program and
// must not be changed.
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

	// Continuations counts those of the whole tree, and Revision changes with
	// everything in it; they are set on the outermost dispatch only.
	Continuations int
	Revision      uint64
}
