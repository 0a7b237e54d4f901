package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/twktest"
)

// blank is a page whose client cannot be loaded.
var blank = twk.Client{URL: "https://cdn.example/x.js", Integrity: "sha256-x"}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start serves a lobby on addr, "127.0.0.1:0" for any, until the test ends or
// stop is called.
func start(t *testing.T, addr, secret string) (s *server, url string, stop func()) {
	t.Helper()
	s, err := newServer(secret, blank)
	if err != nil {
		t.Fatal(err)
	}
	var ln net.Listener
	for range 100 { // the port of a server that has just ended
		if ln, err = net.Listen("tcp", addr); err == nil {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, ln) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("shutting down: %v", err)
		}
		s.here.Stop()
	})
	t.Cleanup(stop)
	return s, "http://" + ln.Addr().String(), stop
}

// person is one browser.
type person struct {
	t    *testing.T
	url  string
	http *http.Client
}

func newPerson(t *testing.T, url string) *person {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	tr := &http.Transport{}
	t.Cleanup(tr.CloseIdleConnections)
	return &person{t, url, &http.Client{Jar: jar, Transport: tr}}
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
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return resp.StatusCode, nil
	}
	events, err := twktest.All(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, e := range events {
		if err := e.Check(); err != nil {
			p.t.Error(err)
		}
	}
	return resp.StatusCode, events
}

func (p *person) stream() *twktest.Stream {
	p.t.Helper()
	return twktest.Open(p.t, p.http, p.request("GET", "/sse", nil))
}

// enter joins and returns the stream, past the list of participants.
func (p *person) enter(name string) *twktest.Stream {
	p.t.Helper()
	if code, events := p.post("/join", map[string]string{"username": name}); code != 200 || !has(events, "#join-form", "participant-list") {
		p.t.Fatalf("joining as %q: %d %v", name, code, events)
	}
	s := p.stream()
	s.Until(func(e twktest.Event) bool { return e.Fields()["selector"] == "#participant-list" })
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

// quiet fails if s has an event for selector with text waiting.
func quiet(t *testing.T, s *twktest.Stream, selector, text, why string) {
	t.Helper()
	if has(s.Pending(), selector, text) {
		t.Errorf("%q was sent: %s", text, why)
	}
}

func TestJoinListsEverybodyOnce(t *testing.T) {
	_, url, _ := start(t, "127.0.0.1:0", "s")
	ann, bob := newPerson(t, url), newPerson(t, url)
	a := ann.enter("Ann")
	until(a, "#messages", "Ann joined")
	bob.post("/join", map[string]string{"username": "Bob"})
	b := bob.stream()
	list := b.Next().Fields()
	if list["selector"] != "#participant-list" || strings.Count(list["elements"], "<li") != 1 || !strings.Contains(list["elements"], ">Ann<") {
		t.Errorf("Bob's first event is %v, want the list of those who were there before him", list)
	}
	if got := until(b, "#participant-list", "Bob").Fields(); got["mode"] != "append" {
		t.Errorf("Bob got %v, want his item", got)
	}
	until(b, "#messages", "Bob joined")
	if got := until(a, "#participant-list", "Bob").Fields(); got["mode"] != "append" {
		t.Errorf("Ann got %v, want Bob's item", got)
	}
	until(a, "#messages", "Bob joined")
	second := bob.stream() // another tab
	until(second, "#participant-list", "Bob")
	bob.post("/message", map[string]string{"message": "marker"})
	for _, s := range []*twktest.Stream{a, second} {
		e := s.Next()
		if !has([]twktest.Event{e}, "#messages", "marker") {
			t.Errorf("got %v before the marker: a second tab is no second arrival", e)
		}
	}
}

func TestMessage(t *testing.T) {
	_, url, _ := start(t, "127.0.0.1:0", "s")
	ann, bob := newPerson(t, url), newPerson(t, url)
	a, b := ann.enter("Ann"), bob.enter("Bob")
	code, answer := ann.post("/message", map[string]string{"message": "hi"})
	if code != 200 || !hasSignals(answer, `{"message":""}`) {
		t.Errorf("the sender's answer is %d %v, want the message signal cleared", code, answer)
	}
	until(a, "#messages", ">hi<")
	until(b, "#messages", ">hi<")
	for _, e := range b.Pending() {
		if e.Type == "datastar-patch-signals" {
			t.Errorf("Bob's signals were changed: %v", e)
		}
	}
	code, answer = ann.post("/message", map[string]string{"message": " \r\n"})
	if code != 200 || len(answer) != 1 || !strings.Contains(answer[0].Fields()["elements"], `id="error"`) {
		t.Errorf("an empty message is answered %d %v, want a patch of #error", code, answer)
	}
	quiet(t, b, "#error", "", "only the sender is told")
}

func hasSignals(events []twktest.Event, signals string) bool {
	for _, e := range events {
		if e.Fields()["signals"] == signals {
			return true
		}
	}
	return false
}

func TestLeave(t *testing.T) {
	s, url, _ := start(t, "127.0.0.1:0", "s")
	ann, bob := newPerson(t, url), newPerson(t, url)
	a, b := ann.enter("Ann"), bob.enter("Bob")
	a2 := ann.stream()
	until(b, "#messages", "Bob joined")
	if code, answer := ann.post("/leave", nil); code != 200 || !has(answer, "#lobby", `id="join-form"`) {
		t.Errorf("leaving is answered %d %v, want the join form", code, answer)
	}
	for _, stream := range []*twktest.Stream{a, a2} {
		until(stream, "#lobby", `id="join-form"`) // her other tabs show it, too
		if err := stream.Ended(); err != nil {
			t.Errorf("her stream ended with %v, want a normal end", err)
		}
	}
	if got := until(b, "#"+itemID("Ann"), "").Fields(); got["mode"] != "remove" {
		t.Errorf("Bob got %v, want Ann's item removed", got)
	}
	until(b, "#messages", "Ann left")
	if here, _ := s.here.List(); len(here) != 1 {
		t.Errorf("%v are here, want one", here)
	}
	if resp := ann.stream().Response(); resp.StatusCode != http.StatusNoContent {
		t.Errorf("a stream without the cookie is answered %d, want 204", resp.StatusCode)
	}
	for _, path := range []string{"/leave", "/message"} {
		if code, _ := ann.post(path, map[string]string{"message": "x"}); code != http.StatusForbidden {
			t.Errorf("POST %s without the cookie: %d, want 403", path, code)
		}
	}
}

func TestTabDies(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for the grace period")
	}
	_, url, _ := start(t, "127.0.0.1:0", "s")
	ann, bob := newPerson(t, url), newPerson(t, url)
	a, b := ann.enter("Ann"), bob.enter("Bob")
	until(b, "#messages", "Bob joined")
	a.Close() // a reload
	a = ann.stream()
	until(a, "#participant-list", "Ann")
	bob.post("/message", map[string]string{"message": "marker"})
	if e := b.Next(); !has([]twktest.Event{e}, "#messages", "marker") {
		t.Errorf("got %v: a reload must not announce anything", e)
	}
	began := time.Now()
	a.Close()
	until(b, "#messages", "Ann left")
	if took := time.Since(began); took < grace {
		t.Errorf("announced after %s, before the grace period of %s was over", took, grace)
	}
}

// Names are text, whatever is in them.
func TestTS95Names(t *testing.T) {
	_, url, _ := start(t, "127.0.0.1:0", "s")
	for _, tt := range []struct{ name, shown, reason string }{
		{"Ann O'Neil", "Ann O&#39;Neil", "quote and space"},
		{"a.b#c d", "a.b#c d", "characters of selectors"},
		{`<script>x("&")</script>`, `&lt;script&gt;x(&#34;&amp;&#34;)&lt;/script&gt;`, "markup"},
		{"Zoë 🙂 名前", "Zoë 🙂 名前", "Unicode"},
		{"a\rb\nc\r\nd", "a\nb\nc\nd", "line breaks are one kind"},
		{"x\r\revent: datastar-patch-signals\rdata", "x\n\nevent: datastar-patch-signals\ndata", "an event in a name"},
		{"%2F/..", "%2F/..", "characters of the text form of keys"},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			watcher, p := newPerson(t, url), newPerson(t, url)
			w := watcher.enter("w " + tt.reason)
			p.enter(tt.name)
			if got := until(w, "#participant-list", itemID(tt.name)).Fields()["elements"]; !strings.Contains(got, ">"+tt.shown+"<") {
				t.Errorf("shown as %q, want %q", got, tt.shown)
			}
			until(w, "#messages", tt.shown+" joined")
			p.post("/message", map[string]string{"message": tt.name})
			if got := until(w, "#messages", "bubble").Fields()["elements"]; !strings.Contains(got, "<span>"+tt.shown+"</span>") {
				t.Errorf("as a message: %q, want %q", got, tt.shown)
			}
			p.post("/leave", nil)
			until(w, "#"+itemID(tt.name), "")
			until(w, "#messages", tt.shown+" left")
			for _, e := range w.Pending() {
				if err := e.Check(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestIdentity(t *testing.T) {
	s, url, _ := start(t, "127.0.0.1:0", "s")
	ann, bob := newPerson(t, url), newPerson(t, url)
	a := ann.enter("Ann")
	until(a, "#messages", "Ann joined")
	for _, tt := range []struct{ name, reason string }{
		{"Ann", "taken by somebody else"},
		{" ann ", "looks like one that is taken"},
		{"", "empty"},
		{" \t\n", "blank"},
		{strings.Repeat("é", 41), "over 40 characters"},
		{"*", "not a key"},
	} {
		code, events := bob.post("/join", map[string]string{"username": tt.name})
		if code != 200 || len(events) != 1 || !strings.Contains(events[0].Fields()["elements"], `id="error"`) {
			t.Errorf("joining as %q (%s): %d %v, want a patch of #error", tt.name, tt.reason, code, events)
		}
	}
	if resp := bob.stream().Response(); resp.StatusCode != http.StatusNoContent {
		t.Errorf("Bob has a cookie although he was refused: %d", resp.StatusCode)
	}
	for _, forged := range []string{"Ann", signer("other").cookie(identity{"Ann", "x"}).Value, s.signer.cookie(identity{"Ann", "x"}).Value, "a.b.c", "..", ""} {
		for method, path := range map[string]string{"GET": "/sse", "POST": "/message"} {
			req := bob.request(method, path, map[string]string{"message": "I am Ann"})
			req.AddCookie(&http.Cookie{Name: cookieName, Value: forged})
			resp, err := bob.http.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if want := map[string]int{"GET": 204, "POST": 403}[method]; resp.StatusCode != want {
				t.Errorf("%s %s with cookie %q: %d, want %d", method, path, forged, resp.StatusCode, want)
			}
		}
	}
	if code, _ := bob.post("/join", map[string]string{"username": strings.Repeat("é", 40)}); code != 200 {
		t.Errorf("40 characters: %d", code)
	}
	quiet(t, a, "#messages", "I am Ann", "Bob is not Ann")
	if here, _ := s.here.List(); len(here) != 1 || here[0].Key != key("Ann") {
		t.Errorf("here: %v", here)
	}
}

// Clients come back to a new server with the same secret: streams are cut, not
// ended, and cookies stay valid.
func TestRestart(t *testing.T) {
	_, url, stop := start(t, "127.0.0.1:0", "s")
	ann := newPerson(t, url)
	a := ann.enter("Ann")
	addr := strings.TrimPrefix(url, "http://")
	stop() // fails if not everything ends within the grace period
	if err := a.Ended(); err == nil {
		t.Error("the stream ended normally; the client would stay away")
	}
	start(t, addr, "s")
	again := ann.stream()
	until(again, "#participant-list", "Ann")
}

func TestPageAndAssets(t *testing.T) {
	_, url, _ := start(t, "127.0.0.1:0", "s")
	for _, tt := range []struct{ path, want, kind string }{
		{"/", `<form id="join-form"`, "text/html"},
		{"/", `integrity="sha256-x" crossorigin="anonymous"`, "text/html"},
		{"/style.css", "--brand", "text/css"},
	} {
		resp, err := http.DefaultClient.Get(url + tt.path)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		_, _ = b.ReadFrom(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != 200 || !strings.Contains(b.String(), tt.want) || !strings.HasPrefix(resp.Header.Get("Content-Type"), tt.kind) {
			t.Errorf("GET %s: %d %s\n%s", tt.path, resp.StatusCode, resp.Header.Get("Content-Type"), b.String())
		}
	}
}
