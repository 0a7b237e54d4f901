package main

import (
	"crypto/rand"
	"html/template"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/twk"
)

// who returns the sender of r, unless somebody else has the name by now.
func (s *server) who(r *twk.Request) (identity, bool) {
	id, ok := s.signer.identity(r.Request)
	if !ok {
		return id, false
	}
	owner, claimed := s.Conns().OwnerOf(seat(id.Name))
	return id, !claimed || owner == id.Token
}

// member wraps a handler for those who have joined; others get otherwise.
func (s *server) member(otherwise int, h func(*twk.Request, identity) twk.Response) func(*twk.Request) twk.Response {
	return func(r *twk.Request) twk.Response {
		if id, ok := s.who(r); ok {
			return h(r, id)
		}
		return twk.Status(otherwise)
	}
}

func (s *server) index(r *twk.Request) twk.Response {
	_, in := s.who(r)
	return twk.Page(view("page", page{template.HTML(s.client.Script()), in}))
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
	}
	if err := s.Conns().Claim(seat(id.Name), id.Token, 2*grace); err != nil { // time to open a stream
		return twk.Respond(problem("This name is taken."))
	}
	return twk.Respond(problem(""), replace("#join-form", "lobby")).WithCookie(s.signer.cookie(id))
}

func (s *server) sse(_ *twk.Request, me identity) twk.Response {
	named := twk.Stream(ShowParticipants{}).WithOpen(sfere.HoldStream{Key: seat(me.Name), Owner: me.Token})
	return sfere.Hold(key(me.Name), named)
}

func (s *server) message(r *twk.Request, me identity) twk.Response {
	var in struct{ Message string }
	if err := r.Signals(&in); err != nil {
		return twk.BadRequest(err)
	}
	if _, claimed := s.Conns().OwnerOf(seat(me.Name)); !claimed {
		return twk.Status(http.StatusForbidden) // gone for too long: nobody speaks who is not here
	}
	if strings.TrimSpace(in.Message) == "" {
		return twk.Respond(problem("Please write something."))
	}
	return twk.Respond(
		sfere.Tell(lobby, add("#messages", "bubble", [2]string{me.Name, in.Message})),
		problem(""),
		twk.Signals("message", ""),
	)
}

func (s *server) leave(_ *twk.Request, me identity) twk.Response {
	tabs, form := sfere.Exactly(key(me.Name)), replace("#lobby", "join-form")
	return twk.Respond(
		sfere.Tell(tabs, form),
		sfere.Close{To: tabs},
		sfere.Release{Key: seat(me.Name), Owner: me.Token},
		form,
	).WithCookie(newCookie("", -1))
}
