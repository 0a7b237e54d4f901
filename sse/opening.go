package sse

import "context"

// The first effects of a stream have the first turn: what others send meanwhile
// waits behind them.

// EmitFirst is [Conn.Emit] for the function that opens the stream: its frames come
// before everything that others send in the meantime, and the bounds of the
// outbox do not hold for them. The first effects of a stream are the program's
// own answer, however large. Once that function has returned, EmitFirst is Emit.
func (c *Conn) EmitFirst(ctx context.Context, frames ...*Frame) error {
	return c.first.Emit(ctx, frames...)
}

// uncork lets writers begin, be the first effects over or not.
func (c *Conn) uncork() {
	c.mu.Lock()
	c.corked = false
	wake := c.waiting()
	c.mu.Unlock()
	if wake {
		c.hub.schedule(c)
	}
}

// firstDone ends the first effects and reports whether the caller must see to
// it that what is waiting is written.
func (c *Conn) firstDone() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endTurn(c.first)
	c.corked = false
	return c.waiting()
}

// waiting claims the stream for a writer if there is something to write. c.mu is
// held.
func (c *Conn) waiting() bool {
	if len(c.queue) == 0 || c.scheduled || c.closed {
		return false
	}
	c.scheduled = true
	return true
}
