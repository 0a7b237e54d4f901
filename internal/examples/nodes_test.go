package examples_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/internal/browser"
	"github.com/sfere-go/sfere/twk/twktest"
)

// visitor is a browser without a screen, for one process.
type visitor struct {
	t    *testing.T
	http *http.Client
	url  string
}

func newVisitor(t *testing.T, url string) *visitor {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	tr := &http.Transport{}
	t.Cleanup(tr.CloseIdleConnections)
	return &visitor{t, &http.Client{Jar: jar, Transport: tr}, url}
}

func (v *visitor) request(method, path string, signals any) *http.Request {
	v.t.Helper()
	body, err := json.Marshal(signals)
	if err != nil {
		v.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(v.t.Context(), method, v.url+path, bytes.NewReader(body))
	if err != nil {
		v.t.Fatal(err)
	}
	req.Header.Set("Datastar-Request", "true")
	req.Header.Set("Content-Type", "application/json")
	return req
}

// send returns the answer of a request, which must be fine.
func (v *visitor) send(method, path string, signals any) string {
	v.t.Helper()
	res, err := v.http.Do(v.request(method, path, signals))
	if err != nil {
		v.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		v.t.Fatalf("%s %s: %s, %v", method, path, res.Status, err)
	}
	return string(text)
}

func (v *visitor) open(path string) *twktest.Stream {
	v.t.Helper()
	return twktest.Open(v.t, v.http, v.request(http.MethodGet, path, nil))
}

// said matches a message of the lobby: its id and its text.
var said = regexp.MustCompile(`<li class="bubble" id="([^"]+)">.*?<bdi class="text">(.*?)</bdi></li>`)

// chat is the messages that a page of the lobby shows.
type chat struct {
	stream *twktest.Stream
	lines  [][2]string
}

// load shows the lobby in a page, as after a reload.
func (v *visitor) load() *chat {
	v.t.Helper()
	page := v.send("GET", "/", nil)
	c := &chat{}
	for _, m := range said.FindAllStringSubmatch(page, -1) {
		c.lines = append(c.lines, [2]string{m[1], m[2]})
	}
	path := regexp.MustCompile(`'(/sse\?after=[^']*)'`).FindStringSubmatch(html.UnescapeString(page))
	if path == nil {
		v.t.Fatalf("no stream in %s", page)
	}
	c.stream = v.open(path[1])
	return c
}

// enter joins the lobby, and returns its page when others know of it.
func (v *visitor) enter(name string) *chat {
	v.t.Helper()
	v.send("POST", "/join", map[string]string{"username": name})
	c := v.load()
	c.until(func(markup string) bool { return strings.Contains(markup, "<bdi>"+name+"</bdi> joined") })
	return c
}

// until takes events, as the client does, up to one that is wanted.
func (c *chat) until(want func(markup string) bool) {
	c.stream.Until(func(e twktest.Event) bool {
		f := e.Fields()
		switch {
		case f["mode"] == "remove":
			c.lines = slices.DeleteFunc(c.lines, func(l [2]string) bool { return strings.Contains(f["selector"]+",", "#"+l[0]+",") })
		case f["selector"] == "#messages":
			for _, m := range said.FindAllStringSubmatch(f["elements"], -1) {
				c.lines = append(c.lines, [2]string{m[1], m[2]})
			}
		}
		return want(f["elements"])
	})
}

// texts returns the messages when one of them is there.
func (c *chat) texts(until string) (texts []string) {
	if !slices.ContainsFunc(c.lines, func(l [2]string) bool { return l[1] == until }) {
		c.until(func(markup string) bool { return strings.Contains(markup, `<bdi class="text">`+until+`</bdi>`) })
	}
	for _, l := range c.lines {
		texts = append(texts, l[1])
	}
	return texts
}

// Two processes of the lobby are one room: over the server of the first, while the second
// is stopped and started again, and when the first has gone.
func TestLobbyProcesses(t *testing.T) {
	lobby := build(t, "lobby")
	one, nats, stopOne := runEmbedded(t, lobby, "-addr", "127.0.0.1:0", "-secret", "s")
	two, stopTwo := run(t, lobby, "-addr", "127.0.0.1:0", "-secret", "s", "-nats", nats)
	ann, bob := newVisitor(t, one), newVisitor(t, two)
	a, b := ann.enter("Ann"), bob.enter("Bob")
	a.until(func(markup string) bool { return strings.Contains(markup, "<bdi>Bob</bdi> joined") })
	var want []string
	say := func(v *visitor, text string, pages ...*chat) {
		t.Helper()
		v.send("POST", "/message", map[string]string{"message": text})
		want = append(want, text)
		for _, p := range pages {
			if diff := cmp.Diff(want, p.texts(text)); diff != "" {
				t.Fatalf("after %q a page shows (-want +got):\n%s", text, diff)
			}
		}
	}
	for i := range 4 {
		say(ann, fmt.Sprint("of Ann ", i), a, b)
		say(bob, fmt.Sprint("of Bob ", i), a, b)
	}

	stopTwo()
	say(ann, "Is anybody there?", a)
	two, stopTwo = run(t, lobby, "-addr", strings.TrimPrefix(two, "http://"), "-secret", "s", "-nats", nats)
	b = bob.load() // another process, which has never been told
	if diff := cmp.Diff(want, b.texts("Is anybody there?")); diff != "" {
		t.Errorf("a page of a process that was started again (-want +got):\n%s", diff)
	}
	a.until(func(markup string) bool { return strings.Contains(markup, "<bdi>Bob</bdi> joined") })
	say(bob, "I am", a, b)

	stopOne() // and with it the server
	say(bob, "Ann?", b)
	if diff := cmp.Diff(want, bob.load().texts("Ann?")); diff != "" {
		t.Errorf("a page of the process that is left (-want +got):\n%s", diff)
	}
	stopTwo()
}

// The same in real browsers, one at each process.
func TestBrowserLobbyProcesses(t *testing.T) {
	b := browser.New(t)
	lobby := build(t, "lobby")
	one, nats, _ := runEmbedded(t, lobby, "-addr", "127.0.0.1:0", "-secret", "s")
	two, stopTwo := run(t, lobby, "-addr", "127.0.0.1:0", "-secret", "s", "-nats", nats)
	ann, bob := b.Page(t, "ann"), b.Page(t, "bob")
	both := []*browser.Page{ann, bob}
	ann.Go(one)
	join(ann, "Ann")
	ann.WaitText("#messages", "Ann joined")
	bob.Go(two)
	join(bob, "Bob")
	ann.WaitText("#messages", "Bob joined")
	show := func(want string) {
		t.Helper()
		for _, p := range both {
			p.WaitEval(`[...document.querySelectorAll("#messages .text")].map(e => e.textContent).join("|") === ` + quote(want))
		}
	}
	say(ann, "Hello Bob")
	show("Hello Bob")
	say(bob, "Hello Ann")
	show("Hello Bob|Hello Ann")
	for i, p := range both {
		p.Screenshot(fmt.Sprint("lobby-process-", i+1))
		p.Reload()
	}
	show("Hello Bob|Hello Ann")
	for _, p := range both {
		p.WaitEval(`document.querySelector("#participant-list").children.length > 0`) // it has its stream
	}
	say(ann, "Again")
	show("Hello Bob|Hello Ann|Again")

	stopTwo()
	bob.WaitEval(`document.querySelector("#lost").checkVisibility()`)
	say(ann, "Where are you?")
	run(t, lobby, "-addr", strings.TrimPrefix(two, "http://"), "-secret", "s", "-nats", nats)
	bob.WaitEval(`!document.querySelector("#lost").checkVisibility()`)
	show("Hello Bob|Hello Ann|Again|Where are you?")
}

// Two processes of the kanban show one board: moves, roles and the history of each reach
// the pages of the other.
func TestBrowserKanbanProcesses(t *testing.T) {
	b := browser.New(t)
	kanban, file := build(t, "kanban"), filepath.Join(t.TempDir(), "kanban.db")
	one, nats, _ := runEmbedded(t, kanban, "-addr", "127.0.0.1:0", "-db", file)
	two, stopTwo := run(t, kanban, "-addr", "127.0.0.1:0", "-db", file, "-nats", nats)
	ada, bob := b.Page(t, "ada"), b.Page(t, "bob")
	both := []*browser.Page{ada, bob}
	enter(ada, one, "ada", "1")
	looks(ada, "Ada")
	enter(bob, two, "bob", "1")
	bob.WaitText("#looking", "Bob")

	ada.Click(arrow(2, "ArrowRight"))
	for _, p := range both {
		lane(p, 2, "5 6 2")
		p.WaitText("#history", "Ada moved “Move the blog posts” from “To do” to “Doing”")
	}
	bob.Click(arrow(3, "ArrowRight"))
	for _, p := range both {
		lane(p, 2, "5 6 2 3")
		p.WaitEval(`[...document.querySelectorAll("#history b")].map(e => e.textContent).join(" ") === "Bob Ada"`)
		p.Screenshot("kanban-processes")
	}
	ada.Click(`#member-bob [value=viewer]`) // asked again where his page is
	bob.WaitGone(".steps")
	bob.WaitEval(`!document.querySelector("#add").checkVisibility()`)
	ada.Click(`#member-bob [value=editor]`)
	bob.WaitEval(`document.querySelector("#add").checkVisibility()`)

	stopTwo()
	bob.WaitEval(`document.querySelector(".trouble").checkVisibility()`)
	ada.Click(arrow(2, "ArrowRight"))
	lane(ada, 3, "7 2")
	run(t, kanban, "-addr", strings.TrimPrefix(two, "http://"), "-db", file, "-nats", nats)
	bob.WaitEval(`!document.querySelector(".trouble").checkVisibility()`)
	lane(bob, 3, "7 2")
	ada.Click(`#member-bob [value=none]`)
	bob.WaitText("h1", "not yours")
	for _, p := range both {
		for _, e := range p.Errors() {
			t.Log(e) // of the time without a server
		}
	}
}

// Who is there is told on the pages of both processes, once.
func TestBrowserWhoIsThere(t *testing.T) {
	t.Skip("presence is that of one machine still")
	b := browser.New(t)
	lobby := build(t, "lobby")
	one, nats, _ := runEmbedded(t, lobby, "-addr", "127.0.0.1:0", "-secret", "s")
	two, stopTwo := run(t, lobby, "-addr", "127.0.0.1:0", "-secret", "s", "-nats", nats)
	ann, bob := b.Page(t, "ann"), b.Page(t, "bob")
	ann.Go(one)
	join(ann, "Ann")
	bob.Go(two)
	join(bob, "Bob")
	for _, p := range []*browser.Page{ann, bob} {
		p.WaitEval(`[...document.querySelectorAll("#participant-list li")].map(e => e.innerText.trim()).join(" ") === "Ann Bob"`)
	}
	ann.WaitText("#messages", "Bob joined")
	stopTwo()
	ann.WaitText("#messages", "Bob left")
	for _, note := range []string{"Bob joined", "Bob left"} {
		if n := browser.Eval[int](ann, `[...document.querySelectorAll("#messages .note")].filter(e => e.textContent === `+quote(note)+`).length`); n != 1 {
			t.Errorf("%q is told %d times", note, n)
		}
	}
	ann.WaitEval(`document.querySelectorAll("#participant-list li").length === 1`)
}
