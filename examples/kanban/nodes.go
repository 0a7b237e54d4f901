package main

import (
	"cmp"
	"context"
	"fmt"
	"os"

	"github.com/sfere-go/sfere/relay"
	"github.com/sfere-go/sfere/relay/natsrelay"
)

// nodes is how this process hears of the others. The zero value is for a single one.
type nodes struct {
	bus  relay.Relay
	node *relay.Options
}

// connect returns the NATS server at a URL, or for "embedded" one inside this process,
// whose URL it prints for the others. What is said is signed with key, which a server
// elsewhere demands. The caller calls end when it serves no more.
func connect(ctx context.Context, where, key string) (n nodes, end func(), err error) {
	if where == "" {
		return nodes{}, func() {}, nil
	}
	n.node = &relay.Options{Name: fmt.Sprintf("kanban-%d", os.Getpid())}
	if key = cmp.Or(key, os.Getenv("SFERE_KEY")); key != "" {
		n.node.Keys = [][]byte{[]byte(key)}
	}
	if where != "embedded" {
		n.bus = natsrelay.New(where, nil)
		return n, func() {}, nil
	}
	server, err := natsrelay.StartEmbedded(ctx, nil)
	if err != nil {
		return nodes{}, nil, err
	}
	n.bus = server
	fmt.Printf("others: -nats %s\n", server.URL())
	return n, server.Close, nil
}
