package sfere

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/sfere-go/sfere/relay"
)

// merged are the lists of several nodes.
type merged struct {
	out  Page
	rows []mergedRow
	end  *farPlace // up to which all nodes have told everything; nil: to the end
}

type mergedRow struct {
	farPlace
	info ConnInfo
}

func (m *merged) add(n NodeInfo, l *nodeList) {
	o := &m.out
	o.Matched += l.Matched
	o.All += l.All
	o.Scopes, o.OtherScopes = addCounts(o.Scopes, l.Scopes), max(o.OtherScopes, l.OtherScopes)
	o.Categories, o.OtherCategories = addCounts(o.Categories, l.Categories), max(o.OtherCategories, l.OtherCategories)
	for _, r := range l.rows.list {
		r.info.Node = n.Label()
		m.rows = append(m.rows, mergedRow{farPlace{r.key, r.id, n.ID}, r.info})
	}
	if l.rows.more {
		if end := (farPlace{l.rows.last.key, l.rows.last.id, n.ID}); m.end == nil || end.compare(*m.end) < 0 {
			m.end = &end
		}
	}
}

func addCounts(to, from map[string]int) map[string]int {
	for name, n := range from {
		if to == nil {
			to = map[string]int{}
		}
		to[name] += n
	}
	return to
}

// maxCounts is how many scopes or categories a page counts.
const maxCounts = 20

// page returns the page of all nodes.
func (m *merged) page(limit int) Page {
	out := m.out
	out.Scopes, out.OtherScopes = mostOf(out.Scopes, out.OtherScopes)
	out.Categories, out.OtherCategories = mostOf(out.Categories, out.OtherCategories)
	slices.SortFunc(m.rows, func(a, b mergedRow) int { return a.compare(b.farPlace) })
	next := m.end
	for i, r := range m.rows {
		if m.end != nil && r.compare(*m.end) > 0 {
			break
		}
		if len(out.Conns) == limit {
			next = &m.rows[i-1].farPlace
			break
		}
		out.Conns = append(out.Conns, r.info)
	}
	if next != nil && limit > 0 {
		out.Next = next.String()
	}
	return out
}

// mostOf leaves those with the most.
func mostOf(counts map[string]int, others int) (map[string]int, int) {
	if len(counts) <= maxCounts {
		return counts, others
	}
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int { return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b)) })
	out := map[string]int{}
	for _, name := range names[:maxCounts] {
		out[name] = counts[name]
	}
	return out, others + len(names) - maxCounts
}

// farPlace is a place in the order of the connections of all nodes: by key, node and
// number.
type farPlace struct {
	Key  Key      `json:"key"`
	ID   uint64   `json:"id"`
	Node relay.ID `json:"node"`
}

func (p farPlace) compare(o farPlace) int {
	return cmp.Or(compareKeys(p.Key, o.Key), slices.Compare(p.Node[:], o.Node[:]), cmp.Compare(p.ID, o.ID))
}

// of returns after which place of its own list a node goes on.
func (p *farPlace) of(n relay.ID) place {
	if p == nil {
		return place{}
	}
	switch c := slices.Compare(n[:], p.Node[:]); {
	case c < 0: // all that it has under the key is in front
		return place{p.Key, ^uint64(0)}
	case c > 0:
		return place{p.Key, 0} // before the first
	}
	return place{p.Key, p.ID}
}

// String returns the place as [Page].Next.
func (p farPlace) String() string { return place{p.Key, p.ID}.String() + "@" + p.Node.String() }

func parseFarPlace(s string) (*farPlace, error) {
	if at := strings.LastIndexByte(s, '@'); at >= 0 {
		var node relay.ID
		if own, err := parsePlace(s[:at]); err == nil && own != (place{}) && node.UnmarshalText([]byte(s[at+1:])) == nil {
			return &farPlace{own.key, own.id, node}, nil
		}
	}
	return nil, &Error{Op: "listing what follows " + quoteShort(s), Err: errors.New("not where a page of all machines ended: use Page.Next of the page before")}
}
