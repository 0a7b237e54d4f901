package effecttest

import (
	"context"
	"slices"
	"sync"

	"github.com/sfere-go/sfere/effect"
)

// Recorder collects the effects that a dispatcher runs, in order, with their
// late values resolved, those of continuations included. The zero Recorder is
// ready. It may be used from any number of goroutines.
//
//	var rec effecttest.Recorder[App]
//	d, err := dispatch.New(app, registry.New("test", rec.Interceptor()))
//	...
//	if diff := cmp.Diff(want, rec.Effects()); diff != "" { t.Error(diff) }
type Recorder[C any] struct {
	// Answer, if set, is asked for every effect. If it returns true its value
	// stands in for the handler, which does not run; nil is turned into
	// struct{}{}, as nil would be no answer. Set it before the first dispatch.
	Answer func(effect.Data) (value any, ok bool)

	mu      sync.Mutex // guards effects: dispatches run concurrently
	effects effect.List
}

// Interceptor returns the part of a registry that records. Registered last it
// sees what other interceptors let through, registered first what they got.
func (r *Recorder[C]) Interceptor() effect.Interceptor[C] {
	return effect.Interceptor[C]{
		Name: "effecttest/recorder",
		Effect: func(next effect.EffectFunc[C]) effect.EffectFunc[C] {
			return func(ctx context.Context, call effect.Call[C], item effect.Data) (any, error) {
				r.mu.Lock()
				r.effects = append(r.effects, item)
				r.mu.Unlock()
				if r.Answer != nil {
					if v, ok := r.Answer(item); ok {
						if v == nil {
							v = struct{}{}
						}
						return v, nil
					}
				}
				return next(ctx, call, item)
			}
		},
	}
}

// Effects returns a copy of what was recorded so far; nil if nothing was.
func (r *Recorder[C]) Effects() effect.List {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.effects)
}

// Reset forgets what was recorded.
func (r *Recorder[C]) Reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.effects = nil
}
