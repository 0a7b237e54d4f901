package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/twktest"
)

// Prometheus finds what the program does at an address of its own.
func TestMetricsAreServed(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	by, end, err := observe(ln)
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	db, err := OpenStore(t.Context(), filepath.Join(t.TempDir(), "boards.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	s, err := newServer(db, twk.Client{URL: "https://cdn.example/x.js"}, nodes{}, by)
	if err != nil {
		t.Fatal(err)
	}
	defer s.looking.Stop()
	twktest.Serve(t, s, twktest.HTTPRequest("GET", "/", nil)).Response()
	s.Dispatch(context.Background(), twk.ConsoleLog{Message: "x"})
	res, err := http.Get("http://" + ln.Addr().String() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"sfere_stream_count{", "sfere_dispatch_duration_seconds_count{", `sfere_effect_name="twk/console-log"`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
}
