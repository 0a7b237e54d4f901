package sfere

import "github.com/sfere-go/sfere/sse"

// snapshot is who a pattern matched at one moment. Its memory is used again.
type snapshot struct {
	entries []*entry
	conns   []*sse.Conn
}

// matching returns a snapshot of the connections that match p, which has a scope,
// without those that are excluded. Give it back with [Conns.give].
func (c *Conns) matching(p Pattern, except excluded) *snapshot {
	s, _ := c.snapshots.Get().(*snapshot)
	if s == nil {
		s = &snapshot{}
	}
	c.mu.RLock()
	s.entries = c.index.appendMatches(s.entries[:0], p)
	out := except.find(c)
	c.mu.RUnlock()
	if len(out) > 0 || except.self != nil || len(except.streams) > 0 {
		kept := s.entries[:0]
		for _, e := range s.entries {
			if !out[e] && !except.has(e.conn) {
				kept = append(kept, e)
			}
		}
		clear(s.entries[len(kept):])
		s.entries = kept
	}
	return s
}

// streams returns the streams of the entries, in their order.
func (s *snapshot) streams() []*sse.Conn {
	s.conns = s.conns[:0]
	for _, e := range s.entries {
		s.conns = append(s.conns, e.conn)
	}
	return s.conns
}

// maxSnapshot bounds the memory that is kept for the next snapshot.
const maxSnapshot = 1 << 16

// give takes the memory of s back.
func (c *Conns) give(s *snapshot) {
	clear(s.entries)
	clear(s.conns)
	if cap(s.entries) <= maxSnapshot {
		c.snapshots.Put(s)
	}
}
