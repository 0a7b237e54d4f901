package relay

import "context"

// Relay is a bus of bytes that nodes connect to. It keeps nothing. Its methods may
// be called from any goroutine.
//
// A Relay passes on what one link publishes in one order, whatever the subjects, to
// each link that has subscribed, at most once, and not to the link that published
// it. It may lose packets; [Node] notices. relay/relaytest checks all of this.
type Relay interface {
	// Connect opens a link for one node. The context is for connecting only. The
	// link belongs to the caller, who must close it. It calls to until Close has
	// returned.
	Connect(ctx context.Context, to Receiver) (Link, error)
}

// Link is the connection of one node. Its methods may be called from any goroutine.
type Link interface {
	// Publish hands a packet over. It does not wait for anybody to receive it, and
	// does not keep p.Data. It fails with an [*Error] that wraps [ErrTooLarge] if
	// the data are larger than MaxPayload, and [ErrDisconnected] while there is no
	// connection: nothing is kept for later.
	Publish(p Packet) error
	// Subscribe asks for the packets with exactly this subject, Unsubscribe ends
	// that. Both hold again after a reconnection. Doing one twice is no error.
	Subscribe(subject string) error
	Unsubscribe(subject string) error
	// Flush waits until the server that the link is connected to has taken note of
	// everything that was published and subscribed to before. Other servers of a
	// cluster may be a little later.
	Flush(ctx context.Context) error
	// MaxPayload is the largest size of a Packet.Data in bytes.
	MaxPayload() int
	// Private reports whether nobody but programs of this machine can publish. A
	// node of a bus that is not private signs what it says.
	Private() bool
	// Close passes on what was published before, until ctx ends, and closes the
	// link. Calls of Publish that hang come back. No call of the Receiver is running
	// when it returns. It may be called again.
	Close(ctx context.Context) error
}

// Packet is bytes under a subject: tokens of visible ASCII without spaces, "*" and
// ">", with dots between them, of at most [MaxSubject] bytes.
type Packet struct {
	Subject string
	Data    []byte
}

// MaxSubject is how many bytes a subject has at most.
const MaxSubject = 512

// Receiver is what a link calls, one call at a time. Both functions are needed.
type Receiver struct {
	// Packet is called for each packet, in the order of arrival. The data belong to
	// it from then on, but may be shared with other receivers: it must not change
	// them. It may block; when too much waits the link drops packets and says
	// Dropped.
	Packet func(Packet)
	// Event is called when the connection changes.
	Event func(Event)
}

// Event is what happens to a link.
type Event string

// The events of a link.
const (
	Lost    Event = "lost"    // the connection is down; packets of others are missed from now on
	Back    Event = "back"    // it is there again, with all subscriptions
	Dropped Event = "dropped" // packets were thrown away because the receiver is too slow
)
