package twk_test

import (
	"bytes"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/starfederation/datastar-go/datastar"

	"github.com/sfere-go/sfere/internal/browser"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/attr"
)

// victim is a page that opens a stream and shows when its last event is there.
const victim = `<!doctype html>
<html lang="en">
<head><title>Victim</title><script type="module" src="/datastar.js"></script></head>
<body data-signals="{done: 0}">
	<p id="status"></p><p id="count"></p><ul id="messages"></ul>
	<p id="done" data-text="$done"></p>
	<div data-init="@get('/stream')"></div>
</body>
</html>`

// serveVictim serves the page and answers its stream. It counts the streams.
func serveVictim(t *testing.T, b *browser.Browser, stream func(w http.ResponseWriter, r *http.Request)) (url string, streams *atomic.Int32) {
	t.Helper()
	streams = new(atomic.Int32)
	mux := http.NewServeMux()
	mux.Handle("GET /datastar.js", b.Datastar())
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, victim)
	})
	mux.HandleFunc("GET /stream", func(w http.ResponseWriter, r *http.Request) {
		streams.Add(1)
		stream(w, r)
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv.URL, streams
}

// The attacks of TestInjection do nothing in the real client either: one page
// gets all of them through one stream, and the marker that each would set, were
// any of it heeded, stays unset. The first test shows that the marker works.
func TestInjectionInBrowser(t *testing.T) {
	b := browser.New(t)

	t.Run("the SDK alone is open to it", func(t *testing.T) {
		text := "hello\r\revent: datastar-patch-signals\rdata: signals {m:(window.pwned=1)}\r\r"
		url, _ := serveVictim(t, b, func(w http.ResponseWriter, r *http.Request) {
			sse := datastar.NewSSE(w, r)
			_ = sse.PatchElements(`<p id="status">` + html.EscapeString(text) + `</p>`)
		})
		p := b.Page(t, "control")
		p.Go(url)
		p.WaitEval("window.pwned === 1")
	})

	t.Run("this package is not", func(t *testing.T) {
		d := plain(t)
		var all bytes.Buffer
		n := 0
		inPage := func(p place, text string) string {
			if p.field == "url" || p.field == "urls" {
				return "#" + text // so that the page stays
			}
			return text
		}
		eachHostile(t, inPage, func(h hostile) {
			if h.place.code {
				return
			}
			if frame, err := wire(t.Context(), d, h.item); err == nil && len(frame) > 0 {
				all.Write(frame)
				n++
			}
		})
		last, err := wire(t.Context(), d, twk.PatchSignals{Signals: map[string]any{"done": "all of it"}})
		if err != nil {
			t.Fatal(err)
		}
		all.Write(last)
		url, streams := serveVictim(t, b, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = w.Write(all.Bytes())
		})
		p := b.Page(t, "victim")
		p.Timeout = time.Minute
		start := time.Now()
		p.Go(url)
		p.WaitText("#done", "all of it")
		t.Logf("%d events in %v", n, time.Since(start).Round(time.Millisecond))
		// Whatever is still on its way, such as the error of an image, gets its time.
		if got := browser.Eval[string](p, "new Promise(r => setTimeout(() => r(String(window.pwned)), 300))"); got != "undefined" {
			t.Errorf("window.pwned is %s", got)
		}
		if n := p.Count("img"); n != 0 {
			t.Errorf("%d images came into the page", n)
		}
		if n := streams.Load(); n != 1 {
			t.Errorf("the stream was opened %d times", n)
		}
		if n < 5000 {
			t.Errorf("%d events only", n)
		}
	})
}

// A URL that Redirect lets through is never one that a browser would run.
func TestRedirectInBrowser(t *testing.T) {
	b := browser.New(t)
	url, _ := serveVictim(t, b, func(http.ResponseWriter, *http.Request) {})
	p := b.Page(t, "alice")
	p.Go(url)
	d := plain(t)
	allowed, refused := 0, 0
	var urls []string
	for _, u := range hostileURLs() {
		if _, err := wire(t.Context(), d, twk.Redirect{URL: u}); err != nil {
			refused++
			continue
		}
		allowed++
		urls = append(urls, u)
	}
	schemes := browser.Eval[[]string](p, fmt.Sprintf("[%s].map(u => { try { return new URL(u, document.baseURI).protocol } catch { return 'invalid' } })", literals(urls)))
	for i, scheme := range schemes {
		switch scheme {
		case "http:", "https:", "mailto:", "invalid":
		default:
			t.Errorf("%q was let through and is %s", urls[i], scheme)
		}
	}
	t.Logf("%d allowed, %d refused", allowed, refused)
	if allowed < 20 || refused < 100 {
		t.Errorf("%d allowed and %d refused: the table shrank", allowed, refused)
	}
}

// The browser asks the server of the page for every URL that an action takes.
func TestActionURLsInBrowser(t *testing.T) {
	b := browser.New(t)
	url, _ := serveVictim(t, b, func(http.ResponseWriter, *http.Request) {})
	p := b.Page(t, "alice")
	p.Go(url)
	var allowed, refused []string
	for _, u := range hostileURLs() {
		func() {
			defer func() {
				if recover() != nil {
					refused = append(refused, u)
				}
			}()
			attr.Get(u, nil)
			allowed = append(allowed, u)
		}()
	}
	stays := func(urls []string) []bool {
		return browser.Eval[[]bool](p, fmt.Sprintf("[%s].map(u => { try { return new URL(u, document.baseURI).origin === location.origin } catch { return false } })", literals(urls)))
	}
	for i, ok := range stays(allowed) {
		if !ok {
			t.Errorf("%q was let through and leaves the server", allowed[i])
		}
	}
	for i, ok := range stays(refused) {
		if ok && refused[i][0] > ' ' && !strings.HasPrefix(refused[i], "http:") { // http: alone means this very server
			t.Errorf("%q was refused and stays at the server", refused[i])
		}
	}
	t.Logf("%d allowed, %d refused", len(allowed), len(refused))
	if len(allowed) < 20 || len(refused) < 100 {
		t.Error("the table shrank")
	}
}

func literals(texts []string) string {
	var out []string
	for _, s := range texts {
		out = append(out, twk.JS(s))
	}
	return strings.Join(out, ",")
}

// hostileURLs are spellings of URLs that run code, and relatives of them.
func hostileURLs() []string {
	urls := []string{
		"javascript&colon;alert(1)", "&#106;avascript:alert(1)", "javascript%3Aalert(1)", "/javascript:alert(1)", "?javascript:alert(1)",
		"#javascript:alert(1)", "//example.org", "\\\\example.org", "/\\example.org", "java/script:alert(1)", ":javascript:alert(1)",
		"http:javascript:alert(1)", "http://javascript:alert(1)", "http:", "https://", "HTTP://a", "ht+tp:x", "1javascript:alert(1)",
		"-javascript:alert(1)", "\ufeffjavascript:alert(1)", "\u00a0javascript:alert(1)", "\u2003javascript:alert(1)", "javascript\u2003:alert(1)",
		"ｊavascript:alert(1)", "javaſcript:alert(1)", "javascrİpt:alert(1)", "javascript：alert(1)", "Javascript", "a b",
		"feed:javascript:alert(1)", "view-source:javascript:alert(1)", "jar:http://a!/", "blob:http://a/b", "filesystem:http://a/b",
		"/\t/example.org", "/\n\\example.org", "///example.org", "\\/example.org", "/%2f/example.org", "/%5cexample.org", "／／example.org", "/./\\example.org",
		"about:blank", "file:///etc/passwd", "ftp://a", "ws://a", "intent://a", "mailto:a@example.org", ".", "..", "a:b@c",
	}
	for _, scheme := range []string{"javascript", "JavaScript", "data", "DATA", "vbscript", "VbScript", "livescript"} {
		rest := ":alert(1)"
		urls = append(urls, scheme+rest, scheme+":", scheme+"://%0aalert(1)")
		for _, c := range []string{"\x00", "\x01", "\x08", "\t", "\n", "\v", "\f", "\r", "\x1f", " ", "\x7f", "\u0080", "\u00a0", "\u00ad", "\u200b", "\u2028", "\ufeff", "\xff", "/", "\\", "?", "#", "+", "."} {
			urls = append(urls, c+scheme+rest, scheme+c+rest, scheme[:2]+c+scheme[2:]+rest, scheme+":"+c+"alert(1)")
		}
	}
	return urls
}
