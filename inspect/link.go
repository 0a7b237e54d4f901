package inspect

import (
	"net/url"
	"strconv"
	"strings"
)

// itemLink returns the address of an item's page, which keeps the search.
func (in *Inspector) itemLink(name, query string) string {
	parts := strings.Split(name, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	link := in.url("items/", strings.Join(parts, "/"))
	if query != "" {
		link += "?" + url.Values{"q": {query}}.Encode()
	}
	return link
}

// dispatchLink returns the address of a recorded dispatch.
func (in *Inspector) dispatchLink(seq uint64) string {
	return in.url("dispatches/", strconv.FormatUint(seq, 10))
}

// sendLink returns the address of the page for sending, with an item, the seed
// of its sample and a pattern filled in where they are set.
func (in *Inspector) sendLink(item string, seed uint64, to string) string {
	q := url.Values{}
	if item != "" {
		q.Set("item", item)
	}
	if seed != 0 {
		q.Set("seed", strconv.FormatUint(seed, 10))
	}
	if to != "" {
		q.Set("to", to)
	}
	link := in.url("send")
	if len(q) > 0 {
		link += "?" + q.Encode()
	}
	return link
}
