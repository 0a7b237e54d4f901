package sse

import (
	"slices"
	"sync"
	"time"
)

// outbox is what waits to be written to one stream. The state lock of the
// stream guards it.
//
// An idle stream holds no memory for it: one frame has its place in the stream
// itself, more are kept in a slab that goes back to the hub when it is written.
type outbox struct {
	queue []*Frame // backed by one, or by a slab
	bytes int      // in queue
	one   [1]*Frame
}

const (
	// behindAfter is how long a write may take before its client counts as behind.
	behindAfter = 250 * time.Millisecond
	// ahead is how many times the bounds a stream may have waiting whose client is
	// not behind: nobody has come round to writing to it yet, which is no fault of
	// the client's.
	ahead = 16
)

// behind reports whether the client is slow to take what is written to it.
func (c *Conn) behind() bool {
	began := c.began.Load()
	return began != 0 && c.hub.clock(time.Now())-began > int64(behindAfter)
}

// noBound is a limit that is never reached.
const noBound = int(^uint(0) >> 1)

// bounds are the limits of an outbox, and the policy of frames without one.
type bounds struct {
	frames, bytes int
	policy        Overflow
}

// losses are frames that do not reach the client.
type losses struct{ dropped, replaced int }

func (l losses) total() int { return l.dropped + l.replaced }

// admit takes frames in, all or none, and returns how many waiting ones were
// lost. The bound is asked of what waits already: a burst of the program is not
// a slow client. Frames that may be dropped make room for others and never push
// out one that may not.
func (o *outbox) admit(frames []*Frame, b bounds, s *slabs, t *trace) (lost losses, err error) {
	if len(frames) == 1 && frames[0].version != 0 {
		return losses{replaced: o.put(frames[0], s, t)}, nil
	}
	full := len(frames) > 0 && o.full(b)
	if full && o.refuses(frames, b) {
		if slices.ContainsFunc(frames, func(f *Frame) bool { return !b.droppable(f) }) {
			return losses{}, ErrOverflow
		}
		return losses{dropped: len(frames)}, ErrDropped
	}
	for _, f := range frames {
		if f.version == 0 && f.key != "" && o.replace(f.key, t) {
			lost.replaced++
		}
	}
	if full {
		lost.dropped = o.makeRoom(b, t)
	}
	for i, f := range frames {
		if f.version != 0 {
			lost.replaced += o.put(f, s, t)
			continue
		}
		if f.key != "" && i > 0 && o.replace(f.key, t) { // twice in one burst
			lost.replaced++
		}
		o.push(f, s)
	}
	return lost, nil
}

// refuses reports whether the outbox stays full whatever may be dropped or
// replaced for frames.
func (o *outbox) refuses(frames []*Frame, b bounds) bool {
	n, size := 0, 0
	for _, old := range o.queue {
		if old.version != 0 {
			continue
		}
		replaced := old.key != "" && slices.ContainsFunc(frames, func(f *Frame) bool { return f.key == old.key })
		if !replaced && !b.droppable(old) {
			n++
			size += len(old.bytes)
		}
	}
	return n >= b.frames || size >= b.bytes
}

// full reports whether the bounds are reached. Frames with a version do not count;
// they are looked for only when it would be full with them.
func (o *outbox) full(b bounds) bool {
	if len(o.queue) < b.frames && o.bytes < b.bytes {
		return false
	}
	n, size := o.counted()
	return n >= b.frames || size >= b.bytes
}

// counted returns how many frames without a version wait, and their size.
func (o *outbox) counted() (n, size int) {
	for _, f := range o.queue {
		if f.version == 0 {
			n++
			size += len(f.bytes)
		}
	}
	return n, size
}

// put takes a frame with a version in, unless a newer one waits. It returns how many
// frames were lost.
func (o *outbox) put(f *Frame, s *slabs, t *trace) int {
	i := slices.IndexFunc(o.queue, func(old *Frame) bool { return old.key == f.key })
	switch {
	case i < 0:
		o.push(f, s)
		return 0
	case o.queue[i].version <= f.version:
		t.lost(o.queue[i], FateReplaced)
		o.dropAt(i)
		o.push(f, s)
	default: // f itself is old
		t.lost(f, FateReplaced)
	}
	return 1
}

// clearEvents drops all frames but those with a version and returns how many.
func (o *outbox) clearEvents(t *trace) (lost int) {
	return o.drops(t, func(f *Frame) bool { return f.version == 0 })
}

// drops takes out the frames that are lost and returns how many.
func (o *outbox) drops(t *trace, isLost func(*Frame) bool) (lost int) {
	kept := o.queue[:0]
	for _, f := range o.queue {
		if isLost(f) {
			o.bytes -= len(f.bytes)
			t.lost(f, FateDropped)
			lost++
			continue
		}
		kept = append(kept, f)
	}
	clear(o.queue[len(kept):])
	o.queue = kept
	return lost
}

func (b bounds) droppable(f *Frame) bool {
	return f.version == 0 && (f.overflow == DropOldest || f.overflow == "" && b.policy == DropOldest)
}

// makeRoom drops frames that may be dropped, the oldest first, until there is
// room.
func (o *outbox) makeRoom(b bounds, t *trace) (lost int) {
	n, size := o.counted()
	return o.drops(t, func(f *Frame) bool {
		over := n >= b.frames || size >= b.bytes
		if !over || !b.droppable(f) {
			return false
		}
		n, size = n-1, size-len(f.bytes)
		return true
	})
}

func (o *outbox) push(f *Frame, s *slabs) {
	if len(o.queue) == cap(o.queue) {
		if o.queue == nil {
			o.queue = o.one[:0]
		} else {
			o.queue = s.grow(o.queue)
		}
	}
	o.queue = append(o.queue, f)
	o.bytes += len(f.bytes)
}

// take takes what is written next: all that waits, or about one piece of it, at
// least one frame. What the client has not come round to stays in the outbox,
// where it is counted, may be dropped, and is shared. The frames belong to the
// caller, who gives them back to the slabs; a single one is put into buf.
func (o *outbox) take(buf *[1]*Frame) []*Frame {
	frames := o.queue
	if o.bytes > piece && len(frames) > 1 {
		return o.takePiece()
	}
	if len(frames) == 1 && &frames[0] == &o.one[0] {
		*buf = o.one
		o.one[0] = nil
		frames = buf[:]
	}
	o.queue, o.bytes = nil, 0
	return frames
}

// takePiece splits the queue. Each part keeps its own part of the slab.
func (o *outbox) takePiece() []*Frame {
	n, size := 1, len(o.queue[0].bytes)
	for n < len(o.queue) && size+len(o.queue[n].bytes) <= piece {
		size += len(o.queue[n].bytes)
		n++
	}
	frames := o.queue[:n:n]
	o.queue = o.queue[n:]
	if o.bytes -= size; len(o.queue) == 0 {
		o.queue = nil
	}
	return frames
}

// drop empties the outbox for good.
func (o *outbox) drop() { o.queue, o.bytes, o.one[0] = nil, 0, nil }

func (o *outbox) dropAt(i int) {
	o.bytes -= len(o.queue[i].bytes)
	o.queue = slices.Delete(o.queue, i, i+1)
}

// replace drops the waiting frame with the same key, if there is one; the newer
// one goes to the end, so that it comes after everything that was sent before it.
func (o *outbox) replace(key string, t *trace) bool { return o.takeOut(key, t, FateReplaced) }

// takeOut drops the waiting frame with the key and notes why.
func (o *outbox) takeOut(key string, t *trace, why Fate) bool {
	i := slices.IndexFunc(o.queue, func(f *Frame) bool { return f.key == key })
	if i >= 0 {
		t.lost(o.queue[i], why)
		o.dropAt(i)
	}
	return i >= 0
}

// slabs are the queues that no stream uses at the moment.
type slabs struct {
	small, medium, large sync.Pool // of *[32]*Frame, *[128]*Frame, *[512]*Frame
}

// grow returns a longer queue with the frames of q, which it takes back.
func (s *slabs) grow(q []*Frame) []*Frame {
	var to []*Frame
	switch n := len(q); {
	case n < 32:
		p, _ := s.small.Get().(*[32]*Frame)
		if p == nil {
			p = new([32]*Frame)
		}
		to = p[:0]
	case n < 128:
		p, _ := s.medium.Get().(*[128]*Frame)
		if p == nil {
			p = new([128]*Frame)
		}
		to = p[:0]
	case n < 512:
		p, _ := s.large.Get().(*[512]*Frame)
		if p == nil {
			p = new([512]*Frame)
		}
		to = p[:0]
	default:
		to = make([]*Frame, 0, 2*n)
	}
	to = append(to, q...)
	s.give(q)
	return to
}

// give takes a queue back that nobody uses any more.
func (s *slabs) give(q []*Frame) {
	clear(q)
	switch cap(q) {
	case 32:
		s.small.Put((*[32]*Frame)(q[:32]))
	case 128:
		s.medium.Put((*[128]*Frame)(q[:128]))
	case 512:
		s.large.Put((*[512]*Frame)(q[:512]))
	}
}
