package sfere

import (
	"log/slog"
	"time"

	"github.com/sfere-go/sfere/relay"
)

// A stream that is held with Replace is admitted without waiting for other nodes. Its
// node says so under the key, and those that have older streams there close them. It
// says so again after a gap, and once more a little later, because a node that has just
// got a stream under the key may not be subscribed to it yet. One that is held with
// Reject was asked for (see bid); after a gap its node asks whether anybody has an
// older one, which can only be if they could not hear each other.

// apart is a stream that is to be alone under its key: with Replace, of those that are
// not newer; with Reject, of those that are older.
type apart struct {
	e    *entry
	rule relay.Rule
	at   relay.Clock
}

// again is a key that is to be said once more.
type again struct {
	key Key
	at  relay.Clock
	due time.Time
}

const (
	againAfter = time.Second
	// maxSaid is how many keys are said at once, and saidEvery how often: a node with many
	// streams that has missed something must not fill the queue.
	maxSaid   = 500
	saidEvery = 10 * time.Millisecond
)

// admitted notes what other nodes have to know of a key that e has got. Conns.mu is
// held.
func (cl *cluster) admitted(e *entry, a ask, b *bid) {
	h := e.latest()
	if h.at = cl.book.tick(); b.covers(a.key) {
		h.at = b.at
	}
	if h.claim != nil {
		cl.dated(h.claim, b, time.Now())
	}
	if a.policy != Replace && a.policy != Reject {
		return
	}
	one := apart{e, relay.Oldest, h.at}
	if a.policy == Replace {
		one.rule = relay.Newest
	}
	cl.book.apart[a.key] = one
	if a.policy == Reject {
		return
	}
	cl.mu.Lock()
	defer cl.mu.Unlock()
	cl.sayApart[a.key] = true
	cl.again = append(cl.again, again{a.key, h.at, time.Now().Add(againAfter)})
	poke(cl.wake)
}

// removed notes that e has left. Conns.mu is held.
func (cl *cluster) removed(e *entry) {
	for h := range e.holdings() {
		if cl.book.apart[h.key].e == e {
			delete(cl.book.apart, h.key)
		}
	}
}

// sayOf notes that the stream that is alone under k is to be said.
func (cl *cluster) sayOf(keys ...Key) {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	for _, k := range keys {
		cl.sayApart[k] = true
	}
	poke(cl.wake)
}

// apartKeys takes the keys that are to be said now, and returns when there are more.
func (cl *cluster) apartKeys() (keys []Key, next time.Time) {
	now := time.Now()
	var due []again
	cl.mu.Lock()
	for len(cl.again) > 0 && !cl.again[0].due.After(now) {
		due = append(due, cl.again[0])
		cl.again = cl.again[1:]
	}
	if len(cl.again) > 0 {
		next = cl.again[0].due
	}
	cl.mu.Unlock()
	if len(due) > 0 {
		var still []Key
		cl.c.mu.RLock()
		for _, a := range due {
			if cl.book.apart[a.key].at == a.at {
				still = append(still, a.key)
			}
		}
		cl.c.mu.RUnlock()
		cl.mu.Lock()
		for _, k := range still {
			cl.sayApart[k] = true
		}
		cl.mu.Unlock()
	}
	cl.mu.Lock()
	defer cl.mu.Unlock()
	for k := range cl.sayApart {
		if len(keys) == maxSaid {
			return keys, now.Add(saidEvery)
		}
		keys = append(keys, k)
		delete(cl.sayApart, k)
	}
	return keys, next
}

// announce says which streams are alone under keys. The subscriptions of the keys have
// been asked for, so that of two that say it at once one hears the other.
func (cl *cluster) announce(keys []Key) {
	if len(keys) == 0 {
		return
	}
	all := make([]apart, len(keys))
	cl.c.mu.RLock()
	for i, k := range keys {
		all[i] = cl.book.apart[k]
	}
	cl.c.mu.RUnlock()
	for i, k := range keys {
		if all[i].e != nil {
			_, _ = cl.node.Send(relay.Envelope{To: addressOf(k), Body: relay.Claim{Rule: all[i].rule, At: all[i].at}})
		}
	}
}

// missedApart says again who is alone under the keys of an address, where something was
// missed: whoever knows better says so.
func (cl *cluster) missedApart(a relay.Address) {
	p := patternOf(a)
	var keys []Key
	cl.c.mu.RLock()
	if k, shape, ok := p.fixed(); ok && shape == shapeExact {
		if cl.book.apart[k].e != nil {
			keys = append(keys, k)
		}
	} else {
		for k := range cl.book.apart {
			if p.Matches(k) {
				keys = append(keys, k)
			}
		}
	}
	cl.c.mu.RUnlock()
	if len(keys) > 0 {
		cl.sayOf(keys...)
	}
}

// challenged takes what another node says of a stream of its own.
func (cl *cluster) challenged(from relay.ID, to relay.Address, said relay.Claim) {
	k := Key(to)
	if k.Validate() != nil {
		return
	}
	now := time.Now()
	self := cl.node.ID()
	c := cl.c
	var ended []*entry
	forfeited, object, oldest := false, false, relay.Clock(0)
	c.mu.Lock()
	cl.book.see(said.At, now)
	mine := cl.book.apart[k]
	for _, e := range c.live(k) {
		at := e.since(k)
		older := before(at, self, said.At, from)
		switch {
		case said.Rule == relay.Newest && older:
			if c.takeOut(e, CauseReplaced) {
				ended = append(ended, e)
			}
		case said.Rule == relay.Oldest && older:
			if !object || at < oldest {
				object, oldest = true, at
			}
		case said.Rule == relay.Object && !older && e == mine.e && mine.rule == relay.Oldest:
			if forfeited = c.takeOut(e, CauseForfeited); forfeited {
				ended = append(ended, e)
			}
		}
	}
	c.mu.Unlock()
	for _, e := range ended {
		e.end()
	}
	if forfeited {
		slog.Warn("sfere: a key was taken on two machines that did not hear each other; the later stream was closed", "key", k.String(), "node", cl.nameOf(from))
	}
	if object {
		_, _ = cl.node.Send(relay.Envelope{To: to, Body: relay.Claim{Rule: relay.Object, At: oldest}})
	}
	if mine.e != nil && !before(mine.at, self, said.At, from) && said.Rule != relay.Object {
		cl.sayOf(k) // the other node may not have heard of it
	}
}

// since returns when e was given k.
func (e *entry) since(k Key) relay.Clock {
	for h := range e.holdings() {
		if h.key == k {
			return h.at
		}
	}
	return 0
}
