package sfere

import (
	"context"
	"slices"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/relay"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
)

// Exclude says which connections a [Broadcast] or [Close] leaves out: those
// under any of the keys, those that match any of the patterns, with all their
// keys, and streams by themselves. The scope of a key or pattern may be left
// out, as in the pattern of the effect.
//
// A key leaves out all tabs of a person. To leave out the one stream that
// something comes from and no other:
//
//   - among the effects of a stream, [ExceptSelf];
//   - in another request of the same page, such as the POST of a form, Streams.
//     HTTP does not say which page a request comes from, so the page has to: send
//     it the id of its stream as a signal ([OwnStream]), which comes back with
//     every request.
type Exclude struct {
	Keys     []effect.Late[Key] `json:"keys,omitempty" jsonschema:"description=keys to leave out"`
	Matching []Pattern          `json:"matching,omitempty" jsonschema:"description=patterns to leave out"`
	// Self leaves out the stream of the dispatch: the one whose effects run, or in
	// a broadcast the recipient's. If that is not held, as in a POST, it is an
	// error with [ErrNotHeld].
	Self bool `json:"self,omitempty" jsonschema:"description=leave out the stream of the dispatch"`
	// Streams leaves out the streams with these ids (sse.Conn.ID of this machine, or what
	// [OwnStream] gave on any of them). 0 and ids of
	// streams that have ended leave out nobody. An id that a client sent is a
	// claim: it may be that of another stream, which then misses what this client
	// says, and nothing else.
	Streams []uint64 `json:"streams,omitempty" jsonschema:"description=ids of streams to leave out"`
}

// Except excludes the connections under keys.
func Except(keys ...Key) Exclude {
	var x Exclude
	for _, k := range keys {
		x.Keys = append(x.Keys, effect.Now(k))
	}
	return x
}

// ExceptMatching excludes the connections that match any of the patterns.
func ExceptMatching(ps ...Pattern) Exclude { return Exclude{Matching: ps} }

// ExceptSelf excludes the stream of the dispatch, and no other under its key.
func ExceptSelf() Exclude { return Exclude{Self: true} }

// OwnStream is the placeholder for the id of the stream of the dispatch, in a
// broadcast that of the recipient: sse.Conn.ID, with a relay behind a mark of the
// machine, so that it holds on all of them. As a signal it lets other
// requests of the page name its stream:
//
//	twk.Stream(twk.PatchSignals{Late: map[string]effect.Late[any]{"stream": effect.Later[any](sfere.OwnStream{})}})
type OwnStream struct{}

// EffectName returns "sfere/own-stream".
func (OwnStream) EffectName() string { return "sfere/own-stream" }

func (c *Conns) resolveOwnStream(ctx context.Context, call twk.Call, _ OwnStream) (any, error) {
	if conn := call.Ctx().Conn; conn != nil {
		return c.streamID(conn), nil
	}
	// Where something runs once for all recipients there is none, and asking for
	// one makes it run for each.
	if r, ok := RecipientOf(ctx); ok {
		return c.streamID(r.Conn), nil
	}
	return nil, &Error{Op: "finding the own stream", Err: twk.ErrNoStream}
}

// excluded is an [Exclude] that is complete.
type excluded struct {
	keys     []Key
	patterns []Pattern
	self     *sse.Conn // nil for none
	streams  []uint64
	far      []relay.Stream // of other machines
}

// address completes and checks to and x.
func (c *Conns) address(ctx context.Context, call twk.Call, to Pattern, x Exclude) (Pattern, excluded, error) {
	scope := c.scoper(ctx, call)
	to, err := scope.pattern(to)
	if err != nil {
		return to, excluded{}, err
	}
	var out excluded
	out.streams, out.far = c.streamsOf(x.Streams)
	for _, p := range x.Matching {
		p, err := scope.pattern(p)
		if err != nil {
			return to, excluded{}, err
		}
		out.patterns = append(out.patterns, p)
	}
	for _, k := range x.Keys {
		key, err := scope.key(k.Value)
		if err != nil {
			return to, excluded{}, err
		}
		out.keys = append(out.keys, key)
	}
	if x.Self {
		if out.self = call.Ctx().Conn; out.self == nil || c.entryOf(out.self) == nil {
			return to, excluded{}, &Error{Op: "excluding the own stream (in a request that is not the stream itself, name it in Exclude.Streams)", Err: ErrNotHeld}
		}
	}
	return to, out, nil
}

// has reports whether x names the stream itself.
func (x excluded) has(conn *sse.Conn) bool {
	return conn == x.self || slices.Contains(x.streams, conn.ID())
}

// find returns the entries that are excluded by key or pattern; c.mu is held.
func (x excluded) find(c *Conns) map[*entry]bool {
	var es []indexed
	for _, k := range x.keys {
		es = c.index.appendKey(es, k)
	}
	for _, p := range x.patterns {
		es = c.index.appendMatches(es, p)
	}
	if len(es) == 0 {
		return nil
	}
	out := make(map[*entry]bool, len(es))
	for _, e := range es {
		out[e.entry] = true
	}
	return out
}
