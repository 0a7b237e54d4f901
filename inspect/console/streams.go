package console

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/sse"
)

// StreamQuery asks what streams are sent.
type StreamQuery struct {
	// Key is that of the streams, in text form such as "default/lobby/ann".
	Key string
	// Stream is the number of one stream under the key. 0 means all.
	Stream uint64
	// Text shows what the events say, as far as they are kept, without what has the name
	// of a secret. It is what a person sees: the caller decides who may ask for it, the
	// program has to offer it ([Options].Watch), and the audit is told.
	Text bool
	// Sender says who asks, for the audit.
	Sender
}

// Streams is what streams were sent lately.
type Streams struct {
	Key     string               `json:"key"`     // in full
	Streams []sfere.StreamEvents `json:"streams"` // live ones, then those that are gone; empty rather than nil
	// Elsewhere are the other nodes that have streams under the key, and Unheard those
	// that have not said. What their streams are sent is known there only.
	Elsewhere []string `json:"elsewhere,omitempty"`
	Unheard   []string `json:"unheard,omitempty"`
}

// Watched is a look at what somebody sees.
type Watched struct {
	Key     string        // whose streams
	Stream  uint64        // the number of one of them, 0 for all
	Began   time.Time     //
	Over    bool          // false when it begins
	Took    time.Duration // once it is over; 0 for a look at what was kept
	Streams []uint64      // numbers of those that were looked at, once it is over
	Events  int           // entries that were shown, once it is over; one that changed counts again
}

// maxLooked bounds Watched.Streams.
const maxLooked = 100

// Events tells what the streams under a key were sent lately: what, when, how large, and
// what became of it. It knows the streams of this machine and names the others that have
// some, for which it asks them until ctx ends. With StreamQuery.Text the audit is told
// before the answer. The cause of an error may be [ErrNotOffered], [ErrNobody] or
// [ErrElsewhere].
func (c *Console) Events(ctx context.Context, q StreamQuery) (Streams, error) {
	const op = "list events"
	k, err := c.streamKey(q)
	var out Streams
	if err == nil {
		out, err = c.streams(ctx, k, q)
	}
	if err != nil {
		err = failed(op, err)
		c.refuseWatch(ctx, q, err)
		return Streams{}, err
	}
	if q.Text {
		look := Watched{Key: out.Key, Stream: q.Stream, Began: time.Now(), Over: true}
		for _, s := range out.Streams {
			look.show(s.Stream.ID, len(s.Entries))
		}
		c.audit(ctx, Audit{Command: commandOf(q), Watched: &look})
	}
	return out, nil
}

// show notes that events of a stream were shown.
func (w *Watched) show(stream uint64, events int) {
	w.Events += events
	if len(w.Streams) < maxLooked {
		for _, known := range w.Streams {
			if known == stream {
				return
			}
		}
		w.Streams = append(w.Streams, stream)
	}
}

// commandOf is what the audit is told of a question.
func commandOf(q StreamQuery) Command { return Command{To: q.Key, Sender: q.Sender} }

// refuseWatch tells the audit of a look that came to nothing.
func (c *Console) refuseWatch(ctx context.Context, q StreamQuery, why error) {
	if q.Text {
		c.Refused(ctx, commandOf(q), why)
	}
}

// streamKey reads the key of q and asks whether the program offers what q asks for.
func (c *Console) streamKey(q StreamQuery) (sfere.Key, error) {
	switch {
	case c.conns == nil:
		return sfere.Key{}, ErrNotOffered
	case q.Text && !c.watch:
		return sfere.Key{}, fmt.Errorf("what streams say is not shown: %w; it sets console.Options.Watch if it wants to", ErrNotOffered)
	}
	return sfere.ParseKey(q.Key)
}

// streams returns what is kept, and who else has some.
func (c *Console) streams(ctx context.Context, k sfere.Key, q StreamQuery) (Streams, error) {
	list, err := c.conns.Events(k, q.Stream)
	if err != nil {
		return Streams{}, err
	}
	out := Streams{Key: k.String(), Streams: append([]sfere.StreamEvents{}, list...)}
	for i := range out.Streams {
		c.conceal(out.Streams[i].Entries, q.Text)
	}
	if err := c.askElsewhere(ctx, k, &out); err != nil {
		return Streams{}, err
	}
	if len(out.Streams) == 0 {
		return Streams{}, c.nobody(out, q)
	}
	return out, nil
}

// nobody is why there is nothing to be seen here.
func (c *Console) nobody(s Streams, q StreamQuery) error {
	what := s.Key
	if q.Stream != 0 {
		what = fmt.Sprintf("stream %d of %s", q.Stream, what)
	}
	if len(s.Elsewhere) > 0 {
		return fmt.Errorf("%s: %w: there are streams under the key at %s, which knows what it sends them: ask there", what, ErrElsewhere, strings.Join(s.Elsewhere, ", "))
	}
	err := fmt.Errorf("%s: %w", what, ErrNobody)
	if len(s.Unheard) > 0 {
		err = fmt.Errorf("%w, as far as is known; not heard of: %s", err, strings.Join(s.Unheard, ", "))
	}
	return err
}

// askElsewhere finds out which other nodes have streams under k.
func (c *Console) askElsewhere(ctx context.Context, k sfere.Key, s *Streams) error {
	if c.conns.Nodes() == nil {
		return nil
	}
	page, err := c.conns.ListNodes(ctx, sfere.Exactly(k), "", 0)
	if err != nil {
		return err
	}
	for _, n := range page.Nodes {
		switch {
		case n.Self:
		case n.Count == nil:
			s.Unheard = append(s.Unheard, n.Label())
		case n.Count.Matched > 0:
			s.Elsewhere = append(s.Elsewhere, n.Label())
		}
	}
	return nil
}

// conceal takes what may not be seen out of entries.
func (c *Console) conceal(entries []sse.Entry, text bool) {
	for i := range entries {
		e := &entries[i]
		if !text {
			e.Text, e.Omitted = "", 0
			continue
		}
		e.Text = c.recorder.HideText(e.Text)
	}
}

// Causes of errors about streams, for errors.Is.
var (
	// ErrNobody is the cause when there is no stream under a key, and none that was there
	// lately.
	ErrNobody = errors.New("nobody is there")
	// ErrElsewhere is the cause when the streams under a key are on other nodes. The error
	// names them.
	ErrElsewhere = errors.New("not on this node")
)
