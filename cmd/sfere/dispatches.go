package main

import (
	"cmp"
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
	failed     bool
	name, text string
}

func (f *filter) flags(fs *flag.FlagSet) {
	fs.BoolVar(&f.failed, "failed", false, "only those that failed")
	fs.StringVar(&f.name, "name", "", "only those in which an item ran whose name has this `part`")
	fs.StringVar(&f.text, "match", "", "only those with this `text` in a name, a pattern, the request, an error or the data, in any letter case")
}

// query asks for at most n of them, for all if n is 0.
func (f *filter) query(n int) url.Values {
	q := url.Values{"n": {strconv.Itoa(n)}}
	if f.failed {
		q.Set("failed", "true")
	}
	if f.name != "" {
		q.Set("name", f.name)
	}
	if f.text != "" {
		q.Set("q", f.text)
	}
	return q
}

// listed is a dispatch with the text that it came as.
type listed struct {
	console.Dispatch
	text json.RawMessage
}

// recent gets at most n of the dispatches that f keeps, newest first.
func (c *cli) recent(ctx context.Context, f *filter, n int) ([]listed, error) {
	text, err := c.get(ctx, "/dispatches", f.query(n))
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
		all, err := c.recent(ctx, &f, *n)
		if err != nil {
			return err
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
	rows := [][]string{dispatchHead()}
	for _, d := range all {
		rows = append(rows, dispatchRow(d.Dispatch))
	}
	c.rows(rows...)
	return nil
}

func dispatchHead() []string { return []string{"NUMBER", "BEGAN", "TOOK", "STATE", "FROM", "ITEMS"} }

// dispatchRow is one line about a dispatch, or about several that were the same.
func dispatchRow(d console.Dispatch) []string {
	return []string{
		fmt.Sprint(d.Seq), d.Began.Local().Format("15:04:05.000"), took(d.State, d.Took), state(d),
		cmp.Or(strings.TrimSpace(d.Request+" "+d.Key), "-"), strings.Join(addressed(d), " "),
	}
}

// addressed are the names of the first items, with their patterns and keys.
func addressed(d console.Dispatch) []string {
	out := slices.Clone(d.Names)
	for i := range min(len(out), len(d.Targets)) {
		if d.Targets[i] != "" {
			out[i] += "(" + d.Targets[i] + ")"
		}
	}
	return out
}

// dispatch prints one dispatch as a tree.
func (c *cli) dispatch(ctx context.Context, number string) error {
	path, err := dispatchPath(number)
	if err != nil {
		return err
	}
	var d console.Dispatch
	if done, err := c.fetch(ctx, path, nil, &d); done {
		return err
	}
	fmt.Fprintf(c.out, "dispatch %d, %s, began %s, took %s\n", d.Seq, state(d), d.Began.Local().Format(time.DateTime), took(d.State, d.Took))
	if from := strings.TrimSpace(d.Request + " " + d.Key); from != "" {
		fmt.Fprintf(c.out, "from %s\n", line(from))
	}
	fmt.Fprintln(c.out)
	c.rows(tree([][]string{{"PATH", "NAME", "STATE", "TOOK", "OUTCOME", "DATA"}}, d, "")...)
	if d.Omitted > 0 {
		fmt.Fprintf(c.out, "\nand %d more that were not kept\n", d.Omitted)
	}
	return nil
}

// dispatchPath returns where the API has the dispatch with this number.
func dispatchPath(number string) (string, error) {
	seq, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		return "", &misuse{fmt.Sprintf("%q is not the number of a dispatch; sfere dispatches lists them", number)}
	}
	return "/dispatches/" + strconv.FormatUint(seq, 10), nil
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

// state says how far a dispatch came, whether it was in earnest, and how often it
// was the same.
func state(d console.Dispatch) string {
	out := string(d.State)
	if d.Dry {
		out += ", dry run"
	}
	if d.Times > 1 {
		out += fmt.Sprintf(" ×%d", d.Times)
	}
	return out
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

func (c *cli) failures(fs *flag.FlagSet) func(context.Context, []string) error {
	head := []string{"NUMBER", "TIMES", "FROM", "NAME", "ERROR"}
	return newest(c, fs, "/failures", "nothing that is kept has failed", head, func(f console.Failure) []string {
		return []string{
			fmt.Sprint(f.Seq), fmt.Sprint(f.Times), cmp.Or(strings.TrimSpace(f.Request+" "+f.Key), "-"), f.Step.Name,
			strings.TrimSpace(fmt.Sprint(f.Step.Phase, " ", f.Step.Error)),
		}
	})
}
