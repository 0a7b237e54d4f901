package main

import (
	"net/http"
	"strconv"
	"time"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/twk"
)

// signedIn wraps a handler for those who have signed in. Others are sent to the page
// where they can: a plain request by a status, one of Datastar by an effect.
func signedIn(h func(*twk.Request, Person) twk.Response) func(*twk.Request) twk.Response {
	return func(r *twk.Request) twk.Response {
		switch me := whoIs(r.Context()); {
		case me != Person{}:
			return h(r, me)
		case r.Datastar:
			return twk.Respond(twk.Redirect{URL: "/"})
		}
		return seeOther("/")
	}
}

func seeOther(path string) twk.Response {
	return twk.Status(http.StatusSeeOther).WithHeader("Location", path)
}

// boardOf returns the board in the path of a request; 0, which no board has, if it is
// no number.
func boardOf(r *twk.Request) int64 {
	id, err := strconv.ParseInt(r.PathValue("board"), 10, 64)
	if err != nil {
		return 0
	}
	return id
}

// index is the list of boards, or the choice of who one is.
func (s *server) index(r *twk.Request) twk.Response {
	me := whoIs(r.Context())
	if me == (Person{}) {
		all, err := s.db.Members(r.Context(), 0)
		return page(signInPage(s, all), err)
	}
	boards, err := s.db.Boards(r.Context(), me.ID)
	return page(boardsPage(s, me, boards), err)
}

// page answers with a page, or with what went wrong with it.
func page(c twk.Content, err error) twk.Response {
	if err != nil {
		return fault(err)
	}
	return twk.Page(c)
}

func (s *server) signIn(r *twk.Request) twk.Response {
	return seeOther("/").WithCookie(newCookie(r.FormValue("person"), cookieAge))
}

// signOut also ends the streams of the person: those of other browsers come back by
// themselves, and those of this one find nobody signed in.
func (s *server) signOut(r *twk.Request, me Person) twk.Response {
	s.Dispatch(r.Context(), sfere.Close{To: allTabs(me.ID)})
	return seeOther("/").WithCookie(newCookie("", -time.Second))
}

// board is the page of a board. Its parts are rendered by the functions that render
// them again later.
func (s *server) board(r *twk.Request, me Person) twk.Response {
	id := boardOf(r)
	role, err := s.db.Role(r.Context(), id, me.ID)
	switch {
	case err != nil:
		return fault(err)
	case role == None:
		return seeOther("/")
	}
	p := boardData{me: me, id: id, canEdit: role >= Editor}
	if p.title, err = s.db.Title(r.Context(), id); err != nil {
		return fault(err)
	}
	see := views(id)
	for i, part := range []*twk.HTML{&p.board, &p.people, &p.looking, &p.history} {
		if *part, err = s.Render(r, see[i]); err != nil {
			return fault(err)
		}
	}
	return twk.Page(boardPage(s, p))
}

// live is the stream of a page. 204 tells the client of somebody who may not see the
// board to stay away.
func (s *server) live(r *twk.Request, me Person) twk.Response {
	switch role, err := s.db.Role(r.Context(), boardOf(r), me.ID); {
	case err != nil:
		return fault(err)
	case role == None:
		return twk.NoContent()
	}
	id := boardOf(r)
	return sfere.Hold(tabs(id, me.ID), twk.Stream(sfere.Show{Views: views(id)}))
}

// change answers a request that changes a board. The database keeps changes apart, also
// those of several processes. What is refused is shown by the hook [server.failed].
func change(e effect.Data) twk.Response { return twk.Respond(problem(""), e) }

func (s *server) move(r *twk.Request, _ Person) twk.Response {
	var m MoveCard
	if err := r.Signals(&m); err != nil {
		return twk.BadRequest(err)
	}
	m.Board = boardOf(r) // whatever else was sent
	return change(m)
}

func (s *server) add(r *twk.Request, _ Person) twk.Response {
	var in struct{ Title string }
	if err := r.Signals(&in); err != nil {
		return twk.BadRequest(err)
	}
	return change(AddCard{boardOf(r), in.Title})
}

func (s *server) role(r *twk.Request, _ Person) twk.Response {
	var set SetRole
	if err := r.Signals(&set); err != nil {
		return twk.BadRequest(err)
	}
	set.Board = boardOf(r)
	return change(set)
}
