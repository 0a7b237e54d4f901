package effect

import (
	"context"
	"errors"
	"reflect"

	"github.com/sfere-go/sfere/internal/core"
)

// Effect is an effect that is about to be registered: the result of [Handle] or
// [Do]. It is immutable and may be part of several registries.
type Effect[C any] core.Item

func (Effect[C]) item(*C) {}

// About returns a copy of e that says a of itself, in place of what it said
// before.
func (e Effect[C]) About(a About) Effect[C] { return Effect[C](a.with(core.Item(e))) }

// Handle makes h the handler of effect data of type E. doc says in a
// sentence what the effect does; it must not be empty.
//
// h may run on any goroutine and several times at once. Its value is kept in
// Result.Outcomes; an error or a panic becomes an entry of Result.Errors and
// the items after it run all the same. Use [Do] if there is no value to return.
func Handle[C any, E Data, R any](doc string, h func(ctx context.Context, call Call[C], e E) (R, error)) Effect[C] {
	s := named[C, E](core.Effect, doc)
	handled(&s, h)
	return Effect[C](core.NewItem(s))
}

// Do is [Handle] for handlers that return only an error. The value of such an
// effect is struct{}{}.
func Do[C any, E Data](doc string, h func(ctx context.Context, call Call[C], e E) error) Effect[C] {
	s := named[C, E](core.Effect, doc)
	if h == nil {
		handled[C, E, struct{}](&s, nil)
	} else {
		handled(&s, func(ctx context.Context, call Call[C], e E) (struct{}, error) { return struct{}{}, h(ctx, call, e) })
	}
	return Effect[C](core.NewItem(s))
}

// handled completes s with its handler.
func handled[C any, E Data, R any](s *core.ItemState, h func(ctx context.Context, call Call[C], e E) (R, error)) {
	s.Entry.Result = reflect.TypeFor[R]()
	if h == nil {
		s.Errs = append(s.Errs, errors.New("the handler is nil"))
		return
	}
	s.Entry.Handle = func(ctx context.Context, call core.Call, item any) (any, error) {
		v, err := h(ctx, Call[C](call), item.(E))
		if err != nil {
			return nil, err
		}
		return v, nil
	}
}
