package sfere

import (
	"hash/maphash"
	"sync"

	"github.com/sfere-go/sfere/sse"
)

// rooms holds what the broadcasts to one pattern have in common.
type rooms struct {
	seed maphash.Seed // constant
	// all are the rooms. Patterns share them by their hash: one of its own for each
	// would have to be looked up, and remembered.
	all [256]room

	mu     sync.Mutex // guards chains; no other lock is taken under it
	chains map[Pattern]*sse.Audience
}

// room keeps the broadcasts to one pattern, and to some others, in one order.
type room struct {
	sse.Audience
	// places is held, with a relay, while a broadcast takes its places in the streams
	// here and in the queue of the relay. All other locks of sending, Conns.mu too, may
	// be taken under it; nothing is called or written.
	places sync.Mutex

	_ [16]byte // so that two rooms are not in one line of the processor's cache
}

// of returns the room of p.
func (r *rooms) of(p Pattern) *room {
	return &r.all[maphash.Comparable(r.seed, p)%uint64(len(r.all))]
}

// maxChains bounds for how many patterns it is remembered what was sent last. One that
// is forgotten costs a longer event once.
const maxChains = 1024

// chain returns what remembers, for compression, what was sent to p last.
func (r *rooms) chain(p Pattern) *sse.Audience {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.chains[p]
	if a == nil {
		if r.chains == nil {
			r.chains = map[Pattern]*sse.Audience{}
		}
		if len(r.chains) >= maxChains {
			for old := range r.chains {
				delete(r.chains, old)
				break
			}
		}
		a = &sse.Audience{}
		r.chains[p] = a
	}
	return a
}
