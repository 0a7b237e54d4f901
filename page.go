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
	out := Page{}
	es := c.look(&out, want, s, from, limit)
	for _, e := range es[:min(len(es), limit)] {
		if keys := e.heldKeys(); keys != nil { // it is still there
			out.Conns = append(out.Conns, e.info(keys))
		}
	}
	if limit > 0 && len(es) > limit {
		last := es[limit-1]
		out.Next = c.placeIn(want, last.entry).String()
	}
	return out, nil
}

// look returns the entries of a page, and of the next one the first, and counts.
func (c *Conns) look(counts *Page, want Key, s shape, from place, limit int) []indexed {
	look := func() ([]indexed, bool) {
		es, n, ok := c.index.look(want, s, from, limit+1)
		counts.Matched, counts.All = n, c.held
		counts.Scopes, counts.OtherScopes = c.index.tally(want, s, 0)
		counts.Categories, counts.OtherCategories = c.index.tally(want, s, 1)
		return es, ok
	}
	read := func() ([]indexed, bool) {
		c.mu.RLock()
		defer c.mu.RUnlock()
		return look()
	}
	if es, ok := read(); ok {
		return es
	}
	c.viewing.Lock()
	defer c.viewing.Unlock()
	if es, ok := read(); ok { // somebody else has asked for it, too
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
	es, _ := look()
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
