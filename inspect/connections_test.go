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
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/inspect"
	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/inspect/httpapi"
	"github.com/sfere-go/sfere/internal/growth"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk/twktest"
)

// crowd opens n streams without sockets, change their requests first, and waits
// until they are held. They end with the test.
func (p *program) crowd(n int, name func(i int) string, change ...func(*http.Request)) {
	p.t.Helper()
	ctx, leave := context.WithCancel(p.t.Context())
	var all sync.WaitGroup
	p.t.Cleanup(func() { leave(); all.Wait() })
	before, _ := p.conns.Count(sfere.Everyone())
	for i := range n {
		r := httptest.NewRequestWithContext(ctx, "GET", "/stream?name="+url.QueryEscape(name(i)), nil)
		r.Header.Set("Datastar-Request", "true")
		for _, f := range change {
			f(r)
		}
		all.Go(func() { p.srv.Config.Handler.ServeHTTP(nowhere{http.Header{}}, r) })
	}
	p.wait(fmt.Sprintf("%d streams", n), func() bool {
		now, _ := p.conns.Count(sfere.Everyone())
		return now == before+n
	})
}

func (p *program) wait(what string, ready func() bool) {
	p.t.Helper()
	for end := time.Now().Add(4 * twktest.Wait); !ready(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			p.t.Fatal("in vain: ", what)
		}
	}
}

// nowhere is a response that takes everything.
type nowhere struct{ header http.Header }

func (w nowhere) Header() http.Header            { return w.header }
func (nowhere) Write(b []byte) (int, error)      { return len(b), nil }
func (nowhere) WriteHeader(int)                  {}
func (nowhere) Flush()                           {}
func (nowhere) SetWriteDeadline(time.Time) error { return nil }

func numbered(i int) string { return fmt.Sprintf("p%04d", i) }

var nextPage = regexp.MustCompile(`href="(/inspect/connections\?[^"]*)" rel="next"`)

// A long list comes in pages that link to each other, with counts of all.
func TestConnectionPages(t *testing.T) {
	p := newProgram(t, nil)
	p.crowd(250, numbered)
	path, seen := "/inspect/connections?pattern=*/shop/*", map[string]int{}
	var sizes []int
	for path != "" {
		_, body := p.get(path)
		rows := regexp.MustCompile(`title="Send to default/shop/(p\d+)"`).FindAllStringSubmatch(body, -1)
		for _, r := range rows {
			seen[r[1]]++
		}
		sizes = append(sizes, len(rows))
		for _, want := range []string{`<dd>250 <small>of 250</small></dd>`, `<code>shop</code> <b>250</b>`, "on this page"} {
			if !strings.Contains(body, want) {
				t.Errorf("page %d has no %q", len(sizes), want)
			}
		}
		if first := strings.Contains(body, "First page"); first != (len(sizes) > 1) {
			t.Errorf("page %d links to the first page: %t", len(sizes), first)
		}
		path = ""
		if next := nextPage.FindStringSubmatch(body); next != nil {
			path = strings.ReplaceAll(next[1], "&amp;", "&")
		}
	}
	if diff := cmp.Diff([]int{100, 100, 50}, sizes); diff != "" || len(seen) != 250 {
		t.Errorf("%d streams on pages of (-want +got):\n%s", len(seen), diff)
	}
	_, body := p.get("/inspect/connections?after=nobody")
	if !strings.Contains(body, "Page.Next") {
		t.Error("a page after nobody is no problem")
	}
}

// The page, and its stream, cost what they show.
func TestConnectionPageCost(t *testing.T) {
	n := 700
	if !testing.Short() {
		n = 2500
	}
	p := newProgram(t, may(httpapi.Read))
	cost := func() (allocs float64, size int) {
		get := func() int {
			r := httptest.NewRequestWithContext(t.Context(), "GET", "/inspect/connections", nil)
			w := httptest.NewRecorder()
			p.insp.ServeHTTP(w, r)
			return w.Body.Len()
		}
		size = get()
		return growth.Allocs(func() { get() }), size
	}
	p.crowd(n, numbered)
	few, small := cost()
	p.crowd(7*n, func(i int) string { return "q" + numbered(i) })
	many, large := cost()
	t.Logf("%d streams: %.0f allocations, %d bytes; %d streams: %.0f, %d", n, few, small, 8*n, many, large)
	if many > few*1.2 || large > small+1000 {
		t.Error("the page costs more if more streams are held that it does not show")
	}
}

// However long the keys and the names of clients are, a page has a bound.
func TestConnectionPageIsBounded(t *testing.T) {
	p := newProgram(t, may(httpapi.Write))
	p.crowd(1, func(int) string { return "Ann Lee" })
	p.crowd(110, func(i int) string { return numbered(i) + strings.Repeat("\u202e", 330) }, func(r *http.Request) {
		r.Header.Set("User-Agent", strings.Repeat("<", 500_000))
	})
	_, body := p.get("/inspect/connections")
	if len(body) > 500_000 {
		t.Errorf("the page has %d bytes", len(body))
	}
	for _, want := range []string{`>default/shop/Ann Lee<`, `title="Send to default/shop/Ann%20Lee"`, `default/shop/&#34;p0000\u202e`} {
		if !strings.Contains(body, want) {
			t.Errorf("no %q on the page", want)
		}
	}
	r := p.request("GET", "/stream?name="+strings.Repeat("k", 2000), nil)
	r.Header.Set("Datastar-Request", "true")
	if code, _ := p.do(r); code/100 != 4 && code/100 != 5 {
		t.Errorf("a key of 2000 bytes is answered %d", code)
	}
	if n, _ := p.conns.Count(sfere.Everyone()); n != 111 {
		t.Errorf("%d streams are held", n)
	}
}

// Those who left are shown, with the cause.
func TestGone(t *testing.T) {
	p := newProgram(t, nil)
	ann, bob := p.join("Ann Lee"), p.join("bob")
	ann.Close()
	p.wait("ann left", func() bool { return len(p.conns.Removals()) == 1 })
	live := p.follow("connections", `{}`)
	shows(live, `id="conn-gone"`, "default/shop/Ann Lee", "the client went away")
	p.dispatch(sfere.Close{To: sfere.Category("shop"), Cause: "lunch"})
	if err := bob.Ended(); err != nil {
		t.Error(err)
	}
	e := shows(live, `id="conn-gone"`, "default/shop/bob", ">lunch<")
	if got := e.Fields()["elements"]; strings.Index(got, "bob") > strings.Index(got, "Ann Lee") {
		t.Error("who left last is not the first")
	}
	if _, body := p.get("/inspect/connections?pattern=*/lobby/*"); strings.Contains(body, "Ann Lee") {
		t.Error("who does not match the pattern is shown")
	}
}

// A stream is closed with a button, which is guarded and audited as a send.
func TestCloseButton(t *testing.T) {
	access := httpapi.Read
	p := newProgram(t, func(*http.Request) httpapi.Caller {
		return httpapi.Caller{By: "root", Access: access, Why: "root is on holiday"}
	})
	var mu sync.Mutex
	var heard []console.Audit
	c := console.New(p.d, p.conns, &console.Options[App]{Token: token, Audit: func(_ context.Context, a console.Audit) {
		mu.Lock()
		defer mu.Unlock()
		heard = append(heard, a)
	}})
	p.insp = inspect.New(c, &inspect.Options{Hub: p.bridge.Hub(), Guard: func(r *http.Request) httpapi.Caller {
		return httpapi.Caller{By: "root", Access: access, Why: "root is on holiday"}
	}})
	mux := http.NewServeMux()
	mux.Handle("/inspect/", p.insp)
	mux.Handle("/", p.srv.Config.Handler)
	p.srv.Config.Handler = mux
	first, second := p.join("ann"), p.join("ann")
	button := func() string {
		_, body := p.get("/inspect/connections")
		m := regexp.MustCompile(`/inspect/close\?conn=\d+\\u0026key=[^'"&]*`).FindString(body)
		return strings.ReplaceAll(m, `\u0026`, "&")
	}
	all, err := p.conns.Snapshot(sfere.Everyone())
	if err != nil || len(all) != 2 {
		t.Fatal(all, err)
	}
	path := func(id uint64, key string) string {
		return fmt.Sprintf("/inspect/close?conn=%d&key=%s", id, url.QueryEscape(key))
	}
	id := all[0].Conn.ID
	if got := button(); got != "" {
		t.Errorf("a reader is offered %s", got)
	}
	for _, tt := range []struct {
		reason string
		access httpapi.Access
		path   string
		want   string // on the page
		audit  string
	}{
		{"a reader", httpapi.Read, path(id, "default/shop/ann"), "Not closed. ", "POST /inspect/close by root: root is on holiday"},
		{"no key", httpapi.Write, path(id, "ann"), "Nothing was closed", "POST /inspect/close by root: sfere: key"},
		{"no stream", httpapi.Write, path(0, "default/shop/ann"), "Nothing was closed", "POST /inspect/close by root: a stream is named"},
		{"one that is gone", httpapi.Write, path(999, "default/shop/ann"), "was gone already", "POST /inspect/close by root: done"},
		{"a writer", httpapi.Write, "", "default/shop/ann #" + fmt.Sprint(id) + " was closed", "POST /inspect/close by root: done"},
	} {
		access = tt.access
		if tt.path == "" {
			tt.path = button()
		}
		got := p.post(tt.path, url.Values{})
		if !strings.Contains(got, tt.want) {
			t.Errorf("%s: no %q in %s", tt.reason, tt.want, got)
		}
		mu.Lock()
		a := heard[len(heard)-1]
		mu.Unlock()
		line := fmt.Sprintf("%s by %s: %v", a.Command.Asked, a.Command.By, a.Err)
		if a.Err == nil {
			line = fmt.Sprintf("%s by %s: done", a.Command.Asked, a.Command.By)
		}
		if !strings.HasPrefix(line, tt.audit) {
			t.Errorf("%s: the audit is told %q, want %q", tt.reason, line, tt.audit)
		}
	}
	if err := first.Ended(); err != nil {
		t.Error(err)
	}
	p.wait("one is left", func() bool { n, _ := p.conns.Count(sfere.Everyone()); return n == 1 })
	p.dispatch(sfere.Close{To: sfere.Everyone().In(sfere.DefaultScope), Cause: sse.CauseClosed})
	_ = second.Ended()
	if n := len(heard); n != 5 {
		t.Errorf("the audit was told %d times", n)
	}
}
