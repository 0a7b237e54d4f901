package core

import (
	"context"
	"sync"
)

// Runner is the dispatch that a Call belongs to. All methods may be called from
// any goroutine.
type Runner interface {
	// Changed returns a copy of root on which change was called.
	Changed(root any, change func(root any)) any
	// Detach returns a Runner whose continuations keep their errors.
	Detach() Runner
	// Outside returns a Runner to keep: its continuations are dispatches from outside.
	Outside() Runner
	// Decode reads an effect.List in wire form into the types of the dispatcher.
	Decode(text []byte) (any, error)
	// Nested dispatches an effect.List as a continuation of call and returns
	// an *effect.Result. how is nil, a *Together or a *Prepared.
	Nested(ctx context.Context, call Call, items, how any) any
	// Adopt adds the errors of an *effect.Result to those of this dispatch.
	Adopt(result any)
	// Gather returns what is gathered under key in this dispatch. fresh makes it, and
	// what is done with it at the end. ok is false if the dispatch has ended.
	Gather(key any, fresh func() (v any, end func())) (v any, ok bool)
	// Failed reports whether this dispatch has collected an error so far.
	Failed() bool
	// ID identifies the dispatch; Parent is 0 for a dispatch from outside.
	ID() uint64
	Parent() uint64
	// Resolve replaces a placeholder reference by its value.
	Resolve(ctx context.Context, call Call, ref any) (any, error)
}

// Scope is what the calls of one list, or of one item under its interceptors,
// have in common. It is immutable.
type Scope struct {
	Root any    // *Root, the Ctx that the calls see
	Of   Runner // nil if the calls belong to no dispatch
	Slot *Slot  // nil where there is no interceptor and nothing runs for many
}

// Call is what a handler knows of its dispatch. effect.Call[C] has this struct
// as its underlying type for every C, so that one converts to another. It is
// passed by value and has four words: one of five was measured to be slower.
type Call struct{ s CallState }

// CallState is the content of a Call, kept apart so that its exported fields
// cannot be selected on an effect.Call.
type CallState struct {
	Scope *Scope // nil in the zero Call
	Place *Place
	Up    *Step // the list of the item; nil at the top
	At    At
}

// At is a pair of numbers in one word.
type At struct {
	Index int32 // place of the item in its list
	Level int16 // nesting depth of continuations and placeholders
	// Free marks the call of a handler that may look at the Ctx while it runs once
	// for many recipients; see Share.
	Free bool
}

// NewCall returns a Call with the given content.
func NewCall(s CallState) Call { return Call{s} }

// State gives access to the content of c.
func (c *Call) State() *CallState { return &c.s }

// Step is an expanded action on the way to an item.
type Step struct {
	Name  string
	Index int // of the action in its own list
	Depth int // number of steps up to and including this one
	Up    *Step
}

// Slot is what the calls of one item, or one list, find out together.
type Slot struct {
	// Share is not nil while the item runs once for many recipients. Constant.
	Share *Share
	// Record is nil where there is no interceptor. Constant.
	*Record
}

// Record is what happens to one item, or one list, under its interceptors.
type Record struct {
	// Mu guards the fields below: an interceptor may give up on next and leave
	// it running on another goroutine.
	Mu      sync.Mutex
	Closed  bool   // the outcome is decided; what comes later is ignored
	Entered bool   // next was called all the way
	Ran     bool   // the last step returned without error
	Item    any    // the item as executed; the list
	Value   any    // what the last step returned
	Inner   error  // the error of the last step itself
	Phase   string // of Inner
	Err     error  // the error that is on its way out
	By      string // the interceptor it came from; empty for the last step
	Seen    string // innermost interceptor that gave nothing back, or was entered with a list
	Runs    any    // the dispatcher's own records of the attempts at a list

	// States are those of the batch that an action belongs to, nil if it belongs
	// to none. Constant.
	States *Snapshot

	// Scope is that of the calls which the interceptors see, here to save an
	// allocation. It is set once, by NewSlot.
	Scope Scope
}

// NewSlot returns a Slot for item whose Scope sees and runs what scope does. States
// is set by the caller, before anybody else has the Slot.
func NewSlot(item any, scope *Scope) *Slot {
	s := &struct {
		Slot
		record Record
	}{record: Record{Item: item}}
	s.Record = &s.record
	if scope.Slot != nil {
		s.Share = scope.Slot.Share
	}
	s.Scope = Scope{Root: scope.Root, Of: scope.Of, Slot: &s.Slot}
	return &s.Slot
}

// Slot returns the slot of the item that c is for, with its record; nil if there is
// none.
func (c *Call) Slot() *Slot {
	if c.s.Scope == nil || c.s.Scope.Slot == nil || c.s.Scope.Slot.Record == nil {
		return nil
	}
	return c.s.Scope.Slot
}

// Share returns that of the item that c is for; nil unless it runs once for many
// recipients.
func (c *Call) Share() *Share {
	if c.s.Scope == nil || c.s.Scope.Slot == nil {
		return nil
	}
	return c.s.Scope.Slot.Share
}
