package inspect_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/sfere-go/sfere/inspect/httpapi"
	"github.com/sfere-go/sfere/internal/browser"
)

// covered fails the test if something lies over a field or button of the form when
// it is scrolled to.
func covered(t *testing.T, p *browser.Page) {
	t.Helper()
	under := browser.Eval[string](p, `[...document.querySelectorAll("#send input, #send select, #send textarea, #send button")].filter(el => {
		if (!el.checkVisibility()) return false
		el.scrollIntoView({block: "nearest", behavior: "instant"})
		const r = el.getBoundingClientRect()
		return [r.top + 4, r.bottom - 4].some(y => {
			const hit = document.elementFromPoint(r.left + r.width / 2, Math.min(Math.max(y, 1), innerHeight - 1))
			return hit !== el && !el.contains(hit)
		})
	}).map(el => el.id || el.name || el.innerText).join(", ")`)
	if under != "" {
		t.Errorf("something covers %s", under)
	}
	browser.Eval[bool](p, `(scrollTo({top: 0, behavior: "instant"}), true)`)
}

// Many streams, in the real client: pages of them, keys as people write them, a
// button that closes one, and who left why.
func TestBrowserConnections(t *testing.T) {
	b := browser.New(t)
	p := newProgram(t, may(httpapi.Write), func(mux *http.ServeMux) {
		mux.Handle("GET /datastar.js", b.Datastar())
	})
	ann := p.join("Ann Lee")
	p.join("a/b")
	p.crowd(130, func(i int) string { return fmt.Sprintf("guest %03d", i) })
	insp := b.Page(t, "laptop")
	insp.SetViewport(1280, 800, false)
	insp.Go(p.srv.URL + "/inspect/connections")
	insp.WaitText(".live", "live")
	insp.WaitText("#conn-list", "default/shop/Ann Lee")
	insp.WaitText("#conn-list", `default/shop/"a/b"`)
	insp.WaitText("#conn-summary", "132 of 132")
	insp.WaitText("#conn-summary", "shop 132")
	if n := insp.Count("#conn-list tbody tr"); n != 100 {
		t.Errorf("%d rows", n)
	}
	picture(t, insp, "many")

	row := `#conn-list tr:has(a[title="Send to default/shop/Ann%20Lee"]) `
	insp.Click(row + "summary")
	insp.WaitEval("document.querySelector(`" + row + "details[open] button`).checkVisibility()")
	picture(t, insp, "close")
	insp.Click(row + "button")
	insp.WaitText("#conn-outcome", "default/shop/Ann Lee #")
	if err := ann.Ended(); err != nil {
		t.Error(err)
	}
	insp.WaitText("#conn-gone", "default/shop/Ann Lee")
	insp.WaitText("#conn-gone", "the program closed it")
	insp.WaitText("#conn-summary", "131 of 131")
	insp.WaitEval(`!document.querySelector("#conn-list").innerText.includes("Ann Lee")`)
	browser.Eval[bool](insp, `(document.querySelector("#conn-gone").scrollIntoView({block: "end", behavior: "instant"}), true)`)
	picture(t, insp, "gone")

	insp.Click(`.pager a[rel=next]`)
	insp.WaitText(".live", "live")
	insp.WaitText("#conn-list", "guest 129")
	insp.WaitText("#conn-list", "31 of 131")
	p.crowd(1, func(int) string { return "zoe" })
	insp.WaitText("#conn-list", "zoe") // this page follows as well
	insp.WaitText("#conn-list", "32 of 132")
	insp.Fill("#pattern", "*/shop/zoe")
	insp.WaitText("#conn-summary", "1 of 132") // the filter begins at the first page

	insp.Go(p.srv.URL + "/inspect/connections?pattern=*/shop/zoe") // a page that begins with a filter keeps it
	insp.WaitText(".live", "live")
	p.crowd(1, func(int) string { return "yan" })
	insp.WaitText("#count-conns", "133")
	if n := insp.Count("#conn-list tbody tr"); n != 1 {
		t.Errorf("%d rows, want that of the filter", n)
	}
	insp.Click("#conn-list summary")
	insp.Click("#conn-list .act a")
	insp.WaitText("h1", "Build an effect")
	if list := browser.Eval[string](insp, `document.querySelector("#list").value`); !strings.Contains(list, `"effect": "sfere/kick"`) || !strings.Contains(list, `"id": "zoe"`) {
		t.Errorf("the form to throw somebody out has %s", list)
	}
	insp.WaitText(".live", "live")
	insp.Click("#dry-run")
	insp.WaitText("#outcome", "1 stream would be closed")

	insp.Go(p.srv.URL + "/inspect/send?to=*/shop/*&list=" + `[{"effect":"twk/console-log","args":{"message":"Closing time"}}]`)
	insp.WaitText(".live", "live")
	insp.Click("#dry-run")
	insp.WaitText("#outcome", "133 streams would get")
	insp.WaitText("#outcome", "and 125 more")
	picture(t, insp, "dry-many")

	phone := b.Page(t, "phone")
	phone.SetViewport(390, 844, true)
	phone.Go(p.srv.URL + "/inspect/connections")
	phone.WaitText(".live", "live")
	phone.Click("#conn-list tbody tr:first-child summary")
	picture(t, phone, "phone-many")
	browser.Eval[bool](phone, `(document.querySelector("#conn-gone").scrollIntoView({block: "end", behavior: "instant"}), true)`)
	picture(t, phone, "phone-gone")
	if wide := browser.Eval[int](phone, "document.documentElement.scrollWidth"); wide > 390 {
		t.Errorf("the page is %d pixels wide on a phone", wide)
	}
	for _, pg := range []*browser.Page{insp, phone} {
		if errs := pg.Errors(); len(errs) > 0 {
			t.Errorf("the console has errors:\n%s", strings.Join(errs, "\n"))
		}
	}
}
