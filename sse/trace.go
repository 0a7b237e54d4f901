package sse

import (
	"slices"
	"sync"
	"time"
)

// Bounds of what is recorded.
const (
	maxRecord  = 1000 // entries of a stream
	tapRecord  = 256  // of one that is recorded because somebody watches it
	traceBytes = 512  // of a trace beside its entries, as it is reckoned
	rowBytes   = 64   // of an entry beside its text
)

// trace is what happened to one stream lately: a ring of entries. It is made with the
// first of them. The methods may be called on a nil trace, which keeps nothing.
type trace struct {
	hub   *Hub
	size  int   // entries that are kept
	since int64 // when recording began

	// mu guards the fields below. It may be taken under the state lock of a Conn, and
	// no lock is taken under it.
	mu    sync.Mutex
	rows  []row  // the entry with number n is at (n-1) % size
	last  uint64 // number of the newest entry
	from  uint64 // no entry before this one waits
	rev   uint64 // grows with every change
	taps  []*Tap
	info  ConnInfo // of the stream, when it has been closed
	cause Cause
	over  bool // nothing more happens
}

// row is an Entry as it is kept.
type row struct {
	at, done int64 // by the clock of the hub
	rev      uint64
	digest   *digest // nil for what happens to the stream
	frame    *Frame  // while it waits
	fate     Fate
	writing  bool // a writer has it
}

// now is the time by the clock of the hub.
func (t *trace) now() int64 { return t.hub.clock(time.Now()) }

// tracer returns the trace of c, which it makes; nil if c is not recorded. c.mu is held.
func (c *Conn) tracer() *trace {
	if !c.traced {
		return nil
	}
	if c.trace == nil {
		at := c.hub.clock(c.opened)
		c.trace = &trace{hub: c.hub, size: c.hub.opts.Record, since: at, from: 1}
		c.trace.add(row{at: at, fate: FateOpened})
	}
	return c.trace
}

// add appends a row. t.mu is held, or nobody else knows t.
func (t *trace) add(r row) {
	t.last++
	t.rev++
	r.rev = t.rev
	if len(t.rows) < t.size {
		t.rows = append(t.rows, r)
		return
	}
	t.rows[(t.last-1)%uint64(t.size)] = r
}

// first is the number of the oldest entry that is kept. t.mu is held.
func (t *trace) first() uint64 { return t.last - uint64(len(t.rows)) + 1 }

func (t *trace) row(n uint64) *row { return &t.rows[(n-1)%uint64(t.size)] }

// wake tells those who watch. t.mu is held.
func (t *trace) wake() {
	for _, tap := range t.taps {
		select {
		case tap.wake <- struct{}{}:
		default: // told already
		}
	}
}

// queued notes frames that wait now.
func (t *trace) queued(frames []*Frame) {
	if t == nil || len(frames) == 1 && frames[0] == t.hub.beat {
		return
	}
	now := t.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, f := range frames {
		t.add(row{at: now, fate: FateQueued, frame: f, digest: f.digest()})
	}
	t.wake()
}

// writes notes that a writer has taken frames.
func (t *trace) writes(frames []*Frame) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, f := range frames {
		if r := t.waiting(f, false); r != nil {
			r.writing = true
		}
	}
}

// wrote notes what became of the frames that a writer has taken.
func (t *trace) wrote(frames []*Frame, fate Fate) {
	if t == nil {
		return
	}
	now := t.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, f := range frames {
		t.decide(t.waiting(f, true), fate, now)
	}
	t.wake()
}

// lost notes that a frame which waited does not any more.
func (t *trace) lost(f *Frame, fate Fate) {
	if t == nil {
		return
	}
	now := t.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.decide(t.waiting(f, false), fate, now)
	t.wake()
}

// refused notes frames that found no room.
func (t *trace) refused(frames []*Frame, err error) {
	fate := FateDropped
	if err == ErrOverflow {
		fate = FateCut
	}
	for _, f := range frames {
		t.lost(f, fate)
	}
}

// waiting returns the oldest row of f that waits, nil if it is not kept. t.mu is held.
func (t *trace) waiting(f *Frame, writing bool) *row {
	t.from = max(t.from, t.first())
	for t.from <= t.last && t.row(t.from).frame == nil {
		t.from++
	}
	for n := t.from; n <= t.last; n++ {
		if r := t.row(n); r.frame == f && r.writing == writing {
			return r
		}
	}
	return nil
}

// decide sets the fate of a row, which may be nil. t.mu is held.
func (t *trace) decide(r *row, fate Fate, now int64) {
	if r == nil {
		return
	}
	t.rev++
	r.rev, r.fate, r.done, r.frame, r.writing = t.rev, fate, now, nil, false
}

// closed notes that the stream was closed. What only waits is cut if drop is set.
func (t *trace) closed(i ConnInfo, drop bool) {
	now := t.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.info, t.cause = i, i.Cause
	if drop {
		t.cut(now, false)
	}
	t.add(row{at: now, fate: FateClosed})
	t.wake()
}

// ended notes that nothing is written to the stream any more.
func (t *trace) ended(i ConnInfo) {
	now := t.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.info, t.over = i, true
	t.cut(now, true)
	t.wake()
}

// cut decides all rows that wait; those that a writer has only if all is set. t.mu is
// held.
func (t *trace) cut(now int64, all bool) {
	for n := max(t.from, t.first()); n <= t.last; n++ {
		if r := t.row(n); r.frame != nil && (all || !r.writing) {
			t.decide(r, FateCut, now)
		}
	}
}

// entry returns the entry with number n. t.mu is held.
func (t *trace) entry(n uint64) Entry {
	r := t.row(n)
	e := Entry{Seq: n, At: t.hub.at(r.at), Fate: r.fate}
	if r.fate == FateClosed {
		e.Cause = t.cause
	}
	if r.done != 0 {
		e.Took = time.Duration(max(r.done-r.at, 0))
	}
	if d := r.digest; d != nil {
		e.Type, e.Size, e.Coalesce, e.Overflow, e.Version = d.typ, d.size, d.key, d.overflow, d.version
		e.Text, e.Omitted = d.text, d.size-len(d.text)
	}
	return e
}

// events returns all entries. t.mu is not held.
func (t *trace) events(i ConnInfo) Events {
	out := Events{Stream: i, Entries: []Entry{}}
	if t == nil {
		return out
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.info.ID != 0 {
		out.Stream = t.info
	}
	out.Since, out.Earlier = t.hub.at(t.since), t.first()-1
	out.Entries = slices.Grow(out.Entries, len(t.rows))
	for n := t.first(); n <= t.last; n++ {
		out.Entries = append(out.Entries, t.entry(n))
	}
	return out
}

// bytes reckons the memory of t.
func (t *trace) bytes() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := traceBytes + rowBytes*cap(t.rows)
	for _, r := range t.rows {
		if r.digest != nil {
			n += r.digest.bytes()
		}
	}
	return n
}

// Events returns what happened to the stream lately: nothing, unless
// [HubOptions].Record is set or somebody watches it. It may be called by any goroutine,
// also after the stream has ended.
func (c *Conn) Events() Events {
	c.mu.Lock()
	t := c.tracer()
	c.mu.Unlock()
	return t.events(c.Info())
}

// closeTrace notes that the stream was closed and keeps its trace for a while. No lock
// is held.
func (c *Conn) closeTrace(cause Cause) {
	c.mu.Lock()
	t := c.tracer()
	c.mu.Unlock()
	if t != nil {
		t.closed(c.Info(), cause.Cut() && cause != CauseShutdown)
		c.hub.ended.add(c.id, t)
	}
}

// endTrace notes that nothing more is written. No lock is held.
func (c *Conn) endTrace() {
	c.mu.Lock()
	t := c.trace
	c.mu.Unlock()
	if t != nil {
		t.ended(c.Info())
	}
}
