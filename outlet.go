package sfere

import (
	"context"
	"sync"

	"github.com/sfere-go/sfere/sse"
)

// batch is the outlet of one recipient. It gathers frames while the broadcast
// runs; what comes later, from work that an effect has left behind, goes
// straight to the stream.
type batch struct {
	// emit is where the frames go: the stream, or the plan of a dry run.
	emit func(ctx context.Context, frames []*sse.Frame) error

	mu     sync.Mutex // guards the fields below; no other lock is taken under it
	frames []*sse.Frame
	done   bool
}

// outlet returns the outlet of to.
func (d *delivery) outlet(to *target) *batch {
	return &batch{emit: func(ctx context.Context, frames []*sse.Frame) error {
		switch {
		case d.dry != nil:
			d.dry.add(ctx, frames, 1, deliveryTo(to.Recipient))
			return nil
		case to.turn == nil:
			return to.Conn.EmitFirst(ctx, frames...)
		}
		return to.turn.Emit(ctx, frames...)
	}}
}

// Gathers says that frames are kept in memory until they are sent together, so
// that a dry run may render into it.
func (b *batch) Gathers() {}

// Emit implements [twk.Outlet].
func (b *batch) Emit(ctx context.Context, frames ...*sse.Frame) error {
	b.mu.Lock()
	if !b.done {
		b.frames = append(b.frames, frames...)
		b.mu.Unlock()
		return nil
	}
	b.mu.Unlock()
	return b.emit(ctx, frames)
}

// Flush sends what has been gathered; twk.CloseSSE calls it.
func (b *batch) Flush(ctx context.Context) error {
	b.mu.Lock()
	frames := b.frames
	b.frames = nil
	b.mu.Unlock()
	if len(frames) == 0 {
		return nil
	}
	return b.emit(ctx, frames)
}

func (b *batch) end(ctx context.Context) error {
	b.mu.Lock()
	b.done = true
	b.mu.Unlock()
	return b.Flush(ctx)
}
