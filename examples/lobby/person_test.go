package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sfere-go/sfere/twk/twktest"
)

// person is one browser: at a server, or in memory if s is set.
type person struct {
	t    *testing.T
	url  string
	http *http.Client
	s    *server
}

func newPerson(t *testing.T, url string) *person {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	tr := &http.Transport{}
	t.Cleanup(tr.CloseIdleConnections)
	return &person{t: t, url: url, http: &http.Client{Jar: jar, Transport: tr}}
}

func (s *server) person(t *testing.T) *person {
	p := newPerson(t, "http://lobby.example")
	p.s, p.http.Transport = s, inside{s}
	return p
}

// inside answers requests without a network.
type inside struct{ http.Handler }

func (h inside) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result(), nil
}

func (p *person) request(method, path string, signals any) *http.Request {
	p.t.Helper()
	b, err := json.Marshal(signals)
	if err != nil {
		p.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.url+path, bytes.NewReader(b))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Datastar-Request", "true")
	req.Header.Set("Content-Type", "application/json")
	return req
}

// post returns the status and the events of the answer.
func (p *person) post(path string, signals any) (int, []twktest.Event) {
	p.t.Helper()
	resp, err := p.http.Do(p.request("POST", path, signals))
	if err != nil {
		p.t.Error(err)
		return 0, nil
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return resp.StatusCode, nil
	}
	events, err := twktest.All(resp.Body)
	if err != nil {
		p.t.Error(err)
	}
	for _, e := range events {
		if err := e.Check(); err != nil {
			p.t.Error(err)
		}
	}
	return resp.StatusCode, events
}

// join reports whether the answer is the lobby.
func (p *person) join(name string) bool {
	p.t.Helper()
	_, events := p.post("/join", map[string]string{"username": name})
	return has(events, "#join-form", "participant-list")
}

// say posts a message and returns what the person is told to be wrong with it.
func (p *person) say(text string) string {
	p.t.Helper()
	code, events := p.post("/message", map[string]string{"message": text})
	if code != http.StatusOK {
		return http.StatusText(code)
	}
	return told(events)
}

// told returns the text of the patch of #error.
func told(events []twktest.Event) string {
	for _, e := range events {
		if text, ok := strings.CutPrefix(e.Fields()["elements"], `<p id="error" role="alert">`); ok {
			return strings.TrimSuffix(text, "</p>")
		}
	}
	return ""
}

func (p *person) stream() *twktest.Stream { p.t.Helper(); return p.streamAt("/sse", "") }

// streamAt is stream for a page that has seen an event.
func (p *person) streamAt(path, seen string) *twktest.Stream {
	p.t.Helper()
	req := p.request("GET", path, nil)
	if seen != "" {
		req.Header.Set("Last-Event-ID", seen)
	}
	if p.s == nil {
		return twktest.Open(p.t, p.http, req)
	}
	for _, c := range p.http.Jar.Cookies(req.URL) {
		req.AddCookie(c)
	}
	return twktest.Serve(p.t, p.s, req)
}

// enter joins and returns the stream, past the announcement of the person.
func (p *person) enter(name string) *twktest.Stream {
	p.t.Helper()
	if !p.join(name) {
		p.t.Fatalf("%q was not let in", name)
	}
	s := p.stream()
	until(s, "#messages", "</bdi> joined")
	return s
}

// has reports whether an event for selector contains text.
func has(events []twktest.Event, selector, text string) bool {
	for _, e := range events {
		if f := e.Fields(); f["selector"] == selector && strings.Contains(f["elements"]+f["signals"], text) {
			return true
		}
	}
	return false
}

func until(s *twktest.Stream, selector, text string) twktest.Event {
	return s.Until(func(e twktest.Event) bool { return has([]twktest.Event{e}, selector, text) })
}

// did is how the page shows that somebody has done something.
func did(name, what string) string { return "<bdi>" + name + "</bdi> " + what }

// quiet fails if s has an event for selector with text waiting.
func quiet(t *testing.T, s *twktest.Stream, selector, text, why string) {
	t.Helper()
	if has(s.Pending(), selector, text) {
		t.Errorf("%q was sent: %s", text, why)
	}
}
