package sfere

import (
	"errors"
	"slices"
	"strconv"
	"strings"
)

// Page is a part of the connections that match a pattern, with counts of all of
// them. [Conns.Page] gives one.
type Page struct {
	Matched int `json:"matched"` // connections that match
	All     int `json:"all"`     // connections in all
	// Scopes and Categories count what matches by scope and by category: those with
	// the most, 20 at most. A connection counts with each of its keys. OtherScopes and
	// OtherCategories are how many scopes and categories are left out: all of them
	// where the program has more than 1000.
	Scopes          map[string]int `json:"scopes,omitempty"`
	OtherScopes     int            `json:"otherScopes,omitempty"`
	Categories      map[string]int `json:"categories,omitempty"`
	OtherCategories int            `json:"otherCategories,omitempty"`
	// Conns are in the order of their keys; those under one key as they came.
	Conns []ConnInfo `json:"connections"`
	Next  string     `json:"next,omitempty"` // asks for those that follow; empty if there are none
	// Nodes are all machines and what each of them has said: nil unless [Conns.ListNodes]
	// gave the page. The counts are of those that have answered.
	Nodes []NodeInfo `json:"nodes,omitempty"`
}

var errPlace = errors.New("not where a page ended: use Page.Next of the page before")

// Page lists at most limit of the connections that match p, those that follow
// after: the Next of another page, or "" for the first ones. With limit 0 there are
// only the counts. Those that are there all the time are on exactly one of the pages
// that follow each other.
//
// It costs what it lists, however many match. A list of more than 512 is put in
// order for that when somebody asks for it, and kept in order while somebody goes
// on asking. Errors are those of [Conns.List], and one for an after that no page has
// given.
func (c *Conns) Page(p Pattern, after string, limit int) (Page, error) {
	p, err := c.outside(p)
	if err != nil {
		return Page{}, err
	}
	from, err := parsePlace(after)
	if err != nil {
		return Page{}, err
	}
	want, s, _ := p.fixed()
	out, rows, _ := c.part(want, s, from, limit, true)
	for _, r := range rows.list {
		out.Conns = append(out.Conns, r.info)
	}
	if rows.more {
		out.Next = rows.last.String()
	}
	return out, nil
}

// row is a connection on a page.
type row struct {
	place
	info ConnInfo
}

// rows are what is on a page.
type rows struct {
	list []row
	last place // where the page ends; it may be that of a connection that is gone
	more bool  // something follows
}

// part returns the counts of a page, without its connections, and these. If they are
// many and not in order yet it puts them in order first, or returns false.
func (c *Conns) part(want Key, s shape, from place, limit int, wait bool) (out Page, on rows, ok bool) {
	limit = max(limit, 0)
	es, ok := c.glance(&out, want, s, from, limit)
	if !ok {
		if !wait {
			return out, on, false
		}
		es = c.look(&out, want, s, from, limit)
	}
	if on.more = limit > 0 && len(es) > limit; on.more {
		on.last = c.placeIn(want, es[limit-1].entry)
	}
	for _, e := range es[:min(len(es), limit)] {
		if keys := e.heldKeys(); keys != nil { // it is still there
			on.list = append(on.list, row{c.placeIn(want, e.entry), e.info(keys)})
		}
	}
	return out, on, true
}

// glance returns the entries of a page, and of the next one the first, and counts. It
// returns false if they are many and not in order yet.
func (c *Conns) glance(counts *Page, want Key, s shape, from place, limit int) (es []indexed, ok bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.glanceLocked(counts, want, s, from, limit)
}

func (c *Conns) glanceLocked(counts *Page, want Key, s shape, from place, limit int) (es []indexed, ok bool) {
	if limit == 0 {
		counts.Matched, ok = c.countLocked(patternOf(addressOf(want))), true
	} else {
		es, counts.Matched, ok = c.index.look(want, s, from, limit+1)
	}
	counts.All = c.held
	counts.Scopes, counts.OtherScopes = c.index.tally(want, s, 0)
	counts.Categories, counts.OtherCategories = c.index.tally(want, s, 1)
	return es, ok
}

// look is glance that puts the entries in order.
func (c *Conns) look(counts *Page, want Key, s shape, from place, limit int) []indexed {
	c.viewing.Lock()
	defer c.viewing.Unlock()
	if es, ok := c.glance(counts, want, s, from, limit); ok { // somebody else has asked for it, too
		return es
	}
	c.mu.Lock()
	v := c.index.open(want)
	c.mu.Unlock()
	c.mu.RLock()
	all := c.index.gather(v, s)
	c.mu.RUnlock()
	slices.SortFunc(all, func(a, b viewed[indexed]) int { return a.compare(b.place) })
	c.mu.Lock()
	defer c.mu.Unlock()
	c.index.close(v, all)
	es, _ := c.glanceLocked(counts, want, s, from, limit)
	return es
}

// placeIn returns where e is in the order of what want matches.
func (c *Conns) placeIn(want Key, e *entry) place {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for h := range e.holdings() {
		if accepts(want, h.key) {
			return place{h.key, e.seq}
		}
	}
	return place{e.first.key, e.seq}
}

// String returns the place as [Page].Next.
func (p place) String() string { return p.key.String() + "#" + strconv.FormatUint(p.id, 10) }

func parsePlace(s string) (p place, err error) {
	if s == "" {
		return p, nil
	}
	if at := strings.LastIndexByte(s, '#'); at >= 0 {
		if p.key, err = ParseKey(s[:at]); err == nil {
			p.id, err = strconv.ParseUint(s[at+1:], 10, 64)
		}
		if err == nil {
			return p, nil
		}
	}
	return p, &Error{Op: "listing what follows " + quoteShort(s), Err: errPlace}
}
