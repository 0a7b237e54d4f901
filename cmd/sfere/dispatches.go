package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/inspect/record"
)

// filter tells which dispatches to show.
type filter struct {
	failed bool
	match  string
}

func (f *filter) flags(fs *flag.FlagSet) {
	fs.BoolVar(&f.failed, "failed", false, "only those that failed")
	fs.StringVar(&f.match, "match", "", "only those whose line has this text, in any letter case")
}

func (f *filter) keeps(d console.Dispatch) bool {
	return (!f.failed || d.State == record.Failed) &&
		strings.Contains(strings.ToLower(strings.Join(dispatchRow(d), " ")), strings.ToLower(f.match))
}

// listed is a dispatch with the text that it came as.
type listed struct {
	console.Dispatch
	text json.RawMessage
}

// recent gets the dispatches that are kept, newest first.
func (c *cli) recent(ctx context.Context) ([]listed, error) {
	text, err := c.get(ctx, "/dispatches", url.Values{"n": {"0"}})
	if err != nil {
		return nil, err
	}
	var texts []json.RawMessage
	if err := json.Unmarshal(text, &texts); err != nil {
		return nil, notAsked(err)
	}
	all := make([]listed, len(texts))
	for i, t := range texts {
		all[i].text = t
		if err := json.Unmarshal(t, &all[i].Dispatch); err != nil {
			return nil, notAsked(err)
		}
	}
	return all, nil
}

func (c *cli) dispatches(fs *flag.FlagSet) func(context.Context, []string) error {
	var f filter
	f.flags(fs)
	n := fs.Int("n", 20, "how many; 0 for all that are kept")
	return func(ctx context.Context, args []string) error {
		number, err := atMostOne(args, "one number")
		if err != nil {
			return err
		}
		if number != "" {
			return c.dispatch(ctx, number)
		}
		if *n < 0 {
			return &misuse{"-n is negative"}
		}
		all, err := c.recent(ctx)
		if err != nil {
			return err
		}
		all = slices.DeleteFunc(all, func(d listed) bool { return !f.keeps(d.Dispatch) })
		if *n > 0 && len(all) > *n {
			all = all[:*n]
		}
		if err := c.showDispatches(all); err != nil {
			return err
		}
		if len(all) == 0 {
			return &answerNo{"no dispatch that is kept is like that"}
		}
		return nil
	}
}

func (c *cli) showDispatches(all []listed) error {
	if c.json {
		texts := make([]json.RawMessage, len(all))
		for i, d := range all {
			texts[i] = d.text
		}
		text, err := json.Marshal(texts)
		if err != nil {
			return err
		}
		return c.printJSON(text)
	}
	rows := [][]string{{"NUMBER", "BEGAN", "TOOK", "STATE", "ITEMS"}}
	for _, d := range all {
		rows = append(rows, dispatchRow(d.Dispatch))
	}
	c.rows(rows...)
	return nil
}

// dispatchRow is one line about a dispatch.
func dispatchRow(d console.Dispatch) []string {
	return []string{
		fmt.Sprint(d.Seq), d.Began.Local().Format("15:04:05.000"), took(d.State, d.Took), state(d), strings.Join(d.Names, " "),
	}
}

// dispatch prints one dispatch as a tree.
func (c *cli) dispatch(ctx context.Context, number string) error {
	seq, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		return &misuse{fmt.Sprintf("%q is not the number of a dispatch; sfere dispatches lists them", number)}
	}
	var d console.Dispatch
	if done, err := c.fetch(ctx, "/dispatches/"+strconv.FormatUint(seq, 10), nil, &d); done {
		return err
	}
	fmt.Fprintf(c.out, "dispatch %d, %s, began %s, took %s\n\n", d.Seq, state(d), d.Began.Local().Format(time.DateTime), took(d.State, d.Took))
	c.rows(tree([][]string{{"PATH", "NAME", "STATE", "TOOK", "OUTCOME", "DATA"}}, d, "")...)
	if d.Omitted > 0 {
		fmt.Fprintf(c.out, "\nand %d more that were not kept\n", d.Omitted)
	}
	return nil
}

// tree adds the steps of d and of its continuations, which are indented.
func tree(rows [][]string, d console.Dispatch, indent string) [][]string {
	for _, s := range d.Steps {
		outcome := compact(s.Value)
		if s.Error != "" {
			outcome = strings.TrimSpace(fmt.Sprint(s.Phase, " ", s.Error))
		}
		rows = append(rows, []string{indent + s.Path, s.Name, string(s.State), took(s.State, s.Took), outcome, cut(compact(s.Item), 80)})
		for _, n := range s.Nested {
			rows = tree(rows, n, indent+"  ")
		}
	}
	for _, n := range d.Nested {
		rows = tree(rows, n, indent+"  ")
	}
	return rows
}

// state says how far a dispatch came, and whether it was in earnest.
func state(d console.Dispatch) string {
	if d.Dry {
		return string(d.State) + ", dry run"
	}
	return string(d.State)
}

// took is "-" of what is not over.
func took(s record.State, d time.Duration) string {
	if s == record.Running {
		return "-"
	}
	if d < time.Millisecond {
		return d.Round(100 * time.Nanosecond).String()
	}
	return d.Round(10 * time.Microsecond).String()
}
