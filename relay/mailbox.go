package relay

import "sync"

// mailbox calls a receiver on a goroutine of its own.
type mailbox struct {
	to    Receiver
	limit int
	wake  chan struct{}
	gone  chan struct{}

	mu      sync.Mutex // guards the rest; nothing is called under it
	waiting []arrival
	dropped bool // the receiver is to be told that something was
	closed  bool
}

func newMailbox(to Receiver, limit int) *mailbox {
	b := &mailbox{to: to, limit: limit, wake: make(chan struct{}, 1), gone: make(chan struct{})}
	go b.run()
	return b
}

// put never waits.
func (b *mailbox) put(p Packet) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.closed:
		return
	case len(b.waiting) >= b.limit:
		if b.dropped {
			return
		}
		b.dropped = true
		b.waiting = append(b.waiting, arrival{event: Dropped})
	default:
		b.waiting = append(b.waiting, arrival{Packet: p})
	}
	b.poke()
}

// happened passes an event on in the order of the packets.
func (b *mailbox) happened(e Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		b.waiting = append(b.waiting, arrival{event: e})
		b.poke()
	}
}

func (b *mailbox) poke() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

func (b *mailbox) run() {
	defer close(b.gone)
	for {
		b.mu.Lock()
		batch, closed := b.waiting, b.closed
		b.waiting, b.dropped = nil, false
		b.mu.Unlock()
		switch {
		case closed:
			return
		case len(batch) == 0:
			<-b.wake
		}
		for _, a := range batch {
			if a.event != "" {
				b.to.Event(a.event)
			} else {
				b.to.Packet(a.Packet)
			}
		}
	}
}

// close throws away what waits, and waits for the call that is running.
func (b *mailbox) close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.poke()
	<-b.gone
}
