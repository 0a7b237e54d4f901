package core

import (
	"context"
	"sync/atomic"
)

// dryKey marks the contexts of dry runs.
type dryKey struct{}

// Dry is what a dry run is told.
type Dry struct {
	Record func(any)     // adds to the plan; safe for concurrent use
	Room   *atomic.Int64 // bytes of text that the plan has room for, of the whole dry run; may be below 0
}

// Rehearsing returns a ctx of a dry run.
func Rehearsing(ctx context.Context, d *Dry) context.Context {
	return context.WithValue(ctx, dryKey{}, d)
}

// Rehearsal returns the dry run that ctx belongs to; nil if there is none.
func Rehearsal(ctx context.Context) *Dry {
	d, _ := ctx.Value(dryKey{}).(*Dry)
	return d
}

// Take reports whether the plan has room for n more bytes, which are taken then.
// It may be called from any goroutine.
func (d *Dry) Take(n int) bool {
	if d.Room.Add(-int64(n)) >= 0 {
		return true
	}
	d.Room.Add(int64(n))
	return false
}
