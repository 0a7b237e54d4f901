package twk_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sfere-go/sfere/internal/browser"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/attr"
)

// statusRig serves a page that shows the state of its stream in #live, and that
// of its action in #sent. While bad is set, both are answered with that status,
// as a proxy does whose server is away; -1 cuts the connection.
func statusRig(t *testing.T, b *browser.Browser, stream *attr.Options, bad *atomic.Int32) *rig {
	r := newRig(t, setup{wrap: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			switch code := int(bad.Load()); {
			case code == 0 || req.URL.Path != "/sse" && req.URL.Path != "/act":
				next.ServeHTTP(w, req)
			case code < 0:
				panic(http.ErrAbortHandler)
			default:
				w.WriteHeader(code)
			}
		})
	}})
	r.mux.Handle("GET /datastar.js", b.Datastar())
	r.handle("GET /{$}", func(*twk.Request) twk.Response {
		return twk.Page(twk.HTML(fmt.Sprintf(`<!doctype html><html><head><title>Status</title><link rel="icon" href="data:,">%s</head>
			<body data-on-signal-patch="window.seen = [...(window.seen ?? []), $_live].filter((s, i, a) => s !== a[i-1])" %s %s>
			<p id="n" data-text="$n"></p><p id="live" data-text="$_live"></p><p id="sent" data-text="$_sent"></p>
			<button %s %s>Go</button></body></html>`,
			twk.Client{URL: "/datastar.js"}.Script(), attr.Stream("/sse", stream), attr.Status("_live"),
			attr.On("click", attr.Post("/act", &attr.Options{RetryInterval: 100 * time.Millisecond})), attr.Status("_sent"))))
	})
	r.stay("GET /sse", n("here"))
	r.handle("POST /act", func(*twk.Request) twk.Response { return twk.Respond(n("answered")) })
	return r
}

// A page shows that its connection is lost, and that it is back.
func TestConnectionStatusInBrowser(t *testing.T) {
	b := browser.New(t)
	lose := func(bad *atomic.Int32, code int32, c *sse.Conn, cause sse.Cause) {
		bad.Store(code)
		c.Close(cause)
	}
	tests := []struct {
		reason string
		lose   func(bad *atomic.Int32, c *sse.Conn)
	}{
		{"the server ends the stream, and a proxy answers 502", func(bad *atomic.Int32, c *sse.Conn) { lose(bad, 502, c, sse.CauseClosed) }},
		{"the connection is cut, and cut again", func(bad *atomic.Int32, c *sse.Conn) { lose(bad, -1, c, sse.CauseShutdown) }},
		{"the server has no room", func(bad *atomic.Int32, c *sse.Conn) { lose(bad, 503, c, sse.CauseClosed) }},
	}
	for _, o := range []*attr.Options{{RetryInterval: 100 * time.Millisecond}, {RetryInterval: 100 * time.Millisecond, OpenWhenHidden: new(true)}} {
		for _, tt := range tests {
			t.Run(fmt.Sprintf("%s/%v", tt.reason, o.OpenWhenHidden != nil), func(t *testing.T) {
				var bad atomic.Int32
				r := statusRig(t, b, o, &bad)
				p := b.Page(t, "ann")
				p.Go(r.srv.URL)
				p.WaitText("#n", "here")
				if got := p.Text("#live"); got != "" {
					t.Errorf("%q before anything is lost", got)
				}
				tt.lose(&bad, r.conn())
				p.WaitEval("document.querySelector('#live').textContent === 'lost'")
				if o.OpenWhenHidden != nil { // a second request meanwhile hides nothing
					browser.Eval[bool](p, "dispatchEvent(new Event('online')) && new Promise(r => setTimeout(() => r(true), 150))")
					p.WaitEval("document.querySelector('#live').textContent === 'lost'")
				}
				bad.Store(0)
				p.WaitEval("document.querySelector('#live').textContent === 'back'")
				if got := p.Text("#sent"); got != "" {
					t.Errorf("the status of the action is %q", got)
				}
				for _, s := range browser.Eval[[]string](p, "window.seen") {
					if !strings.Contains(" lost back failed ", " "+s+" ") && s != "" {
						t.Errorf("the signal was %q", s)
					}
				}
			})
		}
	}

	t.Run("a server that says 204 is not away", func(t *testing.T) {
		var bad atomic.Int32
		r := statusRig(t, b, &attr.Options{RetryInterval: 100 * time.Millisecond}, &bad)
		p := b.Page(t, "ann")
		p.Go(r.srv.URL)
		p.WaitText("#n", "here")
		bad.Store(204)
		r.conn().Close(sse.CauseClosed)
		p.WaitEval("window.seen?.includes('lost')")
		p.WaitEval("document.querySelector('#live').textContent === ''")
	})
}

// A page shows that what was sent did not arrive.
func TestActionStatusInBrowser(t *testing.T) {
	b := browser.New(t)
	var bad atomic.Int32
	r := statusRig(t, b, nil, &bad)
	p := b.Page(t, "ann")
	p.Go(r.srv.URL)
	p.WaitText("#n", "here")
	sent := func(want string) {
		t.Helper()
		p.WaitEval(fmt.Sprintf("document.querySelector('#sent').textContent === %q", want))
	}
	p.Click("button")
	p.WaitText("#n", "answered")
	sent("")
	bad.Store(502)
	p.Click("button")
	sent("failed")
	bad.Store(0)
	p.Click("button")
	sent("")
	bad.Store(-1)
	p.Click("button")
	sent("lost")
	bad.Store(0)
	sent("back")
	if got := p.Text("#live"); got != "" {
		t.Errorf("the status of the stream is %q", got)
	}
}
