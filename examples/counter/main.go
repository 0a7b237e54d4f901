// Command counter shows one number in every open browser. It is the smallest
// program with an effect of its own.
package main

import (
	"context"
	"fmt"
	"log"
	"sync/atomic"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/registry"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/attr"
)

// Click is effect data: it says what should happen and does nothing itself.
type Click struct{}

// EffectName returns "counter/click".
func (Click) EffectName() string { return "counter/click" }

// clicks has the handler of Click. What it needs for long is closed over; what
// belongs to one dispatch is in call.
func clicks(n *atomic.Int64) registry.Registry[twk.Session] {
	return registry.New("counter", effect.Handle("Count a click and show everybody the sum.",
		func(ctx context.Context, call twk.Call, _ Click) (int64, error) {
			sum := n.Add(1)
			return sum, call.Dispatch(ctx, sfere.Tell(sfere.Category("page"), show(sum))).Err()
		}))
}

func show(sum int64) twk.PatchElements {
	return twk.Patch(twk.HTML(fmt.Sprintf(`<b id="sum">%d</b>`, sum)))
}

func newApp(client twk.Client) *sfere.App[twk.Session] {
	var n atomic.Int64
	page := `<!doctype html><title>Counter</title>` + client.Script() + `
<body ` + twk.HTML(attr.Stream("/live", nil).String()) + `>
<p>Clicks so far: <b id="sum">…</b></p>
<button data-on:click="@post('/click')">Click</button>`

	app := sfere.NewApp(&sfere.AppOptions{Client: client}, clicks(&n))
	app.Handle("GET /{$}", func(*twk.Request) twk.Response { return twk.Page(page) })
	app.Handle("GET /live", func(*twk.Request) twk.Response {
		return sfere.Hold(sfere.ID("page", "counter"), twk.Stream(show(n.Load()))) // stays open
	})
	app.Handle("POST /click", func(*twk.Request) twk.Response {
		return twk.Respond(Click{}) // ends after its effects
	})
	return app
}

func main() {
	log.Println("counter: http://localhost:8080")
	if err := newApp(twk.Client{}).Run(context.Background(), "localhost:8080"); err != nil {
		log.Fatal(err)
	}
}
