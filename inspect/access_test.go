package inspect_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/sfere-go/sfere/inspect"
	"github.com/sfere-go/sfere/inspect/httpapi"
	"github.com/sfere-go/sfere/inspect/mcp"
	"github.com/sfere-go/sfere/internal/nginx"
)

// doors serves all tools with their default guards.
func doors(p *program) *httptest.Server {
	p.t.Helper()
	insp := inspect.New(p.console, &inspect.Options{Hub: p.bridge.Hub(), Client: p.client()})
	mux := http.NewServeMux()
	mux.Handle("/inspect/", insp)
	mux.Handle("/api/", http.StripPrefix("/api", httpapi.New(p.console, nil)))
	mux.Handle("/mcp", mcp.Handler(p.console, nil))
	srv := httptest.NewServer(mux)
	p.t.Cleanup(srv.Close)
	return srv
}

// ask sends a request without a token of its own.
func ask(t *testing.T, method, address, body string, header ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Accept", "application/json, text/event-stream")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(r) // which follows no redirect
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp
}

// silent is a proxy that tells its upstream nothing about where a request comes
// from: neither the host that was asked for, nor the client.
func silent(t *testing.T, upstream string) string {
	t.Helper()
	to, err := url.Parse(upstream)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to) // and the host of the upstream
	}})
	t.Cleanup(srv.Close)
	return srv.URL
}

// through is the same, as a program with the settings that it comes with.
func through(t *testing.T, upstream string) string {
	t.Helper()
	return "http://" + nginx.Start(t, strings.TrimPrefix(upstream, "http://"), "")
}

// Behind a proxy on the same machine that says nothing, everybody looks local.
// Nobody is let in who does not show the token.
func TestLocalGuardBehindSilentProxy(t *testing.T) {
	for name, proxy := range map[string]func(*testing.T, string) string{"ReverseProxy": silent, "nginx": through} {
		t.Run(name, func(t *testing.T) {
			p := newProgram(t, nil)
			srv := doors(p)
			front := proxy(t, srv.URL)
			const initialize = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"x","version":"1"}}}`
			for _, tt := range []struct{ method, path, body string }{
				{"GET", "/inspect/", ""},
				{"GET", "/inspect/connections", ""},
				{"GET", "/inspect/style.css", ""},
				{"GET", "/inspect/api/describe", ""},
				{"GET", "/api/describe", ""},
				{"POST", "/api/send", `[]`},
				{"POST", "/api/dry-run", `[]`},
				{"POST", "/mcp", initialize},
			} {
				for _, way := range []struct {
					reason, base string
					header       []string
					want         int
				}{
					{"a stranger through the proxy", front, nil, 403},
					{"a stranger who names a host", front, []string{"Host", "localhost"}, 403},
					{"a stranger with a token of another program", front, []string{"Authorization", "Bearer " + token + "x"}, 403},
					{"a program on this machine", srv.URL, nil, 403},
					{"the owner", srv.URL, []string{"Authorization", "Bearer " + token}, 200},
					{"the owner through a proxy that says so", front, []string{"Authorization", "Bearer " + token, "X-Forwarded-Proto", "https"}, 200},
				} {
					want := way.want
					if want == 200 && tt.path == "/api/send" {
						want = 403 // by default nobody sends
					}
					if name == "nginx" && len(way.header) == 4 {
						want = 403 // it passes the header on, which ReverseProxy does not
					}
					if got := ask(t, tt.method, way.base+tt.path, tt.body, way.header...).StatusCode; got != want {
						t.Errorf("%s: %s %s is answered %d, want %d", way.reason, tt.method, tt.path, got, want)
					}
				}
			}
		})
	}
}

// The address that a program prints lets a browser in, and leaves no token behind.
func TestLogin(t *testing.T) {
	p := newProgram(t, nil)
	srv := doors(p)
	address := inspect.New(p.console, nil).URL(srv.URL)
	if !strings.HasPrefix(address, srv.URL+"/inspect/?token=") {
		t.Fatalf("the address is %s", address)
	}
	resp := ask(t, "GET", address, "")
	if resp.StatusCode != 303 || resp.Header.Get("Location") != "/inspect/" || resp.Header.Get("Cache-Control") != "no-store" || resp.Header.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("the address is answered %d with %v", resp.StatusCode, resp.Header)
	}
	cookies := resp.Cookies()
	if len(cookies) != 1 {
		t.Fatalf("there are cookies %v, want one", cookies)
	}
	c := cookies[0]
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/inspect/" || c.MaxAge != 0 || !c.Expires.IsZero() || strings.Contains(c.Value, token) {
		t.Errorf("the cookie is %v", c)
	}
	for _, tt := range []struct {
		reason, method, path string
		header               []string
		want                 int
		to                   string // where it leads
	}{
		{"the cookie", "GET", "/inspect/", []string{"Cookie", c.Name + "=" + c.Value}, 200, ""},
		{"the cookie at the interface", "GET", "/inspect/api/describe", []string{"Cookie", c.Name + "=" + c.Value}, 200, ""},
		{"the cookie among others", "GET", "/inspect/", []string{"Cookie", "a=b; " + c.Name + "=old; " + c.Name + "=" + c.Value}, 200, ""},
		{"no cookie", "GET", "/inspect/", nil, 403, ""},
		{"the token as a cookie", "GET", "/inspect/", []string{"Cookie", c.Name + "=" + token}, 403, ""},
		{"another value", "GET", "/inspect/", []string{"Cookie", c.Name + "=" + c.Value + "0"}, 403, ""},
		{"another name", "GET", "/inspect/", []string{"Cookie", "x" + c.Name + "=" + c.Value}, 403, ""},
		{"the cookie for a page of another site", "POST", "/inspect/api/dry-run", []string{"Cookie", c.Name + "=" + c.Value, "Sec-Fetch-Site", "cross-site"}, 403, ""},
		{"a wrong token in the address", "GET", "/inspect/?token=x", nil, 403, ""},
		{"no token in the address", "GET", "/inspect/?token=", nil, 403, ""},
		{"a wrong token with the cookie", "GET", "/inspect/?token=x", []string{"Cookie", c.Name + "=" + c.Value}, 403, ""},
		{"the rest of the address stays", "GET", "/inspect/send?item=shop/mail&token=" + token, nil, 303, "/inspect/send?item=shop%2Fmail"},
		{"a token in a post", "POST", "/inspect/send?token=" + token, nil, 403, ""},
		{"the interface takes no token from an address", "GET", "/api/describe?token=" + token, nil, 403, ""},
		{"MCP neither", "GET", "/mcp?token=" + token, nil, 403, ""},
	} {
		resp := ask(t, tt.method, srv.URL+tt.path, "", tt.header...)
		if resp.StatusCode != tt.want || resp.Header.Get("Location") != tt.to {
			t.Errorf("%s: %s %s is answered %d to %q, want %d to %q", tt.reason, tt.method, tt.path, resp.StatusCode, resp.Header.Get("Location"), tt.want, tt.to)
		}
		if tt.want == 403 && len(resp.Cookies()) > 0 {
			t.Errorf("%s: there are cookies %v", tt.reason, resp.Cookies())
		}
	}
	// No path leads to another host.
	for _, path := range []string{"//evil.example/", `/\evil.example/`, "/%2fevil.example"} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "/", nil)
		r.URL = &url.URL{Path: path, RawQuery: "token=" + token}
		httpapi.Login(p.console, "test", "/", http.NotFoundHandler()).ServeHTTP(w, r)
		to := w.Header().Get("Location")
		if w.Code != 303 || strings.HasPrefix(to, "//") || strings.HasPrefix(to, `/\`) || !strings.HasPrefix(to, "/") {
			t.Errorf("%s leads to %q", path, to)
		}
	}
}

// A program with a guard of its own prints no token.
func TestURL(t *testing.T) {
	p := newProgram(t, nil)
	for _, tt := range []struct {
		o          *inspect.Options
		base, want string
	}{
		{nil, "http://localhost:8080", "http://localhost:8080/inspect/?token=" + token},
		{&inspect.Options{Prefix: "/x/"}, "http://localhost:8080/", "http://localhost:8080/x/?token=" + token},
		{&inspect.Options{Guard: may(httpapi.Read)}, "http://localhost:8080", "http://localhost:8080/inspect/"},
	} {
		if got := inspect.New(p.console, tt.o).URL(tt.base); got != tt.want {
			t.Errorf("the address is %s, want %s", got, tt.want)
		}
	}
}
