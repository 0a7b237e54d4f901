package relay

import (
	"errors"
	"fmt"
	"time"
)

// Sent is a message that was sent, for [Node.Ask].
type Sent struct {
	To  Address
	Seq uint64 // of this node
	At  time.Time

	report bool // others remember what became of it
}

// Send puts a message into the queue, for all other nodes that have subscribed to the
// carrier of its address. This node is not among them. Send does not wait. The error
// is an *[Error] that wraps [ErrTooLarge], [ErrFull], [ErrDisconnected] or [ErrClosed],
// or says what is wrong with e. After a message that was not sent because of one of
// the middle two, others see a [Gap].
func (n *Node) Send(e Envelope) (Sent, error) {
	fail := func(err error) (Sent, error) { return Sent{}, &Error{Op: "sending", Err: err} }
	if e.Body != nil && ours(e.Body) {
		return fail(errors.New("it is for nodes, and not for programs"))
	}
	p, err := n.codec.encode(e)
	if err == nil {
		err = n.fits(p)
	}
	if err != nil {
		return fail(err)
	}
	seq, err := n.out.add(e.To.subject(n.prefix()), p, false)
	if err != nil {
		return fail(err)
	}
	return Sent{e.To, seq, time.Now(), e.Report}, nil
}

// fits refuses a packet that is larger than what the relay carries.
func (n *Node) fits(p []byte) error {
	if limit := min(n.link.MaxPayload(), maxEnvelope); len(p) > limit {
		return fmt.Errorf("it has %d bytes, at most %d: %w", len(p), limit, ErrTooLarge)
	}
	return nil
}

// sub is one subscription of a node.
type sub struct {
	to      Address
	control bool          // for all nodes or this one: not of the program
	ready   chan struct{} // closed when err is known
	err     error

	// Guarded by Node.mu.
	users  int
	linger *time.Timer
	at     time.Time     // since when what is missed matters: of what is for all nodes, since the first Subscribe
	leave  chan struct{} // closed when it has been ended; nil while it has not begun to
	last   map[ID]uint64 // the number of the last message of each node
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
// twice. Messages that were sent before it returns may be missed; [Node.Flush] tells
// when no more are. The error is an *[Error].
func (n *Node) Subscribe(to Address) error {
	fail := func(err error) error { return &Error{Op: "subscribing", Err: err} }
	if err := to.check(); err != nil {
		return fail(err)
	}
	if to.Carrier() != to {
		return fail(fmt.Errorf("nothing travels under that address: subscribe to its Carrier"))
	}
	subject := to.subject(n.prefix())
	for {
		n.mu.Lock()
		s := n.subs[subject]
		switch {
		case s == nil:
			s = &sub{to: to, users: 1, ready: make(chan struct{}), last: map[ID]uint64{}}
			n.subs[subject] = s
			n.mu.Unlock()
			return n.begin(subject, s)
		case s.leave != nil: // it ends, and only then may it begin again
			leave := s.leave
			n.mu.Unlock()
			<-leave
			continue
		}
		s.users++
		s.stop()
		n.mu.Unlock()
		<-s.ready
		if s.err != nil {
			return fail(s.err)
		}
		return nil
	}
}

// begin makes the subscription s, which nobody else does.
func (n *Node) begin(subject string, s *sub) error {
	s.err = n.link.Subscribe(subject)
	n.mu.Lock()
	s.at = time.Now()
	if s.err != nil {
		delete(n.subs, subject)
	} else {
		n.byHash[hashOf(subject)] = s
		if all := n.subs[n.all]; all.at.IsZero() {
			all.at = s.at
		}
	}
	n.mu.Unlock()
	close(s.ready)
	if s.err != nil {
		return &Error{Op: "subscribing", Err: s.err}
	}
	return nil
}

// Unsubscribe undoes one [Node.Subscribe]. The subscription itself ends a little after
// the last: see Options.Linger.
func (n *Node) Unsubscribe(to Address) {
	subject := to.subject(n.prefix())
	n.mu.Lock()
	s := n.subs[subject]
	if s == nil || s.control || s.users == 0 {
		n.mu.Unlock()
		return
	}
	if s.users--; s.users > 0 {
		n.mu.Unlock()
		return
	}
	if n.opts.Linger > 0 {
		if !n.closed {
			s.linger = time.AfterFunc(n.opts.Linger, func() { n.end(subject, s) })
		}
		n.mu.Unlock()
		return
	}
	n.mu.Unlock()
	n.end(subject, s)
}

// end ends a subscription that still nobody needs.
func (n *Node) end(subject string, s *sub) {
	n.mu.Lock()
	if n.closed || s.users > 0 || s.leave != nil || n.subs[subject] != s {
		n.mu.Unlock()
		return
	}
	n.ending.Add(1)
	defer n.ending.Done()
	s.leave = make(chan struct{})
	n.mu.Unlock()
	if err := n.link.Unsubscribe(subject); err != nil {
		n.counts.failed.Add(1) // what still comes is useless, and counted as that
	}
	n.mu.Lock()
	delete(n.subs, subject)
	if h := hashOf(subject); n.byHash[h] == s {
		delete(n.byHash, h)
	}
	n.mu.Unlock()
	close(s.leave)
}

// Subscriptions returns how many addresses are subscribed to, those that linger
// included.
func (n *Node) Subscriptions() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.subs) - 2 // those of the node itself
}
