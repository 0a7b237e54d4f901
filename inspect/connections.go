package inspect

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
)

var everyone = sfere.Pattern{Scope: sfere.Any, Category: sfere.Any, ID: sfere.Any}

// maxRows bounds how many connections are listed.
const maxRows = 300

// connectionsView is the page of live connections.
type connectionsView struct {
	Pattern string
	List    connList
}

// connList is what the pattern matches.
type connList struct {
	Problem string // with the pattern
	Explain string
	Summary connSummary
	Rows    []connRow
}

// connSummary are the counters above the list.
type connSummary struct {
	Matched, All, Left int
	Queued             int
	Sent               uint64
	SentSize           uint64
	Dropped            uint64
}

// connRow is one connection.
type connRow struct {
	ID    string // of the element
	Keys  []keyView
	Conn  sse.ConnInfo
	Agent string
}

type keyView struct{ Text, Send string }

func (in *Inspector) connections(r *twk.Request) twk.Response {
	pattern := r.URL.Query().Get("pattern")
	return in.page("connections", "Connections", connectionsView{pattern, in.list(pattern)})
}

// parsePattern reads a pattern; the empty text is everyone.
func parsePattern(s string) (sfere.Pattern, error) {
	if s = strings.TrimSpace(s); s == "" {
		return everyone, nil
	}
	return sfere.ParsePattern(s)
}

// list returns the connections that pattern matches. With a pattern that is
// none there is only the problem.
func (in *Inspector) list(pattern string) connList {
	p, err := parsePattern(pattern)
	if err != nil {
		return connList{Problem: err.Error()}
	}
	held, err := in.conns.Snapshot(p)
	if err != nil {
		return connList{Problem: err.Error()}
	}
	l := connList{Explain: in.conns.Explain(p)}
	l.Summary.Matched = len(held)
	l.Summary.All, _ = in.conns.Count(everyone)
	for _, h := range held {
		l.Summary.Queued += h.Conn.Queued
		l.Summary.Sent += h.Conn.Sent
		l.Summary.SentSize += h.Conn.SentSize
		l.Summary.Dropped += h.Conn.Dropped
		if len(l.Rows) == maxRows {
			l.Summary.Left++
			continue
		}
		row := connRow{ID: "conn-" + strconv.FormatUint(h.Conn.ID, 10), Conn: h.Conn, Agent: agent(h.Conn.UserAgent)}
		for _, k := range h.Keys {
			row.Keys = append(row.Keys, keyView{k.String(), in.sendLink("", 0, sfere.Exactly(k).String())})
		}
		l.Rows = append(l.Rows, row)
	}
	return l
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
