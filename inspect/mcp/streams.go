package mcp

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/inspect/httpapi"
	"github.com/sfere-go/sfere/sse"
)

type streamEventsIn struct {
	Key    string `json:"key" jsonschema:"key of the streams such as default/lobby/ann, as connections lists it"`
	Stream uint64 `json:"stream,omitempty" jsonschema:"number of one stream under the key; all if left out"`
	N      int    `json:"n,omitempty" jsonschema:"how many events of each stream, the last ones; 20 if left out, at most 100"`
	Text   bool   `json:"text,omitempty" jsonschema:"show how the events begin, which is what people see; only if the program allows it, and its audit is told"`
}

func (t *tools) streamEvents(ctx context.Context, req *sdk.CallToolRequest, in streamEventsIn) (answer, error) {
	n, err := howMany(in.N, defaultList, maxList)
	if err != nil {
		return answer{}, err
	}
	q := console.StreamQuery{Key: in.Key, Stream: in.Stream, Text: in.Text, Sender: t.sender(ctx, req)}
	if err := httpapi.MayWatch(ctx, t.console, t.who(ctx), q); err != nil {
		return answer{}, err
	}
	list, err := t.console.Events(ctx, q)
	for i := range list.Streams {
		s := &list.Streams[i].Events
		left := max(0, len(s.Entries)-n)
		s.Entries, s.Earlier = s.Entries[left:], s.Earlier+uint64(left)
	}
	return answer{list, aboutStreams(list)}, err
}

func aboutStreams(list console.Streams) summary {
	var s summary
	s.add(fmt.Sprintf("%s of %s", plural(len(list.Streams), "stream", "streams"), list.Key))
	if len(list.Elsewhere) > 0 {
		s.add("more streams under this key are at " + strings.Join(list.Elsewhere, ", ") + ": ask there what they are sent")
	}
	if len(list.Unheard) > 0 {
		s.add("not heard of: " + strings.Join(list.Unheard, ", "))
	}
	for _, one := range list.Streams {
		s.add(aboutStream(one))
		if one.Earlier > 0 {
			s.add(plural(int(one.Earlier), "earlier entry", "earlier entries"))
		}
		for _, e := range one.Entries {
			s.add(aboutEntry(e))
		}
	}
	return s
}

func aboutStream(s sfere.StreamEvents) string {
	line := fmt.Sprintf("#%d opened %s", s.Stream.ID, s.Stream.Opened.Format(time.TimeOnly))
	if s.Live {
		line += ", live"
	} else {
		line += ", gone: " + string(s.Stream.Cause)
	}
	line += fmt.Sprintf(", sent %d, queued %d, dropped %d", s.Stream.Sent, s.Stream.Queued, s.Stream.Dropped)
	if s.Since.IsZero() {
		line += ", nothing is recorded of it"
	}
	return line
}

func aboutEntry(e sse.Entry) string {
	line := fmt.Sprintf("%d %s %s", e.Seq, e.At.Format("15:04:05.000"), e.Fate)
	if e.Cause != "" {
		line += " " + string(e.Cause)
	}
	if e.Size > 0 {
		line += fmt.Sprintf(" after %s, %s, %d bytes", e.Took, cmp.Or(e.Type, "message"), e.Size)
	}
	if e.Coalesce != "" {
		line += ", key " + e.Coalesce
	}
	if e.Text != "" {
		line += ": " + strings.ReplaceAll(strings.TrimSpace(e.Text), "\n", " ")
	}
	return line
}
