package console

import (
	"encoding/json"
	"strings"
)

// Delivery is what one stream would get in a dry run.
type Delivery struct {
	Conn   uint64          `json:"conn"`
	Key    string          `json:"key"` // of the stream; empty if it has none
	Frames []DeliveryFrame `json:"frames"`
}

// DeliveryFrame is one event of a [Delivery].
type DeliveryFrame struct {
	Text string `json:"text"` // byte for byte as it would be sent
}

// DeliveryOf reads an element of [Planned].Would. ok is false if it is something
// else than a delivery of events.
func DeliveryOf(would json.RawMessage) (d Delivery, ok bool) {
	if json.Unmarshal(would, &d) != nil || len(d.Frames) == 0 {
		return Delivery{}, false
	}
	return d, true
}

// Text returns all events as they would be sent.
func (d Delivery) Text() string {
	var b strings.Builder
	for _, f := range d.Frames {
		b.WriteString(f.Text)
	}
	return b.String()
}
