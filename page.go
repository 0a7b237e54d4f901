package sfere

import (
	"cmp"
	"errors"
	"strconv"
	"strings"
)

// Page is a part of the connections that match a pattern, with counts of all of
// them. [Conns.Page] gives one.
type Page struct {
	Matched int `json:"matched"` // connections that match
	All     int `json:"all"`     // connections in all
	// Scopes and Categories say how many of those that match have a key with each
	// scope and category: the 20 with the most. OtherScopes and OtherCategories
	// count the scopes and categories that are left out; where there are more than
	// 1000 in all, all are.
	Scopes          map[string]int `json:"scopes,omitempty"`
	OtherScopes     int            `json:"otherScopes,omitempty"`
	Categories      map[string]int `json:"categories,omitempty"`
	OtherCategories int            `json:"otherCategories,omitempty"`
	// Conns are in the order of their keys; those under one key by age.
	Conns []ConnInfo `json:"connections"`
	Next  string     `json:"next,omitempty"` // asks for those that follow; empty if there are none
}

var errCursor = errors.New("not where a page ended: use Page.Next of the page before")

// Page lists at most limit of the connections that match p, those that follow
// after: the Next of another page, or "" for the first ones. With limit 0 there are
// only the counts. It costs what it lists, however many match. Those that are
// there all the time are on exactly one of the pages that follow each other.
// Errors are those of [Conns.List], and one for an after that no page has given.
func (c *Conns) Page(p Pattern, after string, limit int) (Page, error) {
	p, err := c.outside(p)
	if err != nil {
		return Page{}, err
	}
	from, err := parseCursor(after)
	if err != nil {
		return Page{}, err
	}
	all, err := c.Snapshot(p)
	if err != nil {
		return Page{}, err
	}
	out := Page{Matched: len(all)}
	out.All, _ = c.Count(Everyone())
	for _, info := range all {
		if after != "" && from.compare(cursor{info.Keys[0], info.Conn.ID}) >= 0 {
			continue
		}
		if len(out.Conns) >= limit {
			if limit > 0 {
				last := out.Conns[len(out.Conns)-1]
				out.Next = cursor{last.Keys[0], last.Conn.ID}.String()
			}
			break
		}
		out.Conns = append(out.Conns, info)
	}
	return out, nil
}

// cursor is a place in the order of connections.
type cursor struct {
	key Key
	id  uint64 // of the stream
}

func (c cursor) compare(o cursor) int {
	return cmp.Or(compareKeys(c.key, o.key), cmp.Compare(c.id, o.id))
}

func (c cursor) String() string { return c.key.String() + "#" + strconv.FormatUint(c.id, 10) }

func parseCursor(s string) (c cursor, err error) {
	if s == "" {
		return c, nil
	}
	at := strings.LastIndexByte(s, '#')
	if at < 0 {
		return c, &Error{Op: "listing after " + quoteShort(s), Err: errCursor}
	}
	if c.key, err = ParseKey(s[:at]); err == nil {
		c.id, err = strconv.ParseUint(s[at+1:], 10, 64)
	}
	if err != nil {
		return c, &Error{Op: "listing after " + quoteShort(s), Err: errCursor}
	}
	return c, nil
}
