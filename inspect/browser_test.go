package inspect_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/inspect/httpapi"
	"github.com/sfere-go/sfere/internal/browser"
	"github.com/sfere-go/sfere/twk"
)

// envImages names the directory that the pictures of docs/inspect.md are written
// to: SFERE_IMAGES=../docs/img go test -run TestBrowser ./inspect
const envImages = "SFERE_IMAGES"

// picture takes a screenshot, for the documentation if that shows it.
func picture(t *testing.T, p *browser.Page, name string) {
	t.Helper()
	path := p.Screenshot(name)
	guide, err := os.ReadFile("../docs/inspect.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := os.Getenv(envImages)
	if dir == "" || !bytes.Contains(guide, []byte("inspect-"+name+".png")) {
		return
	}
	shot, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	small, err := shrink(shot)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "inspect-"+name+".png"), small, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(small) > 150_000 {
		t.Errorf("picture %s has %d bytes, want at most 150 kB", name, len(small))
	}
}

// shrink drops the lowest bits of each colour, which nobody sees, and packs the
// rest as well as it can be.
func shrink(shot []byte) ([]byte, error) {
	from, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		return nil, err
	}
	to := image.NewNRGBA(from.Bounds())
	draw.Draw(to, to.Bounds(), from, from.Bounds().Min, draw.Src)
	for i, v := range to.Pix {
		if v < 0xf8 {
			to.Pix[i] = v&^3 | 2
		}
	}
	for i := 3; i < len(to.Pix); i += 4 {
		to.Pix[i] = 0xff
	}
	var b bytes.Buffer
	err = (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, to)
	return b.Bytes(), err
}

const shopper = `<!doctype html><html><head><title>Shop</title><link rel="icon" href="data:,"><script type="module" src="/datastar.js"></script></head>
<body data-init="@get('/stream?name=bob')"><p id="news">no news</p></body></html>`

// One page drives everything, in the real client: search, live connections, dry
// run, a refused send, an allowed one that reaches another page.
func TestBrowserInspector(t *testing.T) {
	b := browser.New(t)
	access := httpapi.Read
	p := newProgram(t, func(r *http.Request) httpapi.Caller { return may(access)(r) }, func(mux *http.ServeMux) {
		mux.Handle("GET /datastar.js", b.Datastar())
		mux.HandleFunc("GET /shop", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte(shopper))
		})
	})
	for _, name := range []string{"ann", "cleo", "dan", "till 1", "till 2"} {
		p.join(name)
	}
	p.dispatch(Sold{Item: "A red bicycle", Text: effect.Later[string](Greeting{Name: "all"})}, Mail{}, Mail{To: "ann@example.com"})
	p.dispatch(Mail{To: "zoe@example.com", Subject: "Your order"})
	insp := b.Page(t, "laptop")
	insp.SetViewport(1280, 800, false)

	insp.Go(p.srv.URL + "/inspect/")
	insp.WaitText(".live", "live")
	picture(t, insp, "overview")
	insp.Press("/")
	insp.WaitEval(`document.activeElement === document.querySelector("input.seek")`)
	insp.Fill("input.seek", "friendly")
	insp.WaitText("#results", "1 of")
	insp.Fill("input.seek", "/^scope/")
	insp.WaitText("#results", "args.to.scope")
	picture(t, insp, "search")
	insp.Fill("input.seek", "broadcast")
	insp.WaitEval(`document.querySelector("#results a[href*='items/sfere/broadcast']") !== null`)
	insp.Click(`#results a[href*="items/sfere/broadcast"]`)
	insp.WaitText("#detail h1", "sfere/broadcast")
	insp.WaitText(".live", "live")
	picture(t, insp, "item")
	before := insp.Text("#sample pre")
	insp.Click("#sample button[type=button]")
	insp.WaitEval(`document.querySelector("#sample pre").innerText !== ` + quote(before))

	insp.Go(p.srv.URL + "/inspect/connections")
	insp.WaitText("#conn-list", "default/shop/ann")
	if strings.Contains(insp.Text("#conn-list"), "bob") {
		t.Error("bob is listed before he came")
	}
	bob := b.Page(t, "bob")
	bob.Go(p.srv.URL + "/shop")
	insp.WaitText("#conn-list", "default/shop/bob")
	insp.WaitText("#count-conns", "6")
	picture(t, insp, "connections")
	insp.Fill("#pattern", "*/shop/ann")
	insp.WaitEval(`!document.querySelector("#conn-list").innerText.includes("bob")`)
	insp.WaitText(".live", "live")
	insp.Fill("#pattern", "shop")
	insp.WaitText("#conn-problem", "pattern")

	insp.Go(p.srv.URL + "/inspect/dispatches")
	insp.WaitText(".live", "live")
	p.dispatch(Fail{})
	insp.WaitText("#dispatches > li:first-child", "shop/fail")
	sold := sale(p)
	browser.Eval[bool](insp, `(document.querySelector("`+sold+` summary").focus(), true)`)
	insp.Press("Enter") // as good as a click
	insp.WaitText(sold, "no mail server")
	insp.WaitText(sold, "continuation")
	picture(t, insp, "dispatches")
	log(t, p, insp)
	dark(t, insp, true)
	picture(t, insp, "dark")
	dark(t, insp, false)

	insp.Go(p.srv.URL + "/inspect/send")
	insp.WaitText(".live", "live")
	browser.Eval[any](insp, `(s => { s.value = "twk/patch-elements"; s.dispatchEvent(new Event("input", {bubbles: true})); s.dispatchEvent(new Event("change", {bubbles: true})); return true })(document.querySelector("#item"))`)
	insp.Fill(`[name="/elements"]`, `<p id="news">Fresh bread</p>`)
	insp.Click("#add")
	insp.WaitText("#outcome", "added")
	insp.Fill("#to", "*/shop/*")
	insp.Click("#check")
	insp.WaitText("#outcome", "Valid")
	insp.Type("#to", "")
	insp.Press("Enter") // the dry run is what the form does
	insp.WaitText("#outcome", "6 streams")
	insp.WaitText("#outcome .wire", `data: elements <p id="news">Fresh bread</p>`)
	picture(t, insp, "dry-run")
	if got := bob.Text("#news"); got != "no news" {
		t.Errorf("a dry run changed a page: %q", got)
	}
	if !browser.Eval[bool](insp, `document.querySelector("#go").disabled && document.querySelector("#" + document.querySelector("#go").getAttribute("aria-describedby")).innerText.includes("look and not send")`) {
		t.Error("a send that will be refused is offered, or nothing says why not")
	}
	covered(t, insp)
	list := insp.Text("#list") // the text of the textarea
	if list == "" {
		list = browser.Eval[string](insp, `document.querySelector("#list").value`)
	}
	form := p.srv.URL + "/inspect/send?" + url.Values{"list": {list}, "to": {"*/shop/*"}}.Encode()
	access = httpapi.Write
	insp.Go(form)
	insp.WaitText(".live", "live")
	access = httpapi.Read // which is taken away while the page is open
	insp.Click("#go")
	insp.WaitText("#outcome", "Not sent")
	picture(t, insp, "refused")
	if got := bob.Text("#news"); got != "no news" {
		t.Errorf("a refused send changed a page: %q", got)
	}
	access = httpapi.Write
	insp.Click("#go")
	insp.WaitText("#outcome", "6 of 6 streams")
	bob.WaitText("#news", "Fresh bread")
	picture(t, insp, "sent")
	access = httpapi.Read

	phone := b.Page(t, "phone")
	phone.SetViewport(390, 844, true)
	for name, path := range map[string]string{"catalogue": "", "item": "items/sfere/broadcast", "connections": "connections", "dispatches": "dispatches", "send": "send?item=shop/mail&seed=3"} {
		phone.Go(p.srv.URL + "/inspect/" + path)
		phone.WaitText(".live", "live")
		if name == "dispatches" {
			phone.Click(sold + " summary")
			phone.WaitText(sold, "no mail server")
		}
		picture(t, phone, "phone-"+name)
		if name == "send" {
			covered(t, phone)
		}
		if wide := browser.Eval[int](phone, "document.documentElement.scrollWidth"); wide > 390 {
			t.Errorf("the page %s is %d pixels wide on a phone", name, wide)
		}
	}
	hostile(t, p, insp)
	for _, pg := range []*browser.Page{insp, phone, bob} {
		if errs := pg.Errors(); len(errs) > 0 {
			t.Errorf("the console has errors:\n%s", strings.Join(errs, "\n"))
		}
	}
}

// The address that a program prints opens the page in a real browser, with its
// stream, and the token is not in the address any more.
func TestBrowserLogin(t *testing.T) {
	b := browser.New(t)
	p := newProgram(t, nil, func(mux *http.ServeMux) { mux.Handle("GET /datastar.js", b.Datastar()) })
	pg := b.Page(t, "owner")
	pg.Go(p.srv.URL + "/inspect/")
	pg.WaitText("body", "show the token")
	pg.Go(p.insp.URL(p.srv.URL))
	pg.WaitText(".live", "live")
	if at := browser.Eval[string](pg, "location.href + document.cookie"); at != p.srv.URL+"/inspect/" {
		t.Errorf("the page and its scripts see %q, want the address alone", at)
	}
	pg.Go(p.srv.URL + "/inspect/send")
	pg.WaitText(".live", "live")
}

// log drives the filter of the page of dispatches, which it leaves as it was.
func log(t *testing.T, p *program, insp *browser.Page) {
	t.Helper()
	const list = "#dispatches"
	without := func(text string) {
		t.Helper()
		insp.WaitEval(`!document.querySelector("#dispatches").innerText.includes(` + quote(text) + `)`)
		insp.WaitText(".live", "live")
	}
	for i := range 30 { // a ticker
		p.dispatch(sfere.Broadcast{To: sfere.Category("clock"), Effects: effect.List{twk.PatchSignals{Signals: map[string]any{"time": i}}}})
	}
	insp.WaitText("#dispatches > li:first-child", "30 ×")
	insp.Fill("#find", "zoe@")
	without("shop/sold")
	insp.WaitText(list, "shop/mail")
	insp.Fill("#find", "nothing has this")
	insp.WaitText(list, "Nothing that is kept fits")
	insp.Fill("#find", "no mail")
	insp.WaitText(list, "shop/sold")
	insp.Fill("#find", "")
	insp.WaitText(list, "sfere/hold")
	insp.Click("#failed")
	without("sfere/hold")
	insp.WaitText(list, "shop/fail")
	picture(t, insp, "failed")
	insp.Click("#failed")
	insp.WaitText(list, "sfere/hold")
	insp.Fill("#effect", "shop/fail")
	without("sfere/hold")
	insp.Fill("#effect", "")
	insp.WaitText(list, "sfere/hold")
	insp.Click("#pause")
	insp.WaitText("#pause", "Resume")
	insp.WaitText(".live", "live")
	before := insp.Text("#count-dispatches")
	p.dispatch(Mail{To: "late@example.com"}, Mail{To: "later@example.com"})
	insp.WaitEval(`document.querySelector("#count-dispatches").innerText !== ` + quote(before))
	if !browser.Eval[bool](insp, `document.querySelector("#dispatches > li:first-child").innerText.includes("30 ×")`) {
		t.Error("a list that is paused has changed")
	}
	insp.Click("#pause")
	insp.WaitEval(`!document.querySelector("#dispatches > li:first-child").innerText.includes("30 ×")`)
	insp.WaitText("#pause", "Pause")
	insp.Click("#dispatches > li:nth-child(2) summary")
	insp.WaitText("#dispatches > li:nth-child(2)", "sfere/broadcast")
	picture(t, insp, "log")
}

// hostile puts what an attacker may write wherever the pages show something, and
// looks whether any of it ran.
func hostile(t *testing.T, p *program, insp *browser.Page) {
	t.Helper()
	const bad = `'"></textarea><img src=x onerror="window.pwned=1"><script>window.pwned=2</script><p data-init="window.pwned=3">${window.pwned=4} @post('/x') $x` +
		"\r\revent: datastar-patch-signals\rdata: signals {x:window.pwned=5}\r\r"
	safe := func(where string) {
		t.Helper()
		insp.WaitText(".live", "live")
		if n := browser.Eval[string](insp, "String(window.pwned)"); n != "undefined" {
			t.Errorf("%s runs what is written there: %s", where, n)
		}
	}
	insp.Go(p.srv.URL + "/inspect/connections")
	safe("the list of connections")
	p.join(bad)
	insp.WaitText("#count-conns", "7")
	insp.WaitEval(`document.querySelectorAll("#conn-list tbody tr").length === 7`)
	safe("a new connection")
	insp.Go(p.srv.URL + "/inspect/dispatches")
	safe("the list of dispatches")
	p.dispatch(Mail{To: bad, Subject: bad}, effect.Raw{Effect: bad}, sfere.Send(sfere.ID(bad, bad)))
	insp.WaitText("#dispatches > li:first-child", "sfere/with-connection")
	insp.Click("#dispatches > li:first-child summary")
	insp.WaitText("#dispatches > li:first-child", "phase lookup")
	safe("a dispatch")
	p.show("ann", Stock{bad})
	insp.Go(p.srv.URL + "/inspect/views")
	insp.WaitText("#view-list", "window.pwned")
	safe("the list of views")
	for _, path := range []string{"?q=", "connections?pattern=", "views?view=", "views?from=", "send?item=", "send?to=", "send?list="} {
		insp.Go(p.srv.URL + "/inspect/" + path + url.QueryEscape(bad))
		safe(path)
	}
	insp.Go(p.srv.URL + "/inspect/")
	insp.WaitText(".live", "live")
	markup, _, _ := strings.Cut(bad, "\r") // a text to look for is short
	insp.Fill("input.seek", markup)
	insp.WaitText("#results", "Nothing contains")
	safe("the search")
	insp.Go(p.srv.URL + "/inspect/send?item=shop/mail")
	insp.WaitText(".live", "live")
	insp.Fill(`[name="/to"]`, strings.ReplaceAll(bad, "\r", " "))
	insp.Click("#add")
	insp.WaitText("#outcome", "added")
	safe("the form")
	insp.Fill("#to", "*/*/*")
	insp.Click("#dry-run")
	insp.WaitText("#outcome", "shop/mail")
	safe("a dry run")
}

// dark makes the page believe that its user likes it dark.
func dark(t *testing.T, p *browser.Page, on bool) {
	t.Helper()
	scheme := "light"
	if on {
		scheme = "dark"
	}
	err := chromedp.Do(p.Context(), chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return err
	}))
	if err != nil {
		t.Fatal(err)
	}
}

// sale returns the selector of the recorded sale.
func sale(p *program) string {
	for _, d := range p.rec.Recent() {
		if len(d.Names) > 0 && d.Names[0] == "shop/sold" {
			return fmt.Sprintf("#d-%d", d.Seq)
		}
	}
	p.t.Fatal("the sale was not recorded")
	return ""
}

func quote(s string) string { return "`" + strings.ReplaceAll(s, "`", "\\`") + "`" }
