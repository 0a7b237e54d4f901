package twk

import (
	"strings"
	"testing"

	"golang.org/x/net/html"
)

func TestWithRootAttrs(t *testing.T) {
	attrs := map[string]string{"lang": "en", "DATA-X": `"<&'`}
	const set = ` data-x="&#34;&lt;&amp;&#39;" lang="en"`
	tests := []struct{ reason, in, want string }{
		{"after the name, before what is there", `<html class=a><body>`, `<html` + set + ` class=a><body>`},
		{"the rest is not even read", `<p><broken <<`, `<p` + set + `><broken <<`},
		{"one of the same name goes, in any case", `<html LANG='de' Class="a&amp;b">x`, `<html` + set + ` class="a&amp;b">x`},
		{"doctype, comments and white space come first", "\ufeff<!doctype html>\n<!--<b>-->\t<HTML>", "\ufeff<!doctype html>\n<!--<b>-->\t<HTML" + set + ">"},
		{"an element without content", `<img/>`, `<img` + set + `/>`},
		{"of several roots, the first", `<li>a</li><li>b</li>`, `<li` + set + `>a</li><li>b</li>`},
		{"text is no element", `hello <b>you</b>`, `hello <b>you</b>`},
		{"an end is no start", `</p><b>`, `</p><b>`},
		{"nothing", ``, ``},
		{"a tag without an end", `<html class="`, `<html class="`},
	}
	for _, tt := range tests {
		if got := withRootAttrs(tt.in, attrs); got != tt.want {
			t.Errorf("%s: %q became %q, want %q", tt.reason, tt.in, got, tt.want)
		}
	}
}

// Whatever the page is, the root has the attributes and nothing else changes.
func FuzzWithRootAttrs(f *testing.F) {
	f.Add(`<!doctype html><html a=b><p>`, "v")
	f.Add(`<svg viewBox="0 0 1 1"/>`, `"><script>`)
	f.Fuzz(func(t *testing.T, page, value string) {
		got := withRootAttrs(page, map[string]string{"data-x": value})
		if got == page {
			return
		}
		before, after := html.NewTokenizer(strings.NewReader(page)), html.NewTokenizer(strings.NewReader(got))
		changed := false
		for {
			a, b := before.Next(), after.Next()
			if a != b {
				t.Fatalf("%q became %q: %v became %v", page, got, a, b)
			}
			if a == html.ErrorToken {
				break
			}
			x, y := before.Token(), after.Token()
			if x.String() == y.String() {
				continue
			}
			if changed || x.Data != y.Data {
				t.Fatalf("%q became %q: %v became %v", page, got, x, y)
			}
			changed = true
			if y.Attr[0].Key != "data-x" || y.Attr[0].Val != value && !strings.Contains(value, "\x00") {
				t.Fatalf("%q became %q: %v", page, got, y)
			}
		}
	})
}
