package sse

import "time"

// clock returns t as nanoseconds since the hub was made, by the monotonic clock,
// and never 0. Intervals are measured with it: the wall clock may be set while
// streams are open, and nothing must be cut or delayed for it.
func (h *Hub) clock(t time.Time) int64 { return max(int64(t.Sub(h.made)), 0) + 1 }

// at is the inverse of clock.
func (h *Hub) at(clock int64) time.Time { return h.made.Add(time.Duration(clock - 1)) }
