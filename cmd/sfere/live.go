package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/inspect/httpapi"
)

func (c *cli) connections(*flag.FlagSet) func(context.Context, []string) error {
	return func(ctx context.Context, args []string) error {
		pattern, err := atMostOne(args, "one pattern")
		if err != nil {
			return err
		}
		var page sfere.Page
		if done, err := c.fetch(ctx, "/connections", url.Values{"pattern": {pattern}}, &page); done {
			return err
		}
		rows := [][]string{{"ID", "KEYS", "OPEN FOR", "QUEUED", "SENT", "REMOTE"}}
		for _, h := range page.Conns {
			var keys []string
			for _, k := range h.Keys {
				keys = append(keys, k.String())
			}
			rows = append(rows, []string{
				fmt.Sprint(h.Conn.ID), strings.Join(keys, " "), time.Since(h.Conn.Opened).Round(time.Second).String(),
				fmt.Sprint(h.Conn.Queued), fmt.Sprint(h.Conn.Sent), h.Conn.Remote,
			})
		}
		c.rows(rows...)
		if page.Next != "" {
			fmt.Fprintf(c.out, "\n%d of %d\n", len(page.Conns), page.Matched)
		}
		return nil
	}
}

// input reads the file named in args, or standard input.
func (c *cli) input(args []string) ([]byte, error) {
	name, err := atMostOne(args, "one file")
	if err != nil {
		return nil, err
	}
	if name == "" || name == "-" {
		return io.ReadAll(c.in)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, &misuse{err.Error()}
	}
	return text, nil
}

func (c *cli) validate(*flag.FlagSet) func(context.Context, []string) error {
	return func(ctx context.Context, args []string) error {
		body, err := c.input(args)
		if err != nil {
			return err
		}
		text, err := c.do(ctx, http.MethodPost, "/validate", body)
		if err != nil {
			return err
		}
		var v httpapi.Verdict
		if err := json.Unmarshal(text, &v); err != nil {
			return fmt.Errorf("the answer is not what was asked for: %w", err)
		}
		switch {
		case c.json:
			_, err = c.out.Write(text)
			if err == nil && !v.Valid {
				err = &answerNo{}
			}
			return err
		case v.Valid:
			fmt.Fprintln(c.out, "valid")
			return nil
		}
		return &answerNo{lines(httpapi.Problem{Problems: v.Problems})}
	}
}

func (c *cli) dryRun(fs *flag.FlagSet) func(context.Context, []string) error {
	return c.effects(fs, "/dry-run")
}

func (c *cli) send(fs *flag.FlagSet) func(context.Context, []string) error {
	return c.effects(fs, "/send")
}

// effects posts effects and prints what became of them.
func (c *cli) effects(fs *flag.FlagSet, path string) func(context.Context, []string) error {
	to := fs.String("to", "", "pattern of the connections to run the effects against, such as '*/lobby/*'")
	return func(ctx context.Context, args []string) error {
		body, err := c.input(args)
		if err != nil {
			return err
		}
		if *to != "" {
			cmd, err := console.ParseCommand(body)
			if err != nil {
				return &answerNo{err.Error()}
			}
			cmd.To = *to
			if body, err = json.Marshal(cmd); err != nil {
				return err
			}
		}
		text, err := c.do(ctx, http.MethodPost, path, body)
		if err != nil {
			return err
		}
		var dry console.Rehearsal
		var out console.Outcome
		if err := errors.Join(json.Unmarshal(text, &dry), json.Unmarshal(text, &out)); err != nil {
			return fmt.Errorf("the answer is not what was asked for: %w", err)
		}
		switch {
		case c.json:
			_, err = c.out.Write(text)
		case dry.Dry:
			c.rehearsal(dry)
		default:
			c.outcome(out)
		}
		if err == nil && len(out.Errors) > 0 {
			err = &answerNo{fmt.Sprintf("%d errors", len(out.Errors))}
		}
		return err
	}
}

func (c *cli) outcome(out console.Outcome) {
	rows := [][]string{{"PATH", "EFFECT", "OUTCOME"}}
	for _, r := range out.Ran {
		rows = append(rows, []string{r.Path, r.Name, "ok " + compact(r.Value)})
	}
	c.rows(append(rows, unfinished(out.Skipped, out.Errors)...)...)
}

func unfinished(skipped []console.Skipped, failed []console.Failed) (rows [][]string) {
	for _, s := range skipped {
		rows = append(rows, []string{s.Path, s.Name, "skipped: " + s.Reason})
	}
	for _, e := range failed {
		rows = append(rows, []string{e.Path, e.Name, fmt.Sprintf("%s error: %s", e.Phase, e.Error)})
	}
	return rows
}

func (c *cli) rehearsal(out console.Rehearsal) {
	rows := [][]string{{"PATH", "EFFECT", "WOULD"}}
	for _, r := range out.WouldRun {
		rows = append(rows, []string{r.Path, r.Name, "run " + compact(r.Value)})
	}
	c.rows(append(rows, unfinished(out.Skipped, out.Errors)...)...)
	for _, p := range out.Plan {
		if !p.Rehearsed {
			times := ""
			if p.Times > 1 {
				times = fmt.Sprintf(" %d times", p.Times)
			}
			fmt.Fprintf(c.out, "\n%s %s is %s and would run%s; it does not say what it does\n", p.Path, p.Name, p.Reach, times)
		}
		for _, d := range p.Sends {
			c.delivery(p, d)
		}
		for _, w := range p.Would {
			fmt.Fprintf(c.out, "\n%s %s: %s\n", p.Path, p.Name, w)
		}
		if p.More > 0 {
			fmt.Fprintf(c.out, "\n%s %s: and %d more\n", p.Path, p.Name, p.More)
		}
	}
}

// delivery prints what some streams would get.
func (c *cli) delivery(p console.Planned, d console.Delivery) {
	var to []string
	for _, s := range d.To {
		to = append(to, strings.TrimSpace(fmt.Sprintf("%s #%d", s.Key, s.Conn)))
	}
	if more := d.Streams - len(to); more > 0 && len(to) > 0 {
		to = append(to, fmt.Sprintf("and %d more", more))
	}
	fmt.Fprintf(c.out, "\n%s %s to %d connections (%s):\n", p.Path, p.Name, d.Streams, strings.Join(to, ", "))
	switch {
	case d.Cause != "":
		fmt.Fprintf(c.out, "  closed: %s\n", d.Cause)
	case d.Text == "":
		fmt.Fprintf(c.out, "  %d bytes in all, left out\n", d.Bytes)
	default:
		fmt.Fprintf(c.out, "  %s\n", strings.ReplaceAll(strings.TrimSpace(d.Text), "\n", "\n  "))
	}
}
