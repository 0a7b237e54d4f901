package sse

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"github.com/sfere-go/sfere/sse/gzipcast"
)

// Overflow says what happens when the outbox of a stream is full.
type Overflow string

// The overflow policies. The empty value means the next one up: for a frame that
// of its stream, for a stream that of its hub, and for a hub Disconnect.
const (
	// Disconnect cuts the stream. Its client comes back and starts afresh.
	Disconnect Overflow = "disconnect"
	// DropOldest marks a frame that may be dropped. Such frames make room for
	// any other, the oldest first, and never push out a frame that may not be
	// dropped.
	DropOldest Overflow = "drop-oldest"
)

// check refuses a word that is no policy.
func (o Overflow) check() error {
	switch o {
	case "", Disconnect, DropOldest:
		return nil
	}
	return fmt.Errorf("unknown overflow policy %q: use Disconnect or DropOldest", o)
}

// Frame is one event as bytes on the wire. It is checked once and shared by every
// stream that gets it. It is immutable. Make one with [NewFrame] or [RawFrame].
type Frame struct {
	bytes    []byte
	zip      *gzipcast.Event // nil until a compressed hub prepares the frame
	key      string
	overflow Overflow
	version  uint64
	brief    atomic.Pointer[digest] // what is recorded of it; nil until somebody records it
}

// FrameOptions adjust a [Frame]. Zero fields mean the defaults.
type FrameOptions struct {
	// Coalesce is a key. The frame takes the place of a waiting frame with the
	// same key in the outbox of a stream. Default: it replaces none.
	Coalesce string
	// Overflow says what happens if the outbox is full. Default: the policy of
	// the stream.
	Overflow Overflow
	// Version is for a frame that says how something is, and not what has changed:
	// what Coalesce names is then shown as of this version. Such a frame never takes
	// the place of a waiting one with a higher version, does not count for the bounds
	// of an outbox, and is neither refused nor dropped: at most one waits for each
	// key. Default: 0, for a frame that says what has changed.
	Version uint64
}

// Event is what one frame says.
type Event struct {
	Type        string   `json:"type"`
	ID          string   `json:"id,omitempty"`
	RetryMillis int      `json:"retryMillis,omitempty"`
	Data        []string `json:"data"` // data lines, without the "data: " prefix
}

// NewFrame returns the frame of e. nil options mean the defaults. The error is an
// *[Error] if a field holds a CR, LF or NUL or is not UTF-8, if RetryMillis is
// negative, or if there is nothing to send.
func NewFrame(e Event, o *FrameOptions) (*Frame, error) {
	bad := func(field string) (*Frame, error) {
		return nil, &Error{Op: "making a frame", Err: fmt.Errorf("%s must be UTF-8 without CR, LF and NUL", field)}
	}
	var b bytes.Buffer
	line := func(name, value string) bool {
		b.WriteString(name + ": " + value + "\n")
		return !strings.ContainsAny(value, "\r\n\x00") && utf8.ValidString(value)
	}
	if e.Type != "" && !line("event", e.Type) {
		return bad("Type")
	}
	if e.ID != "" && !line("id", e.ID) {
		return bad("ID")
	}
	switch {
	case e.RetryMillis < 0:
		return nil, &Error{Op: "making a frame", Err: errors.New("RetryMillis is negative")}
	case e.RetryMillis > 0:
		line("retry", strconv.Itoa(e.RetryMillis))
	}
	for _, d := range e.Data {
		if !line("data", d) {
			return bad("Data")
		}
	}
	b.WriteByte('\n')
	return RawFrame(b.Bytes(), o)
}

// RawFrame returns the frame of an event that is framed already: lines that end
// with LF, and blank lines at the end, at least one. b belongs to the frame from
// then on. nil options mean the defaults. The error is an *[Error] if a client
// would read b as anything but exactly one event.
func RawFrame(b []byte, o *FrameOptions) (*Frame, error) {
	if !isOneEvent(b) {
		return nil, &Error{Op: "making a frame", Err: errors.New("the bytes are not exactly one event: a field broke the framing")}
	}
	f := &Frame{bytes: b}
	if o != nil {
		if err := o.Overflow.check(); err != nil {
			return nil, &Error{Op: "making a frame", Err: err}
		}
		if o.Version != 0 && o.Coalesce == "" {
			return nil, &Error{Op: "making a frame", Err: errors.New("a Version without Coalesce says of nothing how it is")}
		}
		f.key, f.overflow, f.version = o.Coalesce, o.Overflow, o.Version
	}
	return f, nil
}

// isOneEvent reports whether b is lines, of which at least one is no comment, and
// then nothing but blank lines.
func isOneEvent(b []byte) bool {
	if bytes.IndexByte(b, '\r') >= 0 || bytes.IndexByte(b, 0) >= 0 || !bytes.HasSuffix(b, []byte("\n\n")) {
		return false
	}
	b = bytes.TrimRight(b, "\n")
	if len(b) == 0 || b[0] == '\n' || bytes.Contains(b, []byte("\n\n")) {
		return false
	}
	for b[0] == ':' { // a comment
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			return false
		}
		b = b[i+1:]
	}
	return true
}

// Len returns the uncompressed size in bytes.
func (f *Frame) Len() int { return len(f.bytes) }

// Bytes returns the uncompressed bytes. The caller must not change them.
func (f *Frame) Bytes() []byte { return f.bytes }

// Options returns what the frame was made with, so that another machine can make it
// again.
func (f *Frame) Options() FrameOptions {
	return FrameOptions{Coalesce: f.key, Overflow: f.overflow, Version: f.version}
}

// Event returns what the frame says, for logs and audits. Every call parses the
// frame.
func (f *Frame) Event() Event {
	var e Event
	for line := range strings.SplitSeq(strings.TrimRight(string(f.bytes), "\n"), "\n") {
		name, value, _ := strings.Cut(line, ": ")
		switch name {
		case "event":
			e.Type = value
		case "id":
			e.ID = value
		case "retry":
			e.RetryMillis, _ = strconv.Atoi(value)
		case "data":
			e.Data = append(e.Data, value)
		}
	}
	return e
}

// MarshalJSON writes the frame as {"event": {...}, "text": "..."}. The text is
// exactly what goes over the wire before compression.
func (f *Frame) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(struct {
		Event Event  `json:"event"`
		Text  string `json:"text"`
	}{f.Event(), string(f.bytes)})
	return b.Bytes(), err
}
