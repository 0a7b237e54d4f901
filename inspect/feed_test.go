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
	shows(s, `<ol id="dispatches">`, "shop/mail")
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
