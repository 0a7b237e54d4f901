package main

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/relay"
	"github.com/sfere-go/sfere/twk"
)

// machine returns one of several machines that serve the lobby, in the bubble of the
// test.
func machine(t *testing.T, bus relay.Relay) *server {
	t.Helper()
	s := &server{signer: signer("s"), client: blank, talk: newTalk()}
	var err error
	if s.App, err = sfere.BuildApp(func(session twk.Session) App { return App{session} }, &sfere.AppOptions{Relay: bus, Client: blank}, s.registry()); err != nil {
		t.Fatal(err)
	}
	s.routes()
	if s.here, err = s.Conns().Watch(lobby, &sfere.PresenceOptions{Grace: grace, Joined: s.joined, Left: s.left}); err != nil {
		t.Fatal(err)
	}
	if err := s.Conns().JoinRelay(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // after the streams of the test have been closed
		s.here.Stop()
		s.Conns().Close()
	})
	return s
}

// at returns the same browser, whose requests come to another machine now.
func (p *person) at(s *server) *person {
	q := *p
	q.s, q.http = s, &http.Client{Jar: p.http.Jar, Transport: inside{s}}
	return &q
}

// A name belongs to one person on all machines.
func TestNamesOnTwoMachines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := relay.NewMemory(nil)
		one, two := machine(t, bus), machine(t, bus)
		told := func() { time.Sleep(time.Second); synctest.Wait() }
		told()

		var won atomic.Int64
		var all sync.WaitGroup
		for i := range 16 {
			p := []*server{one, two}[i/4%2].person(t)
			all.Go(func() {
				if p.join([]string{"José", "jose", "JOSE\u0301", " Jose "}[i%4]) {
					won.Add(1)
				}
			})
		}
		all.Wait()
		if n := won.Load(); n != 1 {
			t.Errorf("%d of 16 got the name, want one", n)
		}

		ann, bob := one.person(t), two.person(t)
		if !ann.join("Ann") || bob.join("ANN") || bob.at(one).join("ann") {
			t.Error("a name is given to two people, or to nobody")
		}
		told()
		stream := ann.at(two).stream() // the page comes to another machine than the form
		until(stream, "#participant-list", itemID("Ann"))
		time.Sleep(time.Hour)
		if bob.join("Ann") || bob.at(one).join("Ann") {
			t.Error("a name with a stream is given to somebody else")
		}
		ann.at(two).post("/leave", nil)
		told()
		if !bob.at(one).join("Ann") {
			t.Error("leaving does not free the name on the other machine")
		}
		if resp := ann.stream().Response(); resp.StatusCode != http.StatusNoContent {
			t.Errorf("the stream of her who has left is answered %d, want 204", resp.StatusCode)
		}
	})
}
