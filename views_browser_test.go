package sfere_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	cdpage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	chromium "github.com/sfere-go/sfere/internal/browser"
	"github.com/sfere-go/sfere/registry"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/attr"
	"github.com/sfere-go/sfere/twk/twktest"
)

// Views of the pages: a number with a long list, and a list that is filtered.
type (
	wall  struct{}
	shelf struct{ Filter string }
)

func (wall) EffectName() string  { return "test/wall" }
func (shelf) EffectName() string { return "test/shelf" }

func (wall) Topics() []sfere.Topic  { return []sfere.Topic{"wall"} }
func (shelf) Topics() []sfere.Topic { return []sfere.Topic{"shelf"} }

// exhibition is a program whose pages show a wall and a shelf.
type exhibition struct {
	t   *testing.T
	app *sfere.App[guest]
	srv *httptest.Server

	mu      sync.Mutex // guards the fields below
	n       int
	filters map[string]string // of each tab
	down    bool
	paused  map[string]chan struct{} // renders of a filter wait for it
	begun   chan string              // filters whose paused render has begun
}

func newExhibition(t *testing.T, b *chromium.Browser) *exhibition {
	x := &exhibition{t: t, filters: map[string]string{}, paused: map[string]chan struct{}{}, begun: make(chan string, 100)}
	x.app = hallWith(nil, registry.New("exhibition",
		sfere.View[guest]("The wall.", x.wall, nil),
		sfere.View[guest]("The shelf.", x.shelf, &sfere.ViewOptions[guest, shelf]{Interval: 20 * time.Millisecond}),
	))
	x.app.HandleHTTP("GET /datastar.js", b.Datastar())
	x.app.Handle("GET /{$}", x.page)
	x.app.Handle("GET /views", func(r *twk.Request) twk.Response {
		tab := r.URL.Query().Get("tab")
		x.mu.Lock()
		defer x.mu.Unlock()
		if x.down {
			return twk.Status(http.StatusServiceUnavailable)
		}
		return sfere.Hold(sfere.ID("tab", tab), twk.Stream(sfere.Show{Views: effect.List{wall{}, shelf{x.filters[tab]}}}))
	})
	x.app.Handle("POST /filter", func(r *twk.Request) twk.Response {
		q := r.URL.Query()
		return twk.Respond(x.choose(q.Get("tab"), q.Get("to")))
	})
	x.srv = httptest.NewServer(x.app)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), twktest.Wait)
		defer cancel()
		if err := x.app.Hub().Drain(ctx, 0); err != nil {
			t.Error(err)
		}
		x.app.Conns().Close()
		x.srv.CloseClientConnections()
		x.srv.Close()
	})
	return x
}

// wall renders the number, a long list, and things of the person: some that a morph
// must leave alone, and a field and a scrolled list that are the same in all frames.
func (x *exhibition) wall(context.Context, wall) (twk.Content, error) {
	n := x.number()
	var lines strings.Builder
	for i := range 100 {
		fmt.Fprintf(&lines, `<li id="line-%d">%d of %d</li>`, i, i, n)
	}
	return twk.HTML(fmt.Sprintf(`<section id="wall"><p>state <b id="n">%d</b></p>
		<div id="kept" data-ignore-morph><input id="inside" value="%d"><details id="more-inside"><summary>More</summary>…</details>
		<button id="ask-inside" data-on:click="document.querySelector('#dialog-inside').show()">Ask</button>
		<dialog id="dialog-inside">Open</dialog></div>
		<input id="plain"><ol id="list" style="height: 200px; overflow: auto">%s</ol></section>`, n, n, lines.String())), nil
}

// shelf renders what a filter leaves, and waits if it is told to.
func (x *exhibition) shelf(ctx context.Context, s shelf) (twk.Content, error) {
	n := x.number()
	x.mu.Lock()
	wait := x.paused[s.Filter]
	x.mu.Unlock()
	if wait != nil {
		x.begun <- s.Filter
		select {
		case <-wait:
		case <-ctx.Done(): // nobody is shown it any more; that it goes on makes no difference
		}
	}
	return twk.HTML(fmt.Sprintf(`<p id="shelf" data-filter="%s">%s %d</p>`, s.Filter, s.Filter, n)), nil
}

func (x *exhibition) page(r *twk.Request) twk.Response {
	q := r.URL.Query()
	tab := q.Get("tab")
	x.mu.Lock()
	if x.filters[tab] == "" {
		x.filters[tab] = "a"
	}
	filter := x.filters[tab]
	x.mu.Unlock()
	first, err := x.app.Render(r, wall{})
	if err != nil {
		return twk.BadRequest(err)
	}
	o := &attr.Options{RetryInterval: 50 * time.Millisecond, RetryMaxWait: 200 * time.Millisecond}
	if q.Get("hidden") == "open" {
		o.OpenWhenHidden = new(true)
	}
	return twk.Page(twk.HTML(fmt.Sprintf(`<!doctype html><html><head><title>%s</title><link rel="icon" href="data:,">%s
		<style>body { min-height: 6000px }</style></head><body %s>
		<input id="draft"><details id="more"><summary>More</summary>…</details>
		<button id="ask" data-on:click="document.querySelector('#dialog').showModal()">Ask</button>
		<dialog id="dialog"><input id="answer"></dialog>
		%s<p id="shelf" data-filter="%s"></p></body></html>`,
		tab, twk.Client{URL: "/datastar.js"}.Script(), attr.Stream("/views?tab="+tab, o), first, filter)))
}

// choose is what changes the filter of a tab.
func (x *exhibition) choose(tab, filter string) effect.Data {
	x.mu.Lock()
	defer x.mu.Unlock()
	old := x.filters[tab]
	x.filters[tab] = filter
	return sfere.WithConnection{Key: effect.Now(sfere.ID("tab", tab)), Effects: effect.List{
		sfere.Hide{Views: effect.List{shelf{old}}}, sfere.Show{Views: effect.List{shelf{filter}}},
	}}
}

func (x *exhibition) number() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.n
}

// change changes the state, says so, and returns the new one.
func (x *exhibition) change() int {
	x.mu.Lock()
	x.n++
	n := x.n
	x.mu.Unlock()
	res := x.app.Dispatch(context.Background(), sfere.Refresh{Topic: "wall"}, sfere.Refresh{Topic: "shelf"})
	if err := res.Err(); err != nil {
		x.t.Error(err)
	}
	return n
}

// busy changes the state ten times a second until the returned function is called.
func (x *exhibition) busy() (rest func()) {
	tick, end := time.NewTicker(100*time.Millisecond), make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		for {
			select {
			case <-tick.C:
				x.change()
			case <-end:
				tick.Stop()
				return
			}
		}
	})
	return sync.OnceFunc(func() { close(end); running.Wait() })
}

// streams waits until there are n.
func (x *exhibition) streams(n int) {
	x.t.Helper()
	for range 1000 {
		if got, _ := x.app.Conns().Count(sfere.Category("tab")); got == n {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	x.t.Fatalf("there are never %d streams", n)
}

func (x *exhibition) open(p *chromium.Page, tab, more string) {
	x.t.Helper()
	p.Go(x.srv.URL + "/?tab=" + tab + more)
	p.WaitText("#shelf", "a ") // only the stream brings it
}

// shows waits until p shows a state that is as new as n.
func shows(p *chromium.Page, n int) {
	p.WaitEval(fmt.Sprintf(`Number(document.querySelector("#n").textContent) >= %d`, n))
}

// showsShelf waits until p shows what a filter leaves of a state that is as new as n.
func showsShelf(p *chromium.Page, filter string, n int) {
	p.WaitEval(fmt.Sprintf(`(([f, n]) => f === %q && Number(n) >= %d)(document.querySelector("#shelf").textContent.split(" "))`, filter, n))
}

// newer waits until p shows frames that are newer than what it shows now.
func newer(p *chromium.Page, frames int) {
	shows(p, chromium.Eval[int](p, `Number(document.querySelector("#n").textContent)`)+frames)
}

// own is what a person has done to a page.
type own struct {
	Draft, Inside, Plain, Answer, Focus  string
	More, MoreInside, Dialog, DialogOpen bool
	Scroll, Box                          int
}

func ownOf(p *chromium.Page) own {
	return chromium.Eval[own](p, `(q => ({
		draft: q("#draft").value, inside: q("#inside").value, plain: q("#plain").value, answer: q("#answer").value, focus: document.activeElement.id,
		more: q("#more").open, moreInside: q("#more-inside").open, dialog: q("#dialog").matches(":modal"), dialogOpen: q("#dialog-inside").open,
		scroll: Math.round(scrollY), box: q("#list").scrollTop,
	}))(s => document.querySelector(s))`)
}

// act does to a page what a person does, while frames come.
func act(t *testing.T, p *chromium.Page) own {
	t.Helper()
	p.Fill("#draft", "not sent yet")
	newer(p, 1)
	p.Fill("#inside", "nor this")
	newer(p, 1)
	p.Fill("#plain", "and this")
	newer(p, 1)
	p.Click("#more summary")
	p.Click("#more-inside summary")
	p.Click("#ask-inside")
	newer(p, 1)
	p.Click("#ask")
	p.WaitEval(`document.querySelector("#dialog").matches(":modal")`)
	chromium.Eval[int](p, `document.querySelector("#list").scrollTop = 300`)
	scroll := chromium.Eval[int](p, `(scrollTo(0, 700), Math.round(scrollY))`)
	p.Type("#answer", "h")
	for _, key := range []string{"e", "l", "o", "ArrowLeft", "l"} { // where the focus and the caret are
		newer(p, 1)
		p.Press(key)
	}
	newer(p, 3)
	want := own{Draft: "not sent yet", Inside: "nor this", Plain: "and this", Answer: "hello", Focus: "answer",
		More: true, MoreInside: true, Dialog: true, DialogOpen: true, Scroll: scroll, Box: 300}
	if diff := cmp.Diff(want, ownOf(p)); diff != "" {
		t.Errorf("what was done to the page (-want +got):\n%s", diff)
	}
	if scroll != 700 {
		t.Errorf("the page was scrolled to %d", scroll)
	}
	return want
}

// freezing freezes and thaws a page.
func freezing(t *testing.T, p *chromium.Page, s cdpage.SetWebLifecycleStateState) {
	t.Helper()
	err := chromedp.Do(p.Context(), chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, cdpage.SetWebLifecycleState, cdpage.SetWebLifecycleStateParams{State: s})
		return err
	}))
	if err != nil {
		t.Fatal(err)
	}
}

// cut ends the streams of a tab.
func (x *exhibition) cut(tab string) {
	x.t.Helper()
	x.app.Dispatch(context.Background(), sfere.Close{To: sfere.Exactly(sfere.ID("tab", tab))})
}

// Two pages are refreshed ten times a second while people work with them. Nothing of
// theirs is lost, no page shows what it should not, and all end with the last state.
func TestViewBrowser(t *testing.T) {
	t.Parallel()
	b := chromium.New(t)

	t.Run("what a person does", func(t *testing.T) {
		x := newExhibition(t, b)
		one := b.Page(t, "what one does")
		two := one.NewTab()
		x.open(one, "one", "")
		x.open(two, "two", "&hidden=open")
		rest := x.busy()
		defer rest()
		did := map[*chromium.Page]own{one: act(t, one), two: act(t, two)}

		one.Hide() // which ends its stream
		x.streams(1)
		at := x.change()
		one.Show()
		shows(one, at)

		two.Hide()
		freezing(t, two, cdpage.SetWebLifecycleStateStateFrozen)
		x.cut("two")
		x.streams(1)
		at = x.change()
		freezing(t, two, cdpage.SetWebLifecycleStateStateActive)
		two.Show()
		shows(two, at)
		x.streams(2)

		rest()
		last := x.change()
		for _, p := range []*chromium.Page{one, two} {
			shows(p, last)
			got := ownOf(p)
			got.Focus = did[p].Focus // of a window that was hidden
			if diff := cmp.Diff(did[p], got); diff != "" {
				t.Errorf("after the page was hidden (-want +got):\n%s", diff)
			}
			if errs := p.Errors(); len(errs) > 0 {
				t.Errorf("%q", errs)
			}
		}
		if diff := cmp.Diff(one.Text("#list"), two.Text("#list")); diff != "" {
			t.Errorf("the pages differ:\n%s", diff)
		}
	})

	t.Run("a connection that is lost", func(t *testing.T) {
		x := newExhibition(t, b)
		one := b.Page(t, "who loses")
		two := one.NewTab()
		x.open(one, "one", "")
		x.open(two, "two", "")
		x.change()
		x.mu.Lock()
		x.down = true
		x.mu.Unlock()
		x.srv.CloseClientConnections()
		x.streams(0)
		last := x.change() // of which nobody is told
		x.mu.Lock()
		x.down = false
		x.mu.Unlock()
		for _, p := range []*chromium.Page{one, two} {
			shows(p, last)
			p.WaitText("#shelf", fmt.Sprint("a ", last))
		}
		x.streams(2)
		last = x.change()
		for _, p := range []*chromium.Page{one, two} {
			shows(p, last)
		}
		if diff := cmp.Diff(one.Text("#list"), two.Text("#list")); diff != "" {
			t.Errorf("the pages differ:\n%s", diff)
		}
	})

	t.Run("a filter that changes", func(t *testing.T) {
		x := newExhibition(t, b)
		p := b.Page(t, "who chooses")
		x.open(p, "one", "")
		behind := p.NewTab() // shows the old filter a little longer, so that it is still rendered
		x.open(behind, "two", "")
		chromium.Eval[bool](p, `(() => {
			const look = () => { const f = document.querySelector("#shelf").dataset.filter; if (painted.at(-1) !== f) painted.push(f) };
			window.painted = [];
			new MutationObserver(look).observe(document.body, {subtree: true, childList: true, attributes: true, characterData: true});
			look();
			return true;
		})()`)
		rest := x.busy()
		defer rest()
		want := []string{"a"}
		for i := range 12 {
			old, next := want[len(want)-1], string(rune('b'+i))
			var hold chan struct{}
			if i%2 == 0 { // a render of the old one is on its way
				hold = make(chan struct{})
				x.pause(old, hold)
				for <-x.begun != old {
				}
			}
			chromium.Eval[bool](p, fmt.Sprintf(`fetch("/filter?tab=one&to=%s", {method: "POST", headers: {"Datastar-Request": "true"}}).then(() => true)`, next))
			if hold != nil {
				x.pause(old, nil)
				close(hold)
			}
			at := x.change()
			showsShelf(behind, old, at) // what was on its way has been handed out
			showsShelf(p, next, at)
			want = append(want, next)
			if err := x.app.Dispatch(context.Background(), x.choose("two", next)).Err(); err != nil {
				t.Error(err)
			}
			showsShelf(behind, next, at)
		}
		rest()
		got := chromium.Eval[[]string](p, "painted")
		if !slices.Equal(want, got) {
			t.Errorf("the page has shown %q, want %q", got, want)
		}
		if errs := p.Errors(); len(errs) > 0 {
			t.Errorf("%q", errs)
		}
	})
}

// pause makes renders of a filter wait for hold; nil ends that.
func (x *exhibition) pause(filter string, hold chan struct{}) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.paused[filter] = hold
}
