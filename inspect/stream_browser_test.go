package inspect_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/inspect"
	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/inspect/httpapi"
	"github.com/sfere-go/sfere/internal/browser"
	"github.com/sfere-go/sfere/twk"
)

// From the list of connections to what one stream is sent, and to what it says, in the
// real client.
func TestBrowserStream(t *testing.T) {
	b := browser.New(t)
	audits := make(chan console.Audit, 10)
	var mux *http.ServeMux
	p := newProgram(t, may(httpapi.Read), func(m *http.ServeMux) {
		mux = m
		mux.Handle("GET /datastar.js", b.Datastar())
	})
	c := console.New(p.d, p.conns, &console.Options[App]{Watch: true, Audit: func(_ context.Context, a console.Audit) { audits <- a }, Recorder: p.rec})
	mux.Handle("/support/", inspect.New(c, &inspect.Options{Prefix: "/support/", Guard: may(httpapi.Watch), Hub: p.bridge.Hub(), Client: p.client(), Title: "shop"}))
	ann := p.join("Ann Lee")
	send := func(what string) {
		p.dispatch(sfere.Send(sfere.ID("shop", "Ann Lee"),
			twk.PatchElements{Elements: twk.HTML(`<p id="news">` + what + `</p>`)},
			twk.PatchSignals{Signals: json.RawMessage(`{"user":"Ann Lee","token":"abcdef"}`)}))
		ann.Next()
	}
	send("Apples <b>are</b> sold")
	insp := b.Page(t, "support")
	insp.SetViewport(1280, 800, false)
	insp.Go(p.srv.URL + "/support/connections")
	insp.WaitText("#conn-list", "default/shop/Ann Lee")
	insp.Click("#conn-list a[title='What it is sent']")
	insp.WaitText("h1", "default/shop/Ann Lee")
	insp.WaitText(".live", "live")
	insp.WaitText("#entry-list", "datastar-patch-signals")
	if insp.Count("#entry-list pre") != 0 {
		t.Error("it says what it says without being asked")
	}
	picture(t, insp, "stream")
	insp.Click(".head .button")
	insp.WaitText(".watched", "The audit is told")
	insp.WaitText("#entry-list", "Apples <b>are</b> sold")
	insp.WaitText("#entry-list", `"token":"[hidden]"`)
	send("Pears are sold")
	insp.WaitText("#entry-list", "Pears are sold")
	picture(t, insp, "stream-watch")
	if a := <-audits; a.Watched == nil || a.Watched.Over || a.Command.By != "tester" {
		t.Errorf("at the beginning the audit is told %+v", a)
	}
	phone := b.Page(t, "phone")
	phone.SetViewport(390, 844, true)
	phone.Go(p.srv.URL + "/inspect/stream?key=default/shop/Ann%20Lee")
	phone.WaitText(".live", "live")
	phone.WaitText("#entry-list", "datastar-patch-signals")
	picture(t, phone, "phone-stream")
	if wide := browser.Eval[int](phone, "document.documentElement.scrollWidth"); wide > 390 {
		t.Errorf("the page is %d pixels wide on a phone", wide)
	}
	insp.Click(".head .button")
	insp.WaitText("#entry-list", "datastar-patch-signals")
	insp.WaitEval(`!document.querySelector("#entry-list pre")`)
	if a := <-audits; a.Watched == nil || !a.Watched.Over || a.Watched.Took <= 0 || a.Watched.Events == 0 {
		t.Errorf("at the end the audit is told %+v", a.Watched)
	}
	for _, pg := range []*browser.Page{insp, phone} {
		if errs := pg.Errors(); len(errs) > 0 {
			t.Errorf("the console has errors:\n%s", strings.Join(errs, "\n"))
		}
	}
}
