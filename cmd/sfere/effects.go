package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/inspect/httpapi"
)

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
		text, err := c.post(ctx, "/validate", body)
		if err != nil {
			return err
		}
		var v httpapi.Verdict
		if err := json.Unmarshal(text, &v); err != nil {
			return notAsked(err)
		}
		switch {
		case c.json:
			err = c.printJSON(text)
			if err == nil && !v.Valid {
				err = &answerNo{}
			}
			return err
		case v.Valid:
			fmt.Fprintln(c.out, "valid")
			return nil
		}
		return &answerNo{problems(httpapi.Problem{Problems: v.Problems})}
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
		text, err := c.post(ctx, path, body)
		if err != nil {
			return err
		}
		return c.became(text, *to)
	}
}

// became prints what became of effects that were sent to a pattern, or what would.
func (c *cli) became(text []byte, to string) error {
	var dry console.Rehearsal
	var out console.Outcome
	if err := errors.Join(json.Unmarshal(text, &dry), json.Unmarshal(text, &out)); err != nil {
		return notAsked(err)
	}
	var err error
	switch {
	case c.json:
		err = c.printJSON(text)
	case dry.Dry:
		c.rehearsal(dry)
	default:
		c.outcome(out)
	}
	switch {
	case err != nil:
		return err
	case len(out.Errors) == 1:
		return &answerNo{"an error"}
	case len(out.Errors) > 1:
		return &answerNo{fmt.Sprintf("%d errors", len(out.Errors))}
	case to != "" && nobody(out, dry):
		return &answerNo{"nobody matches " + to}
	}
	return nil
}

// nobody reports whether an effect that was addressed to a pattern found none.
// Effects without a report of package sfere have found somebody, as far as can be
// known.
func nobody(out console.Outcome, dry console.Rehearsal) bool {
	var values []json.RawMessage
	for _, r := range out.Ran {
		values = append(values, r.Value)
	}
	for _, r := range dry.WouldRun {
		values = append(values, r.Value)
	}
	for _, v := range values {
		var report struct {
			Matched *int `json:"matched"`
		}
		if json.Unmarshal(v, &report) == nil && report.Matched != nil {
			return *report.Matched == 0
		}
	}
	return false
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
		if p.Renders != nil {
			c.renders(p)
		}
		for _, w := range p.Would {
			fmt.Fprintf(c.out, "\n%s %s: %s\n", line(p.Path), line(p.Name), indented(w, ""))
		}
		if p.More > 0 {
			fmt.Fprintf(c.out, "\n%s %s: and %d more\n", p.Path, p.Name, p.More)
		}
	}
}

// renders prints which views would be rendered.
func (c *cli) renders(p console.Planned) {
	fmt.Fprintf(c.out, "\n%s %s: %d values would be rendered, for %d viewers\n", line(p.Path), line(p.Name), p.Renders.Values, p.Renders.Streams)
	if len(p.Renders.Sample) == 0 {
		return
	}
	rows := [][]string{{"VIEW", "VALUE", "SCOPE", "VIEWERS"}}
	for _, v := range p.Renders.Sample {
		rows = append(rows, []string{v.Name, cut(compact(v.Value), 80), v.Scope, fmt.Sprint(v.Viewers)})
	}
	c.rows(rows...)
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
