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
	// most [MaxTrace] bytes. Default: none.
	Trace string
	// Body is one of [Broadcast], [Refresh], [Close], [Kick], [Admit], [Claim],
	// [Claims], [Presence] and [Interest].
	Body Body
}

// MaxTrace bounds Envelope.Trace in bytes.
const MaxTrace = 512

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

// Claim says that a stream is held under the exact key that its envelope is for, and
// what that means for other streams under it.
type Claim struct {
	Rule Rule  `json:"rule"`
	At   Clock `json:"at"` // when it was given the key
}

// Rule is what a [Claim] means. A node that does not know it does nothing.
type Rule string

// The rules.
const (
	Newest Rule = "newest" // older streams under the key are closed
	Oldest Rule = "oldest" // whoever has an older stream under the key objects
	Object Rule = "object" // there is this older stream, for one that must be the oldest
)

// Claims are keys that are claimed on the node that sends it, by whom and how long.
// Only that node says it.
type Claims struct {
	// Parts is not 0 if all parts together have all claims of the node at the time
	// Start.
	Start Clock `json:"start,omitempty"`
	Part  int   `json:"part,omitempty"` // from 0
	Parts int   `json:"parts,omitempty"`

	All []Claimed `json:"all,omitempty"`
}

// Claimed is one claim.
type Claimed struct {
	Key   Address       `json:"key"`
	Owner string        `json:"owner,omitempty"`
	Since Clock         `json:"since,omitempty"` // when the owner got the key
	At    Clock         `json:"at"`              // when the node says it: the latest counts
	For   time.Duration `json:"for,omitempty"`   // how long it lasts without a stream
	Left  time.Duration `json:"left,omitempty"`  // until it ends, if no stream holds it
	// Stream says that a stream holds it: it lasts as long as the node.
	Stream bool `json:"stream,omitempty"`
	// Over says that the node has no claim of the key (any more).
	Over bool `json:"over,omitempty"`
	// Released says that the owner gives the key up, on all nodes.
	Released bool `json:"released,omitempty"`
}

func (Broadcast) kind() string { return "broadcast" }
func (Refresh) kind() string   { return "refresh" }
func (Close) kind() string     { return "close" }
func (Kick) kind() string      { return "kick" }
func (Admit) kind() string     { return "admit" }
func (Claim) kind() string     { return "claim" }
func (Claims) kind() string    { return "claims" }
