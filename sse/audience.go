package sse

import (
	"sync"

	"github.com/sfere-go/sfere/sse/gzipcast"
)

// Audience is a group of streams that are sent things together, such as a room.
// Two events that are sent to an Audience reach all its streams in one order. It
// remembers what it was sent last, so that compressed streams that got exactly
// that receive the next event in a shorter form. The zero Audience is ready to
// use, by any number of goroutines; use one per room. It must not be copied.
type Audience struct {
	// order is held while frames are put into the outboxes of all streams. The
	// state lock of a Conn and the lock of the schedule may be taken under it;
	// nothing is called.
	order sync.Mutex

	once  sync.Once // guards chain
	chain *gzipcast.Chain
}

// refused is a stream that did not take frames.
type refused struct {
	index int
	err   error
}

// Fanout puts frames, all or none, into the outbox of every stream of conns and
// returns how many took them. It does not wait for writes. failed is called,
// outside all locks, with the index in conns of every stream that did not take
// them, and the error of [Conn.Emit]; nil is allowed. The slices are not kept.
func (a *Audience) Fanout(conns []*Conn, frames []*Frame, failed func(i int, err error)) (delivered int) {
	if len(frames) == 0 || len(conns) == 0 {
		return len(conns)
	}
	frames = conns[0].hub.Prepare(frames, nil)
	a.order.Lock()
	var out []refused
	func() {
		defer a.order.Unlock()
		out = enqueue(conns, frames)
	}()
	for _, r := range out {
		if r.err == ErrOverflow {
			conns[r.index].Close(CauseSlow)
		}
		if failed != nil {
			failed(r.index, r.err)
		}
	}
	return len(conns) - len(out)
}

// Reserve takes the next place in the order of every stream of conns, for what is
// not the same for all of them and has to be made first. Whatever is sent to one
// of them afterwards waits until its turn has ended, so every [Turn] has to be
// ended.
func (a *Audience) Reserve(conns []*Conn) []*Turn {
	turns := make([]*Turn, len(conns))
	a.order.Lock()
	defer a.order.Unlock()
	for i, c := range conns {
		turns[i] = c.reserve()
	}
	return turns
}
