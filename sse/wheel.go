package sse

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// wheel holds all streams of a hub, spread over the spokes of a wheel that
// turns several times per heartbeat interval.
type wheel struct {
	mu      sync.Mutex // guards everything below and spoke, place of every Conn
	spokes  [16][]*Conn
	n       int
	turn    int
	turning bool
	due     time.Time     // of the next spoke
	empty   chan struct{} // closed once n is 0 while draining; nil while not draining
	emptied bool          // empty is closed
}

func (w *wheel) add(h *Hub, c *Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.empty != nil && c.stays.Load() {
		return false
	}
	c.spoke = rand.Int32N(int32(len(w.spokes)))
	c.place = int32(len(w.spokes[c.spoke]))
	w.spokes[c.spoke] = append(w.spokes[c.spoke], c)
	w.n++
	if !w.turning && h.opts.Heartbeat > 0 {
		w.turning, w.due = true, time.Now()
		w.wait(h, w.due)
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
	return slices.DeleteFunc(w.list(), func(c *Conn) bool { return !c.stays.Load() }), w.empty
}

// all returns the streams that are open.
func (w *wheel) all() []*Conn {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.list()
}

// list is all; mu is held.
func (w *wheel) list() []*Conn {
	conns := make([]*Conn, 0, w.n)
	for _, spoke := range w.spokes {
		conns = append(conns, spoke...)
	}
	return conns
}

// visits is how often per heartbeat interval a stream is looked at. A heartbeat is
// sent when the next look would be too late. So silence ends between one visit
// before the interval is over and its end, and more visits mean fewer heartbeats.
const visits = 8

// step is the time between two spokes.
func (w *wheel) step(h *Hub) time.Duration {
	return max(h.opts.Heartbeat/time.Duration(visits*len(w.spokes)), 1)
}

// wait has the next spoke looked at when it is due, and does not add up what
// timers are late. w.mu is held.
func (w *wheel) wait(h *Hub, now time.Time) {
	w.due = w.due.Add(w.step(h))
	if now.Sub(w.due) > h.opts.Heartbeat/visits { // the process has slept
		w.due = now
	}
	time.AfterFunc(w.due.Sub(now), func() { w.tick(h) })
}

// tick sends a heartbeat to the silent streams of one spoke. The timer runs
// only while there are streams.
func (w *wheel) tick(h *Hub) {
	now := time.Now()
	w.mu.Lock()
	w.turn = (w.turn + 1) % len(w.spokes)
	conns := append([]*Conn(nil), w.spokes[w.turn]...)
	if w.turning = w.n > 0; w.turning {
		w.wait(h, now)
	}
	w.mu.Unlock()
	next := h.opts.Heartbeat / visits
	next += next / 4 // timers are late, and the writer takes its time
	silent := h.clock(now) - int64(h.opts.Heartbeat-next)
	idle := conns[:0]
	for _, c := range conns {
		c.mu.Lock()
		last := c.lastWrite
		c.mu.Unlock()
		if last == 0 {
			last = h.clock(c.opened)
		}
		if last <= silent {
			idle = append(idle, c)
		}
	}
	enqueue(idle, h.beats)
}
