package effect

import (
	"context"

	"github.com/sfere-go/sfere/internal/core"
)

// Placeholder is a placeholder that is about to be registered: the result of
// [Provide]. It is immutable and may be part of several registries.
type Placeholder[C any] core.Item

func (Placeholder[C]) item(*C) {}

// About returns a copy of p that says a of itself, in place of what it said
// before.
func (p Placeholder[C]) About(a About) Placeholder[C] { return Placeholder[C](a.with(core.Item(p))) }

// Provide makes f the source of values for references ([Late]) to placeholder
// data of type P. doc says in a sentence what the value is; it must not be
// empty.
//
// f runs when an effect with such a reference is about to run, with the call of
// that effect: in a broadcast once for every recipient. It may run on any
// goroutine and several times at once. An error or a panic is an error of the
// effect, which then does not run.
func Provide[C any, P Data, T any](doc string, f func(ctx context.Context, call Call[C], p P) (T, error)) Placeholder[C] {
	s := named[C, P](core.Placeholder, doc)
	handled(&s, f)
	return Placeholder[C](core.NewItem(s))
}
