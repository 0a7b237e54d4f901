package attr_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/attr"
)

// get is attr.Get with an error.
func get(u string, o *attr.Options) (expression string, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = v.(*twk.Error)
		}
	}()
	return attr.Get(u, o), nil
}

// Actions ask the origin of the page, or the one that the program names.
func TestActionURLs(t *testing.T) {
	t.Parallel()
	api := "https://api.example.com"
	tests := []struct {
		reason, url, origin, err string
	}{
		{"a path", "/a/b?c=d#e", "", ""},
		{"a relative path", "a/b", "", ""},
		{"a relative path with a dot", "./a:b", "", ""},
		{"a path above", "../../a", "", ""},
		{"a query", "?a=//b", "", ""},
		{"a fragment", "#a:b", "", ""},
		{"a URL of another server in the query", "/go?to=https://example.com//", "", ""},
		{"two slashes further on", "/a//b", "", ""},
		{"a colon further on", "/a:b", "", ""},
		{"a scheme cannot begin with a digit", "1:2", "", ""},
		{"a colon without a scheme", ":a", "", ""},
		{"a letter beyond ASCII ends a scheme", "javaſcript:alert(1)", "", ""},
		{"a control character ends a scheme", "java\x00script:alert(1)", "", ""},
		{"an encoded colon is none", "javascript%3aalert(1)", "", ""},
		{"an encoded slash is none", "/%2f/example.com", "", ""},
		{"an encoded backslash is none", "/%5cexample.com", "", ""},
		{"all of it encoded", "%2f%2fexample.com", "", ""},
		{"character references are not read in an expression", "&#47;&#47;example.com", "", ""},
		{"a slash that only looks like one", "／／example.com", "", ""},
		{"white space in a value", "/a?q=b c\nd\te", "", ""},
		{"what is not UTF-8", "/\xff", "", ""},
		{"a space that no browser leaves out", "\u00a0//example.com", "", ""},

		{"empty, which the client refuses", "", "", "is empty"},
		{"another origin", "https://example.com/", "", "has a scheme"},
		{"the own origin with its name, which only the browser knows", "http://localhost:8080/", "", "has a scheme"},
		{"a scheme without slashes, of which browsers make a host", "https:example.com", "", "has a scheme"},
		{"protocol-relative", "//example.com/a", "", "names another server"},
		{"three slashes, which browsers read as two", "///example.com/a", "", "names another server"},
		{"backslashes", `\\example.com`, "", "names another server"},
		{"a slash and a backslash", `/\example.com`, "", "names another server"},
		{"a backslash and a slash", `\/example.com`, "", "names another server"},
		{"two slashes and nothing", "//", "", "names another server"},
		{"a tab between slashes", "/\t/example.com", "", "names another server"},
		{"a line break between slashes", "/\r\n/example.com", "", "names another server"},
		{"white space in front of slashes", " //example.com", "", "begins with white space"},
		{"a control character in front of slashes", "\x00//example.com", "", "begins with white space"},
		{"white space in front of a path, which nobody means", " /a", "", "begins with white space"},
		{"a line break in front", "\njavascript:alert(1)", "", "begins with white space"},
		{"a script", "javascript:alert(1)", "", "has a scheme"},
		{"upper case", "JaVaScRiPt:alert(1)", "", "has a scheme"},
		{"a tab in the scheme", "java\tscript:alert(1)", "", "has a scheme"},
		{"a line break in the scheme", "d\na\rta:text/html,x", "", "has a scheme"},
		{"data", "data:text/javascript,alert(1)", "", "has a scheme"},
		{"upper case data", "DATA:,x", "", "has a scheme"},
		{"blob", "blob:https://example.com/1", "", "has a scheme"},
		{"file", "file:///etc/passwd", "", "has a scheme"},
		{"about", "about:blank", "", "has a scheme"},
		{"a scheme with other signs", "a+b-c.1:x", "", "has a scheme"},

		{"another server that the program names", "/a?b", api, ""},
		{"with a port", "/a", "http://[::1]:8080", ""},
		{"and still no other one", "//example.com", api, "names another server"},
		{"which does not run into the host", ".evil.example/", api, "must begin with /"},
		{"nor makes it a user", "@evil.example/", api, "must begin with /"},
		{"an origin with a path", "/a", api + "/", "must be a scheme and a host"},
		{"an origin with a user", "/a", "https://api@evil.example", "must be a scheme and a host"},
		{"an origin with a backslash", "/a", `https://evil.example\`, "must be a scheme and a host"},
		{"an origin without a host", "/a", "https://", "must be a scheme and a host"},
		{"an origin that is a script", "/a", "javascript:", "must be a scheme and a host"},
		{"an origin with a line break", "/a", api + "\n", "must be a scheme and a host"},
	}
	for _, tt := range tests {
		got, err := get(tt.url, &attr.Options{Origin: tt.origin})
		switch {
		case tt.err == "" && err != nil:
			t.Errorf("%s: %q is refused: %v", tt.reason, tt.url, err)
		case tt.err == "":
			if want := "@get(" + twk.JS(tt.origin+tt.url) + ")"; got != want {
				t.Errorf("%s: %q gives %s, want %s", tt.reason, tt.url, got, want)
			}
		case err == nil || !strings.Contains(err.Error(), tt.err):
			t.Errorf("%s: %q: got %q and %v, want %q", tt.reason, tt.url, got, err, tt.err)
		}
	}

	_, err := get("//example.com", nil)
	if e, ok := errors.AsType[*twk.Error](err); !ok || e.Error() != `twk: writing an action: url: "//example.com" names another server: use a path of the program's own, and Options.Origin for another server` {
		t.Errorf("the error is %v", err)
	}
}

// Every function that writes a request refuses the same.
func TestActionsCheckURLs(t *testing.T) {
	t.Parallel()
	waking := &attr.Options{OpenWhenHidden: new(true)}
	for name, f := range map[string]func(){
		"Post": func() { attr.Post("//a", nil) }, "Put": func() { attr.Put("//a", nil) }, "Patch": func() { attr.Patch("//a", nil) },
		"Delete": func() { attr.Delete("//a", nil) }, "StreamAction": func() { attr.StreamAction("//a", nil) }, "Stream": func() { attr.Stream("//a", waking) },
	} {
		func() {
			defer func() {
				if _, ok := recover().(*twk.Error); !ok {
					t.Errorf("%s does not refuse it", name)
				}
			}()
			f()
		}()
	}
}

// What passes stays at the origin of the page.
func FuzzAttrURL(f *testing.F) {
	for _, s := range []string{
		"/a", "a", "?a", "//a", `\\a`, `/\a`, "/\t/a", " //a", "\x00//a", "a:b", "DATA:,a", "java\nscript:a", ":a", "1:a", "a/b:c", "/%2f/a", "http:a", "../a",
		"//\x00", "a\\:b", "#//a", "／／a", "\xff:a", "/a@b:1", "..//a", ".//a", "/..//a", "/./\\a",
	} {
		f.Add(s)
	}
	const own = "https://own.example"
	base, err := url.Parse(own + "/dir/page?q")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := get(s, nil)
		if err == nil && got != "@get("+twk.JS(s)+")" {
			t.Errorf("%q gives %s", s, got)
		}
		// What the URL standard does before it parses, then every sign that only
		// net/url minds becomes one that means nothing.
		plain := strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(strings.TrimFunc(s, func(r rune) bool { return r <= ' ' }))
		head, _, _ := strings.Cut(plain, "?")
		head, _, _ = strings.Cut(head, "#")
		plain = strings.Map(func(r rune) rune {
			switch {
			case r == '\\':
				return '/'
			case strings.ContainsRune("/:.+-", r), '0' <= r && r <= '9', 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z':
				return r
			}
			return '_'
		}, head)
		ref, parseErr := url.Parse(plain)
		if parseErr != nil {
			// net/url minds a colon in the first segment, where browsers do not. All
			// else that it minds is in a host.
			first, _, _ := strings.Cut(plain, "/")
			if err == nil && !strings.Contains(first, ":") {
				t.Errorf("%q passes: %v", s, parseErr)
			}
			return
		}
		u := base.ResolveReference(ref)
		stays := !ref.IsAbs() && !strings.HasPrefix(plain, "//") && u.Scheme+"://"+u.Host == own
		if err == nil && !stays {
			t.Errorf("%q passes and leads to %s", s, u)
		}
		if err != nil && stays && s != "" && s[0] > ' ' {
			t.Errorf("%q stays at %s: %v", s, u, err)
		}
	})
}
