package twk

import (
	"strconv"
	"strings"

	"github.com/sfere-go/sfere/sse"
)

// event is one event of Datastar as it is written. Its bytes are those of the SDK in Go,
// which [FuzzFramesAreThoseOfTheSDK] compares.
type event struct {
	b []byte
	o EventOptions
}

// newEvent begins an event; size is about how long its data lines are.
func newEvent(typ string, o EventOptions, size int) event {
	e := event{make([]byte, 0, len("event: \nid: \nretry: 2147483647\n\n\n")+len(typ)+len(o.EventID)+size+96), o}
	e.field("event", typ)
	if o.EventID != "" {
		e.field("id", o.EventID)
	}
	if o.RetryMillis > 0 {
		e.field("retry", strconv.Itoa(o.RetryMillis))
	}
	return e
}

func (e *event) field(name, value string) {
	e.b = append(append(append(append(e.b, name...), ": "...), value...), '\n')
}

// line writes a data line, unless value is empty.
func (e *event) line(name, value string) {
	if value != "" {
		e.data(name, value)
	}
}

// lines writes a data line for each line of text, also for an empty one.
func (e *event) lines(name, text string) {
	for line := range strings.SplitSeq(text, "\n") {
		e.data(name, line)
	}
}

func (e *event) data(name, value string) {
	e.b = append(append(e.b, "data: "...), name...)
	e.b = append(append(append(e.b, ' '), value...), '\n')
}

// frame ends the event. Whatever it says, nothing leaves that the client would read as
// more than one event: [sse.RawFrame] checks it.
func (e *event) frame() (*sse.Frame, error) {
	frame, err := sse.RawFrame(append(e.b, "\n\n"...), &sse.FrameOptions{Coalesce: e.o.Coalesce, Overflow: e.o.Overflow})
	if err != nil {
		return nil, &Error{Op: "framing an event", Err: err}
	}
	return frame, nil
}
