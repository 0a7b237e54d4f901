package sfere

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/twk"
)

// Holding is what [HoldStream] records in a dry run.
type Holding struct {
	Key  Key    `json:"key"`
	Conn uint64 `json:"conn"` // twk.ConnInfo.ID
}

// Gathers says that frames are kept in memory until a broadcast sends them.
func (p *outline) Gathers() {}

// rehearse is deliver in a dry run: everything is rendered, and what every
// recipient would get is recorded as a [twk.Delivery].
func (c *Conns) rehearse(ctx context.Context, call *twk.Call, to Pattern, conns []*twk.Conn, items effect.List) Report {
	r := Report{Matched: len(conns)}
	list, _, err := c.outline(ctx, call, items)
	r.Shared = err
	for _, rc := range c.recipients(to, conns) {
		frames, err := c.rehearseFor(ctx, call, rc, list)
		if len(frames) > 0 {
			effect.WouldDo(ctx, twk.Delivery{Conn: rc.Conn.ID(), Key: rc.Key.String(), Frames: frames})
		}
		if err != nil {
			r.fail(rc.Key, rc.Conn, err)
		} else {
			r.Delivered++
		}
	}
	r.finish()
	return r
}

// recipients returns conns with their keys, sorted, so that plans of the same
// thing look the same.
func (c *Conns) recipients(to Pattern, conns []*twk.Conn) []Recipient {
	out := make([]Recipient, len(conns))
	for i, conn := range conns {
		out[i] = Recipient{c.entryOf(conn).keyIn(to), conn}
	}
	slices.SortFunc(out, func(a, b Recipient) int {
		return cmp.Or(compareKeys(a.Key, b.Key), cmp.Compare(a.Conn.ID(), b.Conn.ID()))
	})
	return out
}

// rehearseFor gives the frames of one recipient.
func (c *Conns) rehearseFor(ctx context.Context, call *twk.Call, to Recipient, list []step) ([]*twk.Frame, error) {
	var out twk.Collector
	var errs []error
	ctx = context.WithValue(ctx, recipientKey{}, to)
	own := call.With(func(s *twk.Session) {
		*s = twk.Session{Conn: to.Conn, Out: &out}
	})
	for _, st := range list {
		if st.item == nil {
			out.Frames = append(out.Frames, st.frames...)
			continue
		}
		errs = append(errs, own.Dispatch(ctx, st.item).Err())
	}
	return out.Frames, errors.Join(errs...)
}

// rehearseEnd is end in a dry run.
func (c *Conns) rehearseEnd(ctx context.Context, to Pattern, conns []*twk.Conn, cause twk.Cause) Report {
	for _, rc := range c.recipients(to, conns) {
		effect.WouldDo(ctx, twk.Closing{Conn: rc.Conn.ID(), Key: rc.Key.String(), Cause: cause})
	}
	return Report{Matched: len(conns), Delivered: len(conns)}
}
