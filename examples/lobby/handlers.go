package main

import (
	"crypto/rand"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/sfere"
	"github.com/sfere-go/sfere/twk"
)

// who returns the sender of r, unless somebody else has the name by now.
func (s *server) who(r *twk.Request) (identity, bool) {
	id, ok := s.signer.identity(r.Request)
	return id, ok && s.claim(id)
}

func (s *server) index(r *twk.Request) twk.Response {
	p := s.page
	_, p.In = s.who(r)
	return twk.Page(view("page", p))
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
	case !s.claim(id):
		return twk.Respond(problem("This name is taken."))
	}
	time.AfterFunc(2*grace, func() { s.release(id) })
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
			twk.PatchElements{Elements: view("bubble", [2]string{id.Name, in.Message}), Selector: "#messages", Mode: twk.Append},
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
