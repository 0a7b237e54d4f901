package sse

import "testing"

// A schedule that is never empty must not grow: what writers have taken is
// given back.
func TestScheduleStaysSmall(t *testing.T) {
	t.Parallel()
	h := NewHub(nil)
	w := &writer{hub: h}
	conns := make([]*Conn, 4*stride)
	for i := range conns {
		conns[i] = &Conn{}
	}
	h.dirty = append(h.dirty, conns...)
	for range 10_000 {
		w.take()
		h.dirty = append(h.dirty, conns[:stride]...)
	}
	if n := len(h.dirty) - h.head; n != len(conns) {
		t.Errorf("%d streams wait, want %d", n, len(conns))
	}
	if cap(h.dirty) > 64*stride {
		t.Errorf("the schedule takes room for %d streams although only %d wait", cap(h.dirty), len(conns))
	}
}
