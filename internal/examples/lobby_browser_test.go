package examples_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/sfere-go/sfere/internal/browser"
)

// join enters the lobby through the page.
func join(p *browser.Page, name string) {
	p.Fill("#username", name)
	p.Click("#join-form button")
	p.WaitText("#participant-list", name)
}

// quote returns s as a JavaScript string.
func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // unreachable: strings marshal
	}
	return string(b)
}

func say(p *browser.Page, text string) {
	p.Fill("#message", text)
	p.Click("#message-form button")
}

// focused waits until a field of the page has the focus.
func focused(p *browser.Page, id string) {
	p.WaitEval(`document.activeElement.id === ` + quote(id))
}

// paste fills a field, also with what no key types, and leaves the focus in it.
func paste(p *browser.Page, sel, text string) {
	browser.Eval[bool](p, `(el => { el.focus(); el.select(); return document.execCommand("insertText", false, `+quote(text)+`) })(document.querySelector(`+quote(sel)+`))`)
}

// Two people, three tabs, the real client, and a server that restarts.
func TestBrowserLobby(t *testing.T) {
	b := browser.New(t)
	lobby := build(t, "lobby")
	out, stop := begin(t, lobby, "-addr", quiet(), "-secret", "secret")
	url, inspector := next(t, out), next(t, out)

	ann, bob := b.Page(t, "ann"), b.Page(t, "bob")
	ann.SetViewport(1100, 720, false)
	bob.SetViewport(390, 780, true)
	ann.Go(url)
	focused(ann, "username")
	ann.Screenshot("join")
	join(ann, "Ann")
	focused(ann, "message")
	ann.WaitText("#messages", "Ann joined")
	insp := b.Page(t, "inspector")
	insp.Go(inspector) // which has the token
	insp.Go(url + "/inspect/connections")
	insp.WaitText("body", "default/lobby/Ann")
	bob.Go(url)
	bob.Fill("#username", "\u00c1NN")
	bob.Press("Enter")
	bob.WaitText("#error", "taken")
	bob.Screenshot("taken")
	join(bob, "Bob")
	bob.WaitEval(`document.querySelector("#error").textContent === ""`)
	focused(bob, "message")
	insp.WaitText("body", "default/lobby/Bob") // without a reload
	insp.Close()
	ann.WaitText("#participant-list", "Bob")
	bob.WaitText("#participant-list", "Ann")
	ann.WaitText("#messages", "Bob joined")
	for _, pg := range []*browser.Page{ann, bob} {
		if n := pg.Count("#participant-list li"); n != 2 {
			t.Errorf("%d participants are listed, want 2:\n%s", n, pg.HTML("#participant-list"))
		}
	}

	say(ann, "Hello Bob!")
	bob.WaitText("#messages", "Hello Bob!")
	ann.WaitText("#messages", "Hello Bob!")
	ann.WaitEval(`document.querySelector("#message").value === ""`)
	focused(ann, "message") // although a button was clicked

	hostile := "one\r\rtwo\n<script>window.pwned = 1</script>\r\revent: datastar-patch-signals\rdata: signals {x:window.pwned=2}\r\r"
	browser.Eval[bool](bob, `fetch("/message", {method: "POST", headers: {"Datastar-Request": "true", "Content-Type": "application/json"},
		body: JSON.stringify({message: `+quote(hostile)+`})}).then(r => r.ok)`)
	for _, pg := range []*browser.Page{ann, bob} {
		pg.WaitText("#messages", "<script>window.pwned = 1</script>")
		if browser.Eval[bool](pg, "window.pwned !== undefined") {
			t.Error("a message ran as script")
		}
	}
	say(bob, "I am fine, thank you. This is a longer message, to see how lines wrap on a small screen.")
	ann.WaitText("#messages", "I am fine")
	bob.WaitText("#messages", "I am fine")
	ann.Screenshot("lobby")
	bob.Screenshot("lobby")

	tab := bob.NewTab()
	tab.Go(url)
	tab.WaitText("#participant-list", "Ann")
	if n := tab.Count("#participant-list li"); n != 2 {
		t.Errorf("the second tab lists %d, want 2", n)
	}

	// A page that is loaded again shows what was said, once, and takes the new in.
	texts := func(p *browser.Page) string {
		return browser.Eval[string](p, `[...document.querySelectorAll("#messages .text")].map(e => e.textContent).join("|")`)
	}
	before := texts(bob)
	tab.Go(url)
	tab.WaitText("#participant-list", "Ann")
	if got := texts(tab); got != before || !strings.Contains(got, "Hello Bob!") {
		t.Errorf("after a reload the page shows %q, want %q", got, before)
	}
	tab.Screenshot("reload")

	// The lists are emptied, so that what they show then is from the new server.
	for _, pg := range []*browser.Page{ann, bob, tab} {
		browser.Eval[bool](pg, `(document.querySelector("#participant-list").innerHTML = "") === ""`)
	}
	stop()
	for _, pg := range []*browser.Page{ann, bob, tab} {
		pg.WaitEval(`document.querySelector("#lost").checkVisibility()`)
	}
	ann.Screenshot("lost")
	run(t, lobby, "-addr", strings.TrimPrefix(url, "http://"), "-secret", "secret")
	for _, pg := range []*browser.Page{ann, bob, tab} {
		pg.WaitEval(`document.querySelectorAll("#participant-list li").length === 2`)
		pg.WaitEval(`!document.querySelector("#lost").checkVisibility()`)
	}
	say(bob, "Back again")
	for _, pg := range []*browser.Page{ann, bob, tab} {
		pg.WaitText("#messages", "Back again")
	}
	for _, pg := range []*browser.Page{ann, bob, tab} {
		if got := texts(pg); got != before+"|Back again" {
			t.Errorf("after a restart a page shows %q, want %q and the new message", got, before)
		}
	}
	for _, pg := range []*browser.Page{ann, bob} { // what is said while a page is away is there when it comes back
		pg.Screenshot("back")
	}

	bob.Hide() // a hidden tab is in the room like any other
	ann.Click("#leave")
	ann.WaitText("#join-form", "Your name")
	focused(ann, "username")
	for _, pg := range []*browser.Page{bob, tab} {
		pg.WaitText("#messages", "Ann left")
		pg.WaitEval(`document.querySelectorAll("#participant-list li").length === 1`)
	}
}

// What is long, from right to left, or too much, on a phone and beside it.
func TestBrowserLobbyLimits(t *testing.T) {
	b := browser.New(t)
	url, _ := run(t, build(t, "lobby"), "-addr", quiet())
	ann, phone := b.Page(t, "ann"), b.Page(t, "phone")
	ann.SetViewport(1100, 720, false)
	phone.SetViewport(360, 640, true)
	long := strings.Repeat("Wolfeschlegel", 3) + "!"
	ann.Go(url)
	join(ann, "\u05e9\u05dc\u05d5\u05dd (2)") // from right to left
	phone.Go(url)
	paste(phone, "#username", "A\u200bnn")
	phone.Click("#join-form button")
	phone.WaitText("#error", "U+200B")
	join(phone, long)
	for _, text := range []string{"\u05de\u05d4 \u05e0\u05e9\u05de\u05e2?", "left \u202e right", strings.Repeat("x", 300), "4", "5", "6"} {
		paste(phone, "#message", text)
		phone.Press("Enter")
		if text != "6" {
			phone.WaitEval(`document.querySelector("#message").value === ""`)
		}
	}
	phone.WaitText("#error", "too fast")
	focused(phone, "message")
	if got := browser.Eval[string](phone, `document.querySelector("#message").value`); got != "6" {
		t.Errorf("the field has %q, want what was refused", got)
	}
	ann.WaitText("#messages", "5")
	for _, p := range []*browser.Page{ann, phone} {
		p.Screenshot("limits")
		if wide := browser.Eval[int](p, "document.documentElement.scrollWidth - document.documentElement.clientWidth"); wide > 0 {
			t.Errorf("the page is %d px wider than the screen", wide)
		}
		if high := browser.Eval[int](p, "document.documentElement.scrollHeight - document.documentElement.clientHeight"); high > 0 {
			t.Errorf("the page is %d px higher than the screen", high)
		}
	}
}
