package twk_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/internal/browser"
	"github.com/sfere-go/sfere/twk"
)

// All roots of an SVG or MathML patch arrive, in order and with the right
// namespace, however they are written.
func TestForeignRootsInBrowser(t *testing.T) {
	b := browser.New(t)
	tests := []struct {
		reason, markup string
		want           string // the target afterwards, without what separates the roots
		namespace      twk.Namespace
		text           bool // the target holds text
	}{
		{reason: "nothing between", markup: `<g id="g1"></g><g id="g2"></g><g id="g3"></g><g id="g4"></g>`,
			want: `<g id="g1"></g><g id="g2"></g><g id="g3"></g><g id="g4"></g>`},
		{reason: "self-closing", markup: `<path d="M0 0"/><rect/><circle r="1"/>`, want: `<path d="M0 0"></path><rect></rect><circle r="1"></circle>`},
		{reason: "as templates leave it", markup: "\n\t<g></g>\n\n\t<a></a>\n<rect/>\n", want: `<g></g><a></a><rect></rect>`},
		{reason: "mixed", markup: `<g></g><a></a>` + "\n" + `<rect/><path/>`, want: `<g></g><a></a><rect></rect><path></path>`},
		{reason: "nested roots are one", markup: `<g><g></g><g></g></g><g/>`, want: `<g><g></g><g></g></g><g></g>`},
		{reason: "whole pictures", markup: `<svg><g></g></svg><svg></svg>`, want: `<svg><g></g></svg><svg></svg>`},
		{reason: "comments", markup: `<!-- a > b --><g></g><!-- <g> --><a></a>`, want: `<g></g><a></a>`},
		{reason: "a sign in a value", markup: `<g id="a>b"></g><a title='</g>'></a><rect/>`, want: `<g id="a&gt;b"></g><a title="&lt;/g&gt;"></a><rect></rect>`},
		{reason: "style and title are no raw text here", markup: `<style/><title>a<b></b></title><g></g><style>.a{}</style><a></a>`,
			want: `<style></style><title>a<b></b></title><g></g><style>.a{}</style><a></a>`},
		{reason: "HTML inside", markup: `<foreignObject><p>a<br>b</p><p>c<textarea><g></textarea></p></foreignObject><g></g><a></a>`,
			want: `<foreignObject><p>a<br>b</p><p>c<textarea>&lt;g&gt;</textarea></p></foreignObject><g></g><a></a>`},
		{reason: "upper case", markup: `<G></g><G></G><A></A>`, want: `<g></g><g></g><a></a>`},
		{reason: "CDATA", markup: `<text><![CDATA[<g>]]></text><g></g><a></a>`, want: `<text>&lt;g&gt;</text><g></g><a></a>`},
		{reason: "text between", markup: `a<tspan>b</tspan>c<tspan>d</tspan> <tspan>e</tspan>`, text: true,
			want: `a<tspan>b</tspan>c<tspan>d</tspan> <tspan>e</tspan>`},
		{reason: "one", markup: `<g></g>`, want: `<g></g>`},
		{reason: "MathML", markup: `<mi>x</mi><mo>=</mo><mn>1</mn>`, namespace: twk.MathMLNamespace, want: `<mi>x</mi><mo>=</mo><mn>1</mn>`},
	}
	d := plain(t)
	events := make([][]byte, len(tests))
	body := ""
	for i, tt := range tests {
		tag, ns := "svg", tt.namespace
		switch {
		case ns == twk.MathMLNamespace:
			tag = "math"
		default:
			ns = twk.SVGNamespace
		}
		inside := ""
		if tt.text {
			inside = "<text></text>"
		}
		body += fmt.Sprintf(`<%s id="t%d">%s</%[1]s>`, tag, i, inside)
		selector := fmt.Sprintf("#t%d", i)
		if tt.text {
			selector += " > text"
		}
		var err error
		events[i], err = wire(t.Context(), d, twk.PatchElements{Elements: twk.HTML(tt.markup), Selector: selector, Mode: twk.ModeInner, Namespace: ns})
		if err != nil {
			t.Fatalf("%s: %v", tt.reason, err)
		}
	}
	mux := http.NewServeMux()
	mux.Handle("GET /datastar.js", b.Datastar())
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprintf(w, `<!doctype html><html lang="en"><head><title>Roots</title><link rel="icon" href="data:,">%s</head>
			<body data-init="@get('/do')">%s<p id="done" data-text="$done"></p></body></html>`, twk.Client{URL: "/datastar.js"}.Script(), body)
	})
	mux.HandleFunc("GET /do", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for _, e := range events {
			_, _ = w.Write(e)
		}
		done, err := wire(t.Context(), d, signal("done", "yes"))
		if err != nil {
			t.Error(err)
		}
		_, _ = w.Write(done)
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)

	p := b.Page(t, "alice")
	p.Go(srv.URL)
	p.WaitText("#done", "yes")
	for i, tt := range tests {
		target := fmt.Sprintf("document.querySelector('#t%d')", i)
		if tt.text {
			target += ".firstChild"
		}
		got := browser.Eval[string](p, fmt.Sprintf(`(e => {
			for (const c of [...e.childNodes]) if (c.nodeType === 8 || c.nodeType === 3 && c.data.trim() === '' && c.data.includes('\n')) c.remove()
			return e.innerHTML
		})(%s)`, target))
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
		}
		ns := browser.Eval[[]string](p, fmt.Sprintf("[...new Set([...%s.children].map(e => e.namespaceURI))]", target))
		want := "http://www.w3.org/2000/svg"
		if tt.namespace == twk.MathMLNamespace {
			want = "http://www.w3.org/1998/Math/MathML"
		}
		if diff := cmp.Diff([]string{want}, ns); diff != "" {
			t.Errorf("%s: namespaces (-want +got):\n%s", tt.reason, diff)
		}
	}
	if errs := p.Errors(); len(errs) > 0 {
		t.Errorf("%q", errs)
	}
}
