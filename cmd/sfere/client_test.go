package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// What lets the user in is sent to the address that was given, and nowhere else.
func TestCredentials(t *testing.T) {
	var seen atomic.Value
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen.Store(fmt.Sprint(r.Host == "inside", " ", r.Header["Authorization"], " ", r.Header["X-A"], " ", r.URL))
		fmt.Fprint(w, "[]")
	}))
	defer srv.Close()
	for _, test := range []struct {
		reason, args, env, want string
	}{
		{"nothing", "", "", "false [] [] /grep?q=x"},
		{"a token", "-token abc", "", "false [Bearer abc] [] /grep?q=x"},
		{"a token of the environment", "", "abc", "false [Bearer abc] [] /grep?q=x"},
		{"the flag counts more", "-token abc", "def", "false [Bearer abc] [] /grep?q=x"},
		{"headers", "-header X-A:1 -header X-a:2", "", "false [] [1 2] /grep?q=x"},
		{"a header counts more than a token", "-token abc -header Authorization:mine", "", "false [mine] [] /grep?q=x"},
		{"a host", "-header Host:inside", "", "true [] [] /grep?q=x"},
		{"an address with a query", "-url " + srv.URL + "/x/?a=b", "", "false [] [] /x/grep?a=b&q=x"},
		{"the address that a program prints", "-url " + srv.URL + "/inspect/?token=abc", "", "false [Bearer abc] [] /inspect/api/grep?q=x"},
	} {
		var out, errs bytes.Buffer
		env := map[string]string{"SFERE_URL": srv.URL, "SFERE_TOKEN": test.env}
		run(t.Context(), append([]string{"grep", "x"}, strings.Fields(test.args)...), nil, &out, &errs, func(n string) string { return env[n] })
		if got := seen.Load(); got != test.want {
			t.Errorf("%s: the program sees %q, want %q (%s)", test.reason, got, test.want, errs.String())
		}
	}
}

// Answers that are none of the API.
func TestStrangeAnswers(t *testing.T) {
	var followed atomic.Bool
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed.Store(true) }))
	defer elsewhere.Close()
	for _, test := range []struct {
		reason string
		answer func(w http.ResponseWriter, r *http.Request)
		want   []string
	}{
		{"a redirection to a login", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL+"/login", http.StatusFound)
		}, []string{"answers 302 Found to", "/login", "let in"}},
		{"a refusal of a proxy", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, "<h1>no</h1>")
		}, []string{"refused: 403 Forbidden", "-token"}},
		{"a refusal in words", func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "refused: not you\x1b", http.StatusForbidden)
		}, []string{"sfere: refused: not you", "-token"}},
		{"one that asks who it is", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "", http.StatusUnauthorized) }, []string{"refused: 401", "-token"}},
		{"a page", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }, []string{"not what was asked for"}},
		{"another shape", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"a":1}`) }, []string{"not what was asked for"}},
		{"a page that is not there", http.NotFound, []string{"404", "is this the address"}},
		{"an error of the program", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(500)
			fmt.Fprint(w, `{"error":"on fire"}`)
		}, []string{"500", "on fire"}},
		{"half an answer", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, `[`)
		}, []string{"does not answer", "reading the answer"}},
	} {
		srv := httptest.NewServer(http.HandlerFunc(test.answer))
		code, _, errs := invoke(t, srv.URL, "", "describe")
		srv.Close()
		if code != exitUnreachable {
			t.Errorf("%s: exit code %d, want %d", test.reason, code, exitUnreachable)
		}
		for _, want := range test.want {
			if !strings.Contains(errs, want) {
				t.Errorf("%s: says %q, want %q", test.reason, errs, want)
			}
		}
	}
	if followed.Load() {
		t.Error("a redirection was followed")
	}
}

// An answer above the limit says so; one of exactly the limit is an answer.
func TestLongAnswer(t *testing.T) {
	const limit = 1000
	size := limit
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `"`, strings.Repeat("x", size-2), `"`)
	}))
	defer srv.Close()
	c := &client{base: srv.URL, limit: limit}
	if text, err := c.get(t.Context(), "/x", nil); err != nil || len(text) != limit {
		t.Errorf("an answer of the limit: %d bytes, %v", len(text), err)
	}
	size++
	if _, err := c.get(t.Context(), "/x", nil); err == nil || !strings.Contains(err.Error(), "more than 1000 bytes") {
		t.Errorf("an answer above the limit: %v", err)
	}
}

// No address that an error shows has a password.
func TestPasswordIsNotPrinted(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	defer srv.Close()
	for _, at := range []string{strings.Replace(srv.URL, "http://", "http://me:geheim@", 1), "http://me:geheim@127.0.0.1:1"} {
		if _, _, errs := invoke(t, at, "", "describe"); errs == "" || strings.Contains(errs, "geheim") {
			t.Errorf("says %q", errs)
		}
	}
}
