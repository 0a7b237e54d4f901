package sfere

import (
	"context"
	"errors"

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
	for _, conn := range conns {
		key := c.entryOf(conn).keyIn(to)
		frames, err := c.rehearseFor(ctx, call, Recipient{key, conn}, list)
		if len(frames) > 0 {
			effect.WouldDo(ctx, twk.Delivery{Conn: conn.ID(), Key: key.String(), Frames: frames})
		}
		if err != nil {
			r.fail(key, conn, err)
		} else {
			r.Delivered++
		}
	}
	r.finish()
	return r
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
	for _, conn := range conns {
		effect.WouldDo(ctx, twk.Closing{Conn: conn.ID(), Key: c.entryOf(conn).keyIn(to).String(), Cause: cause})
	}
	return Report{Matched: len(conns), Delivered: len(conns)}
}
