package sfere_test

import (
	"context"
	"fmt"
	"html"
	"net/http"
	"time"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/registry"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/attr"
)

// App is what one dispatch of the examples runs against.
type App struct{ twk.Session }

// newDispatcher joins the effects of both packages.
func newDispatcher(conns *sfere.Conns) *dispatch.Dispatcher[App] {
	session := func(a *App) *twk.Session { return &a.Session }
	return dispatch.Must(dispatch.New(
		registry.Lift(twk.Registry(nil), session),
		registry.Lift(sfere.Registry(conns), session),
	))
}

// join answers with a stream that stays open and is held under a key.
func join(r *twk.Request) twk.Response {
	var in struct{ Username string }
	if err := r.Signals(&in); err != nil || in.Username == "" {
		return twk.BadRequest(err)
	}
	return sfere.Hold(sfere.ID("lobby", in.Username), twk.Stream(
		twk.PatchElements{Elements: twk.HTML(`<div id="status">Joined!</div>`)},
	))
}

// message sends what somebody typed to everybody in the lobby, and ends.
func message(r *twk.Request) twk.Response {
	var in struct{ Message string }
	if err := r.Signals(&in); err != nil {
		return twk.BadRequest(err)
	}
	return twk.Respond(sfere.Broadcast{To: sfere.Category("lobby"), Effects: effect.List{
		twk.PatchElements{Elements: twk.HTML(`<div id="last">` + html.EscapeString(in.Message) + `</div>`)},
	}})
}

// The quick start: a place for connections, effects that work on it, a handler
// whose stream is held, and one that sends to it.
func Example() {
	conns := sfere.New(nil)
	bridge := twk.NewBridge(newDispatcher(conns), func(s twk.Session) App { return App{s} }, nil)
	mux := http.NewServeMux()
	mux.Handle("GET /join", bridge.Handle(join))
	mux.Handle("GET /message", bridge.Handle(message))

	b := browse(mux)
	defer b.quit()
	ann := b.open("ann", `/join?datastar={"username":"ann"}`)
	bob := b.open("bob", `/join?datastar={"username":"bob"}`)
	ann.show(1)
	bob.show(1)
	b.open("", `/message?datastar={"message":"Hello!"}`)
	ann.show(1)
	bob.show(1)
	// Output:
	// ann: elements <div id="status">Joined!</div>
	// bob: elements <div id="status">Joined!</div>
	// ann: elements <div id="last">Hello!</div>
	// bob: elements <div id="last">Hello!</div>
}

// A key says who may see a connection, what it is for and which one it is. A
// handler leaves the scope to the program.
func ExampleID() {
	fmt.Println(sfere.ID("lobby", "brian").In(sfere.DefaultScope))
	fmt.Println(sfere.ID("room", "general").In("user-123"))
	// Output:
	// default/lobby/brian
	// user-123/room/general
}

// The patterns of the original, in the same order.
func ExamplePattern_wildcards() {
	fmt.Println(sfere.Category("lobby"))                                 // in the scope of the dispatch
	fmt.Println(sfere.Pattern{Category: sfere.Any, ID: sfere.Is("ann")}) // likewise
	fmt.Println(sfere.Category("room").In("user-123"))                   // in another scope
	fmt.Println(sfere.Category("lobby").AllScopes())                     // in every scope
	fmt.Println(sfere.Everyone())                                        // in every scope, too
	// Output:
	// /lobby/*
	// /*/ann
	// user-123/room/*
	// */lobby/*
	// */*/*
}

// hall opens a stream for each name in the lobby.
func oldHall(conns *sfere.Conns, names ...string) (d *dispatch.Dispatcher[App], b *browser, pages map[string]*page) {
	d = newDispatcher(conns)
	bridge := twk.NewBridge(d, func(s twk.Session) App { return App{s} }, nil)
	mux := http.NewServeMux()
	mux.Handle("GET /join", bridge.Handle(join))
	b = browse(mux)
	pages = map[string]*page{}
	for _, name := range names {
		pages[name] = b.open(name, `/join?datastar={"username":"`+name+`"}`)
		pages[name].next() // the first event: it is held
	}
	return d, b, pages
}

// Broadcast leaves out the connections under some keys, or those that match
// some patterns.
func ExampleBroadcast_exclude() {
	d, b, pages := oldHall(sfere.New(nil), "ann", "admin")
	defer b.quit()

	res := d.Dispatch(context.Background(), App{}, sfere.Broadcast{
		To:      sfere.Category("lobby"),
		Exclude: sfere.Except(sfere.ID("lobby", "admin").In(sfere.DefaultScope)),
		Effects: effect.List{twk.PatchElements{Elements: twk.HTML(`<div id="m">Message</div>`)}},
	})
	fmt.Println(sfere.ReportOf(res).Delivered, "delivered")
	pages["ann"].show(1)
	// Output:
	// 1 delivered
	// ann: elements <div id="m">Message</div>
}

// Sending to one key tells whether anybody is there.
func ExampleSend() {
	d, b, pages := oldHall(sfere.New(nil), "ann")
	defer b.quit()

	hello := twk.PatchSignals{Signals: map[string]any{"hello": true}}
	res := d.Dispatch(context.Background(), App{},
		sfere.Send(sfere.ID("lobby", "ann"), hello),
		sfere.Send(sfere.ID("lobby", "bob"), hello),
	)
	report := sfere.ReportOf(res)
	fmt.Println(res.Err(), report.Delivered, "delivered, missing:", report.Missing)
	pages["ann"].show(1)
	// Output:
	// <nil> 1 delivered, missing: [default/lobby/bob]
	// ann: signals {"hello":true}
}

// What a broadcast says may depend on who gets it.
func ExampleRecipientOf() {
	d, b, pages := oldHall(sfere.New(nil), "ann", "bob")
	defer b.quit()

	greeting := twk.PerRecipientFunc(func(ctx context.Context) twk.Content {
		to, _ := sfere.RecipientOf(ctx)
		return twk.HTML(`<p id="hi">Hi, ` + html.EscapeString(to.Key.ID) + `</p>`)
	})
	d.Dispatch(context.Background(), App{}, sfere.Broadcast{To: sfere.Category("lobby"), Effects: effect.List{
		twk.PatchElements{Elements: greeting},
		twk.PatchSignals{Late: map[string]effect.Late[any]{"me": effect.Later[any](sfere.OwnKey{Part: "id"})}},
	}})
	pages["ann"].show(2)
	pages["bob"].show(2)
	// Output:
	// ann: elements <p id="hi">Hi, ann</p>
	// ann: signals {"me":"ann"}
	// bob: elements <p id="hi">Hi, bob</p>
	// bob: signals {"me":"bob"}
}

// lobbyPage opens its stream when it is loaded. The stream is a GET, so that a
// hidden tab gives its connection back.
func lobbyPage(*twk.Request) twk.Response {
	return twk.Page(twk.HTML(`<!doctype html><body ` + attr.Stream("/sse", nil).String() + `><div id="status"></div></body>`))
}

// live stays open, as it answers with a Stream.
func live(r *twk.Request) twk.Response {
	return sfere.Hold(sfere.ID("lobby", user(r)), twk.Stream(
		twk.PatchElements{Elements: twk.HTML(`<div id="status">Connected!</div>`)},
	))
}

// send ends, as it answers with Respond.
func send(r *twk.Request) twk.Response {
	return twk.Respond(sfere.Broadcast{To: sfere.Category("lobby"), Effects: effect.List{
		twk.PatchElements{Elements: twk.HTML(`<div id="last">` + html.EscapeString(user(r)) + ` waves</div>`)},
	}})
}

// user is who the session of the request belongs to.
func user(r *twk.Request) string {
	c, err := r.Cookie("user")
	if err != nil {
		return "somebody"
	}
	return c.Value
}

// Long-lived connections: a page opens one when it is loaded, other handlers
// answer and end.
func ExampleHold() {
	conns := sfere.New(nil)
	bridge := twk.NewBridge(newDispatcher(conns), func(s twk.Session) App { return App{s} }, nil)
	mux := http.NewServeMux()
	mux.Handle("GET /", bridge.Handle(lobbyPage))
	mux.Handle("GET /sse", bridge.Handle(live))
	mux.Handle("GET /send", bridge.Handle(send))

	b := browse(mux)
	defer b.quit()
	p := b.open("page", "/sse")
	p.show(1)
	b.open("", "/send")
	p.show(1)
	// Output:
	// page: elements <div id="status">Connected!</div>
	// page: elements <div id="last">somebody waves</div>
}

// Replace is for a program that wants one stream per person: the newer one wins.
func ExampleHoldStream() {
	only := func(r *twk.Request) twk.Response {
		return twk.Stream().WithOpen(sfere.HoldStream{Key: sfere.ID("editor", user(r)), Policy: sfere.Replace})
	}
	fmt.Println(len(only(&twk.Request{Request: &http.Request{}}).Open), "effect runs before the stream opens")
	// Output: 1 effect runs before the stream opens
}

// Connections in memory stay as long as they live.
func ExampleNew() {
	conns := sfere.New(nil)
	n, err := conns.Count(sfere.Everyone())
	fmt.Println(n, err)
	// Output: 0 <nil>
}

// With a time to live and a maximum, for programs that face the world. These
// are the defaults.
func ExampleNewTTL() {
	conns := sfere.New(&sfere.Options{Store: sfere.NewTTL(&sfere.TTLOptions{
		TTL:     10 * time.Minute,
		MaxSize: 10_000,
	})})
	defer conns.Close()
	fmt.Println(conns.Explain(sfere.Everyone()))
	// Output: all: 0 keys, 0 entries
}

// Sliding, the default: a connection is ended when nothing has been written to
// it, and its client has not been heard of, for a minute.
func ExampleTTLOptions_sliding() {
	conns := sfere.New(&sfere.Options{Store: sfere.NewTTL(&sfere.TTLOptions{TTL: time.Minute})})
	defer conns.Close()
	fmt.Println(conns.Touch(sfere.ID("lobby", "ann").In(sfere.DefaultScope)), "connections renewed")
	// Output: 0 connections renewed
}

// Fixed: a connection is ended a minute after it was opened, whatever happens
// on it. Its client comes back and starts afresh.
func ExampleTTLOptions_fixed() {
	conns := sfere.New(&sfere.Options{Store: sfere.NewTTL(&sfere.TTLOptions{TTL: time.Minute, Fixed: true})})
	defer conns.Close()
	// Output:
}

// Who is there, from a prompt or an admin page.
func ExampleConns_List() {
	conns := sfere.New(nil)
	_, b, _ := oldHall(conns, "bob", "alice")
	defer b.quit()

	all, err := conns.List(sfere.Everyone())
	fmt.Println(all, err)

	lobby, err := conns.List(sfere.Category("lobby"))
	fmt.Println(lobby, err)

	n, err := conns.Count(sfere.Category("lobby"))
	fmt.Println(n, err)
	fmt.Println(conns.Explain(sfere.Category("lobby")))

	held, err := conns.Snapshot(sfere.Everyone())
	fmt.Println(held[0].Keys, "open:", held[0].Conn.Cause == "", err)
	// Output:
	// [default/lobby/alice default/lobby/bob] <nil>
	// [default/lobby/alice default/lobby/bob] <nil>
	// 2 <nil>
	// scope+category: 2 keys, 2 entries
	// [default/lobby/alice] open: true <nil>
}

// From a job, a prompt or a signal handler: a dispatch needs no request.
func ExampleBroadcast_outOfBand() {
	d, b, pages := oldHall(sfere.New(nil), "ann")
	defer b.quit()

	d.Dispatch(context.Background(), App{}, sfere.Broadcast{To: sfere.Category("lobby"), Effects: effect.List{
		twk.PatchElements{Elements: twk.HTML(`<div id="m">Server announcement!</div>`)},
	}})
	pages["ann"].show(1)
	// Output: ann: elements <div id="m">Server announcement!</div>
}

// The options of the original's registry belong to the connections here.
func ExampleOptions() {
	done := make(chan bool)
	conns := sfere.New(&sfere.Options{
		Scope: func(r *twk.Request) (string, error) { return user(r), nil },
		OnRemove: func(r sfere.Removal) {
			fmt.Println("removed", r.Keys, "because", r.Cause)
			done <- true
		},
	})
	_, b, _ := oldHall(conns, "ann")
	defer b.quit()
	report, err := conns.Purge(sfere.Category("lobby").In("somebody"))
	<-done
	fmt.Println(report.Delivered, err)
	// Output:
	// removed [somebody/lobby/ann] because closed
	// 1 <nil>
}

// A reload is no departure: people leave when their grace period is over.
func ExampleConns_Watch() {
	conns := sfere.New(nil)
	arrived := make(chan bool)
	here, err := conns.Watch(sfere.Category("lobby"), &sfere.PresenceOptions{
		Grace: time.Minute,
		Joined: func(v sfere.Visitor) {
			fmt.Println(v.Key.ID, "joined")
			arrived <- true
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, b, _ := oldHall(conns, "ann")
	<-arrived
	b.quit()
	there, changes := here.List()
	fmt.Println(there[0].Key, changes)
	here.Stop()
	// Output:
	// ann joined
	// default/lobby/ann 1
}
