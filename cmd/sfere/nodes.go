package main

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"time"

	"github.com/sfere-go/sfere"
)

func (c *cli) nodes(*flag.FlagSet) func(context.Context, []string) error {
	return func(ctx context.Context, args []string) error {
		if err := none(args); err != nil {
			return err
		}
		var list []sfere.NodeInfo
		if done, err := c.fetch(ctx, "/nodes", nil, &list); done || err != nil {
			return err
		}
		rows := [][]string{{"NODE", "STATE", "STARTED", "CONNECTIONS", "GAPS", "QUEUED", "SENT", "RECEIVED", "USELESS", "REFUSED"}}
		for _, n := range list {
			row := []string{n.Label(), stateOf(n), n.Started.Format(time.DateTime)}
			if n.Count != nil && n.Stats != nil {
				s := n.Stats
				row = append(row, fmt.Sprint(n.Count.All), fmt.Sprint(s.Gaps), fmt.Sprint(s.QueueBytes), fmt.Sprint(s.Sent), fmt.Sprint(s.Received), fmt.Sprint(s.Useless), fmt.Sprint(s.Refused))
			} else {
				row = append(row, "?", "?", "?", "?", "?", "?", "?")
			}
			rows = append(rows, row)
		}
		c.rows(rows...)
		return nil
	}
}

// stateOf says in a few words how a node is.
func stateOf(n sfere.NodeInfo) string {
	text := n.Condition()
	if n.Reason != "" {
		text += ": " + cut(n.Reason, 100)
	}
	if n.Self {
		text += ", answers here"
	}
	return text
}

// unheard lists the machines whose connections are not on a page; empty if there are
// none.
func unheard(page sfere.Page) string {
	var all []string
	for _, n := range page.Unheard() {
		all = append(all, line(n.Label()+", "+n.Condition()))
	}
	return strings.Join(all, "; ")
}
