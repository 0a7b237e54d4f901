package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/inspect/record"
)

func (c *cli) tail(fs *flag.FlagSet) func(context.Context, []string) error {
	var f filter
	f.flags(fs)
	n := fs.Int("n", 10, "how many of the past to begin with")
	every := fs.Duration("every", time.Second, "how often to ask the program")
	var only ids
	fs.Var(&only, "id", "with a key: only the connection with this `number`, until it ends")
	text := fs.Bool("text", false, "with a key: show how the events begin, which is what people see; the program has to allow it")
	return func(ctx context.Context, args []string) error {
		key, err := atMostOne(args, "one key")
		if err != nil {
			return err
		}
		switch {
		case *n < 0 || *every <= 0:
			return &misuse{"-n and -every must not be negative"}
		case key == "" && (*text || len(only) > 0):
			return &misuse{"-text and -id are about streams: give their key, such as default/lobby/ann"}
		case key != "" && f != (filter{}):
			return &misuse{"-failed, -name and -match choose dispatches: leave out the key"}
		case len(only) > 1:
			return &misuse{"-id names one connection"}
		case key != "":
			if _, err := sfere.ParseKey(key); err != nil {
				return &misuse{err.Error()}
			}
			w := watched{key: key, text: *text, n: *n}
			if len(only) == 1 {
				w.id = only[0]
			}
			return c.watch(ctx, w, *every)
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
		all, err := c.recent(ctx, f, 0)
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
			if gap && *f == (filter{}) {
				fmt.Fprintln(c.err, "sfere: there were more than the program keeps; some are missing here")
			}
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
	var rows [][]string
	if head {
		rows = append(rows, dispatchHead())
	}
	for _, d := range ds {
		rows = append(rows, dispatchRow(d.Dispatch))
	}
	for _, r := range rows {
		var cells []any
		for _, cell := range r {
			cells = append(cells, line(cell))
		}
		if _, err := fmt.Fprintf(c.out, "%8s  %-12s  %10s  %-12s  %-24s  %s\n", cells...); err != nil {
			return err
		}
	}
	return nil
}

// known are the rows of the last answer. A row is told by when its first dispatch
// began: what was the same several times is one row, whose number and count grow,
// and numbers begin again with the program.
type known map[time.Time]row

type row struct {
	seq  uint64
	over bool
}

// fresh returns the rows of all, newest first, that are new or have changed since
// the last answer, oldest first. gap tells that there may have been others.
func (k *known) fresh(all []listed) (fresh []listed, gap bool) {
	now := known{}
	gap = len(*k) > 0 && len(all) > 0
	for _, d := range slices.Backward(all) {
		id, r := began(d.Dispatch), row{d.Seq, d.State != record.Running}
		now[id] = r
		before, ok := (*k)[id]
		if ok {
			gap = false
		}
		if before != r {
			fresh = append(fresh, d)
		}
	}
	for _, r := range *k { // a program that has begun again has not forgotten any
		gap = gap && r.seq < all[0].Seq
	}
	*k = now
	return fresh, gap
}

// began drops what a round trip through JSON may change of a time.
func began(d console.Dispatch) time.Time {
	if d.First.IsZero() {
		return d.Began.UTC().Round(0)
	}
	return d.First.UTC().Round(0)
}
