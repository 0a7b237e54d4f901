package record

import (
	"time"

	"github.com/sfere-go/sfere/effect"
)

// Step is one item of a recorded dispatch.
type Step struct {
	Path effect.Path
	Kind Kind
	Name string
	// Item is a copy of the data without its secrets, cut if it is long. A note takes
	// the place of content that was rendered. It is nil if there was no room for it.
	Item effect.Data
	// Value is a copy of what its handler returned, or the name of its type if somebody
	// might still change it.
	Value any
	Began time.Time // zero if it never ran
	Took  time.Duration
	State State
	Error error        // why it failed or was skipped: its text, and nothing that it wraps
	Phase effect.Phase // of the error
	By    string       // the interceptor or placeholder at fault
	// Omitted counts the bytes of Item, Value and Error that were too many to keep.
	Omitted int
	// Nested are the continuations that it started.
	Nested []Dispatch
}

// Kind tells what a step was; it is empty for items that were not run.
type Kind string

// The kinds of steps.
const (
	Effect Kind = "effect"
	Action Kind = "action"
)

// State is how far a step came.
type State string

// The states of steps.
const (
	Running State = "running"
	Done    State = "done"
	Failed  State = "failed"
	Skipped State = "skipped"
)
