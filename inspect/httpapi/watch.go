package httpapi

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/internal/plainjson"
	"github.com/sfere-go/sfere/sse"
)

// streamQuery reads what a request asks of streams, and whether it may.
func (a *api) streamQuery(r *http.Request) (q console.StreamQuery, err error) {
	p := r.URL.Query()
	caller := CallerOf(r.Context())
	q.Sender, q.Key = SenderOf(r, via, caller), p.Get("key")
	if q.Text, err = yes(p, "text"); err != nil {
		return q, err
	}
	if err := MayWatch(r.Context(), a.console, caller, q); err != nil {
		return q, err
	}
	if text := p.Get("stream"); text != "" {
		if q.Stream, err = strconv.ParseUint(text, 10, 64); err != nil || q.Stream == 0 {
			return q, fmt.Errorf("stream is %q: want the number of a connection", text)
		}
	}
	return q, nil
}

// MayWatch returns why caller may not have an answer to q, and tells the audit of c of it;
// nil if it may: to see what streams say takes [Watch].
func MayWatch(ctx context.Context, c *console.Console, caller Caller, q console.StreamQuery) error {
	if !q.Text || caller.Access >= Watch {
		return nil
	}
	why := Forbidden(caller)
	c.Refused(ctx, console.Command{To: q.Key, Sender: q.Sender}, why)
	return &failure{http.StatusForbidden, why}
}

// events answers with a [console.Streams].
func (a *api) events(r *http.Request) (any, error) {
	q, err := a.streamQuery(r)
	if err != nil {
		return nil, err
	}
	return a.console.Events(r.Context(), q)
}

// Bounds of a watch over HTTP.
const (
	silence   = 15 * time.Second // between two comments, which find out whether the client is there
	writeTime = 30 * time.Second // for one write
)

// watch answers with events: "streams", a [console.Streams] without entries; "entry", a
// [console.Seen]; "missed", {"missed": n}; and "over" when the watch is. n bounds how many
// entries of the past come first.
func (a *api) watch(w http.ResponseWriter, r *http.Request) {
	q, err := a.streamQuery(r)
	past := 0
	if err == nil {
		if past, err = strconv.Atoi(cmp.Or(r.URL.Query().Get("n"), "10")); err != nil || past < 0 {
			err = fmt.Errorf("n is %q: want how many of the past to begin with", r.URL.Query().Get("n"))
		}
	}
	var watch *console.Watch
	if err == nil {
		watch, err = a.console.Watch(r.Context(), q)
	}
	if err != nil {
		answer(w, nil, err)
		return
	}
	defer watch.Close()
	header := w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Accel-Buffering", "no")
	out := teller{http.NewResponseController(w), w}
	head := watch.Streams
	head.Streams = slices.Clone(head.Streams)
	for i := range head.Streams {
		head.Streams[i].Entries = nil
	}
	if out.tell("streams", head) != nil {
		return
	}
	for first := true; ; {
		batch, err := nextBatch(r.Context(), watch)
		switch {
		case r.Context().Err() != nil:
			return
		case err == context.DeadlineExceeded:
			err = out.tell("", nil)
		case err != nil:
			_ = out.tell("over", struct{}{})
			return
		default:
			if first {
				slices.SortStableFunc(batch.Entries, func(a, b console.Seen) int { return a.At.Compare(b.At) })
				batch.Entries, batch.Missed = batch.Entries[max(0, len(batch.Entries)-past):], 0
				first = false
			}
			err = out.batch(batch)
		}
		if err != nil {
			return // the client has gone
		}
	}
}

// nextBatch waits for a batch, or for as long as may be silent.
func nextBatch(ctx context.Context, w *console.Watch) (console.Batch, error) {
	ctx, cancel := context.WithTimeout(ctx, silence)
	defer cancel()
	return w.Next(ctx)
}

// teller writes events to one client.
type teller struct {
	rc *http.ResponseController
	w  http.ResponseWriter
}

// tell writes one event, or a comment, and flushes it.
func (t teller) tell(kind string, v any) error {
	_ = t.rc.SetWriteDeadline(time.Now().Add(writeTime)) // what cannot has none
	frame, err := eventOf(kind, v)
	if err == nil {
		_, err = t.w.Write(frame)
	}
	if err == nil {
		err = t.rc.Flush()
	}
	return err
}

func (t teller) batch(b console.Batch) error {
	_ = t.rc.SetWriteDeadline(time.Now().Add(writeTime))
	if b.Missed > 0 {
		if err := t.tell("missed", map[string]uint64{"missed": b.Missed}); err != nil {
			return err
		}
	}
	for _, e := range b.Entries {
		frame, err := eventOf("entry", e)
		if err == nil {
			_, err = t.w.Write(frame)
		}
		if err != nil {
			return err
		}
	}
	return t.rc.Flush()
}

// eventOf returns the bytes of one event, or of a comment if it has no kind.
func eventOf(kind string, v any) ([]byte, error) {
	if kind == "" {
		return []byte(":\n\n"), nil
	}
	text, err := plainjson.Marshal(v)
	if err != nil {
		return nil, err
	}
	frame, err := sse.NewFrame(sse.Event{Type: kind, Data: []string{string(text)}}, nil)
	if err != nil {
		return nil, err
	}
	return frame.Bytes(), nil
}
