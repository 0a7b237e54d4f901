package relay

import (
	"encoding/json"
	"time"

	"github.com/sfere-go/sfere/sse"
)

// Envelope is a message and whom it is for.
type Envelope struct {
	// To is whom it is for. The receiving program filters by it.
	To Address
	// Exclude are those who are left out.
	Exclude Exclude
	// Deadline is when it is of no use any more. Default: never.
	Deadline time.Time
	// Report says that its sender is going to ask what became of it ([Node.Ask]).
	Report bool
	// Trace says which trace it belongs to, in a form that the programs agree on, in at
	// most 512 bytes. Default: none.
	Trace string
	// Body is one of [Broadcast], [Refresh], [Close], [Kick], [Admit], [Claim],
	// [Release] and [Presence].
	Body Body
}

// Body is what an envelope carries. The types of this package implement it, and
// nobody else can: what a node does not know it refuses by its kind.
type Body interface{ kind() string }

// Exclude says who is left out of an envelope.
type Exclude struct {
	Matching []Address `json:"matching,omitempty"` // complete keys, and patterns
	Streams  []Stream  `json:"streams,omitempty"`
}

// Stream is one stream of one node.
type Stream struct {
	Node ID     `json:"node"`
	ID   uint64 `json:"id"`
}

// Step is one effect of a list.
type Step struct {
	// Frames are what it comes to if that is the same for everybody. Only
	// [sse.RawFrame] makes frames of what another machine says, so that no text
	// becomes an event.
	Frames []*sse.Frame
	// Effect is the effect in wire form if the receiver has to run it, for each
	// recipient with that recipient's own Ctx. It is text from outside: run only
	// what the program allows to come from other machines.
	Effect json.RawMessage
}

// Broadcast is an sfere.Broadcast or sfere.WithConnection.
type Broadcast struct {
	Steps []Step `json:"steps"`
	Each  bool   `json:"each,omitempty"`
}

// Refresh says that what streams show may have changed; every node renders its own
// views.
type Refresh struct {
	Topic string            `json:"topic,omitempty"`
	Views []json.RawMessage `json:"views,omitempty"` // in wire form
	After uint64            `json:"after,omitempty"`
}

// Close closes streams. Which ones of those that match is Streams; empty means all.
type Close struct {
	Streams []Stream  `json:"streams,omitempty"`
	Cause   sse.Cause `json:"cause,omitempty"`
}

// Kick closes streams and keeps their keys away until a time.
type Kick struct {
	Why   []Step    `json:"why,omitempty"`
	Until time.Time `json:"until,omitzero"` // zero: they are not kept away
}

// Admit lets in again whom a Kick keeps away.
type Admit struct{}

// Clock orders the claims of all nodes: a wall clock in nanoseconds that is never
// behind one that was seen. Equal ones are ordered by the id of the node.
type Clock int64

// Claim takes the exact key that its envelope is for.
type Claim struct {
	Owner string        `json:"owner"`
	At    Clock         `json:"at"`
	For   time.Duration `json:"for,omitempty"`
	// Stream says that a stream of the owner holds the key.
	Stream bool `json:"stream,omitempty"`
}

// Release gives a claim up.
type Release struct {
	Owner string `json:"owner"`
	At    Clock  `json:"at"`
}

// Presence says which keys of one node are there. Only that node says it.
type Presence struct {
	Seq uint64 `json:"seq"` // of this node; it is in [Member].Presence as well
	// Full says that Here is everybody, and not who has come since Seq-1.
	Full bool      `json:"full,omitempty"`
	Part int       `json:"part,omitempty"` // of a Full that needs several messages, from 0
	More bool      `json:"more,omitempty"` // another part follows
	Here []Visitor `json:"here,omitempty"`
	Gone []Address `json:"gone,omitempty"`
}

// Visitor is a key that is there.
type Visitor struct {
	Key   Address   `json:"key"`
	Since time.Time `json:"since"`
}

func (Broadcast) kind() string { return "broadcast" }
func (Refresh) kind() string   { return "refresh" }
func (Close) kind() string     { return "close" }
func (Kick) kind() string      { return "kick" }
func (Admit) kind() string     { return "admit" }
func (Claim) kind() string     { return "claim" }
func (Release) kind() string   { return "release" }
func (Presence) kind() string  { return "presence" }
