package sfere

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// bounded is a context that ends after a time, at the latest. It has no timer until
// somebody wants to wait for it, which most of what runs once for all never does.
type bounded struct {
	context.Context // the parent
	limit           time.Duration

	mu     sync.Mutex         // guards cancel, and the change of timed
	cancel context.CancelFunc // of timed
	timed  atomic.Pointer[context.Context]
}

// wait returns the context with the timer.
func (b *bounded) wait() context.Context {
	if c := b.timed.Load(); c != nil {
		return *c
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if c := b.timed.Load(); c != nil {
		return *c
	}
	c, cancel := context.WithTimeout(b.Context, b.limit)
	b.cancel = cancel
	b.timed.Store(&c)
	return c
}

// end frees the timer, if there is one.
func (b *bounded) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.cancel != nil {
		b.cancel()
	}
}

// Deadline implements [context.Context].
func (b *bounded) Deadline() (time.Time, bool) { return b.wait().Deadline() }

// Done implements [context.Context].
func (b *bounded) Done() <-chan struct{} { return b.wait().Done() }

// Err implements [context.Context].
func (b *bounded) Err() error {
	if c := b.timed.Load(); c != nil {
		return (*c).Err()
	}
	return b.Context.Err()
}
