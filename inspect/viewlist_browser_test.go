package inspect_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/inspect/httpapi"
	"github.com/sfere-go/sfere/internal/browser"
)

// The page of views in the real client: it follows, filters, and refreshes.
func TestBrowserViews(t *testing.T) {
	b := browser.New(t)
	p := newProgram(t, may(httpapi.Write), func(mux *http.ServeMux) {
		mux.Handle("GET /datastar.js", b.Datastar())
	})
	for _, name := range []string{"Ann Lee", "bob", "cleo"} {
		p.join(name)
		p.show(name, Stock{"tea"}, Stock{"a red bicycle with a bell and a basket"}, Basket{len(name)})
	}
	p.show("bob", Stock{"unicorn"})
	for range 3 {
		p.dispatch(sfere.Refresh{Topic: "stock/tea", Wait: true})
	}
	laptop := b.Page(t, "laptop")
	laptop.SetViewport(1280, 800, false)
	laptop.Go(p.srv.URL + "/inspect/views")
	laptop.WaitText(".live", "live")
	laptop.WaitText("#view-list", `{"item":"tea"}`)
	laptop.WaitText("#view-summary", "6 of 6")
	laptop.WaitText("#count-views", "6")
	laptop.WaitText("#view-list", "the warehouse knows of no unicorns")
	picture(t, laptop, "views")

	row := `#view-list tr:has(th code.value) `
	renders := func() string { return laptop.Text(row + `td[data-label=Renders]`) }
	before := renders()
	p.stock.Add(1)
	laptop.Click(row + "button")
	laptop.WaitText("#view-outcome", `shop/stock {"item":"tea"} is rendered again, for 3 viewers.`)
	laptop.WaitEval(fmt.Sprintf("document.querySelector(`%std[data-label=Renders]`).innerText !== %s", row, quote(before)))
	picture(t, laptop, "views-refreshed")

	p.show("cleo", Basket{99}) // the page follows
	laptop.WaitText("#view-list", `{"id":99}`)
	laptop.Fill("#view", "basket")
	laptop.WaitText("#view-summary", "4 of 7")
	laptop.WaitEval(`!document.querySelector("#view-list").innerText.includes("tea")`)
	laptop.WaitText(".live", "live")
	picture(t, laptop, "views-filtered")

	laptop.Go(p.srv.URL + "/inspect/connections")
	laptop.WaitText(".live", "live")
	laptop.WaitText("#conn-list", `shop/stock {"item":"tea"}`)
	picture(t, laptop, "connections-views")
	laptop.Click(".shows a")
	laptop.WaitText("#view-summary", "3 of 7")

	laptop.Go(p.srv.URL + `/inspect/send?list=[{"effect":"sfere/refresh","args":{"topic":"stock"}}]`)
	laptop.WaitText(".live", "live")
	laptop.Click("#dry-run")
	laptop.WaitText("#outcome", "3 values would be rendered, for 7 viewers")
	picture(t, laptop, "views-dry")

	var many []effect.Data
	for i := range 120 {
		many = append(many, Basket{1000 + i})
	}
	p.show("bob", many...)
	phone := b.Page(t, "phone")
	phone.SetViewport(390, 844, true)
	phone.Go(p.srv.URL + "/inspect/views")
	phone.WaitText(".live", "live")
	phone.WaitText("#view-summary", "127 of 127")
	picture(t, phone, "phone-views")
	if wide := browser.Eval[int](phone, "document.documentElement.scrollWidth"); wide > 390 {
		t.Errorf("the page is %d pixels wide on a phone", wide)
	}
	browser.Eval[bool](phone, `(document.querySelector(".pager").scrollIntoView({block: "end", behavior: "instant"}), true)`)
	picture(t, phone, "phone-views-end")
	phone.Click(".pager a[rel=next]")
	phone.WaitText("#view-list", "27 of 127")
	phone.Go(p.srv.URL + "/inspect/connections")
	phone.WaitText("#conn-list", "more")
	picture(t, phone, "phone-connections-views")
	if wide := browser.Eval[int](phone, "document.documentElement.scrollWidth"); wide > 390 {
		t.Errorf("the page of connections is %d pixels wide on a phone", wide)
	}
	for _, pg := range []*browser.Page{laptop, phone} {
		if errs := pg.Errors(); len(errs) > 0 {
			t.Errorf("the console has errors:\n%s", strings.Join(errs, "\n"))
		}
	}
}
