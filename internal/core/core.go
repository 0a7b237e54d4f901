// Package core is the erased middle of the dispatcher: what package effect
// builds from typed handlers and package dispatch runs. It exists so that the
// public packages share these types without showing them to users.
//
// A public type over a struct of this package is declared as in
//
//	type Call[C any] core.Call
//
// so that the packages of this module convert one to the other. Each such
// struct has a single unexported field and an accessor that the public type
// does not inherit, so nothing of it is seen from outside.
//
// Items travel as any and lists as any here because effect imports core; the
// concrete types are effect.Data and effect.List.
package core

import (
	"context"
	"fmt"
	"path/filepath"
	"reflect"
	"runtime"
)

// Kind tells the kinds of named items apart.
type Kind uint8

// The kinds, in the order in which listings show them.
const (
	Effect Kind = iota + 1
	Action
	Placeholder
	Batch  // effect.Batch, known to every dispatcher
	Serial // effect.Serial, as well
)

// Handler runs an effect or resolves a placeholder.
type Handler func(ctx context.Context, call Call, item any) (any, error)

// Expander turns an action into an effect.List.
type Expander func(ctx context.Context, call Call, state, item any) (any, error)

// StateFunc derives the state that the actions of one registry see.
type StateFunc func(ctx context.Context, call Call) (any, error)

// DispatchFunc runs an effect.List and returns an *effect.Result.
type DispatchFunc func(ctx context.Context, call Call, items any) any

// Entry is one named item. Once it is part of a Set it is immutable.
type Entry struct {
	Kind     Kind
	Name     string
	Doc      string
	Site     string // file:line of the constructor call
	Registry string
	Type     reflect.Type // of the data
	Result   reflect.Type // of what the handler returns; nil for actions
	Reach    uint8
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

// Item is what a constructor of package effect has made, before a registry
// takes it in.
type Item struct{ s *ItemState }

// ItemState is the content of an Item: an entry or a state function. It is
// immutable.
type ItemState struct {
	Entry *Entry // of an effect, action or placeholder
	State *State // of a state function
	Errs  []error
}

// NewItem returns an Item with the given content.
func NewItem(s ItemState) Item { return Item{&s} }

// State gives access to the content of i; nil if i is zero.
func (i *Item) State() *ItemState { return i.s }

// Site returns the place in the program that called a function, as
// folder/file:line; skip counts as in runtime.Caller, from the caller of Site.
func Site(skip int) string {
	_, file, line, ok := runtime.Caller(skip + 1)
	if !ok {
		return "unknown place"
	}
	return fmt.Sprintf("%s/%s:%d", filepath.Base(filepath.Dir(file)), filepath.Base(file), line)
}
