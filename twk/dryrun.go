package twk

import (
	"context"

	"github.com/sfere-go/sfere/sse"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
)

// Delivery is what an effect records in a dry run: the events that some streams
// would get, or why they would be closed.
type Delivery struct {
	// Streams counts the streams that this is for: all that would get the same text.
	// It is 1 for an outlet of the program as well, whose To is empty.
	Streams int `json:"streams"`
	// To is a sample of them, at most 8.
	To []DeliveryTo `json:"to,omitempty"`
	// Frames are the events that each of them would get, in order. They are left out
	// if they are more than the dry run has room for, which keeps 1 MiB of text in
	// all and 16 different texts of a broadcast. A Delivery without Frames and Cause
	// sums up what is left out: the texts may differ.
	Frames []*sse.Frame `json:"frames,omitempty"`
	Bytes  int64        `json:"bytes"`           // of the events for all of these streams
	Cause  sse.Cause    `json:"cause,omitempty"` // of streams that would be closed
}

// DeliveryTo is one of the streams of a [Delivery].
type DeliveryTo struct {
	Conn uint64 `json:"conn"`          // ConnInfo.ID
	Key  string `json:"key,omitempty"` // text form of the key it is held under, if a broadcast found it
}

// gatherer is an Outlet that only keeps frames in memory. In a dry run frames go
// to outlets with such a method; for any other they are recorded.
type gatherer interface{ Gathers() }

// Gathers says that c only keeps frames.
func (c *Collector) Gathers() {}

// emitDry is the last step of sending in a dry run.
func emitDry(ctx context.Context, s Session, f *sse.Frame) error {
	out, err := s.outlet()
	if err != nil {
		return err
	}
	if _, ok := out.(gatherer); ok {
		return out.Emit(ctx, f)
	}
	d := Delivery{Streams: 1, Bytes: int64(f.Len())}
	if core.Rehearsal(ctx).Take(f.Len()) {
		d.Frames = []*sse.Frame{f}
	}
	if s.Conn != nil {
		d.To = []DeliveryTo{{Conn: s.Conn.ID()}}
	}
	effect.WouldDo(ctx, d)
	return nil
}
