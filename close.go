package sfere

import (
	"cmp"
	"context"
	"slices"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/relay"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
)

// Close closes every connection that matches a pattern. What was sent to them
// before is still written. Its value is a [Report]; connections that are
// closing already count as failed with sse.ErrClosed. To say good-bye first,
// put Close after the broadcast, not among its effects.
type Close struct {
	To      Pattern `json:"to" jsonschema:"description=who is closed"`
	Exclude Exclude `json:"exclude,omitzero" jsonschema:"description=who of those is not"`
	// Streams are the ids, as in [Exclude].Streams, of those that are closed, such as one tab of
	// several under a key. Empty means all that match.
	Streams []uint64 `json:"streams,omitempty" jsonschema:"description=ids of those streams that are; empty means all"`
	// Cause is why; empty means sse.CauseClosed. It does not keep the client away:
	// one that opened its stream with attr.Stream comes back after every end and
	// is answered like a new one. To keep it away, let the handler of the stream
	// answer it 204 (twk.NoContent).
	Cause sse.Cause `json:"cause,omitempty" jsonschema:"description=why; empty means closed"`
	// Report is that of a [Broadcast]. With a relay the streams of all machines are
	// closed.
	Report string `json:"report,omitempty" jsonschema:"enum=,enum=local,enum=cluster,description=which machines the report is about; local if empty"`
}

// EffectName returns "sfere/close".
func (Close) EffectName() string { return "sfere/close" }

func (c *Conns) closeMatching(ctx context.Context, call twk.Call, e Close) (Report, error) {
	to, except, err := c.address(ctx, call, e.To, e.Exclude)
	if err != nil {
		return Report{}, err
	}
	cause := cmp.Or(e.Cause, sse.CauseClosed)
	here, there := c.streamsOf(e.Streams)
	far, err := c.far(ctx, to, except, e.Report, func([]relay.Step) relay.Body { return relay.Close{Streams: there, Cause: cause} })
	if err != nil {
		return Report{}, err
	}
	if len(e.Streams) > 0 && len(there) == 0 {
		far = nil
	}
	var r Report
	if len(e.Streams) == 0 || len(here) > 0 {
		r = c.end(ctx, to, except, here, cause)
	}
	far.send(nil)
	return far.complete(ctx, call, r), nil
}

// Purge closes the connections that match p, from outside
// a dispatch, with a relay on all machines; [Close] is the effect for it. A pattern without a scope means
// DefaultScope, or is an error with [ErrNoScope] in a program with
// Options.Scope; the other errors are those of [Pattern.Validate].
func (c *Conns) Purge(p Pattern) (Report, error) {
	p, err := c.outside(p)
	if err != nil {
		return Report{}, err
	}
	ctx := context.Background()
	far, err := c.far(ctx, p, excluded{}, "", func([]relay.Step) relay.Body { return relay.Close{Cause: sse.CauseClosed} })
	if err != nil {
		return Report{}, err
	}
	r := c.end(ctx, p, excluded{}, nil, sse.CauseClosed)
	far.send(nil)
	return far.complete(ctx, twk.Call{}, r), nil
}

// end closes who matches, of those only streams unless that is empty, or in a dry
// run records who would be closed.
func (c *Conns) end(ctx context.Context, to Pattern, except excluded, streams []uint64, cause sse.Cause) Report {
	s := c.matching(to, except)
	defer c.give(s)
	if len(streams) > 0 {
		s.entries = slices.DeleteFunc(s.entries, func(e indexed) bool { return !slices.Contains(streams, e.stream.ID()) })
	}
	return closeAll(ctx, c.targets(to, s, effect.IsDry(ctx)), cause)
}

// closeAll is end for those who are known already.
func closeAll(ctx context.Context, all []target, cause sse.Cause) Report {
	r := Report{Matched: len(all)}
	var why causes
	why.of(&r)
	if effect.IsDry(ctx) {
		would := twk.Delivery{Cause: cause}
		for _, rc := range all {
			would = together(would, twk.Delivery{Streams: 1, To: []twk.DeliveryTo{deliveryTo(rc.Recipient)}})
		}
		if r.Delivered = len(all); len(all) > 0 {
			effect.WouldDo(ctx, would)
		}
		return r
	}
	for _, rc := range all {
		if rc.Conn.Close(cause) {
			r.Delivered++
		} else {
			why.fail(rc.Key, sse.ErrClosed)
		}
	}
	r.finish()
	return r
}
