package twk_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/sfere-go/sfere/twk"
)

// A client that takes every second node gets all of them, whatever is between.
func TestForeignRoots(t *testing.T) {
	t.Parallel()
	roots := []string{
		`<g></g>`, `<rect/>`, `<g><g></g><a/></g>`, `<svg><g></g></svg>`, `<title>a &lt; <b>b</b></title>`, `<style>.a{}</style>`, `<desc/>`,
		`<text x=1>a<tspan>b</tspan> c</text>`, `<foreignobject><div>a<br>b<textarea><g></textarea></div></foreignobject>`, `<a title="</g>>"></a>`,
		`<math><mi>x</mi></math>`, `<g><!-- <g> --></g>`, "<g>\n</g>",
	}
	between := []string{"", "\n", "\n\t", "\n\n  \n", ""}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		var markup strings.Builder
		var want []string
		for range 1 + rng.IntN(6) {
			root := roots[rng.IntN(len(roots))]
			markup.WriteString(between[rng.IntN(len(between))] + root)
			want = append(want, nodes(t, root)...)
		}
		markup.WriteString(between[rng.IntN(len(between))])
		event := one(t, twk.PatchElements{Elements: twk.HTML(markup.String()), Selector: "svg", Mode: twk.ModeAppend, Namespace: twk.SVGNamespace})
		var got []string
		for i, n := range nodes(t, event.Fields()["elements"]) {
			if i%2 == 0 {
				got = append(got, n)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%q (-want +got):\n%s", markup.String(), diff)
		}
	}
}

// What stands in an ordinary patch is left as it is.
func TestRootsOfHTML(t *testing.T) {
	t.Parallel()
	const markup = `<p id="a"></p><p id="b"></p>`
	if got := one(t, twk.Patch(twk.HTML(markup))).Fields()["elements"]; got != markup {
		t.Errorf("%q became %q", markup, got)
	}
}

// nodes are the top nodes of markup inside an <svg>.
func nodes(t *testing.T, markup string) []string {
	t.Helper()
	doc, err := html.ParseFragment(strings.NewReader("<svg>"+markup+"</svg>"), &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body})
	if err != nil || len(doc) != 1 {
		t.Fatalf("%q: %d nodes, %v", markup, len(doc), err)
	}
	var all []string
	for n := range doc[0].ChildNodes() {
		var b strings.Builder
		if err := html.Render(&b, n); err != nil {
			t.Fatal(err)
		}
		all = append(all, b.String())
	}
	return all
}
