package record

import (
	"encoding/json"
	"time"

	"github.com/sfere-go/sfere/effect"
)

// Dispatch is one recorded dispatch with its continuations. It is a copy and
// belongs to the caller; the data of its effects is shared with other copies and
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
	// Targets are the patterns and keys that the first items are addressed to, in
	// text form and in their order; "" for those that have none.
	Targets []string
	// Request is the method and path of the request that the dispatch came from, ""
	// if it came from none. What looks like a secret in the path is hidden.
	Request string
	// Stream is the number of the stream that the dispatch ran against, 0 if there
	// was none. Key is the first key that the stream was held under, in text form.
	Stream uint64
	Key    string
	// Times is how many dispatches this one stands for, and First when the first of
	// them began. All of them ran the same in the same way; the data is that of the
	// last. Like is equal for dispatches that ran the same in the same way.
	Times int
	First time.Time
	Like  uint64

	// Given are the items as they were dispatched, late values not yet resolved, and
	// More how many there were beyond those. Ctx is what JSON has of the Ctx, nil
	// without Options.Ctx. All are set on the outermost dispatch only, which may continue
	// one that is not kept any more.
	Given []Given
	More  int
	Ctx   json.RawMessage

	Steps []Step // in the order of their paths
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

// Given is what is kept of one item as it was dispatched.
type Given struct {
	Item    effect.Data // as Step.Item; nil if there was no room for it
	Omitted int         // bytes that were too many to keep
	Hidden  int         // secrets that were hidden
}
