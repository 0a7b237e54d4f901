package inspect_test

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/inspect"
	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/twk"
)

// Without Datastar every page is complete.
func TestPages(t *testing.T) {
	p := newProgram(t, nil)
	p.join("ann")
	p.dispatch(Sold{Item: "tea", Text: effect.Now("x")}, Mail{})
	sold := strings.TrimPrefix(sale(p), "#d-")
	for _, tt := range []struct {
		path   string
		want   []string
		reason string
	}{
		{"", []string{"twk/patch-elements", "Run effects against every live connection", `action="/inspect/"`}, "everything that is registered"},
		{"?q=friendly", []string{"1 of ", "shop/greeting", "<mark>friendly</mark>", "<i>doc</i>"}, "a search says which field matched"},
		{"?q=ADDRESS", []string{"shop/mail", "<i>args.to:description</i>"}, "fields are searched, without regard to case"},
		{"?q=sales", []string{"shop/mail", "<i>meta.owner</i>"}, "user metadata is searched"},
		{"?q=" + url.QueryEscape("/^shop.(mail|sold)$/"), []string{"2 of ", "shop/mail", "shop/sold"}, "an expression between slashes"},
		{"?q=" + url.QueryEscape("/(/"), []string{"missing closing"}, "a broken expression"},
		{"?q=zzz", []string{"Nothing contains “zzz”"}, "nothing found"},
		{"items/shop/mail?q=sales", []string{"Send a message by mail.", "how soon it goes out", "inspect/kit_test.go:", `<code>low</code>`, "&#34;ann@example.com&#34;", "&#34;owner&#34;", `href="/inspect/?q=sales"`, `aria-current="true"`}, "an item in full"},
		{"items/shop/greeting", []string{"placeholder", "&#34;$placeholder&#34;"}, "a placeholder has samples and cannot be sent"},
		{"items/shop/mial", []string{"shop/mail"}, "an unknown name gives near ones"},
		{"connections", []string{"default/shop/ann", `<dd>1 <small>of 1</small></dd>`}, "live connections"},
		{"connections?pattern=" + url.QueryEscape("*/lobby/*"), []string{"No live connection matches", `<dd>0 <small>of 1</small></dd>`}, "filtered"},
		{"connections?pattern=shop", []string{`class="alert"`, "pattern"}, "a broken pattern"},
		{"dispatches", []string{"shop/sold", "failed", "1 nested", "Show the tree"}, "the last dispatches"},
		{"dispatches/" + sold, []string{"sfere/broadcast", "continuation", "no mail server", "phase effect", "&#34;tea&#34;", "&#34;delivered&#34;: 1"}, "one as a tree"},
		{"dispatches/" + sold, []string{`href="/inspect/api/dispatches/` + sold + `/export" download="dispatch-` + sold + `.json"`}, "one to take along"},
		{"api/dispatches/" + sold + "/export", []string{`"version": 1`, `"effect": "shop/sold"`}, "what is taken along"},
		{"send", []string{`<optgroup label="actions">`, "Read-only", `<option value="*/shop/*">`, "default/shop/ann"}, "the form"},
		{"send?item=shop/mail&seed=1&to=" + url.QueryEscape("*/shop/*"), []string{`name="/to"`, `name="/priority"`, `high</option>`, `value="*/shop/*"`}, "filled in"},
		{"send?item=shop/greeting", []string{"is a placeholder"}, "no effect"},
		{"api/describe?name=shop/mail", []string{`"name": "shop/mail"`}, "the interface for tools"},
	} {
		_, body := p.get("/inspect/" + tt.path)
		for _, want := range tt.want {
			if !strings.Contains(body, want) {
				t.Errorf("%s: GET %s has no %q in it:\n%s", tt.reason, tt.path, want, body[strings.Index(body, "<main")+1:])
			}
		}
	}
}

// Whatever is shown stays text.
func TestEscaping(t *testing.T) {
	const bad = `"'></textarea></pre><script>alert(1)</script><img src=x onerror=alert(2)>` + "\r\revent: datastar-patch-signals\rdata: signals {x:1}\r\r"
	p := newProgram(t, nil)
	p.join(bad)
	p.dispatch(Mail{To: bad, Subject: bad}, effect.Raw{Effect: bad}, sfere.Send(sfere.ID(bad, bad), twk.ConsoleLog{Message: bad}))
	hostile := []string{"<script>alert", "<img src=x"} // that a CR begins no event is checked with every event
	check := func(what, body string) {
		t.Helper()
		for _, h := range hostile {
			if strings.Contains(body, h) {
				t.Errorf("%s lets %q through", what, h)
			}
		}
	}
	q := url.QueryEscape(bad)
	for _, path := range []string{"?q=" + q, "items/" + url.PathEscape(bad), "connections", "connections?pattern=" + q, "dispatches", "send?item=" + q, "send?to=" + q + "&list=" + q} {
		_, body := p.get("/inspect/" + path)
		check(path, body)
	}
	for _, d := range p.rec.Recent() {
		_, body := p.get("/inspect/dispatches/" + strings.TrimPrefix(idOf(d), "#d-"))
		check("a dispatch", body)
	}
	list := url.Values{"list": {`[{"effect":"twk/console-log","args":{"message":` + jsonOf(bad) + `}}]`}, "to": {"*/shop/*"}, "item": {"shop/mail"}, "/to": {bad}}
	for _, path := range []string{"dry-run", "check", "send", "add"} {
		check(path, p.post("/inspect/"+path, list))
	}
	list.Set("list", bad)
	for _, path := range []string{"dry-run", "check", "send", "add"} {
		check(path+" of rubbish", p.post("/inspect/"+path, list))
	}
	list.Set("list", "[]")
	list.Set("to", bad)
	for _, path := range []string{"dry-run", "check"} {
		check(path+" to rubbish", p.post("/inspect/"+path, list))
	}
}

func TestSearchAndSample(t *testing.T) {
	p := newProgram(t, nil)
	ask := func(path string) string {
		r := p.request("GET", "/inspect/"+path, nil)
		r.Header.Set("Datastar-Request", "true")
		return p.events(r)
	}
	got := ask("search?item=shop/mail&datastar=" + url.QueryEscape(`{"q":"mail"}`))
	if !strings.Contains(got, `id="results"`) || !strings.Contains(got, `href="/inspect/items/shop/mail?q=mail" aria-current="true"`) {
		t.Errorf("a search while somebody types gives %s", got)
	}
	one, again := ask("sample?name=shop/mail&seed=5"), ask("sample?name=shop/mail&seed=5")
	if one != again || !strings.Contains(one, `value="5"`) {
		t.Errorf("the same seed gives %s and then %s", one, again)
	}
	if other := ask("sample?name=shop/mail&seed="); other == one {
		t.Error("no seed gives the sample of seed 5")
	}
	if got := ask("form?datastar=" + url.QueryEscape(`{"item":"shop/sold"}`)); !strings.Contains(got, `name="/item"`) {
		t.Errorf("the form of another item is %s", got)
	}
}

// A console without connections and without a recorder has pages all the same.
func TestPagesOfABareProgram(t *testing.T) {
	p := newProgram(t, nil)
	insp := inspect.New(console.New(p.d, nil, &console.Options[App]{Token: token}), nil)
	for _, tt := range []struct {
		path, want, reason string
		code               int
	}{
		{"", "shop/mail", "the catalogue needs nothing", 200},
		{"connections", "No live connection", "there are none", 200},
		{"dispatches", "Dispatches are not recorded", "the page says how to change that", 200},
		{"dispatches/1", "", "there is no first one", 404},
		{"send", "Read-only", "the form needs nothing", 200},
		{"api/connections", "does not offer it", "the interface for tools says so", 501},
		{"api/dispatches", "does not offer it", "here too", 501},
		{"api/dispatches/1", "does not offer it", "and here", 501},
	} {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/inspect/"+tt.path, nil)
		r.RemoteAddr, r.Host = "127.0.0.1:5000", "localhost"
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		insp.ServeHTTP(w, r)
		if w.Code != tt.code || !strings.Contains(w.Body.String(), tt.want) {
			t.Errorf("%s: GET %s is answered %d, want %d with %q:\n%s", tt.reason, tt.path, w.Code, tt.code, tt.want, w.Body)
		}
	}
}
