package twk_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/twktest"
)

// Markup is a page; status and header of the handler are kept.
func TestPage(t *testing.T) {
	page := twk.HTML("<!DOCTYPE html>\n<!-- a page -->\n<html class=\"c\" lang=de><body>hello</body></html>")
	attrs := map[string]string{"lang": "en", "data-signals": `{"n": "a&b"}`}
	const rooted = `<html data-signals="{&#34;n&#34;: &#34;a&amp;b&#34;}" lang="en" class="c"><body>hello</body></html>`
	tests := []struct {
		name, reason string
		attrs        map[string]string
		datastar     bool
		resp         twk.Response
		want         answer
	}{
		{"page", "markup is HTML, as it is", nil, false,
			twk.Page(page), answer{Status: 200, Type: "text/html; charset=utf-8", Body: string(page)}},
		{"status", "the handler's status is kept", nil, false,
			twk.Page(twk.HTML("<p>no")).WithStatus(404), answer{Status: 404, Type: "text/html; charset=utf-8", Body: "<p>no"}},
		{"type", "the handler's type is kept, not doubled", nil, false,
			twk.Page(twk.HTML("<p>")).WithHeader("content-type", "text/html; charset=latin1"), answer{Status: 200, Type: "text/html; charset=latin1", Body: "<p>"}},
		{"root", "root attributes skip the doctype and replace those of the page", attrs, false,
			twk.Page(page), answer{Status: 200, Type: "text/html; charset=utf-8", Body: "<!DOCTYPE html>\n<!-- a page -->\n" + rooted}},
		{"root of a patch", "a Datastar request gets a part of the page, whose root is none", attrs, true,
			twk.Page(page), answer{Status: 200, Type: "text/html; charset=utf-8", Body: string(page)}},
		{"root of JSON", "only pages have a root", attrs, false,
			twk.Page(twk.HTML(`{"a":"<b>"}`)).WithHeader("Content-Type", "application/json"), answer{Status: 200, Type: "application/json", Body: `{"a":"<b>"}`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, setup{bridge: twk.BridgeOptions{RootAttrs: tt.attrs}})
			r.handle("GET /{$}", func(*twk.Request) twk.Response { return tt.resp.WithHeader("X-Own", "1") })
			req := r.browser("GET", "/", "")
			if tt.datastar {
				req = r.request("GET", "/", "")
			}
			got := r.do(req)
			if got.Header.Get("X-Own") != "1" {
				t.Error("the handler's header is missing")
			}
			got.Header = nil
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

func TestRootAttrsNames(t *testing.T) {
	for _, name := range []string{"", "a b", `a"`, "a>", "a=b"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%q was taken for an attribute name", name)
				}
			}()
			twk.NewBridge[app](nil, nil, &twk.BridgeOptions{RootAttrs: map[string]string{name: ""}})
		}()
	}
}

// What is not markup is sent as it is.
func TestPlainBodies(t *testing.T) {
	write := func(kind string, body io.Reader) twk.Response {
		return twk.Pass(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			_, _ = io.Copy(w, body)
		}))
	}
	blob := string([]byte{0, 255, '<', '&', '\r', '\n'})
	tests := []struct {
		name, reason string
		resp         func() twk.Response
		want         answer
	}{
		{"JSON", "quotes and angle brackets stay", func() twk.Response {
			return write("application/json", strings.NewReader(`{"a":"<b>&"}`))
		}, answer{Status: 200, Type: "application/json", Body: `{"a":"<b>&"}`}},
		{"bytes", "every byte stays", func() twk.Response {
			return write("application/octet-stream", strings.NewReader(blob))
		}, answer{Status: 200, Type: "application/octet-stream", Body: blob}},
		{"stream", "a body of unknown length is copied, not printed", func() twk.Response {
			return write("text/plain", io.LimitReader(strings.NewReader(strings.Repeat("x", 1<<20)), 100_000))
		}, answer{Status: 200, Type: "text/plain", Body: strings.Repeat("x", 100_000)}},
		{"nil", "no body is no body, and no type", func() twk.Response { return twk.Status(201) }, answer{Status: 201}},
		{"zero", "the zero response is a 204", func() twk.Response { return twk.Response{} }, answer{Status: 204}},
		{"redirect", "a handler of net/http does what it does", func() twk.Response {
			return twk.Pass(http.NotFoundHandler())
		}, answer{Status: 404, Type: "text/plain; charset=utf-8", Body: "404 page not found\n"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, setup{bridge: twk.BridgeOptions{RootAttrs: map[string]string{"lang": "en"}}})
			r.handle("GET /{$}", func(*twk.Request) twk.Response { return tt.resp() })
			got := r.do(r.browser("GET", "/", ""))
			got.Header = nil
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

// Where signals come from, and what is no signals. The echo of the
// handler tells whether it was called.
func TestSignals(t *testing.T) {
	query := func(s string) string { return "/?own=1&datastar=" + url.QueryEscape(s) }
	tests := []struct {
		name, reason       string
		method, path, body string
		header             []string
		status             int
		want               string // what the handler saw, if it was called
	}{
		{"post", "the body has them", "POST", "/", `{"n": 1}`, nil, 200, `{"n": 1} 1`},
		{"patch with charset", "a parameter of the type is fine", "PATCH", "/", `{"n":1}`, []string{"Content-Type", "Application/JSON; charset=utf-8"}, 200, `{"n":1} 1`},
		{"get", "the query has them", "GET", query(`{"n":2}`), "", nil, 200, `{"n":2} 2`},
		{"delete", "as for GET", "DELETE", query(`{"n":3}`), "", nil, 200, `{"n":3} 3`},
		{"none in the query", "no signals is no error", "GET", "/", "", nil, 200, " 0"},
		{"none in the body", "no signals is no error", "POST", "/", "", nil, 200, " 0"},
		{"blank body", "white space is nothing", "POST", "/", " \n", nil, 200, " 0"},
		{"null", "null is nothing", "POST", "/", "null", nil, 200, " 0"},
		{"own bad query", "the program's own parameters are its own business", "GET", "/?q=50%", "", nil, 200, " 0"},
		{"other type", "the body of another type belongs to the handler", "POST", "/", "a,b", []string{"Content-Type", "text/csv"}, 200, " 0"},
		{"not Datastar", "signals are looked for on Datastar requests only", "POST", "/", `{"n":1}`, []string{"Datastar-Request", "TRUE"}, 200, " 0"},
		{"malformed body", "no panic, no 500", "POST", "/", `{"n":`, nil, 400, ""},
		{"not an object", "signals are an object", "POST", "/", `[1]`, nil, 400, ""},
		{"two values", "the whole body is the object", "POST", "/", `{} {}`, nil, 400, ""},
		{"malformed query", "as in a body", "GET", query(`{"n"`), "", nil, 400, ""},
		{"bad escape", "not taken for absent", "GET", "/?datastar=%zz", "", nil, 400, ""},
		{"wrong type", "decoding is the handler's; its error answers 400", "POST", "/", `{"n":"x"}`, nil, 400, `{"n":"x"} `},
		{"large body", "the bound is in bytes", "POST", "/", `{"n":1,"s":"` + strings.Repeat("x", 100) + `"}`, nil, 413, ""},
		{"large query", "as in a body", "GET", query(`{"n":1,"s":"` + strings.Repeat("x", 100) + `"}`), "", nil, 413, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, setup{bridge: twk.BridgeOptions{MaxSignals: 100}})
			saw := ""
			r.handle("/", func(req *twk.Request) twk.Response {
				saw = string(req.RawSignals()) + " "
				var in struct{ N int }
				if err := req.Signals(&in); err != nil {
					return twk.BadRequest(err)
				}
				saw += fmt.Sprint(in.N)
				return twk.Status(200)
			})
			req := r.request(tt.method, tt.path, tt.body, tt.header...)
			if len(tt.header) > 0 && tt.header[0] == "Datastar-Request" {
				req.Header.Set("Datastar-Request", tt.header[1])
			}
			got := r.do(req)
			if got.Status != tt.status || saw != tt.want {
				t.Errorf("%s: status %d, handler saw %q; want %d, %q", tt.reason, got.Status, saw, tt.status, tt.want)
			}
			if errs := r.errors(); len(errs) > 0 {
				t.Errorf("a mistake of the client was reported as a failure: %v", errs)
			}
			if strings.Contains(got.Body, "JSON") || strings.Contains(got.Body, "invalid") {
				t.Errorf("the answer names internals: %q", got.Body)
			}
			if s := r.log(); s != "" {
				t.Errorf("the server logged: %s", s)
			}
		})
	}
}

// Forms are left for the handler, whatever the letter case of their type.
func TestForms(t *testing.T) {
	var buf bytes.Buffer
	mw := multipart.NewWriter(&buf)
	_ = mw.WriteField("name", "Ann")
	_ = mw.Close()
	boundary := strings.TrimPrefix(mw.FormDataContentType(), "multipart/form-data")
	tests := []struct{ name, kind, body string }{
		{"urlencoded", "application/x-www-form-urlencoded", "name=Ann"},
		{"urlencoded, capitals and charset", "Application/X-WWW-Form-Urlencoded; charset=UTF-8", "name=Ann"},
		{"multipart", "multipart/form-data" + boundary, buf.String()},
		{"multipart, capitals", "Multipart/Form-Data" + boundary, buf.String()},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, setup{})
			r.handle("POST /{$}", func(req *twk.Request) twk.Response {
				return twk.Page(twk.HTML(fmt.Sprintf("%s %t", req.FormValue("name"), req.RawSignals() == nil)))
			})
			if got := r.do(r.request("POST", "/", tt.body, "Content-Type", tt.kind)); got.Body != "Ann true" {
				t.Errorf("handler saw %q", got.Body)
			}
		})
	}
}

// A short stream ends, a long one stays, also if an effect fails.
func TestRespondAndStream(t *testing.T) {
	for _, failing := range []bool{false, true} {
		t.Run(fmt.Sprintf("failing %t", failing), func(t *testing.T) {
			r := newRig(t, setup{})
			effects := []effect.Data{signal("a", 1), signal("b", 2)}
			if failing {
				effects = []effect.Data{signal("a", 1), boom{}, bang{}, signal("b", 2)}
			}
			r.handle("POST /short", func(*twk.Request) twk.Response { return twk.Respond(effects...) })
			r.stay("GET /long", effects...)
			short := twktest.Open(t, r.srv.Client(), r.request("POST", "/short", "{}"))
			for _, want := range []string{`{"a":1}`, `{"b":2}`} {
				if got := short.Next().Fields()["signals"]; got != want {
					t.Errorf("signals %s, want %s", got, want)
				}
			}
			if err := short.Ended(); err != nil {
				t.Errorf("short stream: %v", err)
			}
			if diff := cmp.Diff(closing{Path: "/short", Cause: sse.CauseDone}, r.end()); diff != "" {
				t.Errorf("end of the short stream (-want +got):\n%s", diff)
			}
			long := r.open("/long")
			long.Next()
			long.Next()
			c := r.conn()
			if err := r.send(c, signal("c", 3)); err != nil {
				t.Fatal(err)
			}
			if got := long.Next().Fields()["signals"]; got != `{"c":3}` {
				t.Errorf("signals %s after the effects", got)
			}
			for name, want := range map[string]string{"Content-Type": "text/event-stream", "Cache-Control": "no-cache", "X-Accel-Buffering": "no"} {
				if got := long.Response().Header.Get(name); got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
			if got := len(r.errors()); (got == 2) != failing || !failing && got != 0 {
				t.Errorf("the error hook was called %d times", got)
			}
		})
	}
}

// Effects for a stream that is open go there; the request is a 204.
func TestOtherConn(t *testing.T) {
	r := newRig(t, setup{})
	r.stay("GET /sse")
	s := r.open("/sse")
	c := r.conn()
	r.handle("POST /act", func(*twk.Request) twk.Response {
		return twk.Respond(signal("n", 1)).On(c).WithHeader("X-Own", "1").WithCookie(&http.Cookie{Name: "k", Value: "v"})
	})
	got := r.do(r.request("POST", "/act", "{}"))
	if got.Status != 204 || got.Header.Get("X-Own") != "1" || got.Header.Get("Set-Cookie") != "k=v" {
		t.Errorf("answer %+v", got)
	}
	if got := s.Next().Fields()["signals"]; got != `{"n":1}` {
		t.Errorf("signals %s", got)
	}
	if c.Cause() != "" {
		t.Errorf("the other stream was closed: %s", c.Cause())
	}
	c.Close(sse.CauseClosed)
	if err := s.Ended(); err != nil {
		t.Errorf("the closed stream: %v", err)
	}
	if got := r.do(r.request("POST", "/act", "{}")); got.Status != http.StatusGone {
		t.Errorf("status %d for effects that nobody receives", got.Status)
	}
}

// Effects that point their session at another stream reach that one.
func TestOtherConnFromAnEffect(t *testing.T) {
	r := newRig(t, setup{})
	r.stay("GET /sse")
	s := r.open("/sse")
	other := r.conn()
	r.pauses["elsewhere"] = func(ctx context.Context, call effect.Call[app]) error {
		return call.DispatchWith(ctx, func(a *app) { a.Conn = other }, signal("n", 1)).Err()
	}
	r.handle("POST /act", func(*twk.Request) twk.Response { return twk.Respond(pause{"elsewhere"}) })
	if got := r.do(r.request("POST", "/act", "{}")); got.Body != "" {
		t.Errorf("the answer has %q", got.Body)
	}
	if got := s.Next().Fields()["signals"]; got != `{"n":1}` {
		t.Errorf("signals %s", got)
	}
}

// The end is told once, whoever brings it about, with what opened it.
func TestEndIsToldOnce(t *testing.T) {
	tests := []struct {
		name, reason string
		do           func(r *rig, s *twktest.Stream, c *sse.Conn)
		want         []sse.Cause
	}{
		{"server", "the program closes it", func(_ *rig, _ *twktest.Stream, c *sse.Conn) { c.Close("bored") }, []sse.Cause{"bored"}},
		{"client", "the client leaves", func(_ *rig, s *twktest.Stream, _ *sse.Conn) { s.Close() }, []sse.Cause{sse.CauseClient}},
		{"write error", "somebody is writing when the client leaves", func(r *rig, s *twktest.Stream, c *sse.Conn) {
			go s.Close()
			for r.send(c, signal("n", strings.Repeat("x", 10_000))) == nil {
			}
		}, []sse.Cause{sse.CauseClient, sse.CauseWrite, sse.CauseSlow}},
		{"effect", "an effect closes it", func(r *rig, _ *twktest.Stream, c *sse.Conn) { _ = r.send(c, twk.CloseSSE{}) }, []sse.Cause{sse.CauseClosed}},
		{"all at once", "the first one wins", func(r *rig, s *twktest.Stream, c *sse.Conn) {
			go s.Close()
			go c.Close("a")
			go c.Close("b")
			_ = r.send(c, signal("n", 1), twk.CloseSSE{})
		}, []sse.Cause{"a", "b", sse.CauseClosed, sse.CauseClient, sse.CauseWrite}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, setup{})
			r.stay("GET /sse")
			s := r.open("/sse?who=ann")
			tt.do(r, s, r.conn())
			got := r.end()
			ok := false
			for _, cause := range tt.want {
				ok = ok || cause == got.Cause
			}
			if want := (closing{Path: "/sse", Stay: true, Cause: got.Cause}); got != want || !ok {
				t.Errorf("%s: the hook saw %+v", tt.reason, got)
			}
			r.noEnd()
		})
	}
}

// Errors of effects reach the hook, which may show something.
func TestErrorHook(t *testing.T) {
	r := newRig(t, setup{bridge: twk.BridgeOptions{OnError: func(_ context.Context, req *twk.Request, err error) effect.List {
		if !errors.Is(err, errBoom) || req.URL.Path != "/act" {
			t.Errorf("the hook was told of %v at %s", err, req.URL.Path)
		}
		return effect.List{signal("error", "Something went wrong."), boom{}}
	}}})
	r.handle("POST /act", func(*twk.Request) twk.Response { return twk.Respond(signal("n", 1), boom{}, signal("n", 2)) })
	got, err := twktest.All(strings.NewReader(r.do(r.request("POST", "/act", "{}")).Body))
	if err != nil {
		t.Fatal(err)
	}
	var signals []string
	for _, e := range got {
		signals = append(signals, e.Fields()["signals"])
	}
	want := []string{`{"n":1}`, `{"n":2}`, `{"error":"Something went wrong."}`}
	if diff := cmp.Diff(want, signals); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if n := len(r.errors()); n != 1 {
		t.Errorf("the hook was called %d times: an error of what it shows is only logged", n)
	}
}
