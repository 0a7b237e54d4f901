package dispatch

import (
	"context"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
)

// An engine runs what a call dispatches that was kept beyond its dispatch: each is a
// dispatch from outside, with the Ctx of the call.

// Outside implements core.Runner.
func (r *run) Outside() core.Runner { return r.e }

// Decode implements core.Runner.
func (r *run) Decode(text []byte) (any, error) { return r.e.Decode(text) }

// Outside implements core.Runner.
func (e *engine) Outside() core.Runner { return e }

// Decode implements core.Runner.
func (e *engine) Decode(text []byte) (any, error) { return e.decode(text) }

// Changed implements core.Runner.
func (e *engine) Changed(root any, change func(root any)) any { return e.clone(root, change) }

// Detach implements core.Runner: there is nobody who could be told of errors.
func (e *engine) Detach() core.Runner { return e }

// Nested implements core.Runner.
func (e *engine) Nested(ctx context.Context, call core.Call, items, how any) any {
	r := &run{}
	r.begin(e, call.State().Scope.Root)
	r.res.ID = e.ids.Add(1)
	switch how := how.(type) {
	case *core.Together:
		m := r.extra()
		m.together, m.share = how, &how.All
		r.scope.Root = e.fresh(how.Ctx)
	case *core.Prepared:
		r.extra().prepared = how
	}
	return r.start(ctx, items.(effect.List))
}

// Adopt implements core.Runner.
func (e *engine) Adopt(any) {}

// Gather implements core.Runner: nothing ends at which it could be done.
func (e *engine) Gather(any, func() (any, func())) (any, bool) { return nil, false }

// Failed implements core.Runner.
func (e *engine) Failed() bool { return false }

// ID implements core.Runner.
func (e *engine) ID() uint64 { return 0 }

// Parent implements core.Runner.
func (e *engine) Parent() uint64 { return 0 }

// Resolve implements core.Runner.
func (e *engine) Resolve(ctx context.Context, call core.Call, ref any) (any, error) {
	r := &run{}
	r.begin(e, call.State().Scope.Root)
	r.res.ID = e.ids.Add(1)
	call.State().Scope = &r.scope
	defer r.more.CompareAndSwap(nil, returned)
	return r.Resolve(ctx, call, ref)
}
