package inspect_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/inspect"
	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/inspect/httpapi"
	"github.com/sfere-go/sfere/internal/growth"
)

// The page says what streams are shown and how it fares; that of connections says
// who is shown it.
func TestViewsPage(t *testing.T) {
	p := newProgram(t, nil)
	if _, body := p.get("/inspect/views"); !strings.Contains(body, "No stream shows a view") {
		t.Error("before there are views the page does not say so")
	}
	p.join("ann")
	p.join("bob")
	p.show("ann", Stock{"tea"}, Stock{"<unicorn>"}, Stock{"unicorn"}, Basket{1})
	p.show("bob", Stock{"tea"})
	p.wait("the renders", func() bool {
		list, _ := p.conns.Views("", 0, 10)
		return len(list) == 4 && list[0].Renders > 0 && list[2].Error != "" && list[3].Renders > 0
	})
	for _, tt := range []struct {
		path         string
		want, not    []string
		reason       string
		status, rows int
	}{
		{"views", []string{
			`<dd>4 <small>of 4</small></dd>`, `<dd>5</dd>`, "shop/stock</code> <b>3</b>", `{&#34;item&#34;:&#34;tea&#34;}`, ">failed</span>",
			"the warehouse knows of no unicorns", "for stream #", `<b id="count-views">4</b>`,
		}, []string{"<unicorn>", ">Refresh</button>"}, "all", 200, 4},
		{"views?view=basket", []string{`<dd>1 <small>of 4</small></dd>`, "{&#34;id&#34;:1}"}, []string{"tea"}, "by name", 200, 1},
		{"views?view=none", []string{"No stream shows such a view"}, nil, "of a name that no view has", 200, 0},
		{"views?from=x", []string{`<dd>4 <small>of 4</small></dd>`}, nil, "a place that is none is the first", 200, 4},
		{"views?from=999999999", []string{"No more values", "First page"}, nil, "after the last", 200, 0},
		{"connections?pattern=" + url.QueryEscape("*/shop/ann"), []string{"shows", `<a href="/inspect/views?view=shop%2Fstock"><code>shop/stock {&#34;item&#34;:&#34;tea&#34;}</code></a>`, "shop/basket"}, nil, "a connection", 200, 0},
	} {
		code, body := p.get("/inspect/" + tt.path)
		if rows := strings.Count(body, `<tr id="view-`); code != tt.status || rows != tt.rows {
			t.Errorf("%s: %d with %d rows", tt.reason, code, rows)
		}
		for _, want := range tt.want {
			if !strings.Contains(body, want) {
				t.Errorf("%s: GET %s has no %q:\n%s", tt.reason, tt.path, want, body[strings.Index(body, "<main")+1:])
			}
		}
		for _, not := range tt.not {
			if strings.Contains(body, not) {
				t.Errorf("%s: GET %s has %q", tt.reason, tt.path, not)
			}
		}
	}
}

// Long lists come in pages.
func TestViewPages(t *testing.T) {
	p := newProgram(t, nil)
	p.join("ann")
	var all []effect.Data
	for i := range 230 {
		all = append(all, Basket{i})
	}
	p.show("ann", all...)
	next := regexp.MustCompile(`href="(/inspect/views\?[^"]*)" rel="next"`)
	var sizes []int
	seen := map[string]bool{}
	for path := "/inspect/views?view=basket"; path != ""; {
		_, body := p.get(path)
		rows := regexp.MustCompile(`<tr id="(view-\d+)"`).FindAllStringSubmatch(body, -1)
		for _, r := range rows {
			seen[r[1]] = true
		}
		sizes, path = append(sizes, len(rows)), ""
		if m := next.FindStringSubmatch(body); m != nil {
			path = strings.ReplaceAll(m[1], "&amp;", "&")
		}
	}
	if diff := cmp.Diff([]int{100, 100, 30}, sizes); diff != "" || len(seen) != 230 {
		t.Errorf("%d values on pages of (-want +got):\n%s", len(seen), diff)
	}
}

// The page costs what it shows.
func TestViewsPageCost(t *testing.T) {
	p := newProgram(t, may(httpapi.Read))
	p.join("ann")
	n := 150
	show := func(from, to int) {
		var all []effect.Data
		for i := from; i < to; i++ {
			all = append(all, Basket{10_000 + i})
		}
		p.show("ann", all...)
		p.wait("the renders", func() bool {
			list, counts := p.conns.Views("", 0, to)
			return counts["shop/basket"] == to && list[0].Renders > 0
		})
	}
	cost := func() (allocs float64, size int) {
		get := func() int {
			w := httptest.NewRecorder()
			p.insp.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/inspect/views", nil))
			return w.Body.Len()
		}
		size = get()
		return growth.Allocs(func() { get() }), size
	}
	show(0, n)
	few, small := cost()
	show(n, 8*n)
	if many, large := cost(); many > few*1.2 || large > small*6/5+2000 {
		t.Errorf("%d values take %.0f allocations and %d bytes, %d %.0f and %d", n, few, small, 8*n, many, large)
	}
}

// The page follows: counters when they change, rows one by one, the list when others
// are shown.
func TestViewsFeed(t *testing.T) {
	p := newProgram(t, nil)
	p.join("ann")
	p.show("ann", Stock{"tea"})
	all, some := p.follow("views", `{}`), p.follow("views", `{"view":"basket"}`)
	shows(all, `id="view-list"`, "tea")
	shows(some, `id="view-list"`, "No stream shows such a view")
	p.show("ann", Basket{1})
	shows(all, `id="view-list"`, "tea", "shop/basket")
	if e := shows(some, `id="view-list"`, "shop/basket"); strings.Contains(e.Fields()["elements"], "tea") {
		t.Errorf("a page with a filter got %v", e)
	}
	p.stock.Add(1)
	p.dispatch(sfere.Refresh{Topic: "stock", Wait: true})
	if e := shows(all, `<tr id="view-`, "tea"); strings.Contains(e.Fields()["elements"], "basket") {
		t.Errorf("one row has changed, and this came: %v", e)
	}
}

// Who may send may refresh a value, which the audit hears of as it does of a send.
func TestRefreshButton(t *testing.T) {
	access := httpapi.Read
	p := newProgram(t, nil)
	var mu sync.Mutex
	var heard []console.Audit
	c := console.New(p.d, p.conns, &console.Options[App]{Token: token, Audit: func(_ context.Context, a console.Audit) {
		mu.Lock()
		defer mu.Unlock()
		heard = append(heard, a)
	}})
	insp := inspect.New(c, &inspect.Options{Hub: p.bridge.Hub(), Guard: func(*http.Request) httpapi.Caller {
		return httpapi.Caller{By: "root", Access: access, Why: "root is on holiday"}
	}})
	mux := http.NewServeMux()
	mux.Handle("/inspect/", insp)
	mux.Handle("/", p.srv.Config.Handler)
	p.srv.Config.Handler = mux
	p.join("ann")
	p.show("ann", Stock{"tea"}, Basket{1}, Stock{strings.Repeat("x", 5000)})
	list, _ := p.conns.Views("", 0, 10)
	id := func(i int) string { return fmt.Sprint("/inspect/refresh?id=", list[i].ID) }
	for _, tt := range []struct {
		reason string
		access httpapi.Access
		path   string
		want   string // on the page
		audit  string
	}{
		{"a reader", httpapi.Read, id(0), "Not refreshed. ", "POST /inspect/refresh: root is on holiday"},
		{"no number", httpapi.Write, "/inspect/refresh?id=x", "Nothing was refreshed", "POST /inspect/refresh: a value is named by its number"},
		{"one that nobody is shown", httpapi.Write, "/inspect/refresh?id=999999999", "shown to nobody", "POST /inspect/refresh: a value is named by its number"},
		{"one that is too long to be sent", httpapi.Write, id(2), "Nothing was refreshed", "POST /inspect/refresh: console: send"},
		{"a writer", httpapi.Write, id(0), `shop/stock {&#34;item&#34;:&#34;tea&#34;} is rendered again, for 1 viewer.`, "POST /inspect/refresh: done"},
		{"a view of the stream's own", httpapi.Write, id(1), `is rendered again, for 1 viewer.`, "POST /inspect/refresh: done"},
	} {
		access = tt.access
		_, page := p.get("/inspect/views")
		if offered := strings.Contains(page, ">Refresh</button>"); offered != (access == httpapi.Write) {
			t.Errorf("%s: a button is there: %t", tt.reason, offered)
		}
		heard = nil
		if got := p.post(tt.path, nil); !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.reason, got, tt.want)
		}
		mu.Lock()
		if len(heard) != 1 {
			t.Fatalf("%s: the audit was told %d times", tt.reason, len(heard))
		}
		what := "done"
		if heard[0].Err != nil {
			what = heard[0].Err.Error()
		}
		if got := heard[0].Command.Sender.Asked + ": " + what; !strings.HasPrefix(got, tt.audit) {
			t.Errorf("%s: the audit heard %q, want %q", tt.reason, got, tt.audit)
		}
		mu.Unlock()
	}
}

// A dry run of a refresh says which views, and for how many.
func TestDryRunOfRefreshIsShown(t *testing.T) {
	p := newProgram(t, may(httpapi.Read))
	p.join("ann")
	p.join("bob")
	p.show("ann", Stock{"tea"}, Stock{"milk"})
	p.show("bob", Stock{"tea"})
	got := p.post("/inspect/dry-run", url.Values{"list": {`[{"effect":"sfere/refresh","args":{"topic":"stock"}}]`}})
	for _, want := range []string{"2 values would be rendered, for 3 viewers", `{&#34;item&#34;:&#34;milk&#34;}`, "default, 2 viewers"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in %s", want, got)
		}
	}
	got = p.post("/inspect/dry-run", url.Values{"list": {`[{"effect":"sfere/refresh","args":{"topic":"nothing"}}]`}})
	if !strings.Contains(got, "would render nothing") {
		t.Errorf("of what nobody is shown: %s", got)
	}
}
