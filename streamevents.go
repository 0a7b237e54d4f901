package sfere

import (
	"cmp"
	"slices"

	"github.com/sfere-go/sfere/sse"
)

// StreamEvents is what happened lately to one stream that is, or was, held under a key.
type StreamEvents struct {
	Keys []Key `json:"keys"` // sorted; of one that is gone at most 16
	Live bool  `json:"live"`
	sse.Events
}

// maxGoneEvents bounds the streams that are gone in [Conns.Events].
const maxGoneEvents = 20

// Streams returns the live streams under k, the oldest first. They are those of this
// machine. A key without a scope is in [DefaultScope], or an error in a program with
// scopes; the other errors are those of [Key.Validate].
func (c *Conns) Streams(k Key) ([]*sse.Conn, error) {
	k, err := c.outsideKey(k)
	if err != nil {
		return nil, err
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	var out []*sse.Conn
	for _, e := range c.live(k) {
		out = append(out, e.conn)
	}
	return out, nil
}

// IsStream reports whether conn is the stream with this number: its own, or the one that
// pages are told ([OwnStream]) and [Conns.ListNodes] lists. 0 is every stream.
func (c *Conns) IsStream(conn *sse.Conn, number uint64) bool {
	return number == 0 || conn.ID() == number || c.streamID(conn) == number
}

// Events returns what happened lately to the streams of this machine under k: the live
// ones, the oldest first, and those of [Conns.Removals] that are gone, the newest first,
// 20 at most. number is as for [Conns.IsStream]. What there is depends on
// [sse.HubOptions].Record. The errors are those of [Conns.Streams].
func (c *Conns) Events(k Key, number uint64) ([]StreamEvents, error) {
	live, err := c.Streams(k)
	if err != nil {
		return nil, err
	}
	k, _ = c.outsideKey(k)
	var out []StreamEvents
	seen := map[uint64]bool{}
	for _, conn := range live {
		if keys := c.KeysOf(conn); keys != nil && c.IsStream(conn, number) {
			out = append(out, StreamEvents{keys, true, conn.Events()})
			seen[conn.ID()] = true
		}
	}
	slices.SortFunc(out, func(a, b StreamEvents) int { return cmp.Compare(a.Stream.ID, b.Stream.ID) })
	here := []uint64{number}
	if number != 0 {
		here, _ = c.streamsOf(here)
	}
	gone := 0
	for _, g := range c.gone.last() {
		if gone == maxGoneEvents {
			break
		}
		if !slices.Contains(g.Keys, k) || seen[g.Info.ID] || number != 0 && !slices.Contains(here, g.Info.ID) {
			continue
		}
		e, ok := g.hub.Events(g.Info.ID)
		if !ok {
			e = sse.Events{Stream: g.Info, Entries: []sse.Entry{}}
		}
		e.Stream.Cause = cmp.Or(e.Stream.Cause, g.Cause)
		out = append(out, StreamEvents{g.Keys, false, e})
		gone++
	}
	return out, nil
}
