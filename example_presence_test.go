package sfere_test

import (
	"context"
	"fmt"
	"html"
	"net/http"
	"time"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/registry"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/attr"
)

// room is a list of people that every page shows.
type room struct {
	app  *sfere.App[twk.Session]
	here *sfere.Presence
}

// joined and left say how it is with one person, whatever a page shows so far.
func (m *room) joined(v sfere.Visitor) {
	m.app.Dispatch(context.Background(), sfere.Tell(sfere.Category("lobby"),
		twk.Remove(twk.ByID(personID(v))), twk.Append("#people", person(v))))
}

func (m *room) left(v sfere.Visitor) {
	m.app.Dispatch(context.Background(), sfere.Tell(sfere.Category("lobby"), twk.Remove(twk.ByID(personID(v)))))
}

// ShowPeople sends the list to a newcomer. It is among the first effects of a stream.
type ShowPeople struct{}

// EffectName returns "room/show-people".
func (ShowPeople) EffectName() string { return "room/show-people" }

func (m *room) show(ctx context.Context, call twk.Call, _ ShowPeople) error {
	there, _ := m.here.List()
	items := ""
	for _, v := range there {
		items += string(person(v))
	}
	return call.Dispatch(ctx, twk.Inner("#people", twk.HTML(items))).Err()
}

func person(v sfere.Visitor) twk.HTML {
	return twk.HTML(`<li id="` + personID(v) + `">` + html.EscapeString(v.Key.ID) + `</li>`)
}

func personID(v sfere.Visitor) string { return twk.ElementID("person", v.Key.ID) }

func newRoom() *room {
	m := &room{}
	m.app = sfere.NewApp(nil, registry.New("room", effect.Do("Send the list of people.", m.show)))
	m.app.Handle("GET /live", func(r *twk.Request) twk.Response {
		return sfere.Hold(sfere.ID("lobby", r.URL.Query().Get("user")), twk.Stream(ShowPeople{}))
	})
	var err error
	m.here, err = m.app.Conns().Watch(sfere.Category("lobby"), &sfere.PresenceOptions{Joined: m.joined, Left: m.left})
	if err != nil {
		panic(err)
	}
	return m
}

// A newcomer gets the list, and what changes after it. No lock of the program is
// needed for that.
func ExamplePresence_List() {
	m := newRoom()
	defer m.here.Stop()
	b := browse(m.app)
	defer b.quit()
	ann := b.open("ann", "/live?user=ann")
	ann.show(3) // the list of nobody, then herself
	bob := b.open("bob", "/live?user=bob")
	bob.show(3)
	ann.show(2)
	// Output:
	// ann: selector #people; mode inner
	// ann: selector #person-ann; mode remove
	// ann: selector #people; mode append; elements <li id="person-ann">ann</li>
	// bob: selector #people; mode inner; elements <li id="person-ann">ann</li>
	// bob: selector #person-bob; mode remove
	// bob: selector #people; mode append; elements <li id="person-bob">bob</li>
	// ann: selector #person-bob; mode remove
	// ann: selector #people; mode append; elements <li id="person-bob">bob</li>
}

// session returns the secret that the cookie of a request carries.
func session(r *twk.Request) string {
	if c, err := r.Cookie("session"); err == nil {
		return c.Value
	}
	return ""
}

// A name belongs to the session that claimed it.
func ExampleConns_Claim() {
	app := sfere.NewApp(nil)
	conns := app.Conns()
	name := func(r *twk.Request) sfere.Key {
		return sfere.ID("name", r.URL.Query().Get("name")).In(sfere.DefaultScope)
	}
	app.Handle("POST /join", func(r *twk.Request) twk.Response {
		if err := conns.Claim(name(r), session(r), 10*time.Second); err != nil {
			return twk.Respond(twk.Patch(twk.HTML(`<p id="error">This name is taken.</p>`)))
		}
		return twk.Respond(twk.Patch(twk.HTML(`<main id="room" ` + attr.Stream("/live", nil).String() + `></main>`)))
	})
	app.Handle("GET /live", func(r *twk.Request) twk.Response {
		return twk.Stream().WithOpen(sfere.HoldStream{Key: name(r), Owner: session(r)})
	})
	app.Handle("POST /leave", func(r *twk.Request) twk.Response {
		return twk.Respond(sfere.Close{To: sfere.Exactly(name(r))}, sfere.Release{Key: name(r), Owner: session(r)})
	})

	ann := sfere.ID("name", "ann").In(sfere.DefaultScope)
	fmt.Println(conns.Claim(ann, "session 1", 10*time.Second))
	fmt.Println(conns.Claim(ann, "session 2", 10*time.Second))
	fmt.Println(conns.Release(ann, "session 1"))
	fmt.Println(conns.Claim(ann, "session 2", 10*time.Second))
	// Output:
	// <nil>
	// sfere: claiming default/name/ann: somebody else has this key
	// true
	// <nil>
}

// logout ends a session in all its tabs and keeps them from coming back.
func logout(r *twk.Request) twk.Response {
	mine := sfere.ID("session", session(r)).In(sfere.DefaultScope)
	return twk.Respond(
		sfere.Kick{To: sfere.Exactly(mine), Why: effect.List{twk.Redirect{URL: "/bye"}}},
		twk.Redirect{URL: "/bye"},
	).WithCookie(&http.Cookie{Name: "session", Path: "/", MaxAge: -1})
}

// Kick says why, closes and keeps away; Admit lets in again.
func ExampleKick() {
	d, b, pages := oldHall(sfere.New(nil), "ann")
	defer b.quit()
	ann := sfere.Exactly(sfere.ID("lobby", "ann").In(sfere.DefaultScope))
	res := d.Dispatch(context.Background(), App{}, sfere.Kick{
		To:  ann,
		Why: effect.List{twk.PatchElements{Elements: twk.HTML(`<div id="status">You were thrown out.</div>`)}},
		For: 10 * time.Minute,
	})
	fmt.Println(sfere.ReportOf(res).Delivered, "closed")
	pages["ann"].show(1)

	req, _ := http.NewRequest("GET", b.srv.URL+`/join?datastar={"username":"ann"}`, nil)
	req.Header.Set("Datastar-Request", "true")
	again, err := b.srv.Client().Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	again.Body.Close()
	fmt.Println("coming back:", again.Status)

	d.Dispatch(context.Background(), App{}, sfere.Admit{To: ann})
	b.open("ann", `/join?datastar={"username":"ann"}`).show(1)
	// Output:
	// 1 closed
	// ann: elements <div id="status">You were thrown out.</div>
	// coming back: 204 No Content
	// ann: elements <div id="status">Joined!</div>
}

var _ = logout
