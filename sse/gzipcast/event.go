package gzipcast

import "sync"

// Event is one event, ready to be sent on any number of streams. Make it with
// [Encoder.Event] or [Chain.Next]. It is immutable and safe for concurrent use.
//
// It holds its payload, each encoded form once a stream has needed it, and, for
// an event of a chain whose short form nobody has needed yet, up to 32 KiB of
// the previous event's payload. It never holds the previous Event.
type Event struct {
	enc     *Encoder
	payload []byte

	self  *mark // nil for a private event: nothing may follow it chained
	after *mark // the event that history belongs to, nil for none

	whole form
	short form
	sum   sum
	// history is touched only by the encoding of short, which drops it.
	history []byte
}

// mark is the identity of an event of a chain. Streams compare the addresses of
// marks, not of events or sequence numbers, because this makes a mix-up
// impossible: marks of all chains and encoders differ without a shared counter,
// a stream that holds a mark keeps its address from being used again, and what
// it keeps alive is this byte and not the event. An empty struct would not do:
// all its values may have one address.
type mark struct{ _ byte }

// form is one encoding of an event, made on first use.
type form struct {
	once sync.Once
	wire []byte
}

// Payload returns the bytes the event was made from, for streams that are not
// compressed. The caller must not modify them.
func (e *Event) Payload() []byte { return e.payload }

// check returns the checksum of a stream with checksum crc after the event.
func (e *Event) check(crc uint32) uint32 {
	e.sum.once.Do(func() { e.sum.make(e.payload) })
	return e.sum.add(crc)
}

// wholeForm returns the self-contained encoding.
func (e *Event) wholeForm() []byte {
	e.whole.once.Do(func() {
		e.whole.wire = e.enc.encode(e.payload, nil)
	})
	return e.whole.wire
}

// shortForm returns the encoding that is valid only right after the event
// marked by after.
func (e *Event) shortForm() []byte {
	e.short.once.Do(func() {
		e.short.wire = e.enc.encode(e.payload, e.history)
		e.history = nil
	})
	return e.short.wire
}
