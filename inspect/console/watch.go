package console

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/sse"
)

// Bounds of watches.
const (
	maxWatches = 64        // at a time
	maxTaps    = 64        // streams of one
	maxWatch   = time.Hour // how long one lasts; who wants more asks again, and is judged again
	watchPace  = time.Second / 20
	watchLook  = time.Second / 4 // how often new streams are looked for
)

// Seen is something that happened to a stream.
type Seen struct {
	Stream uint64 `json:"stream"` // its number
	sse.Entry
}

// Batch is what a [Watch] has seen since the last one.
type Batch struct {
	Entries []Seen // by stream, each in order; an event comes again when its fate is known
	Missed  uint64 // entries that were not taken in time
}

// Watch sees what the streams under a key are sent. It changes nothing about them and
// never slows them down. Begin one with [Console.Watch], and end it with [Watch.Close].
type Watch struct {
	// Streams is what was kept when it began. It belongs to the caller.
	Streams Streams

	c    *Console
	key  sfere.Key
	q    StreamQuery
	ends time.Time
	wake chan struct{}

	mu     sync.Mutex // guards the fields below
	taps   map[*sse.Conn]*sse.Tap
	hubs   []*sse.Hub // of the streams that were watched
	past   []Seen     // of streams that are gone, until they were told of
	look   Watched
	closed bool
}

// Watch begins to see what the streams of this machine under a key are sent, also those
// that open later, or what one is sent until it ends. Of one that has ended already it sees what is kept. With StreamQuery.Text the audit is
// told when it begins and when it is over: [Watch.Close] must be called. The errors are
// those of [Console.Events], and one for more than 64 watches at a time.
func (c *Console) Watch(ctx context.Context, q StreamQuery) (*Watch, error) {
	w, err := c.beginWatch(ctx, q)
	if err != nil {
		err = failed("watch", err)
		c.refuseWatch(ctx, q, err)
		return nil, err
	}
	if q.Text {
		begun := Watched{Key: w.look.Key, Stream: w.look.Stream, Began: w.look.Began}
		c.audit(ctx, Audit{Command: commandOf(q), Watched: &begun})
	}
	return w, nil
}

func (c *Console) beginWatch(ctx context.Context, q StreamQuery) (*Watch, error) {
	k, err := c.streamKey(q)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	w := &Watch{
		c: c, key: k, q: q, ends: now.Add(maxWatch), wake: make(chan struct{}, 1), taps: map[*sse.Conn]*sse.Tap{},
		look: Watched{Key: k.String(), Stream: q.Stream, Began: now},
	}
	if n := c.watches.Add(1); n > maxWatches {
		c.watches.Add(-1)
		return nil, fmt.Errorf("%d watches are open already: end some", maxWatches)
	}
	w.find() // what is sent from here on is not missed
	if w.Streams, err = c.streams(ctx, k, q); err != nil {
		w.release()
		return nil, err
	}
	for _, s := range slices.Backward(w.Streams.Streams) { // the oldest first
		if !s.Live {
			for _, e := range s.Entries {
				w.past = append(w.past, Seen{s.Stream.ID, e})
			}
			w.look.show(s.Stream.ID, len(s.Entries))
		}
	}
	return w, nil
}

// find watches the streams that are there now, and reports whether a hub of those that
// were watched is about to end.
func (w *Watch) find() (draining bool) {
	conns, _ := w.c.conns.Streams(w.key)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return true
	}
	for _, hub := range w.hubs {
		draining = draining || hub.Draining()
	}
	for _, conn := range conns {
		if w.taps[conn] != nil || len(w.taps) >= maxTaps || !w.c.conns.IsStream(conn, w.q.Stream) {
			continue
		}
		if tap, err := conn.Tap(w.wake); err == nil {
			w.taps[conn] = tap
			if !slices.Contains(w.hubs, conn.Hub()) {
				w.hubs = append(w.hubs, conn.Hub())
			}
		}
	}
	return draining
}

// take returns what has happened since the last call.
func (w *Watch) take() (b Batch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	taps := make([]*sse.Tap, 0, len(w.taps))
	for _, tap := range w.taps {
		taps = append(taps, tap)
	}
	slices.SortFunc(taps, func(a, b *sse.Tap) int { return cmp.Compare(a.Conn().ID(), b.Conn().ID()) })
	b.Entries, w.past = w.past, nil
	for _, tap := range taps {
		entries, missed, over := tap.Take()
		w.c.conceal(entries, w.q.Text)
		b.Missed += missed
		id := tap.Conn().ID()
		for _, e := range entries {
			b.Entries = append(b.Entries, Seen{id, e})
		}
		w.look.show(id, len(entries))
		if over {
			tap.Close()
			delete(w.taps, tap.Conn())
		}
	}
	return b
}

// Next waits until something has happened and returns it; first what is kept, also of
// streams that are gone. The error
// is io.EOF when the watch is over: its stream has ended, the program is about to end, an
// hour has passed, or it was closed. Otherwise it is the cause of ctx.
func (w *Watch) Next(ctx context.Context) (Batch, error) {
	look := time.NewTicker(watchLook)
	defer look.Stop()
	for {
		over := w.find()
		b := w.take()
		w.mu.Lock()
		over = over || w.closed || w.q.Stream != 0 && len(w.taps) == 0 || time.Now().After(w.ends)
		w.mu.Unlock()
		switch {
		case len(b.Entries) > 0 || b.Missed > 0:
			return b, nil
		case over:
			return Batch{}, io.EOF
		}
		select {
		case <-ctx.Done():
			return Batch{}, context.Cause(ctx)
		case <-look.C:
		case <-w.wake:
			// What comes in a burst is taken together.
			select {
			case <-ctx.Done():
				return Batch{}, context.Cause(ctx)
			case <-time.After(watchPace):
			}
		}
	}
}

// Recent returns what is kept at the moment, as [Console.Events] does, without asking
// other nodes. The cause of an error is [ErrNobody] if nothing is.
func (w *Watch) Recent() (Streams, error) {
	over := w.find()
	w.take() // counted for the audit
	list, err := w.c.conns.Events(w.key, w.q.Stream)
	if err == nil && (len(list) == 0 || over || time.Now().After(w.ends)) {
		err = ErrNobody
	}
	if err != nil {
		return Streams{}, failed("watch", err)
	}
	out := Streams{Key: w.look.Key, Streams: list, Elsewhere: w.Streams.Elsewhere, Unheard: w.Streams.Unheard}
	for i := range out.Streams {
		w.c.conceal(out.Streams[i].Entries, w.q.Text)
	}
	return out, nil
}

// Close ends the watch and tells the audit. It may be called again.
func (w *Watch) Close() {
	w.mu.Lock()
	first := !w.closed
	w.closed = true
	look := w.look
	w.mu.Unlock()
	if !first {
		return
	}
	w.release()
	if w.q.Text {
		look.Over, look.Took = true, time.Since(look.Began)
		// The request may have ended, and the audit is told all the same.
		w.c.audit(context.Background(), Audit{Command: commandOf(w.q), Watched: &look})
	}
}

// release gives up what the watch holds.
func (w *Watch) release() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	for _, tap := range w.taps {
		tap.Close()
	}
	clear(w.taps)
	w.c.watches.Add(-1)
}

var errNoAudit = errors.New("Options.Watch is set and Options.Audit is not: whoever watches people must be told of somewhere")
