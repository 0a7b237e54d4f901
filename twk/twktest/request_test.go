package twktest_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sfere-go/sfere/twk/twktest"
)

// Signals are where the client puts them, and arrive at the handler.
func TestRequest(t *testing.T) {
	cookie := &http.Cookie{Name: "user", Value: "ann"}
	signals := map[string]any{"n": 1, "text": "a&b=ü"}
	tests := []struct {
		reason         string
		method, target string
		signals        any
		query, body    string
	}{
		{"a GET has a query", "GET", "/a", signals, `datastar=%7B%22n%22%3A1%2C%22text%22%3A%22a%5Cu0026b%3D%C3%BC%22%7D`, ""},
		{"the query of the program stays", "GET", "/a?q=1", struct{ N int }{1}, `q=1&datastar=%7B%22N%22%3A1%7D`, ""},
		{"as for GET", "DELETE", "/a", map[string]any{"n": 2}, `datastar=%7B%22n%22%3A2%7D`, ""},
		{"a POST has a body", "POST", "/a?q=1", map[string]any{"n": 3}, `q=1`, `{"n":3}`},
		{"a page without signals", "PUT", "/a", nil, ``, `{}`},
	}
	for _, tt := range tests {
		t.Run(tt.method+" "+tt.target, func(t *testing.T) {
			r := twktest.HTTPRequest(tt.method, tt.target, tt.signals, cookie)
			body := ""
			if r.Body != nil {
				b, _ := io.ReadAll(r.Body)
				body = string(b)
			}
			if r.URL.RawQuery != tt.query || body != tt.body {
				t.Errorf("%s: query %s, body %s", tt.reason, r.URL.RawQuery, body)
			}
			req := twktest.Request(tt.method, tt.target, tt.signals, cookie)
			got := map[string]any{}
			if err := req.Signals(&got); err != nil {
				t.Fatal(err)
			}
			if n := fmt.Sprint(got["n"]); !req.Datastar || tt.signals != nil && n == "0" || req.URL.Path != "/a" {
				t.Errorf("%s: signals %v, request %+v", tt.reason, got, req)
			}
			if c, err := req.Cookie("user"); err != nil || c.Value != "ann" {
				t.Errorf("cookie %v, %v", c, err)
			}
		})
	}
}

// The same request may be sent to a server.
func TestHTTPRequestToServer(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s %s", r.Header.Get("Datastar-Request"), r.Header.Get("Content-Type"), r.URL.Path)
	}))
	defer srv.Close()
	res, err := srv.Client().Do(twktest.HTTPRequest("POST", srv.URL+"/a", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if got, _ := io.ReadAll(res.Body); string(got) != "true application/json /a" {
		t.Errorf("the server saw %q", got)
	}
}

func TestRequestPanics(t *testing.T) {
	for name, f := range map[string]func(){
		"want an object":   func() { twktest.HTTPRequest("GET", "/", []int{1}) },
		"unsupported type": func() { twktest.HTTPRequest("GET", "/", func() {}) },
		"invalid method":   func() { twktest.Request("G T", "/", nil) },
	} {
		func() {
			defer func() {
				if p := fmt.Sprint(recover()); !strings.Contains(p, "twktest") || !strings.Contains(p, name) {
					t.Errorf("panic %q, want %q", p, name)
				}
			}()
			f()
		}()
	}
}
