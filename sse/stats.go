package sse

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"
)

// Stats says what a hub has done since it was made, and what waits at the moment.
type Stats struct {
	Streams  Kinds           `json:"streams"`          // open now
	Opened   Kinds           `json:"opened"`           // so far, refused ones included
	Closed   map[Cause]Kinds `json:"closed,omitempty"` // so far, by why; causes of the program after the first 32 are CauseOther
	Frames   uint64          `json:"frames"`           // written, heartbeats included
	Bytes    uint64          `json:"bytes"`            // written, compressed where a stream is
	Dropped  uint64          `json:"dropped"`          // frames that a full outbox has lost
	Replaced uint64          `json:"replaced"`         // frames whose place a newer one with the same key has taken
	Queued   int             `json:"queued"`           // frames that wait
	Waiting  int             `json:"waiting"`          // bytes that wait
	Behind   int             `json:"behind"`           // streams with a write that has taken more than 250 ms so far
}

// Kinds counts streams by how long they stay.
type Kinds struct {
	Long  uint64 `json:"long"`  // streams that stay open
	Short uint64 `json:"short"` // short answers
}

func (k *Kinds) of(long bool) *uint64 {
	if long {
		return &k.Long
	}
	return &k.Short
}

// CauseOther stands for all causes of the program after the first 32 in [Stats].
const CauseOther Cause = "other"

// maxCauses bounds how many causes are told apart.
const maxCauses = 32

// Written is what one writer has written without a pause, to at most 256 streams.
type Written struct {
	Streams, Frames, Bytes int
	Took                   time.Duration
}

// counters are what Stats shows of streams that have ended. The open ones count for
// themselves, so that writing costs nothing more.
type counters struct {
	dropped, replaced atomic.Uint64

	// mu guards the fields below. The lock of the wheel, and the state lock of a Conn,
	// may be taken under it.
	mu            sync.Mutex
	frames, bytes uint64
	opened        Kinds
	closed        map[Cause]Kinds
}

// open counts a stream that opens.
func (n *counters) open(long bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	*n.opened.of(long)++
}

// close counts a stream that has been closed.
func (n *counters) close(long bool, cause Cause) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed == nil {
		n.closed = map[Cause]Kinds{}
	}
	k, known := n.closed[cause]
	if !known && len(n.closed) >= maxCauses {
		cause = CauseOther
		k = n.closed[cause]
	}
	*k.of(long)++
	n.closed[cause] = k
}

// lose counts frames that do not reach a stream.
func (n *counters) lose(l losses) {
	if l.dropped > 0 {
		n.dropped.Add(uint64(l.dropped))
	}
	if l.replaced > 0 {
		n.replaced.Add(uint64(l.replaced))
	}
}

// wrote tells the program what a goroutine has written since a time.
func (h *Hub) wrote(w Written, began time.Time) {
	if w.Streams > 0 && h.opts.OnWritten != nil {
		w.Took = time.Since(began)
		contained("written", func() { h.opts.OnWritten(w) })
	}
}

// Stats returns what the hub has done. It looks at each open stream, and may be called
// by any goroutine.
func (h *Hub) Stats() Stats {
	n := &h.counts
	s := Stats{Dropped: n.dropped.Load(), Replaced: n.replaced.Load()}
	n.mu.Lock() // no stream is settled while the open ones are looked at
	defer n.mu.Unlock()
	s.Opened, s.Closed, s.Frames, s.Bytes = n.opened, maps.Clone(n.closed), n.frames, n.bytes
	for _, c := range h.wheel.all() {
		c.mu.Lock()
		queued, waiting := c.waits()
		settled, frames, bytes := c.settled, c.sent, c.sentBytes
		c.mu.Unlock()
		if settled { // about to leave the wheel
			continue
		}
		*s.Streams.of(c.stays.Load())++
		s.Frames, s.Bytes = s.Frames+frames, s.Bytes+bytes
		s.Queued, s.Waiting = s.Queued+queued, s.Waiting+waiting
		if c.behind() {
			s.Behind++
		}
	}
	return s
}

// settle adds what c has been sent to the counters. Nothing is written to it any more.
func (n *counters) settle(c *Conn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.settled {
		return
	}
	c.settled = true
	n.frames += c.sent
	n.bytes += c.sentBytes
}

// waits returns how many frames, and bytes, wait for the client. c.mu is held.
func (c *Conn) waits() (frames, bytes int) {
	frames, bytes = len(c.queue), c.outbox.bytes
	for _, t := range c.turns {
		frames += len(t.queue)
		bytes += t.bytes
	}
	return frames, bytes
}
