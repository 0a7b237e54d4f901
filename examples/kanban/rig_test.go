package main

import (
	"bytes"
	"context"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/twktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	ada  = Person{"ada", "Ada"} // owns board 1
	bob  = Person{"bob", "Bob"} // edits it
	cleo = Person{"cleo", "Cleo"}
)

// program returns the program with a new database.
func program(t *testing.T) *server {
	t.Helper()
	db, err := OpenStore(t.Context(), filepath.Join(t.TempDir(), "a ?#% b.db"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := newServer(db, twk.Client{URL: "https://cdn.example/x.js", Integrity: "sha256-x"}, nodes{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // after the streams of the test have been closed
		s.looking.Stop()
		s.Conns().Close()
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// open opens the stream of a board, and takes what it begins with.
func (s *server) open(t *testing.T, p Person) *twktest.Stream {
	t.Helper()
	live := twktest.Serve(t, s, twktest.HTTPRequest("GET", "/boards/1/live", nil, newCookie(p.ID, cookieAge)))
	until(live, `<section id="board"`, `<section id="people"`, `<ul id="looking"`, `<ol id="history"`)
	return live
}

// until reads on until texts have come in any order, as those of several views do.
func until(s *twktest.Stream, texts ...string) twktest.Event {
	return s.Until(func(e twktest.Event) bool {
		texts = slices.DeleteFunc(texts, func(t string) bool { return has(e, t) })
		return len(texts) == 0
	})
}

func has(e twktest.Event, text string) bool {
	f := e.Fields()
	return strings.Contains(f["elements"]+f["signals"], text)
}

// post returns what the answer shows as a problem in the end.
func (s *server) post(t *testing.T, p Person, path string, signals any) (told string) {
	t.Helper()
	answer := httptest.NewRecorder()
	s.ServeHTTP(answer, twktest.HTTPRequest("POST", path, signals, newCookie(p.ID, cookieAge)))
	events, err := twktest.All(answer.Body)
	if err != nil {
		t.Error(err)
	}
	for _, e := range events {
		if html := e.Fields()["elements"]; strings.HasPrefix(html, `<p id="problem"`) {
			_, text, _ := strings.Cut(html, ">")
			told = strings.TrimSuffix(text, "</p>")
		}
	}
	return told
}

// sent is a request of a person to a board, as handlers see it.
func sent(p Person, method, path string, signals any) *twk.Request {
	r := twktest.Request(method, path, signals)
	r.Request = r.WithContext(context.WithValue(r.Context(), personKey{}, p))
	r.SetPathValue("board", strings.Split(path, "/")[2])
	return r
}

// text renders content.
func text(t *testing.T, c twk.Content) string {
	t.Helper()
	var b bytes.Buffer
	if err := c.Render(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
