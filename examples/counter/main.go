// Command counter shows one number in every open browser. It is the smallest
// program with effects of its own.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"sync/atomic"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/registry"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/attr"
)

// Effect data: they say what should happen and do nothing themselves.
type (
	// Click counts a click and shows everybody the sum.
	Click struct{}
	// Show shows the sum to one page.
	Show struct{}
)

// EffectName returns "counter/click".
func (Click) EffectName() string { return "counter/click" }

// EffectName returns "counter/show".
func (Show) EffectName() string { return "counter/show" }

var pages = sfere.Category("page")

// counter has the handlers. What they need for long is closed over; what belongs
// to one dispatch is in call.
func counter(n *atomic.Int64) registry.Registry[twk.Session] {
	return registry.New("counter",
		effect.Do("Count a click and show everybody the sum.", func(ctx context.Context, call twk.Call, _ Click) error {
			return call.Dispatch(ctx, sfere.Tell(pages, sum(n.Add(1)))).Err()
		}),
		effect.Do("Show the sum to one page.", func(ctx context.Context, call twk.Call, _ Show) error {
			return call.Dispatch(ctx, sum(n.Load())).Err()
		}))
}

func sum(n int64) twk.PatchElements {
	return twk.Patch(twk.HTML(fmt.Sprintf(`<b id="sum">%d</b>`, n)))
}

func newApp(client twk.Client) *sfere.App[twk.Session] {
	page := `<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Counter</title>` + client.Script() + `
<body ` + twk.HTML(attr.Stream("/live", nil).String()) + `>
<p>Clicks so far: <b id="sum">…</b></p>
<button ` + twk.HTML(attr.On("click", attr.Post("/click", nil)).String()) + `>Click</button>`

	app := sfere.NewApp(&sfere.AppOptions{Client: client}, counter(new(atomic.Int64)))
	app.Handle("GET /{$}", func(*twk.Request) twk.Response { return twk.Page(page) })
	app.Handle("GET /live", func(*twk.Request) twk.Response {
		// The stream is held first and read from afterwards, so no click is missed.
		return sfere.Hold(sfere.ID("page", "counter"), twk.Stream(Show{}))
	})
	app.Handle("POST /click", func(*twk.Request) twk.Response {
		// To count and to say so is one step: a later sum never comes first.
		return twk.Respond(effect.Serial{Key: "sum", Effects: effect.List{Click{}}})
	})
	return app
}

func main() {
	addr := flag.String("addr", "localhost:8080", "address to listen on")
	flag.Parse()
	ctx := context.Background()
	client, err := twk.FindClient(ctx, "") // served by the program, if it can be found
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("counter: http://%s", *addr)
	if err := newApp(client).Run(ctx, *addr); err != nil {
		log.Fatal(err)
	}
}
