package main

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/twktest"
)

// A click of one browser shows in another.
func TestCounter(t *testing.T) {
	srv := httptest.NewServer(newApp(twk.Client{}))
	t.Cleanup(srv.Close)
	open := func(method, path string) *twktest.Stream {
		req, err := http.NewRequestWithContext(t.Context(), method, srv.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Datastar-Request", "true")
		return twktest.Open(t, srv.Client(), req)
	}
	live := open("GET", "/live")
	for _, want := range []string{`<b id="sum">0</b>`, `<b id="sum">1</b>`, `<b id="sum">2</b>`} {
		if got := live.Next().Fields()["elements"]; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if err := open("POST", "/click").Ended(); err != nil {
			t.Error(err)
		}
	}
}
