package sfere_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	chromium "github.com/sfere-go/sfere/internal/browser"
	"github.com/sfere-go/sfere/registry"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/attr"
	"github.com/sfere-go/sfere/twk/twktest"
)

// form is a view with everything in it that a person changes in a page.
type form struct{}

func (form) EffectName() string { return "test/form" }

// What a person has done to a page survives the renders of a view, or does not, as
// docs/views.md says.
func TestViewAndThePersonInBrowser(t *testing.T) {
	t.Parallel()
	b := chromium.New(t)
	var renders atomic.Int32
	app := sfere.NewApp(nil, registry.New("test", sfere.View[twk.Session]("A form.", func(context.Context, form) (twk.Content, error) {
		return twk.HTML(fmt.Sprintf(`<div id="form"><b id="n">%[1]d</b>
			<input id="same"><input id="focused"><input id="given" value="%[1]d"><textarea id="text"></textarea>
			<details id="details"><summary>More</summary></details>
			<details id="preserved" data-preserve-attr="open"><summary>More</summary></details>
			<dialog id="dialog">Hello</dialog>
			<div id="scrolled" style="height:20px;overflow:scroll"><div style="height:500px"></div></div>
			<div id="kept" data-ignore-morph><input id="kept-input" value="%[1]d"><details id="kept-details"></details><dialog id="kept-dialog"></dialog></div>
			<i data-signals:reset="%[1]d" data-signals:once__ifmissing="%[1]d"></i></div>`, renders.Add(1))), nil
	}, nil)))
	app.HandleHTTP("GET /datastar.js", b.Datastar())
	app.Handle("GET /{$}", func(r *twk.Request) twk.Response {
		content, err := app.Render(r, form{})
		if err != nil {
			t.Error(err)
		}
		return twk.Page(twk.HTML(`<!doctype html><html><head><link rel="icon" href="data:,">` + string(twk.Client{URL: "/datastar.js"}.Script()) +
			`</head><body ` + attr.Stream("/live", nil).String() + `>` + string(content) +
			`<p id="reset" data-text="$reset"></p><p id="once" data-text="$once"></p><button id="set" data-on:click="$reset = 'mine'; $once = 'mine'"></button>
			<details id="outside"></details></body></html>`))
	})
	app.Handle("GET /live", func(*twk.Request) twk.Response {
		return sfere.Hold(sfere.ID("page", "ann"), twk.Stream(sfere.Show{Views: effect.List{form{}}}))
	})
	srv := httptest.NewServer(app)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), twktest.Wait)
		defer cancel()
		if err := app.Hub().Drain(ctx, 0); err != nil {
			t.Error(err)
		}
		srv.CloseClientConnections()
		srv.Close()
		app.Conns().Close()
	})
	p := b.Page(t, "ann")
	p.Go(srv.URL)
	p.WaitText("#n", "2") // the page, and what its stream begins with
	p.Click("#set")
	p.WaitText("#once", "mine")
	chromium.Eval[bool](p, `(() => {
		for (const id of ["details", "preserved", "kept-details", "outside"]) document.getElementById(id).open = true
		for (const id of ["dialog", "kept-dialog"]) document.getElementById(id).show()
		document.getElementById("scrolled").scrollTop = 100
		return true
	})()`)
	for _, id := range []string{"same", "given", "text", "kept-input", "focused"} {
		p.Fill("#"+id, "typed")
	}
	res := app.Dispatch(t.Context(), sfere.Refresh{Views: effect.List{form{}}, Wait: true})
	if err := res.Err(); err != nil {
		t.Fatal(err)
	}
	p.WaitText("#n", "3")
	got := chromium.Eval[map[string]any](p, `({
		same: same.value, focused: focused.value, given: given.value, text: text.value, keptInput: document.getElementById("kept-input").value,
		focus: document.activeElement.id,
		details: details.open, preserved: preserved.open, keptDetails: document.getElementById("kept-details").open, outside: outside.open,
		dialog: dialog.open, keptDialog: document.getElementById("kept-dialog").open,
		scrolled: scrolled.scrollTop,
		reset: document.getElementById("reset").textContent, once: document.getElementById("once").textContent,
	})`)
	want := map[string]any{
		"same": "typed", "focused": "typed", "text": "typed", // typed text survives
		"given":     "3", // but not in a field whose value differs from render to render
		"keptInput": "typed",
		"focus":     "focused",
		"details":   false, "preserved": true, "keptDetails": true, "outside": true,
		"dialog": false, "keptDialog": true,
		"scrolled": 100.0,
		"reset":    "3", "once": "mine",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the page is (-want +got):\n%s", diff)
	}
	if errs := p.Errors(); len(errs) > 0 {
		t.Errorf("%q", errs)
	}
}
