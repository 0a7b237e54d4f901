package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/inspect/console"
)

// ids are numbers of connections, given one by one.
type ids []uint64

func (l *ids) String() string { return "" }

func (l *ids) Set(v string) error {
	id, err := strconv.ParseUint(strings.TrimPrefix(v, "#"), 10, 64)
	if err != nil {
		return fmt.Errorf("want the number of a connection, as sfere connections lists it")
	}
	*l = append(*l, id)
	return nil
}

// close ends streams, by the effects of package sfere: so the program's guard, its
// interceptors and its audit see it as everything else that is sent.
func (c *cli) close(fs *flag.FlagSet) func(context.Context, []string) error {
	dry := fs.Bool("n", false, "say who would be closed, and close nobody")
	away := fs.Duration("for", 0, "keep them away this `long`; without it most pages come back at once")
	var only ids
	fs.Var(&only, "id", "only the connection with this `number`; as often as needed")
	return func(ctx context.Context, args []string) error {
		text, err := one(args, "a key or a pattern, such as default/lobby/ann")
		if err != nil {
			return err
		}
		to, err := sfere.ParsePattern(text)
		switch {
		case err != nil:
			return &misuse{err.Error()}
		case *away < 0:
			return &misuse{"-for is negative"}
		case *away > 0 && len(only) > 0:
			return &misuse{"-for keeps keys away, and -id chooses connections: use one of them"}
		}
		var end effect.Data = sfere.Close{To: to, Streams: only}
		if *away > 0 {
			end = sfere.Kick{To: to, For: *away}
		}
		body, err := json.Marshal(effect.List{end})
		if err != nil {
			return err
		}
		if *dry {
			return c.wouldClose(ctx, text, body)
		}
		return c.closed(ctx, text, body)
	}
}

func (c *cli) wouldClose(ctx context.Context, to string, body []byte) error {
	text, err := c.post(ctx, "/dry-run", body)
	if err != nil {
		return err
	}
	return c.became(text, to)
}

// closed closes in earnest and says how many.
func (c *cli) closed(ctx context.Context, to string, body []byte) error {
	text, err := c.post(ctx, "/send", body)
	if err != nil {
		return err
	}
	var out console.Outcome
	if err := json.Unmarshal(text, &out); err != nil {
		return notAsked(err)
	}
	if c.json || len(out.Errors) > 0 || len(out.Ran) != 1 {
		return c.became(text, to)
	}
	var report sfere.Report
	if err := json.Unmarshal(out.Ran[0].Value, &report); err != nil {
		return notAsked(err)
	}
	fmt.Fprintf(c.out, "closed %d of %d that match\n", report.Delivered, report.Matched)
	if report.Matched == 0 {
		return &answerNo{"nobody matches " + to}
	}
	return nil
}

func (c *cli) removals(fs *flag.FlagSet) func(context.Context, []string) error {
	head := []string{"ID", "KEYS", "LEFT", "WAS OPEN FOR", "CAUSE", "REMOTE"}
	return newest(c, fs, "/removals", "nobody has left", head, func(r sfere.Removal) []string {
		return []string{
			fmt.Sprint(r.Info.ID), keys(r.Keys), r.At.Local().Format("15:04:05.000"),
			r.At.Sub(r.Info.Opened).Round(time.Second).String(), string(r.Cause), r.Info.Remote,
		}
	})
}

// keys lists keys in one cell.
func keys(list []sfere.Key) string {
	var out []string
	for _, k := range list {
		out = append(out, k.String())
	}
	return strings.Join(out, " ")
}
