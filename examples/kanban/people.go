package main

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"time"

	"github.com/sfere-go/sfere"
)

// Role is what a person may do on a board. A greater one may do all that a lesser one
// may.
type Role int

// The roles.
const (
	None   Role = iota // sees nothing
	Viewer             // sees the board
	Editor             // moves and adds cards
	Owner              // changes the roles
)

func (r Role) String() string { return r.in("none", "viewer", "editor", "owner") }

// with returns the role in a sentence.
func (r Role) with() string { return r.in("nobody", "a viewer", "an editor", "an owner") }

func (r Role) in(names ...string) string {
	if r < None || r > Owner { // as somebody may have sent it
		return "no role"
	}
	return names[r]
}

// Person is somebody who has signed in. The zero Person is nobody.
type Person struct{ ID, Name string }

// Member is a person on a board.
type Member struct {
	Person
	Role Role
}

// Role returns the role of a person on a board.
func (s *Store) Role(ctx context.Context, board int64, person string) (Role, error) {
	return roleOf(ctx, s.db, board, person)
}

func roleOf(ctx context.Context, from source, board int64, person string) (Role, error) {
	found, err := query(ctx, from, func(row *sql.Rows, r *Role) error { return row.Scan(r) }, `SELECT role FROM member WHERE board = ? AND person = ?`, board, person)
	if err != nil || len(found) == 0 {
		return None, err
	}
	return found[0], nil
}

// Members returns everybody with their roles on a board.
func (s *Store) Members(ctx context.Context, board int64) ([]Member, error) {
	return query(ctx, s.db, func(row *sql.Rows, m *Member) error { return row.Scan(&m.ID, &m.Name, &m.Role) },
		`SELECT id, name, coalesce(role, 0) FROM person LEFT JOIN member ON person = id AND board = ? ORDER BY name`, board)
}

// cookieName is the name of the cookie that says who somebody is. Anybody may be
// anybody here. A sign-in of your own puts the token of a session into it, and looks
// that up in Person.
const cookieName = "kanban"

func newCookie(person string, age time.Duration) *http.Cookie {
	return &http.Cookie{Name: cookieName, Value: person, Path: "/", MaxAge: int(age / time.Second), HttpOnly: true, SameSite: http.SameSiteLaxMode}
}

// Person returns whom a cookie stands for, nobody if it is not valid.
func (s *Store) Person(ctx context.Context, value string) (p Person, err error) {
	err = s.db.QueryRowContext(ctx, `SELECT id, name FROM person WHERE id = ?`, value).Scan(&p.ID, &p.Name)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return p, err
}

type personKey struct{}

// identify is middleware that puts who has sent a request into its context.
func (s *server) identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, err := r.Cookie(cookieName); err == nil {
			p, err := s.db.Person(r.Context(), c.Value)
			if err != nil {
				http.Error(w, "The database does not answer.", http.StatusServiceUnavailable)
				return
			}
			r = r.WithContext(context.WithValue(r.Context(), personKey{}, p))
		}
		next.ServeHTTP(w, r)
	})
}

// whoIs returns who has sent the request of a context.
func whoIs(ctx context.Context) Person {
	p, _ := ctx.Value(personKey{}).(Person)
	return p
}

// Streams are held under the board and the person, so that they can be found by
// either.

func tabs(board int64, person string) sfere.Key {
	return sfere.ID(room(board), person).In(sfere.DefaultScope)
}

func allTabs(person string) sfere.Pattern {
	return sfere.Pattern{Category: sfere.Any, ID: sfere.Is(person)}.In(sfere.DefaultScope)
}

// lookers returns the ids of those who are looking at a board.
func (s *server) lookers(board int64) map[string]bool {
	here := map[string]bool{}
	all, _ := s.looking.List()
	for _, v := range all {
		if v.Key.Category == room(board) {
			here[v.Key.ID] = true
		}
	}
	return here
}
