package sfere

import (
	"slices"

	"github.com/sfere-go/sfere/sse"
)

// snapshot is who a pattern matched at one moment. Its memory is used again.
type snapshot struct {
	entries []indexed
	conns   []*sse.Conn
}

// matching returns a snapshot of the connections that match p, without those
// under excluded keys. Give it back with [Conns.give].
func (c *Conns) matching(p Pattern, except excluded) *snapshot {
	s := c.snapshot()
	c.mu.RLock()
	defer c.mu.RUnlock()
	c.choose(s, p, except)
	return s
}

// snapshot returns memory for a snapshot.
func (c *Conns) snapshot() *snapshot {
	if s, ok := c.snapshots.Get().(*snapshot); ok {
		return s
	}
	return &snapshot{}
}

// choose puts those who match p, which has a scope, into s, without those who are
// excluded, which it returns. c.mu is held.
func (c *Conns) choose(s *snapshot, p Pattern, except excluded) (out map[*entry]bool) {
	s.entries = c.index.appendMatches(s.entries[:0], p)
	out = except.find(c)
	if len(out) == 0 && except.self == nil && len(except.streams) == 0 {
		return nil
	}
	kept := s.entries[:0]
	for _, e := range s.entries {
		switch {
		case out[e.entry]:
		case except.has(e.stream):
			if out == nil {
				out = map[*entry]bool{}
			}
			out[e.entry] = true
		default:
			kept = append(kept, e)
		}
	}
	clear(s.entries[len(kept):])
	s.entries = kept
	return out
}

// streams returns the streams of the entries, in their order.
func (s *snapshot) streams() []*sse.Conn {
	s.conns = slices.Grow(s.conns[:0], len(s.entries))[:len(s.entries)]
	for i, e := range s.entries {
		s.conns[i] = e.stream
	}
	return s.conns
}

// maxSnapshot bounds the memory that is kept for the next snapshot, until the garbage
// collector has run twice.
const maxSnapshot = 1 << 20

// give takes the memory of s back.
func (c *Conns) give(s *snapshot) {
	clear(s.entries)
	clear(s.conns)
	if cap(s.entries) <= maxSnapshot {
		c.snapshots.Put(s)
	}
}
