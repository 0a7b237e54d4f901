package twk

import (
	"context"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/registry"
)

// RegistryOptions adjust the registry. Zero fields mean the defaults.
type RegistryOptions struct {
	// Audit wraps the sending of every event that effects of this registry
	// produce, the first outermost. A step may pass on, hold back (return nil or
	// an error) or observe; it sees a broadcast event once, before it is given
	// to its recipients. Steps run concurrently.
	Audit []func(next Emit) Emit
}

// sender renders, checks and sends events.
type sender struct {
	framer framer
	emit   Emit
}

// Registry returns the effects of this package; nil means the default options.
// The C of the registry is a [Session].
func Registry(o *RegistryOptions) registry.Registry[Session] {
	s := &sender{emit: func(ctx context.Context, s Session, f *Frame) error {
		out, err := s.outlet()
		if err != nil {
			return err
		}
		return out.Emit(ctx, f)
	}}
	if o != nil {
		for i := len(o.Audit) - 1; i >= 0; i-- {
			s.emit = o.Audit[i](s.emit)
		}
	}
	shared := effect.About{World: effect.Local, Shared: true}
	return registry.New("twk",
		effect.Handle("Patch markup into the page.", s.patchElements).About(shared),
		effect.Handle("Set signals of the page.", s.patchSignals).About(shared),
		effect.Handle("End the stream of the dispatch.", closeSSE).About(effect.About{World: effect.Local}),
		effect.Handle("Do nothing: the hook that runs once when a stream has ended.", sseClosed).About(effect.About{World: effect.Pure}),
		effect.Handle("Give the stream of the dispatch as the result.", connection).About(effect.About{World: effect.Pure}),
	)
}

func (s *sender) send(ctx context.Context, call *Call, f *Frame, err error) (struct{}, error) {
	if err == nil {
		err = s.emit(ctx, call.Ctx(), f)
	}
	return struct{}{}, err
}

func (s *sender) patchElements(ctx context.Context, call *Call, p PatchElements) (struct{}, error) {
	markup, err := render(ctx, p.Elements)
	if err != nil {
		return struct{}{}, fieldError("elements", err)
	}
	f, err := s.framer.elements(p, markup)
	return s.send(ctx, call, f, err)
}

func (s *sender) patchSignals(ctx context.Context, call *Call, p PatchSignals) (struct{}, error) {
	object, err := p.object()
	if err != nil {
		return struct{}{}, err
	}
	f, err := s.framer.signals(p, object)
	return s.send(ctx, call, f, err)
}
