package main

import (
	"context"
	"html"
	"log"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/attr"
)

func main() {
	client, err := twk.FindClient(context.Background(), "")
	if err != nil {
		log.Fatal(err)
	}
	page := client.Script() + twk.HTML(`<body `+attr.Stream("/live", nil).String()+`><ul id="log"></ul>
		<form data-on:submit="@post('/say')"><input data-bind:message><button>Say</button></form>`)
	app := sfere.NewApp(&sfere.AppOptions{Client: client})
	app.Handle("GET /{$}", func(*twk.Request) twk.Response { return twk.Page(page) })
	app.Handle("GET /live", func(*twk.Request) twk.Response { return sfere.Hold(sfere.ID("room", "guest"), twk.Stream()) })
	app.Handle("POST /say", func(r *twk.Request) twk.Response {
		var in struct{ Message string }
		if err := r.Signals(&in); err != nil {
			return twk.BadRequest(err)
		}
		line := twk.HTML("<li>" + html.EscapeString(in.Message) + "</li>")
		return twk.Respond(sfere.Tell(sfere.Category("room"), twk.Append("#log", line)), twk.Signals("message", ""))
	})
	if err := app.Run(context.Background(), "127.0.0.1:43037"); err != nil {
		log.Fatal(err)
	}
}
