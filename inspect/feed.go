package inspect

import (
	"bytes"
	"context"
	"fmt"
	"hash/maphash"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/inspect/httpapi"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
)

// tick is how often pages are brought up to date.
const tick = time.Second

// followPage keeps the page behind the stream of its dispatch up to date until the
// stream ends.
type followPage struct {
	// Tab is which page it is.
	Tab string `json:"tab" jsonschema:"description=which page it is"`
	// Conns is what the page of connections shows.
	Conns connQuery `json:"conns,omitzero" jsonschema:"description=what the page of connections shows"`
	// Views is what the page of views shows.
	Views viewQuery `json:"views,omitzero" jsonschema:"description=what the page of views shows"`
	// Stream is whose streams the page of a stream shows.
	Stream streamQuery `json:"stream,omitzero" jsonschema:"description=whose streams the page of a stream shows"`
	// Query is that of the page of dispatches.
	Query dispatchQuery `json:"query,omitzero" jsonschema:"description=filter of the page of dispatches"`
}

// EffectName returns "inspect/follow".
func (followPage) EffectName() string { return "inspect/follow" }

// live opens the stream of a page. A page with another filter asks again, and
// the client ends the stream before.
func (in *Inspector) live(r *twk.Request) twk.Response {
	var signals struct {
		Pattern, After string
		Nodes          bool
		View, From     string
		Key, Stream    string
		Text           bool
		dispatchQuery
	}
	if err := r.Signals(&signals); err != nil {
		return twk.BadRequest(err)
	}
	who := httpapi.SenderOf(r.Request, via, httpapi.CallerOf(r.Context()))
	stream := streamQuery{Key: signals.Key, Text: signals.Text, By: who.By, Asked: who.Asked, WhyNot: whyNotWatch(in, r)}
	stream.Stream, _ = strconv.ParseUint(signals.Stream, 10, 64)
	if r.URL.Query().Get("tab") == "stream" {
		if err := httpapi.MayWatch(r.Context(), in.console, httpapi.CallerOf(r.Context()), stream.console()); err != nil {
			return twk.Status(http.StatusForbidden) // the page says why
		}
	}
	return twk.Stream(followPage{
		Stream: stream,
		Tab:    r.URL.Query().Get("tab"), Query: signals.dispatchQuery,
		Conns: connQuery{Pattern: signals.Pattern, After: signals.After, Nodes: signals.Nodes, MayClose: whyNot(r.Request) == ""},
		Views: viewQuery{View: signals.View, From: signals.From, MayRefresh: whyNot(r.Request) == ""},
	})
}

// feeds are the pages that are kept up to date.
type feeds struct {
	in *Inspector

	mu      sync.Mutex // guards the fields below
	all     map[*sse.Conn]*feed
	running bool // there is a goroutine, as there is while there are feeds
	stop    context.CancelFunc
}

// feed is one page and what it has been sent. It belongs to whoever updates it:
// the dispatch of followPage first, the goroutine of feeds once it is in there.
type feed struct {
	followPage
	conn  *sse.Conn
	in    *Inspector
	sent  map[string]uint64 // hash by part
	rows  []string          // ids of the listed connections or values, in order
	more  bool              // there is a page after it
	lists *lists            // that pages share at this moment; nil at first
	log   dispatchLog       // what it shows of the dispatches
	watch *console.Watch    // of what streams are sent; nil on other pages
	blind error             // why it does not see it any more
}

// follow handles followPage.
func (f *feeds) follow(ctx context.Context, call twk.Call, e followPage) (any, error) {
	conn := call.Ctx().Conn
	if conn == nil {
		return nil, twk.ErrNoStream
	}
	page := &feed{followPage: e, conn: conn, in: f.in, sent: map[string]uint64{}}
	page.watching(ctx)
	if err := call.Dispatch(ctx, page.changes(ctx)...).Err(); err != nil {
		page.unwatch()
		return nil, err
	}
	hooks := sse.Hooks{
		OnClosed: func(c *sse.Conn, _ sse.Cause) { f.remove(c) },
		OnEnded:  func(*sse.Conn, sse.Cause) { page.unwatch() }, // it tells the audit, which may take its time
	}
	if _, ok := conn.Attach(hooks); !ok {
		page.unwatch()
		return nil, nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if conn.Cause() != "" { // remove has been here already
		return nil, nil
	}
	f.all[conn] = page
	if !f.running {
		var running context.Context
		running, f.stop = context.WithCancel(context.Background())
		f.running = true
		go f.run(running)
	}
	return nil, nil
}

// remove forgets conn, and ends the goroutine if it was the last.
func (f *feeds) remove(conn *sse.Conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.all, conn)
	if len(f.all) == 0 && f.running {
		f.running = false
		f.stop()
	}
}

// run updates all pages until ctx ends.
func (f *feeds) run(ctx context.Context) {
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		f.mu.Lock()
		pages := make([]*feed, 0, len(f.all))
		for _, p := range f.all {
			pages = append(pages, p)
		}
		f.mu.Unlock()
		shared := &lists{conns: map[connQuery]connList{}}
		shared.ask(ctx, f.in, pages)
		for _, p := range pages {
			p.update(ctx, shared)
		}
	}
}

// update sends what has changed. A page that is behind is left alone until its
// client has read what it was sent.
func (p *feed) update(ctx context.Context, l *lists) {
	defer contained()
	if p.conn.Info().Queued > 0 {
		return
	}
	p.lists = l
	if items := p.changes(ctx); len(items) > 0 {
		p.in.d.Dispatch(context.Background(), twk.Session{Conn: p.conn}, items...)
	}
}

// contained is deferred around what shows values of the program.
func contained() {
	if v := recover(); v != nil { // a method of a value that is shown
		slog.Error("inspect: updating a page", "error", &effect.PanicError{Value: v, Stack: debug.Stack()})
	}
}

// changes returns the effects that bring the page from what it has been sent to
// what is now.
func (p *feed) changes(ctx context.Context) effect.List {
	items := p.part(nil, "counts", p.in.counts(), "")
	switch p.Tab {
	case "connections":
		items = p.connections(items, p.lists.of(ctx, p.in, p.Conns))
	case "nodes":
		items = p.nodes(items, p.lists.nodesOf(ctx, p.in))
	case "stream":
		items = p.stream(items, p.sees())
	case "views":
		items = p.views(items, p.in.viewed(p.Views))
	case "dispatches":
		items = p.dispatches(items)
	}
	return items
}

var seed = maphash.MakeSeed()

// part adds the patch of a template if it says something else than the last time
// under the same id.
func (p *feed) part(items effect.List, view string, data any, id string) effect.List {
	var b bytes.Buffer
	if err := p.in.views.ExecuteTemplate(&b, view, data); err != nil {
		panic(fmt.Errorf("inspect: view %s: %w", view, err)) // a mistake in this package
	}
	sum := maphash.Bytes(seed, b.Bytes())
	if old, ok := p.sent[view+id]; ok && old == sum {
		return items
	}
	p.sent[view+id] = sum
	return append(items, twk.PatchElements{Elements: twk.HTML(b.String())})
}

// connections adds the rows that have changed, or all if others are listed.
func (p *feed) connections(items effect.List, l connList) effect.List {
	items = p.part(items, "conn-problem", l, "")
	if l.Problem != "" {
		return items // what was listed stays
	}
	items = p.part(items, "conn-unheard", l, "")
	items = p.part(items, "conn-summary", l, "")
	items = p.part(items, "conn-gone", l, "")
	ids := make([]string, len(l.Rows))
	for i, row := range l.Rows {
		ids[i] = row.ID
	}
	return follow(p, items, "conn-row", l.Rows, ids, l.Next != "", "conn-list", l, "conn-problem", "conn-unheard", "conn-summary", "conn-gone")
}

// follow adds the rows of a list that have changed, each an element with its id, or the
// whole list if others are listed. Then what stands around the rows, whose data are
// those of the list, is in it as well.
func follow[R, L any](p *feed, items effect.List, row string, rows []R, ids []string, more bool, list string, l L, around ...string) effect.List {
	if p.rows != nil && p.more == more && slices.Equal(ids, p.rows) {
		for i, r := range rows {
			items = p.part(items, row, r, ids[i])
		}
		return items
	}
	p.rows, p.more = ids, more
	clear(p.sent)
	for i, r := range rows {
		p.part(nil, row, r, ids[i]) // remembered, and sent with the list
	}
	p.part(nil, "counts", p.in.counts(), "")
	for _, view := range around {
		p.part(nil, view, l, "")
	}
	return p.part(items, list, l, "")
}
