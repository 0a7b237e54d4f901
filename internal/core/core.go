// Package core is the erased middle of the dispatcher: what package effect
// builds from typed handlers and package dispatch runs. It exists so that the
// public packages share these types without showing them to users.
//
// Items travel as any and lists as any here because effect imports core; the
// concrete types are effect.Data and effect.List.
package core

import (
	"context"
	"reflect"
	"sync"
)

// Kind tells the three kinds of named items apart.
type Kind uint8

// The kinds, in the order in which listings show them.
const (
	Effect Kind = iota + 1
	Action
	Placeholder
	Batch // effect.Batch, known to every dispatcher
)

// Handler runs an effect or resolves a placeholder.
type Handler func(ctx context.Context, call *Call, item any) (any, error)

// Expander turns an action into an effect.List.
type Expander func(ctx context.Context, call *Call, state, item any) (any, error)

// StateFunc derives the state that the actions of one registry see.
type StateFunc func(ctx context.Context, call *Call) (any, error)

// DispatchFunc runs an effect.List and returns an *effect.Result.
type DispatchFunc func(ctx context.Context, call *Call, items any) any

// Entry is one named item bound to a root Ctx type.
type Entry struct {
	Kind     Kind
	Name     string
	Doc      string
	Site     string // file:line of the constructor call
	Registry string
	Type     reflect.Type // of the data
	Result   reflect.Type // of what the handler returns; nil for actions
	World    uint8
	Shared   bool
	Dry      bool // the handler knows of dry runs
	Meta     map[string]any
	Examples []any // effect.Data
	CtxType  reflect.Type

	Plan   *Plan
	Place  *Place // of the C of the handler
	Handle Handler
	Expand Expander
	State  *State // of the registry; nil if the action is stateless
	// StateType is what an action expects; nil for other kinds and for
	// stateless actions.
	StateType reflect.Type
}

// State is the state function of one registry.
type State struct {
	Type  reflect.Type
	Site  string
	Place *Place
	Func  StateFunc
}

// Place finds the Ctx of a lifted item inside the Ctx of the dispatcher. A nil
// Place means that they are the same.
type Place struct {
	In any // func(root any) *C
}

// Interceptor is an interceptor bound to a root Ctx type. Nil hooks are absent.
type Interceptor struct {
	Name     string
	Site     string
	Registry string
	Dispatch func(next DispatchFunc) DispatchFunc
	Action   func(next Handler) Handler // the value is an effect.List
	Effect   func(next Handler) Handler
}

// Runner is the dispatch a Call belongs to, with the Ctx that the Call sees.
// All methods may be called from any goroutine.
type Runner interface {
	// Root is the *Root that the Call sees; it is immutable while calls exist.
	Root() any
	// Changed returns a Runner with another root: a copy on which change was
	// called.
	Changed(change func(root any)) Runner
	// Detach returns a Runner that does not take part in errors of Nested.
	Detach() Runner
	// Nested dispatches an effect.List as a continuation of call and returns
	// an *effect.Result. hold, if not nil, is a func(effect.Data).
	Nested(ctx context.Context, call *Call, items, hold any) any
	// Failed reports whether this dispatch has collected an error so far.
	Failed() bool
	// ID identifies the dispatch; Parent is 0 for a dispatch from outside.
	ID() uint64
	Parent() uint64
	// Resolve replaces a placeholder reference by its value.
	Resolve(ctx context.Context, call *Call, ref any) (any, error)
}

// Call is what a handler knows of its dispatch. effect.Call[C] has this struct
// as its underlying type for every C, so that a pointer to one converts to a
// pointer to another without an allocation.
type Call struct{ s CallState }

// CallState is the content of a Call, kept apart so that its exported fields
// cannot be selected on an effect.Call. One is allocated with every dispatch,
// so what is rare belongs behind Runner or Slot.
type CallState struct {
	Runner Runner
	Place  *Place
	Up     *Step // the list of the item; nil at the top
	Slot   *Slot // nil where there is no interceptor
	Index  int32 // place of the item in its list
	Level  int32 // nesting depth of continuations and placeholders
}

// State gives access to the content of c.
func (c *Call) State() *CallState { return &c.s }

// Step is an expanded action on the way to an item.
type Step struct {
	Name  string
	Index int // of the action in its own list
	Depth int // number of steps up to and including this one
	Up    *Step
}

// Slot records what happens to one item, or one list, under its interceptors.
type Slot struct {
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
	Runs    []any  // the dispatcher's own records of the attempts at a list

	// Own is the call of the first handler, here to save an allocation.
	Own Call
}

// Seal is a parameter of exported functions that only this module can call.
type Seal struct{}

// Set is the bound content of a registry.
type Set struct {
	Entries      []*Entry
	Interceptors []*Interceptor
	Errs         []error
}
