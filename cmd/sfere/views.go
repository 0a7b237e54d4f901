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
	return paged(fs, "one part of a name", "nobody is shown such a view", func(ctx context.Context, text string, n int) (int, error) {
		all, err := c.shown(ctx, text, n)
		if err != nil {
			return 0, err
		}
		return all.Matched, c.showViews(all, n < 0)
	})
}

// shown gets n values of views; n is as for pages.
func (c *cli) shown(ctx context.Context, text string, n int) (all console.Views, err error) {
	err = pages(n, func(limit int) (int, bool, error) {
		answer, err := c.get(ctx, "/views", url.Values{"q": {text}, "after": {strconv.FormatUint(all.Next, 10)}, "limit": {strconv.Itoa(limit)}})
		if err != nil {
			return 0, false, err
		}
		var page console.Views
		if err := json.Unmarshal(answer, &page); err != nil {
			return 0, false, notAsked(err)
		}
		page.Views = append(all.Views, page.Views...)
		all = page
		return len(all.Views), all.Next != 0, nil
	})
	return all, err
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
