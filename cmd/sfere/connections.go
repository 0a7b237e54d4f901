package main

import (
	"context"
	"flag"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/sfere-go/sfere"
)

func (c *cli) connections(*flag.FlagSet) func(context.Context, []string) error {
	return func(ctx context.Context, args []string) error {
		pattern, err := atMostOne(args, "one pattern")
		if err != nil {
			return err
		}
		var held []sfere.ConnInfo
		done, err := c.fetch(ctx, "/connections", url.Values{"pattern": {pattern}}, &held)
		if err == nil && len(held) == 0 {
			err = &answerNo{"nobody is there"}
		}
		if done || err != nil {
			return err
		}
		rows := [][]string{{"ID", "KEYS", "OPEN FOR", "QUEUED", "SENT", "REMOTE"}}
		for _, h := range held {
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
		return nil
	}
}
