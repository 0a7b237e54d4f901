package sfere

import "time"

// What a Presence is told of other nodes.

// came is called when k has a live stream on one more of the other nodes. others.mu is
// held.
func (w *Presence) came(k Key, since time.Time) {
	if !w.match.Matches(k) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped {
		return
	}
	v := w.visit(k)
	v.far++
	v.wait(nil)
	w.arrive(v, since)
}

// went is called when k has no live stream any more on one of them. others.mu is held.
func (w *Presence) went(k Key, final bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	v := w.visits.m[k]
	if v == nil || v.far == 0 {
		return
	}
	v.ended, v.final = time.Now(), final
	v.far--
	w.lost(v)
}

func (w *Presence) hasStopped() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stopped
}
