package twk

import (
	"context"

	"github.com/sfere-go/sfere/sse"

	"github.com/sfere-go/sfere/effect"
)

// Delivery is what an effect records in a dry run: the events that a stream would
// get, or why it would be closed.
type Delivery struct {
	Conn   uint64       `json:"conn,omitempty"`   // ConnInfo.ID; 0 for an outlet of the program
	Key    string       `json:"key,omitempty"`    // text form of the key it is held under, if a broadcast found it
	Frames []*sse.Frame `json:"frames,omitempty"` // in order
	Cause  sse.Cause    `json:"cause,omitempty"`  // of a stream that would be closed
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
	d := Delivery{Frames: []*sse.Frame{f}}
	if s.Conn != nil {
		d.Conn = s.Conn.ID()
	}
	effect.WouldDo(ctx, d)
	return nil
}
