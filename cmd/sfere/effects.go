package main

import (
	"context"
	"encoding/json"
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
			return fmt.Errorf("the answer is not what was asked for: %w", err)
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
		var out console.Outcome
		if err := json.Unmarshal(text, &out); err != nil {
			return fmt.Errorf("the answer is not what was asked for: %w", err)
		}
		if c.json {
			err = c.printJSON(text)
		} else {
			c.outcome(out)
		}
		switch {
		case err != nil:
			return err
		case len(out.Errors) > 0:
			return &answerNo{fmt.Sprintf("%d errors", len(out.Errors))}
		case *to != "" && nobody(out):
			return &answerNo{fmt.Sprintf("nobody matches %s", *to)}
		}
		return nil
	}
}

// nobody reports whether an effect that was addressed to a pattern found none.
// Effects without a report of package sfere have found somebody, as far as can be
// known.
func nobody(out console.Outcome) bool {
	for _, r := range out.Ran {
		var report struct {
			Matched *int `json:"matched"`
		}
		if json.Unmarshal(r.Value, &report) == nil && report.Matched != nil {
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
	for _, s := range out.Skipped {
		rows = append(rows, []string{s.Path, s.Name, "skipped: " + s.Reason})
	}
	for _, e := range out.Errors {
		rows = append(rows, []string{e.Path, e.Name, fmt.Sprintf("%s error: %s", e.Phase, e.Error)})
	}
	c.rows(rows...)
	for _, p := range out.Plan {
		if !p.Ran {
			fmt.Fprintf(c.out, "\n%s %s is %s and was left out\n", p.Path, p.Name, p.Reach)
		}
		for _, w := range p.Would {
			c.would(p, w)
		}
	}
}

// would prints one thing that an effect would do.
func (c *cli) would(p console.Planned, w json.RawMessage) {
	d, ok := console.DeliveryOf(w)
	if !ok {
		fmt.Fprintf(c.out, "\n%s %s: %s\n", p.Path, p.Name, w)
		return
	}
	fmt.Fprintf(c.out, "\n%s %s to connection %d %s:\n", p.Path, p.Name, d.Conn, d.Key)
	for _, f := range d.Frames {
		fmt.Fprintf(c.out, "  %s\n", strings.ReplaceAll(strings.TrimSpace(f.Text), "\n", "\n  "))
	}
}
