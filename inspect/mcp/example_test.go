package mcp_test

import (
	"context"
	"fmt"
	"net/http"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/inspect/mcp"
	"github.com/sfere-go/sfere/twk"
)

func Example() {
	d, err := dispatch.New(twk.Registry(nil))
	if err != nil {
		fmt.Println(err)
		return
	}
	c := console.New(d, nil, nil)
	mux := http.NewServeMux()
	mux.Handle("/mcp", mcp.Handler(c, nil)) // over HTTP, to who has the token of c

	// What a host of a model does, here over memory.
	ctx := context.Background()
	here, there := sdk.NewInMemoryTransports()
	server, err := mcp.NewServer(c, nil).Connect(ctx, there, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	client, err := sdk.NewClient(&sdk.Implementation{Name: "model", Version: "1"}, nil).Connect(ctx, here, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for tool, err := range client.Tools(ctx, nil) {
		if err != nil {
			fmt.Println(err)
			break
		}
		fmt.Println(tool.Name)
	}
	fmt.Println(client.Close(), server.Wait())
	// Output:
	// connections
	// describe
	// dispatches
	// dry_run
	// export
	// failures
	// grep
	// nodes
	// removals
	// replay
	// sample
	// stream_events
	// validate
	// views
	// <nil> <nil>
}
