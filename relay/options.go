package relay

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
)

// Options adjust a [Node]. Zero fields mean the defaults.
//
// The functions are called one at a time, in the order in which things arrive, on a
// goroutine of the node and under no lock. A slow one holds up everything else that
// arrives, but for the heartbeat. They must not call [Node.Ask] or [Node.Close], which
// would wait for themselves. A nil one is not called.
type Options struct {
	// Name is what people call the node, of at most 128 bytes. Default: the name of
	// the host. Two nodes may have one name; what tells them apart is [Member].ID.
	Name string
	// Prefix is the beginning of all subjects. Programs with different prefixes do
	// not hear each other. Default "sfere".
	Prefix string
	// Keys sign and check what is sent, with HMAC-SHA256: the first signs, each of
	// them is accepted. To change the key, first add the new one at the end everywhere,
	// then put it first everywhere, then take the old one away. Each has at least 16
	// bytes. Nodes with keys refuse what is not signed, and nodes without keys what is.
	Keys [][]byte
	// Unsigned allows a relay that is not private without Keys. Whoever can publish
	// there can then write into every browser.
	Unsigned bool
	// MaxAge is how old a signed packet may be by the clocks of its sender and of
	// this machine, so that a recorded one cannot be sent again. Default 2 minutes.
	MaxAge time.Duration

	// Receive is called for each message of another node whose carrier this one has
	// subscribed to, or that is for this node only. Its text and frames may be kept, and must not be changed.
	Receive func(Received)
	// Answer is called when another node asks: what became of a message that was
	// received before, or Seq 0. What it returns is JSON. A panic or error is an
	// answer, too: see [Failed].
	Answer func(Question) (json.RawMessage, error)
	// Gap is called when something was missed, perhaps.
	Gap func(Gap)
	// Changed is called when a node comes, goes, or falls silent.
	Changed func(Member)
	// Refused is called for each packet that this node cannot or must not read.
	Refused func(Refusal)

	// Beat is how often a node says that it is there. Others suspect it after 3.5
	// times as long, and take it for down after 10 times. Default 1 s.
	Beat time.Duration
	// Linger is how long the subscription of an address stays when nobody needs it
	// any more. Default 5 s, negative means not at all.
	Linger time.Duration
	// Jitter is within which time after a reconnection the gap for everything is
	// told, at a random moment, so that all nodes do not ask the database at once.
	// Default 2 s, negative means at once.
	Jitter time.Duration
	// AnswerWithin bounds how long [Node.Ask] waits. Default 500 ms.
	AnswerWithin time.Duration
	// QueueBytes bounds what waits to be sent. Default 16 MiB.
	QueueBytes int
	// InboxBytes bounds what has arrived and waits for the functions. What comes on
	// top is dropped, and that is a gap. Default 64 MiB.
	InboxBytes int
}

const (
	maxName     = 128 // bytes
	minKey      = 16  // bytes
	maxEnvelope = 1 << 20
	suspectIn   = 3.5 // beats
	downIn      = 10  // beats
	// forgetIn is how long a node that is gone is remembered, so that nothing of it
	// that comes late counts. It is more than twice the default MaxAge.
	forgetIn = 5 * time.Minute
	// chainFor is how long the last number of a subject is remembered by its sender.
	chainFor = 10 * time.Minute
	// slack is how much later than it seems a message may have left its sender.
	slack = 250 * time.Millisecond
)

func (o *Options) fill() error {
	if o.Name == "" {
		o.Name, _ = os.Hostname()
	}
	o.Prefix = cmp.Or(o.Prefix, "sfere")
	o.MaxAge = cmp.Or(o.MaxAge, 2*time.Minute)
	o.Beat = cmp.Or(o.Beat, time.Second)
	o.Linger = cmp.Or(o.Linger, 5*time.Second)
	o.Jitter = cmp.Or(o.Jitter, 2*time.Second)
	o.AnswerWithin = cmp.Or(o.AnswerWithin, 500*time.Millisecond)
	o.QueueBytes = cmp.Or(o.QueueBytes, 16<<20)
	o.InboxBytes = cmp.Or(o.InboxBytes, 64<<20)
	o.Keys = slices.Clone(o.Keys)
	for i, key := range o.Keys {
		if len(key) < minKey {
			return fmt.Errorf("a key has %d bytes, at least %d", len(key), minKey)
		}
		o.Keys[i] = slices.Clone(key)
	}
	switch {
	case len(o.Name) > maxName:
		return fmt.Errorf("the name has %d bytes, at most %d", len(o.Name), maxName)
	case o.Beat < time.Millisecond || o.Beat > time.Minute:
		return fmt.Errorf("Options.Beat is %v: use a duration such as time.Second", o.Beat)
	case o.MaxAge < 0 || o.AnswerWithin < 0 || o.QueueBytes < 0 || o.InboxBytes < 0:
		return errors.New("MaxAge, AnswerWithin, QueueBytes and InboxBytes must not be negative")
	}
	return checkPrefix(o.Prefix)
}

// Received is a message of another node.
type Received struct {
	Envelope
	From ID
	Seq  uint64    // of the sender
	Sent time.Time // by the clock of the sender
}

// Question is what another node asks.
type Question struct {
	From ID
	Seq  uint64          // of the message that it is about, 0 if about none
	Data json.RawMessage // what the program added
}

// Cause says why there is a [Gap].
type Cause string

// The causes of gaps.
const (
	Skipped     Cause = "skipped"     // a number of a sender is missing
	Unreadable  Cause = "unreadable"  // a message was refused
	Overrun     Cause = "overrun"     // this node was too slow, and packets were thrown away
	Reconnected Cause = "reconnected" // there was no connection for a while
	Died        Cause = "died"        // a node is down, and what it said last may be lost
	Returned    Cause = "returned"    // a node that was taken for down is there again
	Asleep      Cause = "asleep"      // this process stood still
)

// Gap says that this node has missed messages, perhaps. Refresh what is shown to the
// streams that match To.
type Gap struct {
	// To is the address they were for, as it was subscribed to. The zero Address is
	// everybody.
	To Address
	// Presence says that only [Presence] was missed, and nothing that is shown.
	Presence bool
	// From is the node that sent them; zero if it is not one alone.
	From ID
	// Causes are why.
	Causes []Cause
}

// Refusal is a packet that a node did not take.
type Refusal struct {
	// From and Seq are zero if they cannot be believed.
	From    ID
	Seq     uint64
	Subject string
	Err     error
}
