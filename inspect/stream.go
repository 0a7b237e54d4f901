package inspect

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/inspect/httpapi"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
)

// streamQuery says whose streams a page shows.
type streamQuery struct {
	// Key is that of the streams.
	Key string `json:"key,omitempty" jsonschema:"description=whose streams the page shows"`
	// Stream is one of them.
	Stream uint64 `json:"stream,omitempty" jsonschema:"description=number of one of them"`
	// Text watches what they say.
	Text bool `json:"text,omitempty" jsonschema:"description=the page watches what they say"`
	// By is who looks, and Asked what was asked for.
	By    string `json:"by,omitempty" jsonschema:"description=who looks"`
	Asked string `json:"asked,omitempty" jsonschema:"description=what was asked for"`
	// WhyNot says why the page may not show what they say.
	WhyNot string `json:"whyNot,omitempty" jsonschema:"description=why the page may not show what they say"`
}

// console is the same for the console.
func (q streamQuery) console() console.StreamQuery {
	return console.StreamQuery{Key: q.Key, Stream: q.Stream, Text: q.Text, Sender: console.Sender{By: q.By, Via: via, Asked: q.Asked}}
}

// streamView is the page of what streams were sent.
type streamView struct {
	streamQuery
	Name      keyText
	Problem   string
	Watch     string // address that watches what they say, if it may be
	Stop      string // address that does not
	All       string // address of all streams under the key, if this is one
	Elsewhere []string
	Unheard   []string
	Streams   []streamRow
	Rows      []entryRow
	More      bool // entries that are not in Rows
}

// streamRow is one stream.
type streamRow struct {
	Conn   sse.ConnInfo
	Live   bool
	Why    string
	Silent bool // nothing is recorded of it
	Link   string
}

// entryRow is one thing that happened to a stream.
type entryRow struct {
	sse.Entry
	Element string
	Stream  uint64
	Several bool // there are several streams
	Why     string
	Bad     bool
}

// streamLink returns the address of the page of a stream under k; stream 0 is all.
func (in *Inspector) streamLink(key string, stream uint64, text bool) string {
	q := url.Values{"key": {key}}
	if stream != 0 {
		q.Set("stream", strconv.FormatUint(stream, 10))
	}
	if text {
		q.Set("text", "true")
	}
	return in.url("stream?", q.Encode())
}

func (in *Inspector) stream(r *twk.Request) twk.Response {
	get := r.URL.Query().Get
	stream, _ := strconv.ParseUint(get("stream"), 10, 64)
	q := streamQuery{Key: get("key"), Stream: stream, WhyNot: whyNotWatch(in, r)}
	list, err := in.console.Events(r.Context(), q.console())
	if get("text") == "true" {
		q.Text = true
		caller := httpapi.CallerOf(r.Context())
		who := httpapi.SenderOf(r.Request, via, caller)
		q.By, q.Asked = who.By, who.Asked
		_ = httpapi.MayWatch(r.Context(), in.console, caller, q.console()) // the audit hears of it, and the page says why not
		q.Text = q.WhyNot == ""
	}
	return in.pageOf("stream", "stream", "What is sent", in.streamView(q, list, err))
}

func (v streamView) signals() map[string]any {
	return map[string]any{"key": v.Key, "stream": strconv.FormatUint(v.Stream, 10), "text": v.Text}
}

// whyNotWatch says why a request may not watch what streams say, "" if it may.
func whyNotWatch(in *Inspector, r *twk.Request) string {
	caller := httpapi.CallerOf(r.Context())
	switch {
	case !in.console.OffersWatch():
		return "What they say is not shown: the program decides that with console.Options.Watch."
	case caller.Access < httpapi.Watch:
		return "What they say is not shown: " + httpapi.Forbidden(caller).Error() + "."
	}
	return ""
}

func (in *Inspector) streamView(q streamQuery, list console.Streams, err error) streamView {
	v := streamView{streamQuery: q, Name: keyText{Text: short(q.Key, maxKey), Exact: short(q.Key, maxKey)}}
	if k, err := sfere.ParseKey(q.Key); err == nil {
		v.Name = keyTextOf(k)
	}
	v.Stop = in.streamLink(q.Key, q.Stream, false)
	if q.WhyNot == "" && !q.Text {
		v.Watch = in.streamLink(q.Key, q.Stream, true)
	}
	if q.Stream != 0 {
		v.All = in.streamLink(q.Key, 0, false)
	}
	if err != nil {
		v.Problem = short(err.Error(), 4*maxKey)
		return v
	}
	v.Elsewhere, v.Unheard = list.Elsewhere, list.Unheard
	for _, s := range list.Streams {
		row := streamRow{Conn: s.Stream, Live: s.Live, Why: whyGone(s.Stream.Cause), Silent: s.Since.IsZero()}
		row.Conn.UserAgent = agent(s.Stream.UserAgent)
		if len(list.Streams) > 1 {
			row.Link = in.streamLink(q.Key, s.Stream.ID, false)
		}
		v.Streams = append(v.Streams, row)
		v.More = v.More || s.Earlier > 0
		for _, e := range s.Entries {
			v.Rows = append(v.Rows, entryRowOf(s.Stream.ID, e, len(list.Streams) > 1))
		}
	}
	slices.SortStableFunc(v.Rows, func(a, b entryRow) int {
		return cmp.Or(b.At.Compare(a.At), cmp.Compare(b.Stream, a.Stream), cmp.Compare(b.Seq, a.Seq))
	})
	if len(v.Rows) > maxRows {
		v.Rows, v.More = v.Rows[:maxRows], true
	}
	return v
}

func entryRowOf(stream uint64, e sse.Entry, several bool) entryRow {
	row := entryRow{Entry: e, Element: fmt.Sprintf("entry-%d-%d", stream, e.Seq), Stream: stream, Several: several, Why: whyGone(e.Cause)}
	row.Text = strings.TrimRight(e.Text, "\n")
	switch e.Fate {
	case sse.FateCut, sse.FateDropped:
		row.Bad = true
	case sse.FateClosed:
		row.Bad = e.Cause.Cut()
	}
	return row
}

// watching begins to watch the streams of a page.
func (p *feed) watching(ctx context.Context) {
	if p.Tab != "stream" {
		return
	}
	p.watch, p.blind = p.in.console.Watch(ctx, p.Stream.console())
}

// sees returns what the page shows of its streams.
func (p *feed) sees() streamView {
	q := p.Stream
	if p.blind != nil {
		return p.in.streamView(q, console.Streams{}, p.blind)
	}
	list, err := p.watch.Recent()
	if err != nil {
		p.watch.Close()
		p.blind = fmt.Errorf("the watch is over: %w", err)
	}
	return p.in.streamView(q, list, p.blind)
}

// stream adds the entries that have changed, or all if there are others.
func (p *feed) stream(items effect.List, v streamView) effect.List {
	items = p.part(items, "stream-problem", v, "")
	if v.Problem != "" {
		return items // what was listed stays
	}
	items = p.part(items, "stream-list", v, "")
	ids := make([]string, len(v.Rows))
	for i, row := range v.Rows {
		ids[i] = row.Element
	}
	return follow(p, items, "entry-row", v.Rows, ids, v.More, "entry-list", v, "stream-problem", "stream-list")
}

// unwatch ends the watch of a page.
func (p *feed) unwatch() {
	if p.watch != nil {
		p.watch.Close()
	}
}
