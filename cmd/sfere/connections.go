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
	n := fs.Int("n", 100, "how many; 0 for all")
	count := fs.Bool("count", false, "count them only")
	return func(ctx context.Context, args []string) error {
		pattern, err := atMostOne(args, "one pattern")
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
		page, err := c.connected(ctx, pattern, limit)
		if err != nil {
			return err
		}
		if err := c.showPage(page, *count); err != nil {
			return err
		}
		if page.Matched == 0 {
			return &answerNo{"nobody is there"}
		}
		return nil
	}
}

// connected gets n connections, all of them if n is 0, and none but the counts if
// it is negative.
func (c *cli) connected(ctx context.Context, pattern string, n int) (all sfere.Page, err error) {
	for after := ""; ; {
		limit := -1
		if n >= 0 {
			limit = pageSize
			if left := n - len(all.Conns); n > 0 && left < limit {
				limit = left
			}
		}
		text, err := c.get(ctx, "/connections", url.Values{"pattern": {pattern}, "after": {after}, "limit": {strconv.Itoa(limit)}})
		if err != nil {
			return all, err
		}
		var page sfere.Page
		if err := json.Unmarshal(text, &page); err != nil {
			return all, notAsked(err)
		}
		page.Conns = append(all.Conns, page.Conns...)
		grown := len(page.Conns) > len(all.Conns)
		all, after = page, page.Next
		if after == "" || !grown || n > 0 && len(all.Conns) >= n {
			return all, nil
		}
	}
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
				fmt.Sprint(h.Conn.ID), keys(h.Keys), time.Since(h.Conn.Opened).Round(time.Second).String(),
				fmt.Sprint(h.Conn.Queued), fmt.Sprint(h.Conn.Sent), h.Conn.Remote, viewsOf(h),
			})
		}
		c.rows(rows...)
		if len(page.Conns) == page.Matched {
			return nil
		}
		fmt.Fprintln(c.out)
	}
	shown := ""
	if !count {
		shown = fmt.Sprintf("%d shown, ", len(page.Conns))
	}
	fmt.Fprintf(c.out, "%s%d match, %d in all\n", shown, page.Matched, page.All)
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
