package twk

import (
	"github.com/sfere-go/sfere/gzipcast"
)

// Overflow says what happens to a stream whose outbox is full.
type Overflow string

// The overflow policies. The empty value means the next one up: the stream's
// own policy for a frame, Disconnect for a stream.
const (
	// Disconnect cuts the stream; the client comes back and starts afresh.
	Disconnect Overflow = "disconnect"
	// DropOldest drops waiting frames, the oldest first, until there is room.
	DropOldest Overflow = "drop-oldest"
)

// Frame is one event, or a run of events, as bytes on the wire: rendered and
// checked once and shared by every stream that gets it. It is immutable.
//
// Only this package makes frames from effects, so that nothing unchecked can
// be sent.
type Frame struct {
	bytes    []byte
	zip      *gzipcast.Event // nil until a compressed hub prepares the frame
	key      string
	overflow Overflow
}

// Len returns the uncompressed size in bytes.
func (f *Frame) Len() int { return len(f.bytes) }

// Event returns what the frame says, for logs and audits. It is worked out anew
// by every call.
func (f *Frame) Event() Event { return parseEvent(f.bytes) }

// Bytes returns the uncompressed bytes; the caller must not change them.
func (f *Frame) Bytes() []byte { return f.bytes }

// Event is the content of one frame, taken apart.
type Event struct {
	Type        string   `json:"type"`
	ID          string   `json:"id,omitempty"`
	RetryMillis int      `json:"retryMillis,omitempty"`
	Data        []string `json:"data"` // data lines, without the "data: " prefix
}
