package sfere

import (
	"context"
	"sync"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
)

// outline runs what is the same for all recipients and returns that and the
// rest in order. held tells whether there is a rest.
func (c *Conns) outline(ctx context.Context, call twk.Call, items effect.List) (list []step, held bool, err error) {
	var plan outline
	err = call.With(func(s *twk.Session) {
		*s = twk.Session{Out: &plan}
	}).DispatchShared(context.WithValue(ctx, recipientKey{}, nil), plan.hold, items...).Err()
	list, held = plan.end()
	return list, held, err
}

// step is a part of a broadcast: frames for everybody, or an effect that has to
// run for each recipient.
type step struct {
	frames []*sse.Frame
	item   effect.Data
}

// outline is the outlet that shared effects write to while they run once for all.
type outline struct {
	mu   sync.Mutex // guards the fields below; interceptors may run effects on goroutines of their own
	list []step
	held bool
	done bool

	// Most broadcasts have one step with one frame; this is its memory.
	one   [1]step
	frame [1]*sse.Frame
}

// Emit adds frames to those of the step before, if it is one of frames.
func (p *outline) Emit(_ context.Context, frames ...*sse.Frame) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done { // the recipients are no longer known
		return sse.ErrClosed
	}
	if n := len(p.list); n > 0 && p.list[n-1].item == nil {
		p.list[n-1].frames = append(p.list[n-1].frames, frames...)
		return nil
	}
	if p.list == nil {
		p.one[0].frames = append(p.frame[:0], frames...)
		p.list = p.one[:]
		return nil
	}
	p.list = append(p.list, step{frames: append([]*sse.Frame(nil), frames...)})
	return nil
}

// hold adds an item that has to run for each recipient.
func (p *outline) hold(item effect.Data) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.list = append(p.list, step{item: item})
	p.held = true
}

func (p *outline) end() (list []step, held bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done = true
	return p.list, p.held
}

// Gathers says that frames are kept in memory until a broadcast sends them.
func (p *outline) Gathers() {}
