package relay

import (
	"sync"
	"sync/atomic"
)

// inbox is what has arrived and waits for the loop. Links never wait for it: what is
// too much is dropped, so that a function of the program that hangs costs a bounded
// amount of memory.
type inbox struct {
	limit int64
	bytes atomic.Int64  // of what has not been taken care of
	wake  chan struct{} // something waits

	mu      sync.Mutex // guards the rest; nothing is called under it
	waiting []arrival
	dropped bool // Dropped waits already
}

// arrival is a packet or an event.
type arrival struct {
	Packet
	event Event
}

// overhead is what a packet costs beside its data.
const overhead = 128 // bytes

func (a *arrival) size() int64 { return int64(len(a.Data) + len(a.Subject) + overhead) }

// packet is called by the link.
func (b *inbox) packet(p Packet) {
	a := arrival{Packet: p}
	if b.bytes.Load()+a.size() > b.limit {
		b.event(Dropped)
		return
	}
	b.bytes.Add(a.size())
	b.add(a)
}

// event is called by the link as well.
func (b *inbox) event(e Event) { b.add(arrival{event: e}) }

func (b *inbox) add(a arrival) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if a.event == Dropped {
		if b.dropped {
			return
		}
		b.dropped = true
	}
	b.waiting = append(b.waiting, a)
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// take returns what waits. The caller subtracts the sizes from bytes.
func (b *inbox) take() []arrival {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := b.waiting
	b.waiting, b.dropped = nil, false
	return all
}
