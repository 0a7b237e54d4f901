package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/inspect/record"
)

func (c *cli) dispatches(fs *flag.FlagSet) func(context.Context, []string) error {
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
		var last []console.Dispatch
		if done, err := c.fetch(ctx, "/dispatches", url.Values{"n": {strconv.Itoa(*n)}}, &last); done {
			return err
		}
		rows := [][]string{{"NUMBER", "BEGAN", "TOOK", "STATE", "ITEMS"}}
		for _, d := range last {
			rows = append(rows, []string{
				fmt.Sprint(d.Seq), d.Began.Local().Format("15:04:05.000"), took(d.State, d.Took), state(d), line(strings.Join(d.Names, " ")),
			})
		}
		c.rows(rows...)
		return nil
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
			outcome = line(strings.TrimSpace(fmt.Sprint(s.Phase, " ", s.Error)))
		}
		rows = append(rows, []string{indent + s.Path, line(s.Name), string(s.State), took(s.State, s.Took), outcome, cut(compact(s.Item), 80)})
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

// line keeps text on one line, and from controlling the terminal.
func line(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
}

// compact puts JSON on one line.
func compact(text json.RawMessage) string {
	var b bytes.Buffer
	if json.Compact(&b, text) != nil {
		return line(string(text))
	}
	return b.String()
}

// cut shortens text to at most n bytes.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "") + "…"
}
