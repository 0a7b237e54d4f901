// Command counter shows one number in every open browser.
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"sync/atomic"

	"github.com/sfere-go/sfere/twk/attr"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/registry"
	"github.com/sfere-go/sfere/twk"
)

// Click is effect data: it says what should happen and does nothing itself.
type Click struct{}

// EffectName returns "counter/click".
func (Click) EffectName() string { return "counter/click" }

// clicks is the handler of Click. What it needs for long is closed over; what
// belongs to one dispatch is in call.
func clicks(n *atomic.Int64) registry.Registry[twk.Session] {
	return registry.New("counter", effect.Handle("Count a click and show everybody the sum.",
		func(ctx context.Context, call *twk.Call, _ Click) (int64, error) {
			sum := n.Add(1)
			return sum, call.Dispatch(ctx, sfere.Broadcast{To: sfere.Category("page"), Effects: effect.List{show(sum)}}).Err()
		}))
}

func show(sum int64) twk.PatchElements {
	return twk.PatchElements{Elements: twk.HTML(fmt.Sprintf(`<b id="sum">%d</b>`, sum))}
}

func routes() http.Handler {
	var n atomic.Int64
	d := dispatch.Must(dispatch.New(twk.Registry(nil), sfere.Registry(sfere.New(nil)), clicks(&n)))
	bridge := twk.NewBridge(d, func(s twk.Session) twk.Session { return s }, nil)
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", bridge.Handle(func(*twk.Request) twk.Response { return twk.Page(page) }))
	mux.Handle("GET /live", bridge.Handle(func(*twk.Request) twk.Response {
		return sfere.Hold(sfere.ID("page", "counter"), twk.Stream(show(n.Load()))) // stays open
	}))
	mux.Handle("POST /click", bridge.Handle(func(*twk.Request) twk.Response {
		return twk.Respond(Click{}) // ends after its effects
	}))
	return mux
}

var page = twk.HTML(`<!doctype html><title>Counter</title>`) + twk.Client{}.Script() + `
<body data-init="` + twk.HTML(attr.StreamAction("/live", nil)) + `">
<p>Clicks so far: <b id="sum">…</b></p>
<button data-on:click="@post('/click')">Click</button>`

func main() {
	log.Println("counter: http://localhost:8080")
	log.Fatal(http.ListenAndServe("localhost:8080", routes()))
}
