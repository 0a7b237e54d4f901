package sse

import (
	"sync/atomic"
	"time"
)

const (
	// stuckAfter is how long a shared writer may spend on one stream before
	// another takes over its work. A write into a socket buffer takes
	// microseconds; one that takes this long waits for the client.
	stuckAfter = 4 * time.Millisecond
	// stride is how many streams a writer takes from the schedule at once.
	stride = 32
	// tellAfter is how many streams a writer writes to at most before it tells of it.
	tellAfter = 256
	// surge is by how many powers of two the writers grow each time the watch
	// finds most of them stuck, and surgeMost is how far.
	surge, surgeMost = 2, 8
)

// writer is one goroutine that writes to whatever streams have frames waiting.
// It ends when there are none.
type writer struct {
	hub   *Hub
	batch [stride]*Conn // written under hub.mu only
	n     int           // of batch; under hub.mu
	next  atomic.Int32  // index of the next stream of batch; whoever adds to it owns that stream
	seen  int32         // next at the last look of the watch; under hub.mu
	lost  bool          // another writer has taken its place; under hub.mu

	scratch scratch // of its goroutine
}

// schedule makes sure that c is written soon.
func (h *Hub) schedule(c *Conn) {
	if c.writesItself() {
		c.signal()
		return
	}
	h.mu.Lock()
	h.dirty = append(h.dirty, c)
	h.start()
	h.mu.Unlock()
}

func (h *Hub) scheduleAll(conns []*Conn) {
	if len(conns) == 0 {
		return
	}
	h.mu.Lock()
	h.dirty = append(h.dirty, conns...)
	h.start()
	h.mu.Unlock()
}

// signal tells the stream's own goroutine to write. As long as that one is busy
// with the first effects another does it, which ends when there is nothing left
// to write or a write fails.
func (c *Conn) signal() {
	if !c.serving.Load() {
		go c.drainOwn()
		return
	}
	select {
	case c.wake <- struct{}{}:
	default: // told already
	}
}

// writesItself reports whether the stream is left to its own goroutine. One
// that has been taken over has none; it is taken over by its first write, before
// which there is nobody to be told.
func (c *Conn) writesItself() bool { return c.slow.Load() && !c.taken.Load() }

// start starts as many writers as the waiting streams are worth; h.mu is held.
func (h *Hub) start() {
	waiting, most := len(h.dirty)-h.head, h.opts.Writers<<h.surge
	for len(h.writers) < most && waiting > len(h.writers)*h.stride() {
		var w *writer
		if n := len(h.resting); n > 0 {
			w, h.resting[n-1] = h.resting[n-1], nil
			h.resting = h.resting[:n-1]
		} else {
			w = &writer{hub: h, seen: -1}
		}
		h.writers = append(h.writers, w)
		go w.run()
	}
	if !h.watched && len(h.writers) > 0 {
		h.watched = true
		time.AfterFunc(stuckAfter, h.watch)
	}
}

// stride is how many streams a writer takes at once; h.mu is held. When many
// clients stall, the next one is never far.
func (h *Hub) stride() int { return max(1, stride>>h.surge) }

// take fills the batch of w from the schedule; it reports false, and forgets
// w, if w is to end.
func (w *writer) take() bool {
	h := w.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	clear(w.batch[:w.n])
	w.n = 0
	if w.lost {
		return false
	}
	w.n = copy(w.batch[:h.stride()], h.dirty[h.head:])
	clear(h.dirty[h.head : h.head+w.n])
	if h.head += w.n; h.head == len(h.dirty) {
		h.dirty, h.head = h.dirty[:0], 0
	} else if h.head >= 8*stride && 2*h.head >= len(h.dirty) { // under load it is never empty
		n := copy(h.dirty, h.dirty[h.head:])
		clear(h.dirty[n:])
		h.dirty, h.head = h.dirty[:n], 0
	}
	w.next.Store(0)
	w.seen = -1
	if w.n == 0 {
		h.forget(w)
		if len(h.resting) < h.opts.Writers {
			h.resting = append(h.resting, w)
		}
		return false
	}
	return true
}

// forget removes w from the list of writers; h.mu is held.
func (h *Hub) forget(w *writer) {
	for i, other := range h.writers {
		if other == w {
			last := len(h.writers) - 1
			h.writers[i], h.writers[last] = h.writers[last], nil
			h.writers = h.writers[:last]
			return
		}
	}
}

func (w *writer) run() {
	h, s := w.hub, &w.scratch
	var done Written // not yet told of
	var since time.Time
	for w.take() {
		s.tick(w.hub)
		warm(w.batch[:w.n])
		n := int32(w.n)
		for {
			i := w.next.Add(1) - 1
			if i >= n {
				break
			}
			c := w.batch[i]
			more, failed := c.drain(s, true)
			if failed != "" {
				c.Close(failed)
			} else if more {
				// At once and not with others after the batch: the next stream of
				// the batch may be one on which this writer gets stuck.
				w.hub.schedule(c)
			}
		}
		if s.count(&done, &since); done.Streams > tellAfter-stride {
			h.wrote(done, since)
			done = Written{}
		}
	}
	h.wrote(done, since) // w may be at work again by now, on another goroutine
}

// watch looks for writers that have not moved since the last look. The rest of
// the batch of such a writer goes back to the schedule, another writer takes
// its place, and the stream it is stuck on is left to its own goroutine from
// then on.
//
// When most are stuck, many clients have stalled at the same event, and each look
// would free the others of only as many of them as there are writers. So their
// number multiplies from look to look until the others have been written to. That
// costs no more goroutines than there are such clients: each keeps one anyway.
func (h *Hub) watch() {
	h.mu.Lock()
	defer h.mu.Unlock()
	stuck, of := 0, len(h.writers)
	for i := 0; i < len(h.writers); i++ {
		w := h.writers[i]
		next := w.next.Load()
		if next != w.seen || next == 0 || int(next) > w.n {
			w.seen = next
			continue
		}
		// From here on w finds nothing more in its batch. What it had not yet
		// taken is ours; the one before that is what it is stuck on.
		stolen := w.next.Swap(stride + 1)
		if int(stolen) > w.n {
			continue
		}
		w.batch[stolen-1].slow.Store(true)
		h.dirty = append(h.dirty, w.batch[stolen:w.n]...)
		w.lost = true
		h.forget(w)
		i--
		stuck++
	}
	switch {
	case stuck == 0: // it takes two looks to find a new writer stuck
		if h.calm = !h.calm; !h.calm {
			h.surge = max(h.surge-surge, 0)
		}
	case 2*stuck >= of:
		h.surge, h.calm = min(h.surge+surge, surgeMost), false
	}
	h.start()
	if h.watched = len(h.writers) > 0; !h.watched {
		h.surge, h.calm = 0, false
	} else {
		time.AfterFunc(stuckAfter, h.watch)
	}
}

// fanoutStride is how many streams a fan-out enqueues before it wakes writers,
// so that they begin while it is still going on.
const fanoutStride = 256

const warmStride = 16

// warm loads what a delivery touches of each stream. The processor does that for
// many at once, whereas the deliveries themselves have locks between them, so
// that each would wait for memory anew.
func warm(conns []*Conn) (sum int64) { // a result, for the loads to be of use
	for _, c := range conns {
		sum += c.began.Load()
		if c.slow.Load() || c.hub == nil {
			sum++
		}
	}
	return sum
}

// enqueue puts frames into the outbox of every stream of conns and returns those
// that did not take them. The caller closes the ones that overflowed.
func enqueue(conns []*Conn, frames []*Frame) (out []refused) {
	var hub *Hub
	var local [fanoutStride]*Conn
	wake := local[:0]
	for i, c := range conns {
		if i%warmStride == 0 {
			warm(conns[i:min(i+warmStride, len(conns))])
		}
		told, err := c.push(frames)
		if err != nil {
			out = append(out, refused{i, err})
			continue
		}
		if !told {
			continue
		}
		if c.writesItself() {
			c.signal()
			continue
		}
		if c.hub != hub || len(wake) == cap(wake) {
			if hub != nil {
				hub.scheduleAll(wake)
			}
			hub, wake = c.hub, wake[:0]
		}
		wake = append(wake, c)
	}
	if hub != nil {
		hub.scheduleAll(wake)
	}
	return out
}
