package sse

import (
	"math/rand/v2"
	"sync"
	"time"
)

// wheel holds all streams of a hub, spread over the spokes of a wheel that
// turns once per heartbeat interval.
type wheel struct {
	mu      sync.Mutex // guards everything below and spoke, place of every Conn
	spokes  [16][]*Conn
	n       int
	turn    int
	turning bool
	empty   chan struct{} // closed once n is 0 while draining; nil while not draining
	emptied bool          // empty is closed
}

func (w *wheel) add(h *Hub, c *Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.empty != nil && c.stays.Load() {
		return false
	}
	c.spoke = rand.IntN(len(w.spokes))
	c.place = len(w.spokes[c.spoke])
	w.spokes[c.spoke] = append(w.spokes[c.spoke], c)
	w.n++
	if !w.turning && h.opts.Heartbeat > 0 {
		w.turning = true
		time.AfterFunc(h.opts.Heartbeat/time.Duration(len(w.spokes)), func() { w.tick(h) })
	}
	return true
}

func (w *wheel) remove(c *Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c.place < 0 {
		return
	}
	spoke := w.spokes[c.spoke]
	last := len(spoke) - 1
	spoke[c.place] = spoke[last]
	spoke[c.place].place = c.place
	spoke[last] = nil
	w.spokes[c.spoke] = spoke[:last]
	c.place = -1
	if w.n--; w.n == 0 && w.empty != nil && !w.emptied {
		w.emptied = true
		close(w.empty)
	}
}

// drain refuses new streams and returns the present ones, and a channel that
// is closed when all are gone.
func (w *wheel) drain() ([]*Conn, <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.empty == nil {
		w.empty = make(chan struct{})
		if w.emptied = w.n == 0; w.emptied {
			close(w.empty)
		}
	}
	var conns []*Conn
	for _, spoke := range w.spokes {
		for _, c := range spoke {
			if c.stays.Load() {
				conns = append(conns, c)
			}
		}
	}
	return conns, w.empty
}

// tick sends a heartbeat to the silent streams of one spoke. The timer runs
// only while there are streams.
func (w *wheel) tick(h *Hub) {
	w.mu.Lock()
	w.turn = (w.turn + 1) % len(w.spokes)
	conns := append([]*Conn(nil), w.spokes[w.turn]...)
	if w.turning = w.n > 0; w.turning {
		time.AfterFunc(h.opts.Heartbeat/time.Duration(len(w.spokes)), func() { w.tick(h) })
	}
	w.mu.Unlock()
	silent := time.Now().Add(-h.opts.Heartbeat / 2).UnixNano()
	idle := conns[:0]
	for _, c := range conns {
		c.mu.Lock()
		last := c.lastWrite
		c.mu.Unlock()
		if last < silent {
			idle = append(idle, c)
		}
	}
	enqueue(idle, h.beats)
}
