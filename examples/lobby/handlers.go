package main

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"html/template"
	"unicode/utf8"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/twk"
)

// who returns the sender of r, unless somebody else has the name by now. It asks and
// takes nothing, so that no request keeps a name for somebody who is not here.
func (s *server) who(r *twk.Request) (identity, bool) {
	id, ok := s.signer.identity(r.Request)
	if !ok {
		return id, false
	}
	owner, claimed := s.Conns().OwnerOf(seat(id.Name))
	return id, !claimed || owner == id.Token
}

// listed reports whether id is somebody on the list, and not somebody who had the
// same name before.
func (s *server) listed(id identity) bool {
	owner, _ := s.Conns().OwnerOf(seat(id.Name))
	return owner == id.Token && s.here.Has(key(id.Name))
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
	return twk.Page(view("page", page{template.HTML(s.client.Script()), in, s.room()}))
}

func (s *server) join(r *twk.Request) twk.Response {
	var in struct{ Username string }
	if err := r.Signals(&in); err != nil {
		return twk.BadRequest(err)
	}
	if why := refusal(in.Username); why != "" {
		return twk.Respond(problem(why))
	}
	id := identity{tidy(in.Username), rand.Text()}
	old, ok := s.who(r)
	if ok && s.listed(old) && old.Name != id.Name { // another tab has joined meanwhile
		return twk.Respond(problem("You are here as "+old.Name+"."), replace("#join-form", "lobby", s.room()))
	}
	if ok && seat(old.Name) == seat(id.Name) {
		id.Token = old.Token // the same person
	}
	// The claim is for the time until the page opens its stream. One that lasts is
	// not renewed: only a stream keeps a name.
	if owner, _ := s.Conns().OwnerOf(seat(id.Name)); owner != id.Token {
		if err := s.Conns().Claim(seat(id.Name), id.Token, 2*grace); err != nil {
			return twk.Respond(problem("This name is taken, or looks like one that is."))
		}
	}
	return twk.Respond(problem(""), replace("#join-form", "lobby", s.room())).WithCookie(s.signer.cookie(id))
}

// sse holds the stream of a page under two keys: the name as it is shown, and the
// seat, which only its owner can have. Whoever is on the list has both.
//
// A page that comes back says what it has seen last; one that was loaded says so by
// its URL.
func (s *server) sse(r *twk.Request, me identity) twk.Response {
	seen := cmp.Or(r.Header.Get("Last-Event-ID"), r.URL.Query().Get("after"))
	named := twk.Stream(sfere.Show{Views: effect.List{Participants{}}}, ShowTalk{seen}).WithOpen(sfere.HoldStream{Key: seat(me.Name), Owner: me.Token})
	return sfere.Hold(key(me.Name), named).WithCookie(s.signer.cookie(me)) // from now on
}

func (s *server) message(r *twk.Request, me identity) twk.Response {
	var in struct{ Message string }
	if err := r.Signals(&in); err != nil {
		return twk.BadRequest(err)
	}
	text := clean(in.Message)
	switch {
	case !s.listed(me): // nobody speaks who is not there to see
		return twk.Respond(problem("You are not connected. Please try again in a moment."))
	case text == "":
		return twk.Respond(problem("Please write something."))
	case utf8.RuneCountInString(text) > maxMessage:
		return twk.Respond(problem(fmt.Sprintf("A message has at most %d characters.", maxMessage)))
	case !s.mayTalk(me.Name):
		return twk.Respond(problem("You are writing too fast. Please wait a moment."))
	}
	return twk.Respond(
		talking(Say{me.Name, text}),
		problem(""),
		twk.Signals("message", ""),
	)
}

// leave shows the form in all tabs of a person, and then gives up the name. A name
// without a stream may still be on the list, so it is left to end by itself.
func (s *server) leave(_ *twk.Request, me identity) twk.Response {
	tabs, form := sfere.Exactly(key(me.Name)), effect.List{problem(""), replace("#lobby", "join-form", nil)}
	answer := form
	if n, _ := s.Conns().Count(tabs); n > 0 {
		end := effect.List{sfere.Tell(tabs, form...), sfere.Close{To: tabs}, sfere.Release{Key: seat(me.Name), Owner: me.Token}}
		answer = append(end, form...)
	}
	return twk.Respond(answer...).WithCookie(newCookie("", -1))
}
