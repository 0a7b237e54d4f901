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
	if _, ok := e.Body.(Interest); ok {
		return fail(errors.New("an Interest is for one node: use SendTo"))
	}
	p, err := n.codec.encode(e)
	if err == nil {
		err = n.fits(p)
	}
	if err != nil {
		return fail(err)
	}
	seq, err := n.out.add(n.subjectOf(&e), p, false)
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
