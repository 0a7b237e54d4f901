package sfere

import (
	"sync"
	"sync/atomic"

	"github.com/sfere-go/sfere/sse"
)

// rooms has an audience for each pattern that is sent to, by which two broadcasts
// to one pattern reach everybody in one order.
type rooms struct {
	mu  sync.Mutex // guards the fields below; no other lock is taken under it
	all map[Pattern]*room
}

// room is the audience of one pattern.
type room struct {
	sse.Audience
	users atomic.Int32 // broadcasts on their way; raised under rooms.mu only
	// places is held, with a relay, while a broadcast takes its places in the streams
	// here and in the queue of the relay. All other locks of sending, Conns.mu too, may
	// be taken under it; nothing is called or written.
	places sync.Mutex
}

// maxRooms bounds how many patterns nobody is sending to are remembered, for
// compression. One that is forgotten costs a longer event once.
const maxRooms = 1024

// enter returns the room of p, which stays the same until everybody has left it.
func (r *rooms) enter(p Pattern) *room {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.all[p]
	if a == nil {
		if r.all == nil {
			r.all = map[Pattern]*room{}
		}
		if len(r.all) >= maxRooms {
			r.forget()
		}
		a = &room{}
		r.all[p] = a
	}
	a.users.Add(1)
	return a
}

func (*rooms) leave(a *room) { a.users.Add(-1) }

// forget drops a room that nobody is in. Those in use stay, or their order would
// be lost. r.mu is held.
func (r *rooms) forget() {
	looked := 0
	for p, a := range r.all {
		if a.users.Load() == 0 {
			delete(r.all, p)
			return
		}
		if looked++; looked == 16 { // many are in use: it may grow
			return
		}
	}
}
