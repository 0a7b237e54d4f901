package relay

import (
	"errors"
	"time"
)

// Presence says which keys of one node are there, of those that match the address of
// its envelope. Only that node says it. It travels by subjects of its own: see
// [Node.SubscribePresence] and [Node.SendTo].
type Presence struct {
	// Seq is the number of the state that this message leads to, and After that of the
	// state it begins from. The numbers of a node grow, whatever address they are for.
	// If they are equal nothing has changed.
	Seq   uint64 `json:"seq"`
	After uint64 `json:"after,omitempty"`
	// Hash is of all keys that are there at Seq. What is hashed is up to the program.
	Hash uint64 `json:"hash,omitempty"`
	// Full says that Here is everybody, and not who has come since After.
	Full bool `json:"full,omitempty"`
	Part int  `json:"part,omitempty"` // of a Full that needs several messages, from 0
	More bool `json:"more,omitempty"` // another part follows

	Here []Visitor   `json:"here,omitempty"`
	Gone []Departure `json:"gone,omitempty"`
}

// Visitor is a key that is there. What it has in common with the address of its
// envelope is left out.
type Visitor struct {
	Key   Address   `json:"key"`
	Since time.Time `json:"since"`
}

// Departure is a key that is there no more.
type Departure struct {
	Key   Address `json:"key"`
	Final bool    `json:"final,omitempty"` // it was sent away, and nobody waits for it
}

// Interest asks a node to say, for some time, which of its keys are there, and at once
// what the asking node lacks. It travels by [Node.SendTo] only.
type Interest struct {
	Of []Known `json:"of"`
}

// Known is what a node knows of the presence of another.
type Known struct {
	To   Address `json:"to"`
	Seq  uint64  `json:"seq,omitempty"` // 0: nothing
	Hash uint64  `json:"hash,omitempty"`
}

func (Presence) kind() string { return "presence" }
func (Interest) kind() string { return "interest" }

// private reports whether b may be sent to one node.
func private(b Body) bool {
	switch b.(type) {
	case Presence, Interest:
		return true
	}
	return false
}

// presencePrefix is the beginning of the subjects of presence.
func (n *Node) presencePrefix() string { return n.prefix() + ".presence" }

// subjectOf returns the subject under which e travels to everybody who has subscribed.
func (n *Node) subjectOf(e *Envelope) string {
	if _, ok := e.Body.(Presence); ok {
		return e.To.subject(n.presencePrefix())
	}
	return e.To.subject(n.prefix())
}

// SubscribePresence is [Node.Subscribe] for the [Presence] of an address, which does not
// come by the latter. A loss is a [Gap] with Presence.
func (n *Node) SubscribePresence(to Address) error {
	return n.subscribe(to, n.presencePrefix(), true)
}

// UnsubscribePresence undoes one [Node.SubscribePresence].
func (n *Node) UnsubscribePresence(to Address) { n.unsubscribe(to.subject(n.presencePrefix())) }

// SendTo puts a [Presence] or [Interest] into the queue, for one node only. It does not
// wait. A loss is no gap: whoever waits for an answer asks again. The error is that of
// [Node.Send].
func (n *Node) SendTo(to ID, e Envelope) error {
	fail := func(err error) error { return &Error{Op: "sending", Err: err} }
	if !private(e.Body) {
		return fail(errors.New("only Presence and Interest are for one node"))
	}
	p, err := n.codec.encode(e)
	if err == nil {
		err = n.fits(p)
	}
	if err == nil {
		_, err = n.out.add(n.nodes+to.String(), p, false)
	}
	if err != nil {
		return fail(err)
	}
	return nil
}
