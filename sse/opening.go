package sse

import "context"

// opening is the state of a stream whose first effects are running: what others
// send meanwhile waits behind them. The state lock of the stream guards it.
type opening struct{ outbox }

// EmitFirst is [Conn.Emit] for the function that opens the stream: its frames come
// before everything that others send in the meantime, and the bounds of the
// outbox do not hold for them. The first effects of a stream are the program's
// own answer, however large. Once that function has returned, EmitFirst is Emit.
func (c *Conn) EmitFirst(ctx context.Context, frames ...*Frame) error {
	c.mu.Lock()
	if c.opening == nil {
		c.mu.Unlock()
		return c.Emit(ctx, frames...)
	}
	if c.closed {
		c.mu.Unlock()
		return ErrClosed
	}
	for _, f := range frames {
		if f.key != "" && c.replace(f.key) {
			c.dropped++
		}
		c.outbox.push(f, &c.hub.slabs)
	}
	wake := !c.corked && !c.scheduled && len(c.queue) > 0
	c.scheduled = c.scheduled || wake
	c.mu.Unlock()
	if wake {
		c.hub.schedule(c)
	}
	return nil
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

// firstDone ends the first effects and reports whether the caller has to see to it
// that what is waiting is written.
func (c *Conn) firstDone() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endOpening()
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

// endOpening puts what others have sent behind the first effects. c.mu is held.
func (c *Conn) endOpening() {
	if c.opening == nil {
		return
	}
	for _, f := range c.opening.queue {
		if f.key != "" && c.replace(f.key) {
			c.dropped++
		}
		c.outbox.push(f, &c.hub.slabs)
	}
	c.hub.slabs.give(c.opening.queue)
	c.opening = nil
}
