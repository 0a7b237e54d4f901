package main

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/registry"
	"github.com/sfere-go/sfere/sfere"
	"github.com/sfere-go/sfere/twk"
)

// App is the Ctx of the lobby's dispatches.
type App struct{ twk.Session }

// server is the lobby.
type server struct {
	signer signer
	room   *room
	here   *sfere.Presence
	bridge *twk.Bridge[App]
	page   page
}

func newServer(secret string, p page) (*server, error) {
	conns := sfere.NewMemory(nil)
	room := &room{owner: map[string]string{}, members: map[string]bool{}}
	session := func(a *App) *twk.Session { return &a.Session }
	d, err := dispatch.New(
		registry.Lift(twk.Registry(nil), session),
		registry.Lift(sfere.Registry(conns), session),
		registry.New("lobby", effect.Handle("Send the list of participants to a newcomer.", room.show)),
	)
	if err != nil {
		return nil, err
	}
	room.say = func(effects ...effect.Data) {
		if err := d.Dispatch(context.Background(), App{}, effects...).Err(); err != nil {
			slog.Error("announcing", "error", err)
		}
	}
	here, err := conns.Watch(lobby, &sfere.PresenceOptions{Grace: grace, Joined: room.joined, Left: room.left})
	bridge := twk.NewBridge(d, func(s twk.Session) App { return App{s} }, nil)
	return &server{newSigner(secret), room, here, bridge, p}, err
}

func (s *server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", s.bridge.Handle(s.index))
	mux.Handle("POST /join", s.bridge.Handle(s.join))
	mux.Handle("GET /sse", s.bridge.Handle(s.sse))
	mux.Handle("POST /message", s.bridge.Handle(s.message))
	mux.Handle("POST /leave", s.bridge.Handle(s.leave))
	s.page.assets(mux)
	return http.NewCrossOriginProtection().Handler(mux)
}

// who returns the sender of r, unless somebody else has the name by now.
func (s *server) who(r *twk.Request) (identity, bool) {
	id, ok := s.signer.identity(r.Request)
	return id, ok && s.room.claim(id)
}

func (s *server) index(r *twk.Request) twk.Response {
	_, in := s.who(r)
	return twk.Page(s.page.render(in))
}

func (s *server) join(r *twk.Request) twk.Response {
	var in struct{ Username string }
	if err := r.Signals(&in); err != nil {
		return twk.BadRequest(err)
	}
	id := identity{in.Username, rand.Text()}
	if old, ok := s.signer.identity(r.Request); ok && old.Name == id.Name {
		id = old
	}
	switch {
	case strings.TrimSpace(id.Name) == "":
		return twk.Respond(problem("Please choose a name."))
	case utf8.RuneCountInString(id.Name) > 40:
		return twk.Respond(problem("A name has at most 40 characters."))
	case key(id.Name).Validate() != nil:
		return twk.Respond(problem("This name cannot be used."))
	case !s.room.claim(id):
		return twk.Respond(problem("This name is taken."))
	}
	time.AfterFunc(2*grace, func() { s.room.release(id, s.here) })
	return twk.Respond(problem(""), replace("#join-form", "lobby")).WithCookie(s.signer.cookie(id))
}

func (s *server) sse(r *twk.Request) twk.Response {
	id, ok := s.who(r)
	if !ok {
		return twk.NoContent() // tells the client to stay away
	}
	return sfere.Hold(key(id.Name), twk.Stream(ShowParticipants{id.Name}))
}

func (s *server) message(r *twk.Request) twk.Response {
	id, ok := s.who(r)
	if !ok {
		return twk.Status(http.StatusForbidden)
	}
	var in struct{ Message string }
	if err := r.Signals(&in); err != nil {
		return twk.BadRequest(err)
	}
	if strings.TrimSpace(in.Message) == "" {
		return twk.Respond(problem("Please write something."))
	}
	return twk.Respond(
		sfere.Broadcast{To: lobby, Effects: effect.List{
			twk.PatchElements{Elements: bubble(id.Name, in.Message), Selector: "#messages", Mode: twk.Append},
		}},
		problem(""),
		twk.PatchSignals{Signals: map[string]any{"message": ""}},
	)
}

func (s *server) leave(r *twk.Request) twk.Response {
	id, ok := s.who(r)
	if !ok {
		return twk.Status(http.StatusForbidden)
	}
	me, form := sfere.Exactly(key(id.Name)), replace("#lobby", "join-form")
	return twk.Respond(
		sfere.Broadcast{To: me, Effects: effect.List{form}}, // in all tabs
		sfere.Close{To: me},
		form,
	).WithCookie(newCookie("", -1))
}
