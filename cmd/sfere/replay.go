package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"

	"github.com/sfere-go/sfere/inspect/console"
)

// export prints a dispatch as the document that replay and test take.
func (c *cli) export(*flag.FlagSet) func(context.Context, []string) error {
	return func(ctx context.Context, args []string) error {
		number, err := one(args, "the number of a dispatch")
		if err != nil {
			return err
		}
		path, err := dispatchPath(number)
		if err != nil {
			return err
		}
		text, err := c.get(ctx, path+"/export", nil)
		if err != nil {
			return err
		}
		if _, err := console.ParseRecording(text); err != nil {
			return notAsked(err)
		}
		return c.printJSON(text)
	}
}

// recording reads a document, and what is in it.
func (c *cli) recording(args []string) ([]byte, console.Recording, error) {
	text, err := c.input(args)
	if err != nil {
		return nil, console.Recording{}, err
	}
	r, err := console.ParseRecording(text)
	if err != nil {
		err = &misuse{err.Error()}
	}
	return text, r, err
}

// replay asks what a document would do today.
func (c *cli) replay(*flag.FlagSet) func(context.Context, []string) error {
	return func(ctx context.Context, args []string) error {
		body, _, err := c.recording(args)
		if err != nil {
			return err
		}
		text, err := c.post(ctx, "/replay", body)
		if err != nil {
			return err
		}
		var r console.Replay
		if err := json.Unmarshal(text, &r); err != nil {
			return notAsked(err)
		}
		if c.json {
			err = c.printJSON(text)
		} else {
			c.replayed(r)
		}
		switch n := len(r.Differences); {
		case err != nil:
			return err
		case n == 1:
			return &answerNo{"a difference"}
		case n > 1:
			return &answerNo{fmt.Sprintf("%d differences", n)}
		}
		return nil
	}
}

func (c *cli) replayed(r console.Replay) {
	if len(r.Differences) > 0 {
		rows := [][]string{{"PATH", "NAME", "DIFFERS", "RECORDED", "NOW"}}
		for _, d := range r.Differences {
			rows = append(rows, []string{d.At, d.Name, string(d.What), cut(d.Recorded.String(), maxCell), cut(d.Now.String(), maxCell)})
		}
		c.rows(rows...)
	} else {
		fmt.Fprintln(c.out, "the same")
	}
	for _, at := range r.Untold {
		fmt.Fprintf(c.out, "a dry run cannot tell what would come of %s\n", line(at))
	}
	for _, l := range r.Left {
		fmt.Fprintf(c.out, "effect %d is not as it was: %s\n", l.Effect, line(l.Why))
	}
}

// maxCell bounds what a cell of a table shows of data.
const maxCell = 200
