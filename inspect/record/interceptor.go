package record

import (
	"context"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
)

// Interceptor returns an interceptor, called "record", that lets r see every
// dispatch. It changes nothing. Register it before all others: it sees what those
// further in do. Several dispatchers may share r.
func Interceptor[C any](r *Recorder) effect.Interceptor[C] {
	src := new(source)
	return effect.Interceptor[C]{
		Name: "record",
		Dispatch: func(next effect.DispatchFunc[C]) effect.DispatchFunc[C] {
			return func(ctx context.Context, call effect.Call[C], items effect.List) *effect.Result {
				r := r.of(ctx)
				session := sessionOf(call)
				o := r.origin(session)
				_, _, o.each = sfere.SenderOf[C](ctx)
				n := r.begin(ctx, id{src, call.ID()}, call.Parent(), items, o, rootOf(call), runnerOf(call))
				res := next(r.at(ctx, place{n, nil}), call, items)
				if o.key == "" && session != nil && session.Conn != nil {
					o = r.origin(session)
				}
				r.end(n, res, o)
				return res
			}
		},
		Action: func(next effect.ActionFunc[C]) effect.ActionFunc[C] {
			return func(ctx context.Context, call effect.Call[C], item effect.Data) (effect.List, error) {
				r := r.of(ctx)
				p := r.enter(ctx, call.Path(), Action, item)
				list, err := next(r.at(ctx, p), call, item)
				r.leave(p, nil, err)
				return list, err
			}
		},
		Effect: func(next effect.EffectFunc[C]) effect.EffectFunc[C] {
			return func(ctx context.Context, call effect.Call[C], item effect.Data) (any, error) {
				r := r.of(ctx)
				p := r.enter(ctx, call.Path(), Effect, item)
				v, err := next(r.at(ctx, p), call, item)
				r.leave(p, v, err)
				return v, err
			}
		},
	}
}

// place is where in a recording a context belongs.
type place struct {
	n *node
	s *step // nil between the steps
}

// placeKey belongs to one recorder: a dispatcher may have several.
type placeKey struct{ r *Recorder }

// ForRecipients lets what runs for the recipients of a broadcast be recorded under
// the broadcast.
func (placeKey) ForRecipients() {}

func (r *Recorder) at(ctx context.Context, p place) context.Context {
	return context.WithValue(ctx, placeKey{r}, p)
}

func (r *Recorder) placeOf(ctx context.Context) place {
	p, _ := ctx.Value(placeKey{r}).(place)
	return p
}
