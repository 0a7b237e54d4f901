package twk_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/browser"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/attr"
)

// Every effect does in the real client what it says.
func TestEffectsInBrowser(t *testing.T) {
	b := browser.New(t)
	d := plain(t)
	name := `O'Neil <b> "x" \ </script>`
	steps := map[string]effect.List{
		"patch": {
			twk.PatchElements{Elements: twk.HTML(`<p id="one">1</p>`)},
			twk.PatchElements{Elements: twk.HTML("two\rlines"), Selector: "#two", Mode: twk.ModeInner},
			twk.PatchElementsSeq{
				Elements: []twk.Content{twk.HTML(`<g></g>`), twk.HTML(`<g></g>`), twk.HTML(`<g></g>`), twk.HTML(`<g></g>`)},
				Selector: "svg", Mode: twk.ModeAppend, Namespace: twk.SVGNamespace,
			},
			twk.RemoveElement{Selector: twk.ByID("1.a")},
			twk.PatchSignals{Signals: map[string]any{"a": name}},
			twk.PatchSignals{Signals: map[string]any{"a": "no", "b": 2}, OnlyIfMissing: true},
			twk.PatchElements{Elements: twk.HTML(`<p id="b" data-text="$b"></p>`)}, // not before, as reading a signal makes it
		},
		"script": {
			twk.ExecuteScript{Script: "window.ran = " + twk.JS(name)},
			twk.ExecuteScript{Script: "window.kept = 1", Attributes: map[string]string{"id": "kept"}, Keep: true},
			twk.DispatchCustomEvent{Name: "ping", Selector: "#two", Detail: map[string]any{"name": name}},
			twk.DispatchCustomEvent{Name: "quiet", Selector: "#two", Bubbles: new(false)},
			twk.ConsoleLog{Message: name, Level: "warn"},
			twk.Prefetch{URLs: []string{"/next"}},
			twk.ReplaceURL{URL: "?name='" + "</script>"},
		},
		"redirect": {twk.Redirect{URL: "/next?'"}},
	}
	mux := http.NewServeMux()
	mux.Handle("GET /datastar.js", b.Datastar())
	mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprintf(w, `<!doctype html><html lang="en"><head><title>Effects</title>%s</head>
			<body data-on:ping="window.ping = evt.detail.name" data-on:quiet="window.quiet = 1"><p id="one"></p><p id="two"></p><p id="1.a"></p><svg></svg>
			<p id="a" data-text="$a"></p><p id="b"></p>`, twk.Client{URL: "/datastar.js"}.Script())
		for step := range steps {
			_, _ = fmt.Fprintf(w, `<button id="go-%s" %s>%[1]s</button>`, step, attr.On("click", attr.Get("/do?step="+step, nil)))
		}
		_, _ = fmt.Fprint(w, `</body></html>`)
	})
	mux.HandleFunc("GET /next", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprint(w, `<!doctype html><p id="next">next</p>`)
	})
	bridge := twk.NewBridge(d, func(s twk.Session) twk.Session { return s }, nil)
	mux.Handle("GET /do", bridge.Handle(func(r *twk.Request) twk.Response { return twk.Respond(steps[r.FormValue("step")]...) }))
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)

	p := b.Page(t, "alice")
	p.Go(srv.URL)
	p.Click("#go-patch")
	p.WaitText("#b", "2")
	want := []any{name, "1", "two\nlines", 4.0, nil}
	got := browser.Eval[[]any](p, `[document.querySelector('#a').textContent, document.querySelector('#one').textContent, document.querySelector('#two').textContent,
		document.querySelectorAll('svg > g').length, document.getElementById('1.a')]`)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("patches (-want +got):\n%s", diff)
	}
	p.Click("#go-script")
	p.WaitEval("location.search !== ''")
	want = []any{name, 1.0, name, nil, 1.0, 1.0, "?name=%27%3C/script%3E"}
	got = browser.Eval[[]any](p, `[window.ran, window.kept, window.ping, window.quiet ?? null,
		document.querySelectorAll('body > script#kept').length, document.querySelectorAll('body > script:not([id])').length, location.search]`)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("scripts (-want +got):\n%s", diff)
	}
	if lines := p.Console(); !slices.ContainsFunc(lines, func(s string) bool { return strings.HasPrefix(s, "warn") && strings.Contains(s, name) }) {
		t.Errorf("no warning in the console: %q", lines)
	}
	p.Click("#go-redirect")
	p.WaitText("#next", "next")
	if got := browser.Eval[string](p, "location.search"); got != "?%27" {
		t.Errorf("redirected to %s", got)
	}
}
