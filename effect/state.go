package effect

import (
	"context"
	"errors"
	"reflect"

	"github.com/sfere-go/sfere/internal/core"
)

// StateFunc is a state function that is about to be registered: the result of
// [State]. It is immutable and may be part of several registries.
type StateFunc[C any] core.Item

func (StateFunc[C]) item(*C) {}

// State makes f the source of the state that the actions of the same
// registry see. It runs each time an action is about to be expanded, so that
// the action sees what the effects before it did; inside a [Batch] it runs once.
//
// f may run on any goroutine and several times at once. An error or a panic is
// an error of the action, which is then not expanded.
func State[C, S any](f func(ctx context.Context, call Call[C]) (S, error)) StateFunc[C] {
	s := core.ItemState{State: &core.State{Type: reflect.TypeFor[S](), Site: core.Site(1)}}
	if f == nil {
		s.Errs = append(s.Errs, errors.New("the state function is nil"))
		return StateFunc[C](core.NewItem(s))
	}
	s.State.Func = func(ctx context.Context, call core.Call) (any, error) {
		v, err := f(ctx, Call[C](call))
		if err != nil {
			return nil, err
		}
		return v, nil
	}
	return StateFunc[C](core.NewItem(s))
}
