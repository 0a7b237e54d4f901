package relay

import (
	"errors"
	"log/slog"
	"time"
)

// sub is one subscription of a node. Node.mu guards what changes.
type sub struct {
	to      Address
	control bool // for all nodes or this one: not of the program
	who     bool // for presence
	users   int
	linger  *time.Timer
	at      time.Time     // since when what is missed matters: of what is for all nodes, since the first Subscribe
	last    map[ID]uint64 // the number of the last message of each node
}

// stop ends the timer. Node.mu is held.
func (s *sub) stop() {
	if s.linger != nil {
		s.linger.Stop()
		s.linger = nil
	}
}

// Subscribe asks for what is sent to an address and to all whose [Address.Carrier] it
// is. It counts: an address that was subscribed to twice has to be unsubscribed from
// twice. It does not wait for the relay: [Node.Flush] does, and what is sent before
// may be missed without a gap. The error is an *[Error]: the address is none that
// messages travel under, or the node has been closed.
func (n *Node) Subscribe(to Address) error { return n.subscribe(to, n.prefix(), false) }

// subscribe subscribes to an address below a prefix.
func (n *Node) subscribe(to Address, prefix string, who bool) error {
	fail := func(err error) error { return &Error{Op: "subscribing", Err: err} }
	if err := to.check(); err != nil {
		return fail(err)
	}
	if to.Carrier() != to {
		return fail(errors.New("nothing travels under that address: subscribe to its Carrier"))
	}
	subject := to.subject(prefix)
	n.mu.Lock()
	defer n.mu.Unlock()
	s := n.subs[subject]
	switch {
	case n.closed:
		return fail(ErrClosed)
	case s != nil:
		s.users++
		s.stop()
		return nil
	}
	s = &sub{to: to, who: who, users: 1, last: map[ID]uint64{}}
	// In the order in which the program asks, so under the lock; it is done later.
	if err := n.out.do(func() { n.begin(subject, s) }); err != nil {
		return fail(err)
	}
	n.subs[subject], n.byHash[hashOf(subject)] = s, s
	return nil
}

// begin makes a subscription, on the goroutine of the outbox.
func (n *Node) begin(subject string, s *sub) {
	if err := n.link.Subscribe(subject); err != nil {
		n.counts.failed.Add(1)
		slog.Error("relay: a subscription failed; what is sent there does not arrive", "subject", subject, "error", err)
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	s.at = time.Now()
	if all := n.subs[n.all]; all.at.IsZero() {
		all.at = s.at
	}
}

// Unsubscribe undoes one [Node.Subscribe]. The subscription itself ends a little after
// the last: see Options.Linger.
func (n *Node) Unsubscribe(to Address) { n.unsubscribe(to.subject(n.prefix())) }

func (n *Node) unsubscribe(subject string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := n.subs[subject]
	if s == nil || s.control || s.users == 0 {
		return
	}
	if s.users--; s.users > 0 {
		return
	}
	if n.opts.Linger <= 0 {
		n.end(subject, s)
		return
	}
	if !n.closed {
		s.linger = time.AfterFunc(n.opts.Linger, func() {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.end(subject, s)
		})
	}
}

// end ends a subscription that still nobody needs. n.mu is held.
func (n *Node) end(subject string, s *sub) {
	if n.closed || s.users > 0 || n.subs[subject] != s {
		return
	}
	delete(n.subs, subject)
	if h := hashOf(subject); n.byHash[h] == s {
		delete(n.byHash, h)
	}
	// If the node has been closed meanwhile, all subscriptions end.
	_ = n.out.do(func() {
		if err := n.link.Unsubscribe(subject); err != nil {
			n.counts.failed.Add(1) // what still comes is useless, and counted as that
		}
	})
}

// Subscriptions returns how many addresses are subscribed to, those that linger
// included.
func (n *Node) Subscriptions() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.subs) - 2 // those of the node itself
}
