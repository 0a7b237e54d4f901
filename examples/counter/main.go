// Command counter shows one number in every open browser. It is the smallest
// program with a state, a view of it, and effects of its own: what changes the state
// says that the view may have changed, and every page follows.
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
	// Sum is a view: the number of clicks, as every page shows it.
	Sum struct{}
	// Click counts a click.
	Click struct{}
)

// EffectName returns "counter/sum".
func (Sum) EffectName() string { return "counter/sum" }

// Topics says of what the view is: a Refresh of "clicks" renders it again.
func (Sum) Topics() []sfere.Topic { return []sfere.Topic{"clicks"} }

// EffectName returns "counter/click".
func (Click) EffectName() string { return "counter/click" }

// counter has the functions for these data. The state is closed over.
func counter(clicks *atomic.Int64) registry.Registry[twk.Session] {
	return registry.New("counter",
		sfere.View[twk.Session]("The number of clicks.", func(context.Context, Sum) (twk.Content, error) {
			return twk.HTML(fmt.Sprintf(`<b id="sum">%d</b>`, clicks.Load())), nil
		}, nil),
		effect.Do("Count a click.", func(context.Context, twk.Call, Click) error {
			clicks.Add(1)
			return nil
		}))
}

func newApp(client twk.Client) *sfere.App[twk.Session] {
	page := `<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Counter</title>` + client.Script() + `
<body ` + twk.HTML(attr.Stream("/live", nil).String()) + `>
<button ` + twk.HTML(attr.On("click", attr.Post("/click", nil)).String()) + `>Click</button>
<p>Clicks so far: `

	app := sfere.NewApp(&sfere.AppOptions{Client: client}, counter(new(atomic.Int64)))
	app.Handle("GET /{$}", func(r *twk.Request) twk.Response {
		sum, err := app.Render(r, Sum{}) // as in the stream
		if err != nil {
			return twk.Status(500)
		}
		return twk.Page(page + sum)
	})
	app.Handle("GET /live", func(*twk.Request) twk.Response {
		return twk.Stream(sfere.Show{Views: effect.List{Sum{}}})
	})
	app.Handle("POST /click", func(*twk.Request) twk.Response {
		return twk.Respond(Click{}, sfere.Refresh{Topic: "clicks"})
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
