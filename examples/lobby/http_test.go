package main

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/sfere-go/sfere/twk/twktest"
)

func TestLeave(t *testing.T) {
	s, url, _ := start(t, "127.0.0.1:0", "s")
	ann, bob := newPerson(t, url), newPerson(t, url)
	a, b := ann.enter("Ann"), bob.enter("Bob")
	a2 := ann.stream()
	until(a2, "#participant-list", "")
	if code, answer := ann.post("/leave", nil); code != 200 || !has(answer, "#lobby", `id="join-form"`) {
		t.Errorf("leaving is answered %d %v, want the join form", code, answer)
	}
	for _, stream := range []*twktest.Stream{a, a2} {
		until(stream, "#lobby", `id="join-form"`) // her other tabs show it, too
		if err := stream.Ended(); err != nil {
			t.Errorf("her stream ended with %v, want a normal end", err)
		}
	}
	until(b, "#messages", did("Ann", "left"))
	b.Until(func(e twktest.Event) bool { // the list without her
		f := e.Fields()
		return f["selector"] == "#participant-list" && f["mode"] == "inner" && !strings.Contains(f["elements"], "Ann")
	})
	if here, _ := s.here.List(); len(here) != 1 {
		t.Errorf("%v are here, want one", here)
	}
	if resp := ann.stream().Response(); resp.StatusCode != http.StatusNoContent {
		t.Errorf("a stream without the cookie is answered %d, want 204", resp.StatusCode)
	}
	for _, path := range []string{"/leave", "/message"} {
		if code, _ := ann.post(path, map[string]string{"message": "x"}); code != http.StatusForbidden {
			t.Errorf("POST %s without the cookie: %d, want 403", path, code)
		}
	}
}

// Clients come back to a new server with the same secret: streams are cut, not
// ended, and cookies stay valid.
func TestRestart(t *testing.T) {
	_, url, stop := start(t, "127.0.0.1:0", "s")
	ann := newPerson(t, url)
	a := ann.enter("Ann")
	addr := strings.TrimPrefix(url, "http://")
	stop() // fails if not everything ends within the grace period
	if err := a.Ended(); err == nil {
		t.Error("the stream ended normally; the client would stay away")
	}
	start(t, addr, "s")
	again := ann.stream()
	until(again, "#participant-list", "Ann")
}

func TestPageAndAssets(t *testing.T) {
	_, url, _ := start(t, "127.0.0.1:0", "s")
	for _, tt := range []struct{ path, want, kind string }{
		{"/", `<form id="join-form"`, "text/html"},
		{"/", `integrity="sha256-x" crossorigin="anonymous"`, "text/html"},
		{"/style.css", "--brand", "text/css"},
	} {
		resp, err := http.DefaultClient.Get(url + tt.path)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		_, _ = b.ReadFrom(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != 200 || !strings.Contains(b.String(), tt.want) || !strings.HasPrefix(resp.Header.Get("Content-Type"), tt.kind) {
			t.Errorf("GET %s: %d %s\n%s", tt.path, resp.StatusCode, resp.Header.Get("Content-Type"), b.String())
		}
	}
}
