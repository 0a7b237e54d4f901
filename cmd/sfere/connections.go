package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sfere-go/sfere"
)

// pageSize is the most connections that one request asks for.
const pageSize = 1000

func (c *cli) connections(fs *flag.FlagSet) func(context.Context, []string) error {
	nodes := fs.Bool("nodes", false, "those of all machines, if the program runs on several")
	return paged(fs, "one pattern", "nobody is there", func(ctx context.Context, pattern string, n int) (int, error) {
		page, err := c.connected(ctx, pattern, n, *nodes)
		if err != nil {
			return 0, err
		}
		if err := c.showPage(page, n < 0); err != nil {
			return 0, err
		}
		if silent := unheard(page); page.Matched == 0 && silent != "" {
			return 0, &answerNo{"nobody is there, as far as is known; not heard of: " + silent}
		}
		return page.Matched, nil
	})
}

// paged is a command that lists what comes in pages. of names its argument, nobody is
// the answer if nothing matches. show is given how many are to be listed, 0 for all and
// -1 for none but their counts, and returns how many match.
func paged(fs *flag.FlagSet, of, nobody string, show func(ctx context.Context, text string, n int) (matched int, err error)) func(context.Context, []string) error {
	n := fs.Int("n", 100, "how many; 0 for all")
	count := fs.Bool("count", false, "count them only")
	return func(ctx context.Context, args []string) error {
		text, err := atMostOne(args, of)
		if err != nil {
			return err
		}
		if *n < 0 {
			return &misuse{"-n is negative"}
		}
		limit := *n
		if *count {
			limit = -1
		}
		matched, err := show(ctx, text, limit)
		if err == nil && matched == 0 {
			err = &answerNo{nobody}
		}
		return err
	}
}

// pages asks for one page after another until n are listed, all of them if n is 0, and
// once, for none but the counts, if it is negative. next asks for at most limit more
// and returns how many are listed by then, and whether more follow.
func pages(n int, next func(limit int) (listed int, more bool, err error)) error {
	for listed := 0; ; {
		limit := -1
		if n >= 0 {
			limit = pageSize
			if left := n - listed; n > 0 && left < limit {
				limit = left
			}
		}
		now, more, err := next(limit)
		if err != nil || !more || now == listed || n > 0 && now >= n {
			return err
		}
		listed = now
	}
}

// connected gets n connections, of all machines if nodes is set; n is as for pages.
func (c *cli) connected(ctx context.Context, pattern string, n int, nodes bool) (all sfere.Page, err error) {
	err = pages(n, func(limit int) (int, bool, error) {
		q := url.Values{"pattern": {pattern}, "after": {all.Next}, "limit": {strconv.Itoa(limit)}}
		if nodes {
			q.Set("nodes", "true")
		}
		text, err := c.get(ctx, "/connections", q)
		if err != nil {
			return 0, false, err
		}
		var page sfere.Page
		if err := json.Unmarshal(text, &page); err != nil {
			return 0, false, notAsked(err)
		}
		page.Conns = append(all.Conns, page.Conns...)
		all = page
		return len(all.Conns), all.Next != "", nil
	})
	return all, err
}

func (c *cli) showPage(page sfere.Page, count bool) error {
	if c.json {
		text, err := json.Marshal(page)
		if err != nil {
			return err
		}
		return c.printJSON(text)
	}
	if !count {
		rows := [][]string{{"ID", "KEYS", "OPEN FOR", "QUEUED", "SENT", "REMOTE", "VIEWS"}}
		for _, h := range page.Conns {
			rows = append(rows, []string{
				fmt.Sprint(h.Conn.ID), keysOf(h), time.Since(h.Conn.Opened).Round(time.Second).String(),
				fmt.Sprint(h.Conn.Queued), fmt.Sprint(h.Conn.Sent), h.Conn.Remote, viewsOf(h),
			})
		}
		if len(page.Nodes) > 0 {
			rows[0] = append(rows[0], "NODE")
			for i, h := range page.Conns {
				rows[i+1] = append(rows[i+1], h.Node)
			}
		}
		c.rows(rows...)
		if len(page.Conns) == page.Matched && unheard(page) == "" {
			return nil
		}
		fmt.Fprintln(c.out)
	}
	shown := ""
	if !count {
		shown = fmt.Sprintf("%d shown, ", len(page.Conns))
	}
	fmt.Fprintf(c.out, "%s%d match, %d in all\n", shown, page.Matched, page.All)
	if silent := unheard(page); silent != "" {
		fmt.Fprintf(c.out, "not counted: %s\n", silent)
	}
	for _, by := range []struct {
		what  string
		n     map[string]int
		other int
	}{{"categories", page.Categories, page.OtherCategories}, {"scopes", page.Scopes, page.OtherScopes}} {
		if text := counts(by.n, by.other); text != "" {
			fmt.Fprintf(c.out, "%s: %s\n", by.what, text)
		}
	}
	return nil
}

// viewsOf lists what a connection shows in one cell.
func viewsOf(i sfere.ConnInfo) string {
	text := strings.Join(i.Views, ", ")
	if i.MoreViews > 0 {
		text += fmt.Sprintf(" and %d more", i.MoreViews)
	}
	return text
}

// counts lists the names with the most first.
func counts(n map[string]int, other int) string {
	var parts []string
	for _, name := range slices.SortedFunc(maps.Keys(n), func(a, b string) int {
		if n[a] != n[b] {
			return n[b] - n[a]
		}
		return strings.Compare(a, b)
	}) {
		parts = append(parts, fmt.Sprintf("%s %d", line(name), n[name]))
	}
	if other > 0 {
		parts = append(parts, fmt.Sprintf("and %d others", other))
	}
	return strings.Join(parts, ", ")
}

// keysOf lists the keys of a connection in one cell.
func keysOf(i sfere.ConnInfo) string {
	text := keys(i.Keys)
	if i.MoreKeys > 0 {
		text += fmt.Sprintf(" and %d more", i.MoreKeys)
	}
	return text
}
