package effect

import (
	"context"
	"errors"
	"reflect"

	"github.com/sfere-go/sfere/internal/core"
)

// Action is an action that is about to be registered: the result of [Expand].
// It is immutable and may be part of several registries.
type Action[C any] core.Item

func (Action[C]) item(*C) {}

// About returns a copy of a that says about of itself, in place of what it said
// before.
func (a Action[C]) About(about About) Action[C] { return Action[C](about.with(core.Item(a))) }

// NoState is the state of an action that needs none; such an action gives the
// same list for the same data.
type NoState struct{}

// Expand makes f the expansion of action data of type A: a pure function
// from the state of the registry ([State]) to the effects and actions to run
// instead. doc says in a sentence what the action does; it must not be empty.
// C is given by the caller, S and A are inferred:
//
//	effect.Expand[App]("Double the counter.", func(s Counter, a Double) (effect.List, error) { ... })
//
// f may run on any goroutine and several times at once. It must not keep or
// change s. A nil list means nothing to do; an error or a panic becomes an entry
// of Result.Errors.
func Expand[C, S any, A Data](doc string, f func(state S, a A) (List, error)) Action[C] {
	s := named[C, A](core.Action, doc)
	if t := reflect.TypeFor[S](); t != reflect.TypeFor[NoState]() {
		s.Entry.StateType = t
	}
	if f == nil {
		s.Errs = append(s.Errs, errors.New("the expansion is nil"))
		return Action[C](core.NewItem(s))
	}
	s.Entry.Expand = func(_ context.Context, _ core.Call, state, item any) (any, error) {
		s, _ := state.(S) // no state function: the zero state
		return f(s, item.(A))
	}
	return Action[C](core.NewItem(s))
}
