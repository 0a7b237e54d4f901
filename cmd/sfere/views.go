package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/inspect/console"
)

func (c *cli) views(fs *flag.FlagSet) func(context.Context, []string) error {
	n := fs.Int("n", 100, "how many; 0 for all")
	count := fs.Bool("count", false, "count them only")
	return func(ctx context.Context, args []string) error {
		text, err := atMostOne(args, "one part of a name")
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
		all, err := c.shown(ctx, text, limit)
		if err != nil {
			return err
		}
		if err := c.showViews(all, *count); err != nil {
			return err
		}
		if all.Matched == 0 {
			return &answerNo{"nobody is shown such a view"}
		}
		return nil
	}
}

// shown gets n values of views, all of them if n is 0, and none but the counts if it
// is negative.
func (c *cli) shown(ctx context.Context, text string, n int) (all console.Views, err error) {
	for {
		limit := -1
		if n >= 0 {
			limit = pageSize
			if left := n - len(all.Views); n > 0 && left < limit {
				limit = left
			}
		}
		answer, err := c.get(ctx, "/views", url.Values{"q": {text}, "after": {strconv.FormatUint(all.Next, 10)}, "limit": {strconv.Itoa(limit)}})
		if err != nil {
			return all, err
		}
		var page console.Views
		if err := json.Unmarshal(answer, &page); err != nil {
			return all, notAsked(err)
		}
		grown := len(page.Views) > 0
		page.Views = append(all.Views, page.Views...)
		if all = page; all.Next == 0 || !grown || n > 0 && len(all.Views) >= n {
			return all, nil
		}
	}
}

func (c *cli) showViews(all console.Views, count bool) error {
	if c.json {
		text, err := json.Marshal(all)
		if err != nil {
			return err
		}
		return c.printJSON(text)
	}
	if !count {
		rows := [][]string{{"ID", "VIEW", "VALUE", "SCOPE", "VIEWERS", "RENDERS", "UNCHANGED", "LAST", "SLOWEST", "STATE"}}
		for _, v := range all.Views {
			scope := v.Scope
			if v.Stream != 0 {
				scope += fmt.Sprintf(" #%d", v.Stream)
			}
			rows = append(rows, []string{
				fmt.Sprint(v.ID), v.Name, cut(compact(v.Value), 60), scope, fmt.Sprint(v.Viewers), fmt.Sprint(v.Renders), share(v.Unchanged, v.Renders),
				v.LastTook.String(), v.MostTook.String(), viewState(v, time.Now()),
			})
		}
		c.rows(rows...)
		if len(all.Views) == all.Matched {
			return nil
		}
		fmt.Fprintln(c.out)
	}
	fmt.Fprintf(c.out, "%d values are shown\n", all.Matched)
	if text := counts(all.Counts, 0); text != "" {
		fmt.Fprintf(c.out, "views: %s\n", text)
	}
	return nil
}

// share is part of whole in percent.
func share(part, whole uint64) string {
	if whole == 0 {
		return "-"
	}
	return fmt.Sprintf("%d%%", 100*part/whole)
}

// viewState says in a word how v is.
func viewState(v sfere.ViewInfo, now time.Time) string {
	switch {
	case v.Stuck:
		return "stuck"
	case v.Error != "":
		return "failed: " + cut(v.Error, 100)
	case !v.DirtySince.IsZero():
		return "waits for " + now.Sub(v.DirtySince).Round(time.Millisecond).String()
	}
	return "current"
}
