package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/inspect/record"
)

func (c *cli) tail(fs *flag.FlagSet) func(context.Context, []string) error {
	var f filter
	f.flags(fs)
	n := fs.Int("n", 10, "how many of the past to begin with")
	every := fs.Duration("every", time.Second, "how often to ask the program")
	return func(ctx context.Context, args []string) error {
		if err := none(args); err != nil {
			return err
		}
		if *n < 0 || *every <= 0 {
			return &misuse{"-n and -every must not be negative"}
		}
		return c.follow(ctx, &f, *n, *every)
	}
}

// follow prints the dispatches that f keeps as they happen, first n of the past,
// until ctx ends. The program must answer once; when it does not answer later on,
// it is asked again until it does.
func (c *cli) follow(ctx context.Context, f *filter, n int, every time.Duration) error {
	seen, lost := known{}, false
	for first := true; ; first = false {
		all, err := c.recent(ctx)
		_, silent := errors.AsType[*away](err)
		switch {
		case ctx.Err() != nil:
			return nil // the user has seen enough
		case silent && !first:
			if !lost {
				fmt.Fprintln(c.err, "sfere: "+err.Error()+"; asking again")
			}
			lost = true
		case err != nil:
			return err
		default:
			if lost {
				fmt.Fprintln(c.err, "sfere: the program is back")
				lost = false
			}
			fresh, gap := seen.fresh(all)
			if gap && !first {
				fmt.Fprintln(c.err, "sfere: there were more than the program keeps; some are missing here")
			}
			fresh = slices.DeleteFunc(fresh, func(d listed) bool { return !f.keeps(d.Dispatch) })
			if first {
				fresh = fresh[max(0, len(fresh)-n):]
			}
			if err := c.tailRows(fresh, first); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(every):
		}
	}
}

// tailRows prints dispatches, one to a line.
func (c *cli) tailRows(ds []listed, head bool) error {
	if c.json {
		for _, d := range ds {
			if _, err := io.WriteString(c.out, compact(d.text)+"\n"); err != nil {
				return err
			}
		}
		return nil
	}
	const format = "%8s  %-12s  %10s  %-15s  %s\n"
	if head {
		fmt.Fprintf(c.out, format, "NUMBER", "BEGAN", "TOOK", "STATE", "ITEMS")
	}
	for _, d := range ds {
		cells := make([]any, 0, 5)
		for _, cell := range dispatchRow(d.Dispatch) {
			cells = append(cells, line(cell))
		}
		if _, err := fmt.Fprintf(c.out, format, cells...); err != nil {
			return err
		}
	}
	return nil
}

// known are the dispatches of the last answer, and whether they were over. The
// time tells those of a program apart that has begun again with number 1.
type known map[was]bool

type was struct {
	seq   uint64
	began time.Time
}

// fresh returns those of all, newest first, that are new or have ended since the
// last answer, oldest first. gap tells that there may have been others.
func (k *known) fresh(all []listed) (fresh []listed, gap bool) {
	now := known{}
	gap = len(*k) > 0 && len(all) > 0
	for _, d := range slices.Backward(all) {
		id, over := wasOf(d.Dispatch), d.State != record.Running
		now[id] = over
		before, ok := (*k)[id]
		if ok {
			gap = false
		}
		if !ok || over && !before {
			fresh = append(fresh, d)
		}
	}
	if gap { // a program that has begun again has not forgotten any
		for id := range *k {
			if id.seq >= all[0].Seq {
				gap = false
			}
		}
	}
	*k = now
	return fresh, gap
}

// wasOf drops what a round trip through JSON may change of a time.
func wasOf(d console.Dispatch) was { return was{d.Seq, d.Began.UTC().Round(0)} }
