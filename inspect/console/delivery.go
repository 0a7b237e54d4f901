package console

import (
	"strings"

	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
)

// Delivery is what some streams would get in a dry run, all of them the same; or
// that they would be closed.
type Delivery struct {
	Streams int      `json:"streams"`      // how many
	To      []Stream `json:"to,omitempty"` // a sample of them, at most 8
	Events  int      `json:"events"`       // that each of them would get
	Bytes   int64    `json:"bytes"`        // for all of them together
	// Text are the events, byte for byte as each of them would get them. It is empty
	// if a dry run has no room for it: it keeps 16 different texts of one broadcast,
	// and 1 MiB in all. A Delivery without Text and Cause sums up what is left out.
	Text  string    `json:"text,omitempty"`
	Cause sse.Cause `json:"cause,omitempty"` // why they would be closed
}

// Stream names a live stream.
type Stream struct {
	Conn uint64 `json:"conn"`          // its number, as in ConnInfo
	Key  string `json:"key,omitempty"` // in text form; empty if it is not known
}

func deliveryOf(d twk.Delivery) Delivery {
	out := Delivery{Streams: d.Streams, Events: len(d.Frames), Bytes: d.Bytes, Cause: d.Cause}
	for _, to := range d.To {
		out.To = append(out.To, Stream(to))
	}
	var text strings.Builder
	for _, f := range d.Frames {
		text.Write(f.Bytes())
	}
	out.Text = text.String()
	return out
}
