package sse

import "slices"

// Waiting reports whether a frame with the given Coalesce key waits to be written.
func (c *Conn) Waiting(key string) bool {
	has := func(o *outbox) bool {
		return slices.ContainsFunc(o.queue, func(f *Frame) bool { return f.key == key })
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return has(&c.outbox) || slices.ContainsFunc(c.turns, func(t *Turn) bool { return has(&t.outbox) })
}

// Withdraw takes back the frames with the given Coalesce key that wait to be written.
// It reports whether there were any.
func (c *Conn) Withdraw(key string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	trace := c.tracer()
	found := c.takeOut(key, trace, FateTaken)
	for _, t := range c.turns {
		found = t.takeOut(key, trace, FateTaken) || found
	}
	return found
}
