package inspect

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
)

var everyone = sfere.Pattern{Scope: sfere.Any, Category: sfere.Any, ID: sfere.Any}

const (
	maxRows = 100 // connections on one page
	maxKeys = 8   // keys that are shown of one
	maxGone = 20  // that are shown of those who left
)

// connQuery says which connections a page shows.
type connQuery struct {
	// Pattern is the filter.
	Pattern string `json:"pattern,omitempty" jsonschema:"description=filter of the page of connections"`
	// After is where the page begins.
	After string `json:"after,omitempty" jsonschema:"description=where the page of connections begins"`
	// Nodes shows those of all machines.
	Nodes bool `json:"nodes,omitempty" jsonschema:"description=the page of connections is that of all machines"`
	// MayClose offers to close each.
	MayClose bool `json:"mayClose,omitempty" jsonschema:"description=the page offers to close connections"`
}

// connectionsView is the page of live connections.
type connectionsView struct {
	Pattern string
	Several bool // the program runs on several machines
	List    connList
	Outcome connOutcome
}

// connList is what the pattern matches.
type connList struct {
	connQuery
	Problem string // with the pattern
	Explain string
	Summary connSummary
	Unheard []nodeRow // machines whose connections are not among these
	Rows    []connRow
	First   string // address of the first page, if this is another
	Next    string // address of the next page, if there is one
	Gone    []goneRow
}

// connSummary are the counters above the list.
type connSummary struct {
	Matched, All    int
	Part            bool // the numbers below are those of one page
	Queued          int
	Sent            uint64
	SentSize        uint64
	Dropped         uint64
	Scopes          []countView
	OtherScopes     int
	Categories      []countView
	OtherCategories int
}

// countView is a scope or a category with the number of its keys.
type countView struct {
	Name  string
	Count int
	Link  string
}

// connRow is one connection.
type connRow struct {
	ID    string // of the element
	Keys  []connKey
	More  int // keys that are not in Keys
	Views []shownView
	Else  int // views that are not in Views
	Conn  sse.ConnInfo
	Node  string // that has it, if those of all are shown
	Sent  string // address of what it is sent; empty if its first key is long
	Agent string
	Close string // address that closes it, if it may be
	Kick  string // address of the form that throws its first key out
}

type connKey struct {
	keyText
	Send string // address of the form that sends to it; empty if the key is long
}

// goneRow is one connection that is gone.
type goneRow struct {
	Key       keyText
	More      int    // further keys
	Sent      string // address of what it was sent; empty if the key is long
	Cause     sse.Cause
	Why       string
	At        time.Time
	Lasted    time.Duration
	Conn      uint64
	Agent     string
	UserAgent string
}

func (in *Inspector) connections(r *twk.Request) twk.Response {
	get := r.URL.Query().Get
	q := connQuery{Pattern: get("pattern"), After: get("after"), Nodes: get("nodes") == "true", MayClose: whyNot(r.Request) == ""}
	return in.page("connections", "Connections", connectionsView{Pattern: q.Pattern, Several: in.several(), List: in.list(r.Context(), q)})
}

func (v connectionsView) signals() map[string]any {
	return map[string]any{"pattern": v.Pattern, "after": v.List.After, "nodes": v.List.Nodes}
}

// connLink returns the address of the page of connections.
func (in *Inspector) connLink(pattern, after string, nodes bool) string {
	q := url.Values{}
	if nodes {
		q.Set("nodes", "true")
	}
	if pattern != "" {
		q.Set("pattern", pattern)
	}
	if after != "" {
		q.Set("after", after)
	}
	link := in.url("connections")
	if len(q) > 0 {
		link += "?" + q.Encode()
	}
	return link
}

// parsePattern reads a pattern; the empty text is everyone.
func parsePattern(s string) (sfere.Pattern, error) {
	if s = strings.TrimSpace(s); s == "" {
		return everyone, nil
	}
	return sfere.ParsePattern(s)
}

// list returns a page of the connections that q asks for. If that is none there is
// only the problem.
func (in *Inspector) list(ctx context.Context, q connQuery) connList {
	p, err := parsePattern(q.Pattern)
	if err != nil {
		return connList{connQuery: q, Problem: err.Error()}
	}
	var page sfere.Page
	if q.Nodes {
		page, err = in.conns.ListNodes(ctx, p, q.After, maxRows)
	} else {
		page, err = in.conns.Page(p, q.After, maxRows)
	}
	if err != nil {
		return connList{connQuery: q, Problem: err.Error()}
	}
	l := connList{connQuery: q, Explain: in.conns.Explain(p), Gone: in.goneOf(p)}
	if q.Nodes {
		l.Explain = "" // it is of this node
	}
	if q.After != "" {
		l.First = in.connLink(q.Pattern, "", q.Nodes)
	}
	if page.Next != "" {
		l.Next = in.connLink(q.Pattern, page.Next, q.Nodes)
	}
	for _, n := range page.Unheard() {
		l.Unheard = append(l.Unheard, nodeRowOf(n))
	}
	s := &l.Summary
	s.Matched, s.All, s.Part = page.Matched, page.All, l.First != "" || l.Next != ""
	s.OtherScopes, s.OtherCategories = page.OtherScopes, page.OtherCategories
	s.Scopes = in.countsOf(page.Scopes, q.Nodes, func(name string) sfere.Pattern { return p.In(name) })
	s.Categories = in.countsOf(page.Categories, q.Nodes, func(name string) sfere.Pattern {
		return sfere.Pattern{Scope: p.Scope, Category: sfere.Is(name), ID: p.ID}
	})
	for _, c := range page.Conns {
		s.Queued += c.Conn.Queued
		s.Sent += c.Conn.Sent
		s.SentSize += c.Conn.SentSize
		s.Dropped += c.Conn.Dropped
		l.Rows = append(l.Rows, in.row(c, q.MayClose))
	}
	return l
}

// countsOf makes counts ready to be shown, the largest first. narrow returns the
// pattern for one of them.
func (in *Inspector) countsOf(counts map[string]int, nodes bool, narrow func(name string) sfere.Pattern) []countView {
	var out []countView
	for name, n := range counts {
		c := countView{Name: short(name, 64), Count: n}
		if p := narrow(name).String(); len(p) <= maxKey {
			c.Link = in.connLink(p, "", nodes)
		}
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b countView) int { return cmp.Or(b.Count-a.Count, strings.Compare(a.Name, b.Name)) })
	return out
}

func (in *Inspector) row(c sfere.ConnInfo, mayClose bool) connRow {
	id := strconv.FormatUint(c.Conn.ID, 10)
	row := connRow{ID: "conn-" + id, Conn: c.Conn, Agent: agent(c.Conn.UserAgent), More: max(0, len(c.Keys)-maxKeys)}
	row.Node = c.Node
	row.Views, row.Else = in.shownViews(c.Views), c.MoreViews
	row.Conn.UserAgent = short(c.Conn.UserAgent, maxKey)
	shown := c.Keys[:len(c.Keys)-row.More]
	row.More += c.MoreKeys
	for i, k := range shown {
		key := connKey{keyText: keyTextOf(k)}
		if exact := k.String(); len(exact) <= maxKey {
			if i == 0 {
				row.Sent = in.streamLink(exact, c.Conn.ID, false)
			}
			key.Send = in.sendLink("", 0, sfere.Exactly(k).String())
			if i == 0 && mayClose {
				row.Close = in.url("close?", url.Values{"conn": {id}, "key": {exact}}.Encode())
				row.Kick = in.kickLink(k)
			}
		}
		row.Keys = append(row.Keys, key)
	}
	return row
}

// goneOf returns those who left last, of those that p matches.
func (in *Inspector) goneOf(p sfere.Pattern) []goneRow {
	var out []goneRow
	for _, g := range in.conns.Removals() {
		i := slices.IndexFunc(g.Keys, p.Matches)
		if i < 0 {
			continue
		}
		if len(out) == maxGone {
			break
		}
		sent := ""
		if exact := g.Keys[i].String(); len(exact) <= maxKey {
			sent = in.streamLink(exact, g.Info.ID, false)
		}
		out = append(out, goneRow{
			Sent: sent,
			Key:  keyTextOf(g.Keys[i]), More: len(g.Keys) - 1, Cause: g.Cause, Why: whyGone(g.Cause), At: g.At, Lasted: g.At.Sub(g.Info.Opened),
			Conn: g.Info.ID, Agent: agent(g.Info.UserAgent), UserAgent: g.Info.UserAgent,
		})
	}
	return out
}

// whyGone says what a cause means, "" if it is one of the program.
func whyGone(c sse.Cause) string {
	switch c {
	case sse.CauseDone:
		return "all was said"
	case sse.CauseClient:
		return "the client went away"
	case sse.CauseClosed:
		return "the program closed it"
	case sse.CauseSlow:
		return "the client did not read"
	case sse.CauseWrite:
		return "it could not be written to"
	case sse.CausePanic:
		return "the program's code panicked"
	case sse.CauseExpired:
		return "its time was over"
	case sse.CauseSize:
		return "it made room for another"
	case sse.CauseShutdown:
		return "the server shut down"
	case sfere.CauseReplaced:
		return "another stream took its key"
	case sfere.CauseKicked:
		return "it was thrown out"
	}
	return ""
}

// agent returns the part of a User-Agent that people recognise.
func agent(s string) string {
	for _, known := range []string{"Edg/", "OPR/", "Firefox/", "Chrome/", "Version/"} {
		_, rest, ok := strings.Cut(s, known)
		if !ok {
			continue
		}
		version, _, _ := strings.Cut(rest, ".")
		name := strings.TrimSuffix(known, "/")
		switch name {
		case "Version":
			name = "Safari"
		case "Edg":
			name = "Edge"
		case "OPR":
			name = "Opera"
		}
		return name + " " + cut(version, 8)
	}
	first, _, _ := strings.Cut(s, " ")
	return cmp.Or(cut(first, 32), "unknown client")
}
