package gzipcast

import (
	"bytes"
	"sync"
)

// Chain makes the events of one audience, such as a chat room: streams that
// mostly receive the same events in the same order. Each event can be encoded
// with the one before as its history, which pays when they resemble each other.
// Create it with [Encoder.NewChain]. It is safe for concurrent use.
//
// A chain keeps up to 32 KiB of its last payload and no events.
type Chain struct {
	enc *Encoder

	mu   sync.Mutex
	last *mark  // nil before the first event
	tail []byte // what the event after last may refer to
}

// Next returns the chain's next event. It keeps payload, which the caller must
// not modify afterwards. Nothing is compressed until a stream needs it.
//
// Events made by concurrent calls are chained in some order. Delivering them in
// another order, or not to every stream, is safe and costs only size. An event
// with an empty payload leaves no trace on any stream, so the chain skips it.
func (c *Chain) Next(payload []byte) *Event {
	if len(payload) == 0 {
		return c.enc.Event(payload)
	}
	e := &Event{enc: c.enc, payload: payload, self: new(mark)}
	tail := tailOf(payload)

	c.mu.Lock()
	defer c.mu.Unlock()
	e.after, e.history = c.last, c.tail
	c.last, c.tail = e.self, tail
	return e
}

// tailOf returns the part of payload that DEFLATE can refer back to. A longer
// payload is copied, so that the chain does not pin all of it.
func tailOf(payload []byte) []byte {
	if len(payload) <= windowSize {
		return payload
	}
	return bytes.Clone(payload[len(payload)-windowSize:])
}
