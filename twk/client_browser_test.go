package twk_test

import (
	"encoding/json"
	"fmt"
	"html"
	"html/template"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"
	"github.com/google/go-cmp/cmp"
	g "maragu.dev/gomponents"

	"github.com/sfere-go/sfere/internal/browser"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/attr"
)

// servePage serves body as a page with the client, loaded by this package's tag.
func servePage(t *testing.T, b *browser.Browser, body string) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("GET /datastar.js", b.Datastar())
	mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprintf(w, "<!doctype html><html lang=\"en\"><head><title>Test</title>%s</head><body>%s<p id=\"ready\" data-text=\"'yes'\"></p></body></html>",
			twk.Client{URL: "/datastar.js"}.Script(), body)
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv.URL
}

// engines write <tag name="value"></tag> in the ways that programs do.
var engines = []struct {
	name  string
	write func(w io.Writer, tag string, a attr.Attr) error
}{
	{"as it is", func(w io.Writer, tag string, a attr.Attr) error {
		_, err := fmt.Fprintf(w, `<%s %s="%s"></%[1]s>`, tag, a.Name, a.Value)
		return err
	}},
	{"Attr.String", func(w io.Writer, tag string, a attr.Attr) error {
		_, err := fmt.Fprintf(w, `<%s %s></%[1]s>`, tag, a)
		return err
	}},
	{"html/template attribute", func(w io.Writer, tag string, a attr.Attr) error {
		return template.Must(template.New("").Parse(`<`+tag+` {{.HTML}}></`+tag+`>`)).Execute(w, a)
	}},
	{"html/template value", func(w io.Writer, tag string, a attr.Attr) error {
		return template.Must(template.New("").Parse(`<`+tag+` `+a.Name+`="{{.}}"></`+tag+`>`)).Execute(w, template.JS(a.Value))
	}},
	{"templ", func(w io.Writer, tag string, a attr.Attr) error {
		if _, err := io.WriteString(w, "<"+tag); err != nil {
			return err
		}
		if err := templ.RenderAttributes(nil, w, templ.Attributes(attr.Map(a))); err != nil {
			return err
		}
		_, err := io.WriteString(w, "></"+tag+">")
		return err
	}},
	{"gomponents", func(w io.Writer, tag string, a attr.Attr) error { return g.El(tag, g.Attr(a.Pair())).Render(w) }},
}

// values are the attacks, without those that a page cannot show as they are.
func values() []string {
	var all []string
	for _, sign := range signs {
		for _, s := range attacks(sign.text) {
			all = append(all, strings.ToValidUTF8(s, "\ufffd"))
		}
	}
	return all
}

// A value that enters an expression through JS stays a value, whatever it is and
// whichever engine writes the attribute.
func TestJSInBrowser(t *testing.T) {
	b := browser.New(t)

	t.Run("JSON with HTML escaping is open to it", func(t *testing.T) {
		// The client takes what is between its markers out of the expression and
		// puts it back with String.replace, to which $` means all that came before:
		// a quote among it.
		text := "\U0001f595JS_$`_DS\U0001f680,window.pwned=1)//"
		asJSON, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		p := b.Page(t, "control")
		p.Go(servePage(t, b, `<p data-text="`+html.EscapeString(string(asJSON))+`"></p>`))
		p.WaitText("#ready", "yes")
		p.WaitEval("window.pwned === 1")
	})

	for _, engine := range engines {
		t.Run(engine.name, func(t *testing.T) {
			var body strings.Builder
			write := func(tag string, a attr.Attr) {
				if err := engine.write(&body, tag, a); err != nil {
					t.Fatal(err)
				}
			}
			want := values()
			for _, s := range want {
				write("output", attr.Data("text", twk.JS(s)))
				write("i", attr.Data("text", "'' + "+twk.JS(map[string]any{"__proto__": s, s: []any{s}})+"['__proto__']"))
				write("b", attr.On("click", "window.got = "+twk.JS(s)))
			}
			p := b.Page(t, "alice")
			p.Timeout = 30 * time.Second
			p.Go(servePage(t, b, body.String()))
			p.WaitText("#ready", "yes")
			for _, tag := range []string{"output", "i"} {
				got := browser.Eval[[]string](p, "[...document.querySelectorAll('"+tag+"')].map(e => e.textContent)")
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", tag, diff)
				}
			}
			got := browser.Eval[[]string](p, "[...document.querySelectorAll('b')].map(e => { e.click(); return window.got })")
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("on click (-want +got):\n%s", diff)
			}
			if got := browser.Eval[string](p, "String(window.pwned)"); got != "undefined" {
				t.Errorf("window.pwned is %s", got)
			}
			if errs := p.Errors(); len(errs) > 0 {
				t.Errorf("%d errors, the first is %s", len(errs), errs[0])
			}
		})
	}
}

// A URL, header or payload that enters an action stays what it is.
func TestActionInBrowser(t *testing.T) {
	b := browser.New(t)
	var body strings.Builder
	want := values()
	for _, s := range want {
		o := &attr.Options{Payload: map[string]string{"p": s}, Headers: map[string]string{"X-Test": "x" + url64(s)}, Cancellation: attr.CancelDisabled}
		body.WriteString("<b " + attr.On("click", attr.Post("/x?"+s, o)).String() + "></b>")
	}
	p := b.Page(t, "alice")
	p.Timeout = 30 * time.Second
	p.Go(servePage(t, b, body.String()))
	p.WaitText("#ready", "yes")
	type request struct{ URL, Payload, Header string }
	got := browser.Eval[[]request](p, `(async () => {
		const got = []
		window.fetch = (url, o) => {
			got.push({URL: url, Payload: JSON.parse(o.body).p, Header: o.headers['X-Test']})
			return Promise.resolve(new Response(null, {status: 204}))
		}
		for (const b of document.querySelectorAll('b')) { b.click(); await new Promise(r => setTimeout(r)) }
		return got
	})()`)
	// The client sets the query again, which changes its spelling.
	urls := browser.Eval[[]string](p, "["+literals(want)+"].map(s => { const u = new URL('/x?' + s, document.baseURI); u.search = new URLSearchParams(u.search).toString(); return u.toString() })")
	if len(got) != len(want) {
		t.Fatalf("%d requests for %d buttons; %q", len(got), len(want), p.Errors())
	}
	for i, s := range want {
		if diff := cmp.Diff(request{urls[i], s, "x" + url64(s)}, got[i]); diff != "" {
			t.Errorf("%q (-want +got):\n%s", s, diff)
		}
	}
	if got := browser.Eval[string](p, "String(window.pwned)"); got != "undefined" {
		t.Errorf("window.pwned is %s", got)
	}
}

// url64 makes s fit for a header and leaves the signs that matter in it.
func url64(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '.'
		}
		return r
	}, s)
}

// ElementID and ByID meet in the page, also for ids that no selector could have
// unescaped, and ByAttr finds any value.
func TestSelectorsInBrowser(t *testing.T) {
	b := browser.New(t)
	var body strings.Builder
	var texts, selectors, escaped, byAttr []string
	for _, s := range append(values(), "", "-", "--", "1", "-1", "1-", "a b", "Ann", "ann", "a.b:c#d", "Åsa", "\U0001f595") {
		texts = append(texts, s)
		selectors = append(selectors, "#"+twk.ElementID("p", s))
		escaped = append(escaped, twk.ByID(s))
		byAttr = append(byAttr, twk.ByAttr("data-name", s))
		fmt.Fprintf(&body, `<p id="%s"></p>`, twk.ElementID("p", s))
	}
	p := b.Page(t, "alice")
	p.Go(servePage(t, b, body.String()))
	p.WaitText("#ready", "yes")
	count := browser.Eval[[]int](p, "["+literals(selectors)+"].map(s => document.querySelectorAll(s).length)")
	css := browser.Eval[[]string](p, "["+literals(texts)+"].map(s => s === '' ? '[id=\"\"]' : '#' + CSS.escape(s))")
	found := browser.Eval[[]bool](p, fmt.Sprintf(`(() => {
		const [texts, byID, byAttr] = [[%s], [%s], [%s]], e = document.createElement('p'), box = document.createElement('div')
		box.append(e)
		return texts.map((s, i) => {
			s = s.replaceAll('\0', '\ufffd') // as the HTML parser does
			e.id = s; e.dataset.name = s
			return box.querySelector(byID[i]) === e && box.querySelector(byAttr[i]) === e
		})
	})()`, literals(texts), literals(escaped), literals(byAttr)))
	for i, s := range texts {
		if count[i] != 1 {
			t.Errorf("%s, for %q, finds %d elements", selectors[i], s, count[i])
		}
		if escaped[i] != css[i] {
			t.Errorf("ByID(%q) is %s, CSS.escape has %s", s, escaped[i], css[i])
		}
		if !found[i] {
			t.Errorf("%s or %s does not find %q", escaped[i], byAttr[i], s)
		}
	}
}
