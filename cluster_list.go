package sfere

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/sfere-go/sfere/internal/core"
	"github.com/sfere-go/sfere/internal/excerpt"
	"github.com/sfere-go/sfere/relay"
	"github.com/sfere-go/sfere/sse"
)

// Bounds of what a node says of its connections.
const (
	maxListed     = 200     // connections
	maxListBytes  = 1 << 18 // of them in wire form
	maxListedKeys = 8       // of one
	maxOrdering   = 8       // lists that are put in order for others at once
	maxCounted    = 1 << 30 // of anything
	// maxFarText is how long a text of at most maxViewText bytes is after JSON has
	// replaced what is no UTF-8.
	maxFarText = 3 * maxViewText
)

// listQuestion asks a node for a page of its connections.
type listQuestion struct {
	To    relay.Address `json:"to"`
	After *farPlace     `json:"after,omitempty"` // nil: from the first one on
	Limit int           `json:"limit"`
}

// nodeList is a page of one node.
type nodeList struct {
	Page
	Stats relay.Stats
	rows  rows
}

// listAnswer is a nodeList on its way.
type listAnswer struct {
	// Pending says that the list is being put in order, and is to be asked for again.
	Pending         bool              `json:"pending,omitempty"`
	Matched         int               `json:"matched,omitempty"`
	All             int               `json:"all,omitempty"`
	Scopes          map[string]int    `json:"scopes,omitempty"`
	OtherScopes     int               `json:"otherScopes,omitempty"`
	Categories      map[string]int    `json:"categories,omitempty"`
	OtherCategories int               `json:"otherCategories,omitempty"`
	Rows            []json.RawMessage `json:"rows,omitempty"` // of listRow
	End             *listEnd          `json:"end,omitempty"`  // where the page ends, if something follows
	Stats           relay.Stats       `json:"stats"`
}

// listEnd is a place on its way.
type listEnd struct {
	Key Key    `json:"key"`
	ID  uint64 `json:"id"`
}

// listRow is a connection on its way.
type listRow struct {
	Key  Key      `json:"key"` // that it is listed under
	ID   uint64   `json:"id"`
	Info ConnInfo `json:"info"`
}

// list returns a page of this node; nil if the connections must be put in order first
// and wait is not set. Then somebody does so.
func (cl *cluster) list(q listQuestion, wait bool) *nodeList {
	want := Key(q.To)
	p := patternOf(q.To)
	_, s, _ := p.fixed()
	from := q.After.of(cl.node.ID())
	limit := min(max(q.Limit, 0), maxListed)
	page, rows, ok := cl.c.part(want, s, from, limit, wait)
	if !ok {
		cl.putInOrder(want, s)
		return nil
	}
	for i := range rows.list {
		info := &rows.list[i].info
		info.Conn.ID = markOf(cl.node.ID())<<idBits | info.Conn.ID&(1<<idBits-1)
		info.Conn.Cause = sse.Cause(excerpt.Of(string(info.Conn.Cause), maxViewText, "…"))
		if info.MoreKeys = max(0, len(info.Keys)-maxListedKeys); info.MoreKeys > 0 {
			info.Keys = firstKeys(info.Keys, rows.list[i].key)
		}
	}
	return &nodeList{Page: page, Stats: cl.node.Stats(), rows: rows}
}

// firstKeys returns the first of many keys, and the one that they are listed under.
func firstKeys(all []Key, under Key) []Key {
	out := slices.Clone(all[:maxListedKeys])
	if !slices.Contains(out, under) {
		out[maxListedKeys-1] = under
	}
	return out
}

// putInOrder puts connections in order, so that the next question finds them so. The
// goroutine that answers goes on meanwhile.
func (cl *cluster) putInOrder(want Key, s shape) {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	if cl.ordering[want] || len(cl.ordering) >= maxOrdering {
		return
	}
	if cl.ordering == nil {
		cl.ordering = map[Key]bool{}
	}
	cl.ordering[want] = true
	cl.running.Go(func() {
		var counts Page
		cl.c.look(&counts, want, s, place{}, 1)
		cl.mu.Lock()
		defer cl.mu.Unlock()
		delete(cl.ordering, want)
	})
}

// answerList answers a question of another node.
func (cl *cluster) answerList(q listQuestion) (json.RawMessage, error) {
	if err := patternOf(q.To).Validate(); err != nil {
		return nil, err
	}
	if q.After != nil {
		if err := q.After.Key.Validate(); err != nil {
			return nil, err
		}
	}
	l := cl.list(q, false)
	if l == nil {
		return json.Marshal(control{Listed: &listAnswer{Pending: true}})
	}
	a := &listAnswer{
		Matched: l.Matched, All: l.All, Scopes: l.Scopes, OtherScopes: l.OtherScopes, Categories: l.Categories, OtherCategories: l.OtherCategories,
		Stats: l.Stats,
	}
	if l.rows.more {
		a.End = &listEnd{l.rows.last.key, l.rows.last.id}
	}
	size := 0
	for i, r := range l.rows.list {
		text, err := json.Marshal(listRow{r.key, r.id, r.info})
		if err != nil {
			return nil, err
		}
		if size += len(text); size > maxListBytes && i > 0 {
			last := l.rows.list[i-1]
			a.End = &listEnd{last.key, last.id}
			break
		}
		a.Rows = append(a.Rows, text)
	}
	return json.Marshal(control{Listed: a})
}

// askForList asks the other nodes and returns what they have said, as far as it can be
// used, and what became of the question at each.
func (cl *cluster) askForList(ctx context.Context, q listQuestion) (map[relay.ID]*nodeList, []relay.Answer) {
	said := map[relay.ID]*nodeList{}
	var fates []relay.Answer
	fate := func(a relay.Answer, f relay.Fate, reason string) {
		a.Fate, a.Reason, a.Data = f, reason, nil
		fates = append(fates, a)
	}
	text, err := json.Marshal(control{List: &q})
	if err != nil { // unreachable: the key was read before
		return said, nil
	}
	late, unsent := cl.poll(ctx, relay.Sent{}, text, func(a relay.Answer) (pending bool) {
		if a.Fate != relay.Taken {
			fate(a, a.Fate, a.Reason)
			return false
		}
		var c control
		err := json.Unmarshal(a.Data, &c)
		switch {
		case err != nil:
		case c.Listed == nil:
			err = errors.New("it is of another version and does not list its connections")
		case c.Listed.Pending:
			return true
		default:
			said[a.Node], err = c.Listed.read(q, q.After.of(a.Node))
		}
		if err != nil {
			fate(a, relay.Failed, "its answer cannot be used: "+core.SafeText(err))
			return false
		}
		fate(a, relay.Taken, "")
		return false
	})
	for _, a := range late {
		fate(a, relay.Silent, "")
	}
	if unsent != nil {
		for i := range fates {
			if fates[i].Fate == relay.Silent {
				fates[i].Reason = core.SafeText(unsent)
			}
		}
	}
	return said, fates
}

// read checks what a node says. All of it comes from outside.
func (a *listAnswer) read(q listQuestion, from place) (*nodeList, error) {
	l := &nodeList{Stats: a.Stats}
	l.Page = Page{
		Matched: a.Matched, All: a.All, Scopes: a.Scopes, OtherScopes: a.OtherScopes, Categories: a.Categories, OtherCategories: a.OtherCategories,
	}
	if !counted(a.Matched, a.All, a.OtherScopes, a.OtherCategories) || a.Matched > a.All {
		return nil, errors.New("its counts make no sense")
	}
	for _, counts := range []map[string]int{a.Scopes, a.Categories} {
		if len(counts) > maxCounts || !counted(slices.Collect(maps.Values(counts))...) {
			return nil, errors.New("its counts make no sense")
		}
		for name := range counts {
			if why := refusal(name); why != "" {
				return nil, fmt.Errorf("a scope or category %s", why)
			}
		}
	}
	if len(a.Rows) > q.Limit {
		return nil, fmt.Errorf("it has %d connections, at most %d", len(a.Rows), q.Limit)
	}
	begin := from
	for i, text := range a.Rows {
		var r listRow
		err := json.Unmarshal(text, &r)
		if err == nil {
			err = r.check(Key(q.To), from)
		}
		if err != nil {
			return nil, fmt.Errorf("connection %d: %w", i, err)
		}
		from = place{r.Key, r.ID}
		l.rows.list = append(l.rows.list, row{from, r.Info})
	}
	if a.End != nil && q.Limit > 0 {
		end := place{a.End.Key, a.End.ID}
		if a.End.Key.Validate() != nil || end.compare(from) < 0 || end.compare(begin) <= 0 {
			return nil, errors.New("its end is out of order")
		}
		l.rows.more, l.rows.last = true, end
	}
	return l, nil
}

func counted(all ...int) bool {
	return !slices.ContainsFunc(all, func(n int) bool { return n < 0 || n > maxCounted })
}

// check says why another node may not say so of a connection.
func (r *listRow) check(want Key, after place) error {
	i := &r.Info
	for _, k := range append([]Key{r.Key}, i.Keys...) {
		if err := k.Validate(); err != nil {
			return err
		}
	}
	switch {
	case !accepts(want, r.Key):
		return errors.New("its key was not asked for")
	case !slices.Contains(i.Keys, r.Key) || len(i.Keys) > maxListedKeys:
		return errors.New("its keys are not those that it is listed under")
	case (place{r.Key, r.ID}).compare(after) <= 0:
		return errors.New("it is out of order")
	case len(i.Views) > maxViewsOf || len(i.Conn.UserAgent) > maxFarText || len(i.Conn.Remote) > maxFarText || len(i.Conn.Cause) > maxFarText:
		return errors.New("a text of it is too long")
	case slices.ContainsFunc(i.Views, func(v string) bool { return len(v) > maxFarText }):
		return errors.New("a view of it is too long")
	case !counted(i.MoreKeys, i.MoreViews, i.Conn.Queued, i.Conn.QueuedSize) || i.Conn.ID >= 1<<(markBits+idBits):
		return errors.New("a number of it makes no sense")
	}
	i.Node = ""
	return nil
}
