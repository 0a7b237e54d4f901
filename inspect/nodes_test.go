package inspect_test

import (
	"context"
	"html"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/sfere-go/sfere/inspect"
	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/inspect/httpapi"
	"github.com/sfere-go/sfere/internal/browser"
	"github.com/sfere-go/sfere/internal/consoletest"
	"github.com/sfere-go/sfere/relay"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/twktest"
)

// machines returns three programs on one relay, "a", "b" and "c", each with a stream, and
// the inspector of the first.
func machines(t *testing.T, guard httpapi.Guard, o *console.Options[consoletest.App], extra ...func(*http.ServeMux)) (*program, []*consoletest.Program, []*twktest.Stream, *relay.Faulty) {
	t.Helper()
	ps, bus := consoletest.Nodes(t, o, "a", "b", "c")
	var streams []*twktest.Stream
	for i, name := range []string{"ann", "bob", "carl"} {
		streams = append(streams, ps[i].Join(t, name))
	}
	p := &program{t: t, insp: inspect.New(ps[0].Console, &inspect.Options{Guard: guard, Client: twk.Client{URL: "/datastar.js"}, Title: "shop"})}
	mux := http.NewServeMux()
	mux.Handle("/inspect/", p.insp)
	for _, f := range extra {
		f(mux)
	}
	p.srv = httptest.NewServer(mux)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), twktest.Wait)
		defer cancel()
		if err := p.insp.Hub().Drain(ctx, 0); err != nil {
			t.Error(err)
		}
		p.srv.Close()
	})
	return p, ps, streams, bus
}

// has fails unless a text has all parts.
func has(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("there is no %q in:\n%s", part, text)
		}
	}
}

// The page says which machines there are, and of one that is silent that it is, not that
// it has nothing.
func TestNodesPage(t *testing.T) {
	p, _, _, bus := machines(t, may(httpapi.Read), nil)
	code, page := p.get("/inspect/nodes")
	if code != 200 {
		t.Fatal(code)
	}
	has(t, page, `<b id="count-nodes">3</b>`, ", this one</span>", `data-label="Connections">1<`, `<span class="badge">live</span>`, `<a href="/inspect/connections?nodes=true">3</a>`)
	bus.Split(2)
	_, page = p.get("/inspect/nodes")
	has(t, page, `<span class="badge bad">silent</span>`, `data-label="Connections">?<`, "1 silent or down", `>2</a> <small>at least</small>`)

	one := newProgram(t, may(httpapi.Read))
	code, page = one.get("/inspect/nodes")
	has(t, page, "This program is one node")
	_, other := one.get("/inspect/connections")
	if code != 200 || strings.Contains(page+other, "Nodes</span>") || strings.Contains(other, "All nodes") {
		t.Errorf("a program that is one machine offers a page of them: %d %s", code, other)
	}
	shut, _, _, _ := machines(t, may(httpapi.None), nil)
	for _, path := range []string{"/inspect/nodes", "/inspect/connections?nodes=true", "/inspect/api/nodes"} {
		if code, _ := shut.get(path); code != 403 {
			t.Errorf("%s without access is answered %d", path, code)
		}
	}
}

// The page of connections is that of all machines if it is asked for, and one of another
// machine is closed from here: with the guard and the audit of everything that is sent.
func TestConnectionsOfAllMachines(t *testing.T) {
	audits := make(chan console.Audit, 10)
	p, _, streams, bus := machines(t, may(httpapi.Write), &console.Options[consoletest.App]{Audit: func(_ context.Context, a console.Audit) { audits <- a }})
	_, page := p.get("/inspect/connections")
	has(t, page, "default/lobby/ann", "All nodes", "<dd>1 <small>of 1</small>")
	if strings.Contains(page, "default/lobby/carl") {
		t.Error("the page of this machine has a stream of another")
	}
	_, page = p.get("/inspect/connections?nodes=true&pattern=*/lobby/*")
	has(t, page, "default/lobby/ann", "default/lobby/bob", "default/lobby/carl", `<code class="at">c (`, "<dd>3 <small>of 3</small>", "checked", `nodes=true&amp;pattern=%2A%2Flobby`)
	at := regexp.MustCompile(`'(/inspect/close\?conn=[0-9]+&key=default%2Flobby%2Fcarl)'`).FindStringSubmatch(strings.ReplaceAll(html.UnescapeString(page), `\u0026`, "&"))
	if at == nil {
		t.Fatalf("nothing closes a stream of another machine:\n%s", page)
	}
	has(t, p.post(at[1], nil), "default/lobby/carl #", "was closed")
	if err := streams[2].Ended(); err != nil {
		t.Error(err)
	}
	if a := <-audits; !strings.Contains(string(a.Command.Effects), "sfere/close") || a.Err != nil {
		t.Errorf("the audit is told %+v", a)
	}
	bus.Split(2)
	_, page = p.get("/inspect/connections?nodes=true&pattern=*/lobby/carl")
	has(t, page, "Not among these: what is at <code>c</code>", `<span class="badge bad">silent</span>`, "<dd>0 <small>of 2</small>")
	_, page = p.get("/inspect/connections?nodes=true&after=default/lobby/ann%231")
	has(t, page, "not where a page of all machines ended")
}

// Pages of all machines follow what happens on any of them.
func TestFeedNodes(t *testing.T) {
	p, ps, _, bus := machines(t, may(httpapi.Read), nil)
	nodes, conns, own := p.follow("nodes", `{}`), p.follow("connections", `{"nodes":true}`), p.follow("connections", `{}`)
	shows(nodes, `id="node-list"`, `<code class="key">c</code>`)
	shows(conns, `id="conn-list"`, "default/lobby/carl")
	if e := shows(own, `id="conn-list"`); strings.Contains(e.Fields()["elements"], "carl") {
		t.Error("the page of one machine has a stream of another")
	}
	ps[2].Join(t, "dora")
	shows(conns, `id="conn-list"`, "default/lobby/dora")
	shows(nodes, `<code class="key">c</code>`, `data-label="Connections">2<`)
	bus.Split(2)
	shows(nodes, `<code class="key">c</code>`, `<span class="badge bad">`, `data-label="Connections">?<`)
	shows(conns, `id="conn-unheard"`, "<code>c</code>")
}

// Three machines, one of them silent, in the real client.
func TestBrowserNodes(t *testing.T) {
	b := browser.New(t)
	p, ps, _, bus := machines(t, may(httpapi.Write), nil, func(mux *http.ServeMux) { mux.Handle("GET /datastar.js", b.Datastar()) })
	insp := b.Page(t, "laptop")
	insp.SetViewport(1280, 800, false)
	insp.Go(p.srv.URL + "/inspect/connections")
	insp.WaitText(".live", "live")
	insp.WaitText("#conn-list", "default/lobby/ann")
	insp.Click("#nodes")
	insp.WaitText("#conn-list", "default/lobby/carl")
	insp.WaitText("#conn-summary", "3 of 3")
	picture(t, insp, "all-nodes")
	ps[1].Join(t, "dora")
	insp.WaitText("#conn-list", "default/lobby/dora")
	insp.Fill("#pattern", "*/*/dora")
	insp.WaitText("#conn-summary", "1 of 4")
	insp.Fill("#pattern", "*/lobby/*")
	insp.WaitText("#conn-summary", "4 of 4")
	bus.Split(2)
	insp.WaitText("#conn-unheard", "what is at c")
	insp.WaitText("#conn-summary", "3 of 3")
	picture(t, insp, "all-nodes-silent")
	insp.Click("#nodes")
	insp.WaitText("#conn-summary", "1 of 1")
	insp.WaitEval(`document.querySelector("#conn-unheard").textContent === ""`)

	insp.Click(`nav a[href="/inspect/nodes"]`)
	insp.WaitText("#node-list", "silent")
	insp.WaitText(".live", "live")
	picture(t, insp, "nodes")
	phone := b.Page(t, "phone")
	phone.SetViewport(390, 844, true)
	phone.Go(p.srv.URL + "/inspect/nodes")
	phone.WaitText(".live", "live")
	picture(t, phone, "phone-nodes")
	if wide := browser.Eval[int](phone, "document.documentElement.scrollWidth"); wide > 390 {
		t.Errorf("the page is %d pixels wide on a phone", wide)
	}
	bus.Heal()
	phone.WaitEval(`!document.querySelector("#node-list").innerText.includes("silent") && !document.querySelector("#node-list").innerText.includes("down")`)
	for _, pg := range []*browser.Page{insp, phone} {
		if errs := pg.Errors(); len(errs) > 0 {
			t.Errorf("the console has errors:\n%s", strings.Join(errs, "\n"))
		}
	}
}
