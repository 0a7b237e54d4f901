package sfere

import (
	"slices"
	"sync"
	"time"

	"github.com/sfere-go/sfere/sse"
)

// Removal tells of a connection that is gone.
type Removal struct {
	Keys  []Key        `json:"keys"`  // sorted; in Conns.Removals at most 16
	Info  sse.ConnInfo `json:"conn"`  // as it was when OnRemove was called
	Cause sse.Cause    `json:"cause"` // why it was removed; a stream that ended at the same time may have a cause of its own in Info
	At    time.Time    `json:"at"`    // when OnRemove was called
}

// maxRemovals bounds [Conns.Removals], and maxRemovedKeys the keys of each.
const (
	maxRemovals    = 100
	maxRemovedKeys = 16
)

// gone is a removal, and who knows what its stream was sent.
type gone struct {
	Removal
	hub *sse.Hub
}

// removals are the last ones.
type removals struct {
	mu   sync.Mutex // guards the fields below; no lock is taken under it
	list []gone
	next int // in list, which is a ring once it is full
}

func (r *removals) add(one gone) {
	if len(one.Keys) > maxRemovedKeys {
		one.Keys = slices.Clone(one.Keys[:maxRemovedKeys])
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.list) < maxRemovals {
		r.list = append(r.list, one)
		return
	}
	r.list[r.next] = one
	r.next = (r.next + 1) % maxRemovals
}

// Removals returns the connections that were removed last, the newest first: 100 at
// most. Their keys are shared and must not be changed.
func (c *Conns) Removals() []Removal {
	last := c.gone.last()
	out := make([]Removal, len(last))
	for i, g := range last {
		out[i] = g.Removal
	}
	return out
}

// last returns them, the newest first.
func (r *removals) last() []gone {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := slices.Concat(r.list[r.next:], r.list[:r.next])
	slices.Reverse(out)
	return out
}
