package browser_test

import (
	"errors"
	"fmt"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/sfere-go/sfere/internal/browser"
)

const document = `<!doctype html>
<html lang="en">
<head>
	<meta name="viewport" content="width=device-width">
	<title>Browser test</title>
	<script type="module" src="/datastar.js"></script>
</head>
<body data-signals:name="'world'">
	<h1>Browser test</h1>
	<input id="name" data-bind:name data-on:keydown="evt.key === 'Enter' && @get('/hi')">
	<button id="hi" data-on:click="@get('/hi')">Say hi</button>
	<p id="answer">nothing yet</p>
	<p id="bound" data-text="$name"></p>
</body>
</html>`

// serve is a site with the real client, an action, and a page that shows the
// cookies of its request.
func serve(t *testing.T, b *browser.Browser) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("GET /datastar.js", b.Datastar())
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, document)
	})
	mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /hi", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(w, "event: datastar-patch-elements\ndata: elements <p id=\"answer\">Hi, %s!</p>\n\n",
			map[bool]string{true: "Åsa", false: "world"}[strings.Contains(r.FormValue("datastar"), "Åsa")])
	})
	mux.HandleFunc("GET /cookies", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<!doctype html><p id="cookies">cookies: %s</p>`, r.Header.Get("Cookie"))
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv.URL
}

func TestBrowser(t *testing.T) {
	b := browser.New(t)
	url := serve(t, b)

	t.Run("datastar", func(t *testing.T) {
		p := b.Page(t, "alice")
		p.SetViewport(600, 400, false)
		p.Go(url)
		p.Click("#hi")
		p.WaitText("#answer", "Hi, world!")

		p.Fill("#name", "Ås")
		p.Type("#name", "a")
		p.WaitText("#bound", "Åsa")
		p.Press("Enter")
		p.WaitText("#answer", "Hi, Åsa!")

		if diff := cmp.Diff(`<p id="answer">Hi, Åsa!</p>`, p.HTML("#answer")); diff != "" {
			t.Errorf("HTML (-want +got):\n%s", diff)
		}
		if got := p.Count("p"); got != 2 {
			t.Errorf("Count(p) = %d, want 2", got)
		}
		p.Fill("#name", "")
		p.WaitEval(`document.querySelector("#name").value === ""`)
		if errs := p.Errors(); len(errs) > 0 {
			t.Errorf("errors on the page: %v", errs)
		}

		f, err := os.Open(p.Screenshot("answer"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		img, err := png.DecodeConfig(f)
		if err != nil || img.Width != 600 || img.Height != 400 {
			t.Errorf("screenshot of %d x %d (%v), want 600 x 400", img.Width, img.Height, err)
		}
	})

	t.Run("cookies", func(t *testing.T) {
		alice, bob := b.Page(t, "alice"), b.Page(t, "bob")
		alice.Go(url)
		browser.Eval[any](alice, `document.cookie = "who=alice; path=/"`)
		second := alice.NewTab()
		alice.Close() // the second tab and its cookies stay
		for _, tt := range []struct {
			page *browser.Page
			want string
		}{{second, "cookies: who=alice"}, {bob, "cookies:"}} {
			tt.page.Go(url + "/cookies")
			if diff := cmp.Diff(tt.want, tt.page.Text("#cookies")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		}
	})

	t.Run("console", func(t *testing.T) {
		p := b.Page(t, "alice")
		p.Go(url)
		browser.Eval[any](p, `console.log("a", 1, {b: 2}, null), console.error(new Error("oops")),
			setTimeout(() => { alert("stop"); throw new TypeError("late") })`)
		p.WaitEval(`new Promise(done => setTimeout(() => done(true)))`)
		want := []string{`log: a 1 Object{b: 2} null`, "error: Error: oops", "alert: stop", "exception: Uncaught TypeError: late"}
		got := p.Console()
		for i := range got {
			got[i], _, _ = strings.Cut(got[i], "\n") // without the stack
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("console (-want +got):\n%s", diff)
		}
		if errs := p.Errors(); len(errs) != 2 {
			t.Errorf("Errors() = %q, want two", errs)
		}
	})

	t.Run("waits", func(t *testing.T) {
		p := b.Page(t, "alice")
		p.SetViewport(390, 844, true)
		p.Go(url)
		if got := browser.Eval[[]int](p, `Promise.resolve([innerWidth, navigator.maxTouchPoints])`); !slices.Equal(got, []int{390, 1}) {
			t.Errorf("mobile viewport: %v", got)
		}
		// The wait begins in one document and ends in another.
		browser.Eval[any](p, `void setTimeout(() => location.href = "/cookies", 300)`)
		p.WaitText("#cookies", "cookies")
		browser.Eval[any](p, `void setTimeout(() => document.querySelector("#cookies").remove(), 300)`)
		p.WaitGone("#cookies")
		p.Reload()
		p.WaitEval(`document.querySelector("#cookies").isConnected`)
	})
}

// TestHide opens a stream with the real client, which must go when the page is
// hidden and come back when it is shown.
func TestHide(t *testing.T) {
	b := browser.New(t)
	streams := make(chan string, 8)
	mux := http.NewServeMux()
	mux.Handle("GET /datastar.js", b.Datastar())
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, `<!doctype html><script type="module" src="/datastar.js"></script><p data-init="@get('/stream')">`)
	})
	mux.HandleFunc("GET /stream", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.(http.Flusher).Flush()
		streams <- "open"
		<-r.Context().Done()
		streams <- "closed"
	})
	srv := httptest.NewServer(mux)
	defer srv.Close()

	p := b.Page(t, "alice")
	p.Go(srv.URL)
	expect := func(want string) {
		t.Helper()
		select {
		case got := <-streams:
			if got != want {
				t.Fatalf("stream %s, want %s", got, want)
			}
		case <-time.After(p.Timeout):
			t.Fatalf("stream not %s within %v", want, p.Timeout)
		}
	}
	expect("open")
	p.Hide()
	expect("closed")
	p.Show()
	expect("open")
	p.Close()
	expect("closed")
}

// TestEnds shows that neither process, profile nor goroutine outlives a browser.
func TestEnds(t *testing.T) {
	var process *os.Process
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp) // where the profile goes
	t.Run("browser", func(t *testing.T) {
		p := browser.New(t).Page(t, "alice")
		p.Go("data:text/html,hello")
		p.NewTab().Close()
		process = chromedp.FromContext(p.Context()).Browser.Process()
	})
	if process == nil {
		t.Skip("no browser was started")
	}
	if err := process.Signal(syscall.Signal(0)); err == nil {
		t.Errorf("process %d still runs", process.Pid)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v (%v)", left, err)
	}
	goleak.VerifyNone(t)
}

// recorder takes a failure in place of the test.
type recorder struct {
	testing.TB
	message string
}

var errStop = errors.New("stop")

func (r *recorder) Helper()        {}
func (r *recorder) Failed() bool   { return false }
func (r *recorder) Fatal(a ...any) { r.message = fmt.Sprint(a...); panic(errStop) }
func (r *recorder) Fatalf(format string, a ...any) {
	r.Fatal(fmt.Sprintf(format, a...))
}

func TestFailures(t *testing.T) {
	b := browser.New(t)
	url := serve(t, b)
	t.Setenv(browser.EnvScreenshots, t.TempDir())
	rec := &recorder{TB: t}
	p := b.Page(rec, "alice")
	p.Go(url)
	p.Timeout = 500 * time.Millisecond
	browser.Eval[any](p, `console.warn("careful"),
		document.body.insertAdjacentHTML("beforeend", "<button id=off disabled>x</button><button id=hidden hidden>x</button>" +
			"<div id=lid style='position:fixed;inset:0'></div>")`)

	tests := []struct {
		reason string
		do     func()
		want   string
	}{
		{"the text that is there instead", func() { p.WaitText("#answer", "Hi") }, "last: nothing yet"},
		{"elements that stay", func() { p.WaitGone("p") }, "last: 2 elements"},
		{"a missing element", func() { p.Text("#none") }, "last: Error: no such element"},
		{"a false condition", func() { p.WaitEval("1 === 2") }, "last: false"},
		{"a mistake in a condition fails at once", func() { p.WaitEval("1 +") }, "SyntaxError"},
		{"a mistake in a selector", func() { p.Count("#") }, "not a valid selector"},
		{"an exception", func() { browser.Eval[any](p, `null.x`) }, "TypeError"},
		{"a promise that stays open", func() { browser.Eval[any](p, `new Promise(() => {})`) }, "deadline exceeded"},
		{"users cannot click it", func() { p.Click("#off") }, "last: disabled"},
		{"users cannot see it", func() { p.Click("#hidden") }, "last: not visible"},
		{"users cannot reach it", func() { p.Click("#hi") }, "covered by <div id"},
		{"it takes no text", func() { p.Type("#answer", "x") }, "focus"},
		{"a mistake in a key", func() { p.Press("enter") }, `unknown key "enter"`},
		{"nobody listens there", func() { p.Go("http://127.0.0.1:1/") }, "ERR_"},
	}
	for _, tt := range tests {
		rec.message = ""
		func() {
			defer func() {
				if r := recover(); r != nil && r != errStop {
					panic(r)
				}
			}()
			tt.do()
		}()
		for _, want := range []string{"browser: alice: ", tt.want} {
			if !strings.Contains(rec.message, want) {
				t.Errorf("%s: message %q lacks %q", tt.reason, rec.message, want)
			}
		}
		if strings.Contains(tt.want, "last: ") {
			for _, want := range []string{"page " + url, "Say hi", "warning: careful", "failure-"} {
				if !strings.Contains(rec.message, want) {
					t.Errorf("%s: message %q lacks %q", tt.reason, rec.message, want)
				}
			}
		}
	}
	shots, err := os.ReadDir(os.Getenv(browser.EnvScreenshots))
	if err != nil || len(shots) < 8 {
		t.Errorf("%d screenshots of failures (%v)", len(shots), err)
	}
}
