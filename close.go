package sfere

import (
	"cmp"
	"context"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
)

// Close closes every connection that matches a pattern; what has been sent to
// them before is written. Its value is a [Report], in which those that are
// closing already count as failed with sse.ErrClosed. To say good-bye, put it
// after the broadcast that does, not among its effects.
type Close struct {
	To      Pattern `json:"to" jsonschema:"description=who is closed"`
	Exclude Exclude `json:"exclude,omitzero" jsonschema:"description=who of those is not"`
	// Cause is why; empty means sse.CauseClosed, after which the client stays
	// away.
	Cause sse.Cause `json:"cause,omitempty" jsonschema:"description=why; empty means closed"`
}

// EffectName returns "sfere/close".
func (Close) EffectName() string { return "sfere/close" }

func (c *Conns) closeMatching(ctx context.Context, call twk.Call, e Close) (Report, error) {
	except, err := c.excluded(ctx, call, e.To, e.Exclude)
	if err != nil {
		return Report{}, err
	}
	return c.end(ctx, e.To, except, cmp.Or(e.Cause, sse.CauseClosed)), nil
}

// Purge closes the connections that match p, from outside a dispatch; [Close] is
// the effect for it. The error is that of
// [Pattern.Validate].
func (c *Conns) Purge(p Pattern) (Report, error) {
	if err := p.Validate(); err != nil {
		return Report{}, err
	}
	return c.end(context.Background(), p, excluded{}, sse.CauseClosed), nil
}

// end closes who matches, or in a dry run records who would be closed.
func (c *Conns) end(ctx context.Context, to Pattern, except excluded, cause sse.Cause) Report {
	s := c.matching(to, except)
	defer c.give(s)
	return closeAll(ctx, c.recipients(to, s, effect.IsDry(ctx)), cause)
}

// closeAll is end for those who are known already.
func closeAll(ctx context.Context, all []Recipient, cause sse.Cause) Report {
	r := Report{Matched: len(all)}
	for _, rc := range all {
		switch {
		case effect.IsDry(ctx):
			effect.WouldDo(ctx, twk.Delivery{Conn: rc.Conn.ID(), Key: rc.Key.String(), Cause: cause})
			r.Delivered++
		case rc.Conn.Close(cause):
			r.Delivered++
		default:
			r.fail(rc.Key, rc.Conn, sse.ErrClosed)
		}
	}
	r.finish()
	return r
}
