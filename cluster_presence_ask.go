package sfere

import (
	"math/rand/v2"
	"time"

	"github.com/sfere-go/sfere/relay"
)

// What the goroutine of sharing does to know who is elsewhere.

// subscribe brings the subscriptions in line with what is watched.
func (o *others) subscribe(subscribed map[relay.Address]bool) {
	o.mu.Lock()
	dirty := o.dirty
	o.dirty = map[relay.Address]bool{}
	o.mu.Unlock()
	for to, watched := range dirty {
		switch {
		case watched == subscribed[to]:
		case !watched:
			delete(subscribed, to)
			o.s.cl.node.UnsubscribePresence(to)
		case o.s.cl.node.SubscribePresence(to) == nil:
			subscribed[to] = true
		} // an error says that the node is closed
	}
}

// ask asks what is due, after subscribe. It returns when there is more to do.
func (o *others) ask() (due time.Time) {
	type question struct {
		to relay.ID
		in relay.Interest
	}
	var out []question
	now := time.Now()
	o.mu.Lock()
	for _, n := range o.nodes {
		if !n.renew.After(now) {
			n.renew = now.Add(renewEvery - rand.N(renewEvery/4))
			for _, r := range n.of {
				if r.flawed {
					r.seq = 0 // there may be room now
				}
			}
			n.rehash()
			n.askAll(now)
		}
		if !n.check.IsZero() && !n.check.After(now) {
			if n.check = (time.Time{}); !n.fits() && n.asking == 0 {
				n.checked = n.mark
				n.backoff = min(max(2*n.backoff, checkFirst), checkLast)
				n.askAll(now)
			} else if !n.fits() {
				n.check = now.Add(checkFirst) // what is being asked may be all
			}
		}
		if !n.due.IsZero() && !n.due.After(now) {
			n.due = n.check
			var in relay.Interest
			size := 0
			for to, r := range n.of {
				switch {
				case r.due.IsZero():
					continue
				case r.due.After(now):
					n.due = earliest(n.due, r.due)
					continue
				}
				r.tries++
				r.asked = now
				in.Of = append(in.Of, relay.Known{To: to, Seq: r.seq, Hash: r.hash})
				if size += sizeOf(to); size > tellBytes {
					out = append(out, question{n.id, in})
					in, size = relay.Interest{}, 0
				}
				wait := min(retryFirst<<min(r.tries-1, 10), retryLast)
				r.due = now.Add(wait + rand.N(wait/4))
				n.due = earliest(n.due, r.due)
			}
			if len(in.Of) > 0 {
				out = append(out, question{n.id, in})
			}
		}
		due = earliest(due, earliest(n.due, n.check))
		if len(n.of) > 0 {
			due = earliest(due, n.renew)
		}
	}
	o.mu.Unlock()
	for _, q := range out {
		// What cannot be sent now is asked again.
		_ = o.s.cl.node.SendTo(q.to, relay.Envelope{Body: q.in})
	}
	return due
}

// rehash finds the hash of n anew. o.mu is held.
func (n *remote) rehash() {
	n.hash = 0
	for _, r := range n.of {
		n.hash ^= r.part()
	}
}
