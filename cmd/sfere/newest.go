package main

import (
	"context"
	"flag"
	"net/url"
	"strconv"
)

// newest is a command that lists the newest of what the program keeps, in a table with a
// head. nobody is what is said if there are none.
func newest[T any](c *cli, fs *flag.FlagSet, path, nobody string, head []string, row func(T) []string) func(context.Context, []string) error {
	n := fs.Int("n", 20, "how many; 0 for all that are kept")
	return func(ctx context.Context, args []string) error {
		if err := none(args); err != nil {
			return err
		}
		if *n < 0 {
			return &misuse{"-n is negative"}
		}
		var list []T
		done, err := c.fetch(ctx, path, url.Values{"n": {strconv.Itoa(*n)}}, &list)
		if err == nil && len(list) == 0 {
			err = &answerNo{nobody}
		}
		if done || err != nil {
			return err
		}
		rows := [][]string{head}
		for _, one := range list {
			rows = append(rows, row(one))
		}
		c.rows(rows...)
		return nil
	}
}
