package inspect_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/twktest"
)

// follow opens the stream of a page.
func (p *program) follow(tab, signals string) *twktest.Stream {
	p.t.Helper()
	r := p.request("GET", "/inspect/live?tab="+tab+"&datastar="+url.QueryEscape(signals), nil)
	r.Header.Set("Datastar-Request", "true")
	return twktest.Open(p.t, p.srv.Client(), r)
}

// shows waits for a patch with all of these texts.
func shows(s *twktest.Stream, texts ...string) twktest.Event {
	return s.Until(func(e twktest.Event) bool {
		for _, text := range texts {
			if !strings.Contains(e.Fields()["elements"], text) {
				return false
			}
		}
		return true
	})
}

func TestFeedConnections(t *testing.T) {
	p := newProgram(t, nil)
	p.join("ann")
	all, some := p.follow("connections", `{}`), p.follow("connections", `{"pattern":"*/shop/b*b"}`)
	shows(all, `id="conn-list"`, "default/shop/ann")
	shows(some, "No live connection matches")
	p.join("b*b") // an id like any other
	shows(all, `id="conn-list"`, "default/shop/ann", "default/shop/b*b")
	if e := shows(some, `id="conn-list"`, "default/shop/b*b"); strings.Contains(e.Fields()["elements"], "ann") {
		t.Errorf("a page with a filter got %v", e)
	}
	p.dispatch(sfere.Send(sfere.ID("shop", "ann"), twk.ConsoleLog{Message: "x"}))
	e := shows(all, `<tr id="conn-`, "default/shop/ann")
	if strings.Contains(e.Fields()["elements"], "b*b") {
		t.Errorf("one row has changed, and this came: %v", e)
	}
	wrong := p.follow("connections", `{"pattern":"shop"}`)
	shows(wrong, `id="conn-problem"`, "pattern")
}

func TestFeedDispatches(t *testing.T) {
	p := newProgram(t, nil)
	p.dispatch(Mail{To: "before"})
	s := p.follow("dispatches", `{}`)
	shows(s, `id="dispatches"`, "shop/mail")
	p.dispatch(Fail{})
	shows(s, `id="count-dispatches"`, `<em title="1 failed">1</em>`)
	e := shows(s, "shop/fail")
	if f := e.Fields(); f["selector"] != "#dispatches" || f["mode"] != "prepend" || strings.Contains(f["elements"], "shop/mail") {
		t.Errorf("a new dispatch came as %v", f)
	}
	for range 60 { // more than are kept
		p.dispatch(Mail{To: "flood"})
	}
	shows(s, `<li id="d-`, "shop/mail", " ×")
	if code, body := p.get("/inspect/dispatches"); code != 200 || strings.Count(body, "<li id=") != 2 || !strings.Contains(body, "shop/fail") {
		t.Errorf("60 that are alike and one that failed are shown as %d %s", code, body)
	}
}

// What is asked for is shown, and nothing while the list is paused.
func TestFeedDispatchesFiltered(t *testing.T) {
	p := newProgram(t, nil)
	p.dispatch(Mail{To: "ann", Subject: "zebra"})
	p.dispatch(Mail{To: "bob", Subject: "lion"}, Fail{})
	streams := map[string]*twktest.Stream{}
	for _, tt := range []struct {
		reason, signals string
		has, hasNot     string
	}{
		{"everything", `{}`, `id="d-1"`, "fits"},
		{"by text in the data, in any case", `{"find":"ZEBRA"}`, `id="d-1"`, `id="d-2"`},
		{"by the text of an error", `{"find":"no mail server"}`, `id="d-2"`, `id="d-1"`},
		{"by effect", `{"effect":"shop/fail"}`, `id="d-2"`, `id="d-1"`},
		{"what failed", `{"failed":true}`, `id="d-2"`, `id="d-1"`},
		{"both at once", `{"failed":true,"find":"zebra"}`, "Nothing that is kept fits", `id="d-1"`},
		{"paused", `{"paused":true}`, "count-dispatches", `id="dispatches"`},
	} {
		s := p.follow("dispatches", tt.signals)
		e := shows(s, tt.has)
		if strings.Contains(e.Fields()["elements"], tt.hasNot) {
			t.Errorf("%s: there is %s in %v", tt.reason, tt.hasNot, e)
		}
		streams[tt.reason] = s
	}
	p.dispatch(Mail{To: "zebra"}, Mail{To: "lion"})
	shows(streams["by text in the data, in any case"], `id="d-3"`)
	shows(streams["everything"], `id="d-3"`)
	if e := shows(streams["paused"], "count-dispatches"); strings.Contains(e.Fields()["elements"], "d-3") {
		t.Errorf("a list that is paused got %v", e)
	}
	for _, s := range []*twktest.Stream{streams["paused"], streams["what failed"], streams["by effect"]} {
		for _, e := range s.Pending() {
			if strings.Contains(e.Fields()["elements"], "d-3") {
				t.Errorf("there came %v", e)
			}
		}
	}
	for query, want := range map[string]string{"find=zebra": `id="d-3"`, "effect=shop/fail": `value="shop/fail"`, "failed=on": " checked"} {
		if code, body := p.get("/inspect/dispatches?" + query); code != 200 || !strings.Contains(body, want) || strings.Contains(body, `id="d-2"`) == (query == "find=zebra") {
			t.Errorf("without JavaScript, GET ?%s: %d %s", query, code, body)
		}
	}
}

// A dispatch shows the request and the stream it came from, and what it was sent to.
func TestDispatchesShowOrigin(t *testing.T) {
	p := newProgram(t, nil)
	p.join("ann")
	p.dispatch(sfere.Broadcast{To: sfere.Category("shop"), Effects: effect.List{twk.ConsoleLog{Message: "x"}}})
	p.dispatch(sfere.Send(sfere.ID("shop", "Ann Lee")), sfere.Send(sfere.ID("shop", "Ann Lee\u202e"))) // which turns the text around
	_, body := p.get("/inspect/dispatches")
	for _, want := range []string{"GET /stream", "default/shop/ann", `<span class="target" title="/shop/*">/shop/*</span>`, `title="/shop/Ann%20Lee%E2%80%AE">/shop/&#34;Ann Lee\u202e&#34;<`, `title="/shop/Ann%20Lee">/shop/Ann Lee<`} {
		if !strings.Contains(body, want) {
			t.Errorf("the page has no %s:\n%s", want, body)
		}
	}
}

// A value whose methods panic spoils its own place only.
func TestFeedSurvivesValues(t *testing.T) {
	p := newProgram(t, nil)
	p.dispatch(twk.PatchElements{Elements: twk.PerRecipientFunc(nil)}, effect.Raw{}, nil)
	s := p.follow("dispatches", `{}`)
	e := shows(s, `id="dispatches"`, "failed")
	_, rest, _ := strings.Cut(e.Fields()["elements"], `href="`)
	link, _, _ := strings.Cut(rest, `"`)
	if code, body := p.get(link); code != 200 || !strings.Contains(body, "panic") {
		t.Errorf("GET %s: %d\n%s", link, code, body)
	}
}
