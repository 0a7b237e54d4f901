package sse

import "slices"

// Tap watches what one stream is sent. It takes nothing from the stream and never slows
// it down: what is not taken in time is missed. Make one with [Conn.Tap], and end it with
// [Tap.Close]. The methods may be called by any goroutine.
type Tap struct {
	conn  *Conn
	trace *trace
	wake  chan<- struct{}

	// Guarded by trace.mu.
	next uint64 // the first entry that was not seen
	rev  uint64 // the last change that was seen
}

// Tap begins to watch the stream. A stream whose hub does not record is recorded while
// somebody watches it. Each time that something has happened something is sent to wake,
// if it has room; so one channel with room for one does for many taps. The error is an
// *[Error] that wraps [ErrClosed] if the stream has been closed.
func (c *Conn) Tap(wake chan<- struct{}) (*Tap, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, &Error{Op: "watching a stream", Err: ErrClosed}
	}
	if !c.traced {
		c.traced = true
		t := &trace{hub: c.hub, size: tapRecord, from: 1}
		t.since = t.now()
		c.trace = t
	}
	tap := &Tap{conn: c, trace: c.tracer(), wake: wake, next: 1}
	t := tap.trace
	t.mu.Lock()
	defer t.mu.Unlock()
	tap.next = max(tap.next, t.first())
	t.taps = append(t.taps, tap)
	return tap, nil
}

// Conn returns the stream.
func (t *Tap) Conn() *Conn { return t.conn }

// Take returns the entries that are new or have changed since the last call, the oldest
// first, and how many were missed. The first call returns what is kept. over is true if
// nothing more will come.
func (t *Tap) Take() (entries []Entry, missed uint64, over bool) {
	tr := t.trace
	tr.mu.Lock()
	defer tr.mu.Unlock()
	first := tr.first()
	if first > t.next {
		missed = first - t.next
	}
	for n := first; n <= tr.last && t.rev < tr.rev; n++ {
		if tr.row(n).rev > t.rev {
			entries = append(entries, tr.entry(n))
		}
	}
	t.next, t.rev = tr.last+1, tr.rev
	return entries, missed, tr.over
}

// Close ends the watch. It may be called again.
func (t *Tap) Close() {
	c, tr := t.conn, t.trace
	c.mu.Lock()
	defer c.mu.Unlock()
	tr.mu.Lock()
	defer tr.mu.Unlock()
	i := slices.Index(tr.taps, t)
	if i < 0 {
		return
	}
	tr.taps = slices.Delete(tr.taps, i, i+1)
	if len(tr.taps) == 0 && c.hub.opts.Record == 0 && c.trace == tr && !c.closed {
		c.trace, c.traced = nil, false
	}
}
