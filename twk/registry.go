package twk

import (
	"context"

	"github.com/sfere-go/sfere/sse"

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
	emit Emit
}

// Registry returns the effects of this package; nil means the default options.
// The Ctx of the registry is a [Session].
func Registry(o *RegistryOptions) registry.Registry[Session] {
	s := &sender{emit: func(ctx context.Context, s Session, f *sse.Frame) error {
		if effect.IsDry(ctx) {
			return emitDry(ctx, s, f)
		}
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
	return registry.New("twk",
		effect.Handle("Patch markup into the page.", s.patchElements).About(shared(
			PatchElements{Elements: HTML(`<p id="status">Saved</p>`)},
			PatchElements{Elements: HTML(`<li>Hello</li>`), Selector: "#messages", Mode: ModeAppend},
		)),
		effect.Handle("Patch several pieces of markup into the page with one event.", s.patchElementsSeq).About(shared(
			PatchElementsSeq{Elements: []Content{HTML(`<p id="status">Saved</p>`), HTML(`<p id="count">3</p>`)}},
		)),
		effect.Handle("Remove elements from the page.", s.removeElement).About(shared(
			RemoveElement{Selector: ByID("status")},
		)),
		effect.Handle("Set signals of the page.", s.patchSignals).About(shared(
			PatchSignals{Signals: map[string]any{"message": ""}},
		)),
		effect.Handle("Run a script in the page.", s.executeScript).About(shared(
			ExecuteScript{Script: "document.title = " + JS("3 new messages")},
		)),
		effect.Handle("Leave the page for another one.", sends[Redirect](s)).About(shared(
			Redirect{URL: "/login"},
		)),
		effect.Handle("Change the address of the page without loading it.", sends[ReplaceURL](s)).About(shared(
			ReplaceURL{URL: "/items?page=2"},
		)),
		effect.Handle("Write to the console of the browser.", sends[ConsoleLog](s)).About(shared(
			ConsoleLog{Message: "synchronised", Level: "info"},
		)),
		effect.Handle("Dispatch a custom event in the page.", sends[DispatchCustomEvent](s)).About(shared(
			DispatchCustomEvent{Name: "saved", Detail: map[string]any{"id": "42"}},
		)),
		effect.Handle("Tell the browser which pages are likely to be next.", sends[Prefetch](s)).About(shared(
			Prefetch{URLs: []string{"/items?page=3"}},
		)),
		effect.Handle("End the stream of the dispatch.", closeSSE).About(effect.About{
			Reach: effect.Local, Dry: true, Examples: []effect.Data{CloseSSE{Cause: sse.CauseClosed}},
		}),
		effect.Handle("Do nothing: the hook that runs once when a stream has ended.", sseClosed).About(effect.About{
			Reach: effect.Pure, Examples: []effect.Data{SSEClosed{Cause: sse.CauseClient}},
		}),
		effect.Handle("Give the stream of the dispatch as the result.", connection).About(effect.About{
			Reach: effect.Pure, Examples: []effect.Data{Connection{}},
		}),
	)
}

// shared describes an effect that sends one event, the same for every stream.
func shared(examples ...effect.Data) effect.About {
	return effect.About{Reach: effect.Local, Shared: true, Dry: true, Examples: examples}
}

func (s *sender) send(ctx context.Context, call Call, f *sse.Frame, err error) (struct{}, error) {
	if err == nil {
		err = s.emit(ctx, call.Ctx(), f)
	}
	return struct{}{}, err
}

func (s *sender) patchElements(ctx context.Context, call Call, p PatchElements) (struct{}, error) {
	markup, err := render(ctx, p.Elements)
	if err != nil {
		return struct{}{}, fieldError("elements", err)
	}
	f, err := frameElements(p, markup)
	return s.send(ctx, call, f, err)
}

func (s *sender) patchSignals(ctx context.Context, call Call, p PatchSignals) (struct{}, error) {
	object, err := p.object()
	if err != nil {
		return struct{}{}, err
	}
	f, err := frameSignals(p, object)
	return s.send(ctx, call, f, err)
}

func (s *sender) patchElementsSeq(ctx context.Context, call Call, p PatchElementsSeq) (struct{}, error) {
	markup, err := join(ctx, p.Elements)
	if err != nil {
		return struct{}{}, fieldError("elements", err)
	}
	f, err := frameElements(p.one(), markup)
	return s.send(ctx, call, f, err)
}

func (s *sender) removeElement(ctx context.Context, call Call, e RemoveElement) (struct{}, error) {
	f, err := frameElements(PatchElements{
		Selector: e.Selector, Mode: ModeRemove, ViewTransition: e.ViewTransition,
		ViewTransitionSelector: e.ViewTransitionSelector, EventOptions: e.EventOptions,
	}, "")
	return s.send(ctx, call, f, err)
}

func (s *sender) executeScript(ctx context.Context, call Call, e ExecuteScript) (struct{}, error) {
	f, err := frameScript(e)
	return s.send(ctx, call, f, err)
}

// sends is the handler of effects that are a script in the end.
func sends[E interface {
	effect.Data
	scripted
}](s *sender) func(context.Context, Call, E) (struct{}, error) {
	return func(ctx context.Context, call Call, e E) (struct{}, error) {
		script, err := e.script()
		if err != nil {
			return struct{}{}, err
		}
		return s.executeScript(ctx, call, script)
	}
}
