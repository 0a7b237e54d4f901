package inspect_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/inspect"
	"github.com/sfere-go/sfere/inspect/httpapi"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/twktest"
)

func TestGuard(t *testing.T) {
	p := newProgram(t, nil)
	for _, tt := range []struct {
		reason, method, path string
		change               func(*http.Request)
		want                 int
	}{
		{"this machine", "GET", "", nil, 200},
		{"by name", "GET", "", func(r *http.Request) { r.Host = "localhost:8080" }, 200},
		{"IPv6", "GET", "", func(r *http.Request) { r.RemoteAddr, r.Host = "[::1]:5000", "[::1]:8080" }, 200},
		{"without the token", "GET", "", func(r *http.Request) { r.Header.Del("Authorization") }, 403},
		{"the style sheet without the token", "GET", "style.css", func(r *http.Request) { r.Header.Del("Authorization") }, 403},
		{"with another token", "GET", "", func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token+"x") }, 403},
		{"another machine", "GET", "", func(r *http.Request) { r.RemoteAddr = "192.0.2.1:5000" }, 403},
		{"another machine that claims to be this one", "GET", "", func(r *http.Request) {
			r.RemoteAddr = "192.0.2.1:5000"
			r.Header.Set("X-Forwarded-For", "127.0.0.1")
		}, 403},
		{"a proxy on this machine", "GET", "", func(r *http.Request) { r.Header.Set("X-Forwarded-For", "192.0.2.1") }, 403},
		{"a name that was pointed here", "GET", "", func(r *http.Request) { r.Host = "evil.example:8080" }, 403},
		{"the style sheet too", "GET", "style.css", func(r *http.Request) { r.Host = "evil.example" }, 403},
		{"the stream too", "GET", "live?tab=send", func(r *http.Request) { r.Host = "evil.example" }, 403},
		{"the interface for tools too", "GET", "api/describe", func(r *http.Request) { r.Host = "evil.example" }, 403},
		{"a form of another site", "POST", "dry-run", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, 403},
		{"an old browser on another site", "POST", "send", func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }, 403},
		{"a post that is not Datastar's", "POST", "dry-run", nil, 406},
		{"an unknown page", "GET", "nothing", nil, 404},
		{"an unknown item", "GET", "items/nothing/here", nil, 404},
		{"an unknown dispatch", "GET", "dispatches/99", nil, 404},
		{"a dispatch that is no number", "GET", "dispatches/x", nil, 404},
		{"a stream asked for without Datastar", "GET", "live", nil, 406},
		{"an unknown method", "DELETE", "send", nil, 405},
	} {
		r := httptest.NewRequestWithContext(t.Context(), tt.method, "/inspect/"+tt.path, strings.NewReader("list=[]"))
		r.RemoteAddr, r.Host = "127.0.0.1:5000", "127.0.0.1:8080"
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if tt.change != nil {
			tt.change(r)
		}
		w := httptest.NewRecorder()
		p.insp.ServeHTTP(w, r)
		if w.Code != tt.want {
			t.Errorf("%s: %s %s is answered %d, want %d: %s", tt.reason, tt.method, tt.path, w.Code, tt.want, w.Body)
		}
		for name, want := range map[string]string{
			"Content-Security-Policy": "frame-ancestors 'none'", "X-Content-Type-Options": "nosniff", "Cross-Origin-Resource-Policy": "same-origin",
		} {
			if got := w.Header().Get(name); !strings.Contains(got, want) {
				t.Errorf("%s: header %s is %q, want %q in it", tt.reason, name, got, want)
			}
		}
	}
}

// What may be done with each access, through the page and the interface for tools.
func TestGuardSend(t *testing.T) {
	for _, tt := range []struct {
		access  httpapi.Access
		reason  string
		page    int
		outcome string
		api     int
	}{
		{httpapi.None, "nothing", 403, "", 403},
		{httpapi.Read, "look", 200, "Not sent", 403},
		{httpapi.Write, "send", 200, "1 of 1 stream", 200},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			p := newProgram(t, may(tt.access))
			ann := p.join("ann")
			form := url.Values{"list": {`[{"effect":"twk/console-log","args":{"message":"psst"}}]`}, "to": {"*/shop/*"}}
			r := p.request("POST", "/inspect/send", form)
			r.Header.Set("Datastar-Request", "true")
			if code, body := p.do(r); code != tt.page || !strings.Contains(body, tt.outcome) {
				t.Errorf("the page answers %d %s, want %d with %q", code, body, tt.page, tt.outcome)
			}
			text := `{"to":"*/shop/*","effects":` + form.Get("list") + `}`
			api := p.request("POST", "/inspect/api/send", nil)
			api.Header.Set("Content-Type", "application/json")
			api.Body, api.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
			if code, body := p.do(api); code != tt.api {
				t.Errorf("the interface answers %d %s, want %d", code, body, tt.api)
			}
			p.dispatch(sfere.Broadcast{To: sfere.Everyone(), Effects: effect.List{twk.ConsoleLog{Message: "marker"}}})
			want := 0
			if tt.access == httpapi.Write {
				want = 2
			}
			got := -1
			for e := (twktest.Event{}); !strings.Contains(e.Fields()["elements"], "marker"); got++ {
				e = ann.Next()
			}
			if got != want {
				t.Errorf("%d events were sent, want %d", got, want)
			}
		})
	}
}

func TestOptions(t *testing.T) {
	for _, prefix := range []string{"inspect/", "/inspect", "x"} {
		func() {
			defer func() {
				if p := recover(); p == nil || !strings.Contains(p.(string), "Options.Prefix") {
					t.Errorf("prefix %q: %v, want a panic that names the option", prefix, p)
				}
			}()
			inspect.New(newProgram(t, nil).console, &inspect.Options{Prefix: prefix})
		}()
	}
	insp := inspect.New(newProgram(t, nil).console, &inspect.Options{Prefix: "/dev/look/"})
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/dev/look/", nil)
	r.RemoteAddr, r.Host = "127.0.0.1:5000", "localhost"
	r.Header.Set("Authorization", "Bearer "+token)
	insp.ServeHTTP(w, r)
	body := w.Body.String()
	for _, want := range []string{`href="/dev/look/style.css"`, `href="/dev/look/items/twk/redirect"`, twk.Client{}.Address(), `integrity="sha256-`} {
		if !strings.Contains(body, want) {
			t.Errorf("the page has no %s", want)
		}
	}
	if csp := w.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "script-src 'self' https://cdn.jsdelivr.net 'unsafe-eval'") {
		t.Errorf("the policy does not allow the client of the CDN: %s", csp)
	}
	if strings.Contains(body, "/inspect/") {
		t.Error("an address does not have the prefix")
	}
}
