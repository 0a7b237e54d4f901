package main

import (
	"context"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/sfere-go/sfere/twk"
)

// blank is a page whose client cannot be loaded.
var blank = twk.Client{URL: "https://cdn.example/x.js", Integrity: "sha256-x"}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start serves a lobby on addr, "127.0.0.1:0" for any, until the test ends or
// stop is called.
func start(t *testing.T, addr, secret string) (s *server, url string, stop func()) {
	t.Helper()
	s, err := newServer(secret, blank, nodes{})
	if err != nil {
		t.Fatal(err)
	}
	var ln net.Listener
	for range 100 { // the port of a server that has just ended
		if ln, err = net.Listen("tcp", addr); err == nil {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, ln) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("shutting down: %v", err)
		}
		s.here.Stop()
	})
	t.Cleanup(stop)
	return s, "http://" + ln.Addr().String(), stop
}

// inMemory runs f with a lobby without a network, in a bubble where time is free.
func inMemory(t *testing.T, f func(t *testing.T, s *server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s, err := newServer("s", blank, nodes{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { // after the streams of f have been closed
			s.here.Stop()
			s.Conns().Close()
		})
		f(t, s)
	})
}
