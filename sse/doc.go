// Package sse serves long streams of Server-Sent Events that many senders share.
//
//	hub := sse.NewHub(nil)
//	mux.HandleFunc("GET /ticks", func(w http.ResponseWriter, r *http.Request) {
//		err := hub.Serve(w, r, nil, func(ctx context.Context, c *sse.Conn) error {
//			room.join(c)
//			return c.EmitFirst(ctx, welcome)
//		})
//		if err != nil {
//			sse.Refuse(w, err)
//		}
//	})
//
//	tick, err := sse.NewFrame(sse.Event{Type: "tick", Data: []string{"1"}}, nil)
//	delivered := room.Fanout(conns, []*sse.Frame{tick}, nil) // room is an sse.Audience
//
// A [Conn] is one stream to one client. Anybody may send to it and close it, from
// any goroutine, at any time. Sending fills a bounded outbox and never waits.
// Nothing touches a response once its handler has returned.
//
// A [Hub] owns the streams. Its few writer goroutines write to all of them, it
// keeps them alive with heartbeats, cuts clients that do not read, and ends
// everything when the program does ([Shutdown], [Hub.Drain]).
//
// A [Frame] is one event as bytes. It is checked once, compressed once
// ([HubOptions].Compress) and shared by every stream that gets it.
//
// The package knows neither effects nor Datastar. It serves EventSource, htmx and
// Turbo as well.
package sse
