package sse

import "sync"

// Bounds of what a hub keeps of streams that have ended.
const (
	maxEnded      = 128
	maxEndedBytes = 4 << 20
)

// ended are the traces of the streams that ended last: that is when somebody asks why.
type ended struct {
	mu    sync.Mutex // guards the fields below; no lock is taken under it
	list  []kept     // the oldest first
	bytes int
}

type kept struct {
	id    uint64
	bytes int
	trace *trace
}

func (e *ended) add(id uint64, t *trace) {
	one := kept{id, t.bytes(), t}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, one)
	e.bytes += one.bytes
	n := 0
	for len(e.list)-n > maxEnded || e.bytes > maxEndedBytes {
		e.bytes -= e.list[n].bytes
		e.list[n] = kept{}
		n++
	}
	e.list = e.list[n:]
}

func (e *ended) get(id uint64) *trace {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, one := range e.list {
		if one.id == id {
			return one.trace
		}
	}
	return nil
}

// Events returns what happened last to a stream that has ended, by its [Conn.ID]. ok is
// false if it is not kept: the hub keeps the last 128 streams that were recorded, 4 MiB
// at most.
func (h *Hub) Events(id uint64) (e Events, ok bool) {
	t := h.ended.get(id)
	if t == nil {
		return Events{}, false
	}
	return t.events(ConnInfo{}), true
}
