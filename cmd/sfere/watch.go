package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/sse"
)

// watched is what a command asks of the streams under a key.
type watched struct {
	key  string
	id   uint64 // of one stream, 0 for all
	text bool
	n    int // how many of the past to begin with
}

func (w *watched) query() url.Values {
	q := url.Values{"key": {w.key}, "n": {strconv.Itoa(w.n)}}
	if w.id != 0 {
		q.Set("stream", strconv.FormatUint(w.id, 10))
	}
	if w.text {
		q.Set("text", "true")
	}
	return q
}

// watch prints what streams are sent until ctx ends, or the one stream that is asked for
// does. The program must answer once, as for follow.
func (c *cli) watch(ctx context.Context, w watched, every time.Duration) error {
	lost, answered := false, false
	for {
		over, err := c.watchOnce(ctx, w, func() {
			if lost {
				fmt.Fprintln(c.err, "sfere: the program is back")
			}
			lost, answered = false, true
		})
		_, silent := errors.AsType[*away](err)
		switch {
		case ctx.Err() != nil || over && w.id != 0:
			return nil
		case over: // it was watched for long, or the program is about to end
		case !answered, err != nil && !silent:
			return err
		case !lost:
			lost = true
			fmt.Fprintln(c.err, "sfere: "+err.Error()+"; asking again")
		}
		w.n = 0 // the past has been shown
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(every):
		}
	}
}

// maxEvent bounds one event of a watch in bytes.
const maxEvent = 8 << 20

// watchOnce prints one answer. begun is called when the program has answered; an error
// after that is an *away. over tells that the program has ended the watch.
func (c *cli) watchOnce(ctx context.Context, w watched, begun func()) (over bool, err error) {
	u, err := c.address("/watch", w.query())
	if err != nil {
		return false, err
	}
	req, err := c.request(ctx, http.MethodGet, u, nil)
	if err != nil {
		return false, err
	}
	resp, err := roundTrip(req)
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	if kind := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK || !strings.HasPrefix(kind, "text/event-stream") {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, c.limit))
		return false, c.turnedDown(u, resp, text)
	}
	begun()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, maxEvent)
	kind, data := "", []byte(nil)
	for lines.Scan() {
		line := lines.Bytes()
		switch name, value, _ := bytes.Cut(line, []byte(": ")); {
		case len(line) > 0 && string(name) == "event":
			kind = string(value)
		case len(line) > 0 && string(name) == "data":
			data = bytes.Clone(value)
		case len(line) == 0 && kind == "over":
			return true, nil
		case len(line) == 0 && kind != "":
			if err := c.seen(w, kind, data); err != nil {
				return false, err
			}
			kind, data = "", nil
		}
	}
	return false, &away{cmp.Or(lines.Err(), io.ErrUnexpectedEOF)}
}

// seen prints one event of a watch.
func (c *cli) seen(w watched, kind string, data []byte) error {
	if c.json {
		_, err := fmt.Fprintf(c.out, "{\"%s\":%s}\n", line(kind), compact(data))
		return err
	}
	switch kind {
	case "streams":
		var s console.Streams
		if err := json.Unmarshal(data, &s); err != nil {
			return notAsked(err)
		}
		if len(s.Elsewhere) > 0 {
			fmt.Fprintf(c.err, "sfere: %s has streams at %s as well: what they are sent is known there\n", line(s.Key), line(strings.Join(s.Elsewhere, ", ")))
		}
		if len(s.Unheard) > 0 {
			fmt.Fprintf(c.err, "sfere: not heard of: %s\n", line(strings.Join(s.Unheard, ", ")))
		}
		if w.n > 0 {
			_, err := fmt.Fprintf(c.out, seenRow, "STREAM", "TIME", "FATE", "AFTER", "BYTES", "EVENT")
			return err
		}
	case "missed":
		var m struct{ Missed uint64 }
		if err := json.Unmarshal(data, &m); err != nil {
			return notAsked(err)
		}
		fmt.Fprintf(c.err, "sfere: %d were too fast, and are missing here\n", m.Missed)
	case "entry":
		var e console.Seen
		if err := json.Unmarshal(data, &e); err != nil {
			return notAsked(err)
		}
		return c.seenEntry(e)
	}
	return nil
}

const seenRow = "%8s  %-12s  %-8s  %10s  %8s  %s\n"

// seenEntry prints one thing that happened. What waits is shown when it is known what
// became of it.
func (c *cli) seenEntry(e console.Seen) error {
	if e.Fate == sse.FateQueued {
		return nil
	}
	after, size, what := "-", "-", string(e.Cause)
	if e.Size > 0 {
		after, size, what = e.Took.Round(10*time.Microsecond).String(), strconv.Itoa(e.Size), cmp.Or(e.Type, "message")
	}
	if e.Coalesce != "" {
		what += " key " + e.Coalesce
	}
	if _, err := fmt.Fprintf(c.out, seenRow, strconv.FormatUint(e.Stream, 10), e.At.Local().Format("15:04:05.000"), line(string(e.Fate)), after, size, line(cmp.Or(what, "-"))); err != nil {
		return err
	}
	for text := range strings.SplitSeq(strings.TrimRight(e.Text, "\n"), "\n") {
		if text == "" {
			continue
		}
		if _, err := fmt.Fprintf(c.out, "          %s\n", line(text)); err != nil {
			return err
		}
	}
	if e.Text != "" && e.Omitted > 0 {
		fmt.Fprintf(c.out, "          … %d bytes more\n", e.Omitted)
	}
	return nil
}
