package sfere_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sfere-go/sfere/sse"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/sferetest"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/twktest"
)

func TestExpiry(t *testing.T) {
	for _, tt := range []struct {
		fixed  bool
		touch  func(r *rig) // activity
		lives  bool
		reason string
	}{
		{false, func(r *rig) { r.dispatch(sfere.Touch{Key: key("ann")}) }, true, "the page said that it is there"},
		{false, func(r *rig) { r.conns.Touch(key("ann")) }, true, "the same from outside a dispatch"},
		{false, func(r *rig) { <-r.visit(id("ann") + "&policy=reuse").left }, true, "a request that reuses the stream"},
		{false, func(r *rig) { r.dispatch(sfere.Send(key("ann"), tell("x"))) }, true, "an event was written"},
		{false, func(r *rig) { _, _ = r.conns.Snapshot(sfere.Everyone()); r.count(sfere.Everyone()) }, false, "lookups are no activity"},
		{false, func(r *rig) { r.dispatch(sfere.Broadcast{To: sfere.Everyone()}) }, false, "nor is a broadcast of nothing"},
		{false, func(r *rig) { r.dispatch(sfere.Send(key("nobody"), tell("x"))) }, false, "nor one to others"},
		{true, func(r *rig) { r.conns.Touch(key("ann")); r.dispatch(sfere.Send(key("ann"), tell("x"))) }, false, "a fixed time is fixed"},
	} {
		t.Run(tt.reason+": "+tt.reason, func(t *testing.T) {
			clock := sferetest.NewClock()
			inBubble(t, setup{store: sfere.NewTTL(&sfere.TTLOptions{TTL: time.Minute, Fixed: tt.fixed, Clock: clock})}, func(t *testing.T, r *rig) {
				c := r.visit(id("ann"))
				synctest.Wait()
				clock.Advance(time.Minute - 1)
				tt.touch(r)
				synctest.Wait()
				clock.Advance(time.Minute - 1)
				if n := r.count(sfere.Everyone()); (n == 1) != tt.lives {
					t.Errorf("%d connections are left: %s", n, tt.reason)
				}
				clock.Advance(1)
				r.wantCount(sfere.Everyone(), 0)
				<-c.left
				if rm := r.removal(); rm.Cause != sse.CauseExpired {
					t.Errorf("cause %q", rm.Cause)
				}
				if !c.aborts {
					t.Error("the stream ended normally: its client would not come back")
				}
				r.noRemoval()
			})
		})
	}
}

// quiet waits until everything has been written and counted as activity.
func (s *server) quiet() {
	s.t.Helper()
	deadline := time.After(twktest.Wait)
	var before []uint64
	for {
		held, _ := s.conns.Snapshot(sfere.Everyone())
		var now []uint64
		waiting := false
		for _, h := range held {
			waiting = waiting || h.Conn.Queued > 0 || h.Conn.Sent == 0
			now = append(now, h.Conn.Sent)
		}
		if !waiting && before != nil && cmp.Equal(before, now) {
			return
		}
		before = append([]uint64{}, now...)
		select {
		case <-deadline:
			s.t.Fatal("streams do not become quiet")
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func TestQuietRoom(t *testing.T) {
	clock := sferetest.NewClock()
	s := newServer(t, setup{
		store: sfere.NewTTL(&sfere.TTLOptions{TTL: time.Minute, Clock: clock}),
		hub:   sse.HubOptions{Heartbeat: 200 * time.Millisecond, WriteTimeout: -1, MaxBytes: 32 << 20, MaxFrames: 10_000},
	})
	// An idle stream is closed, heartbeats or not, and never orphaned.
	idle := s.open(id("idle"))
	idle.UntilComments(2)
	clock.Advance(time.Minute)
	s.wantCount(sfere.Everyone(), 0)
	if err := idle.Ended(); err == nil {
		t.Error("the idle stream was not cut")
	}
	s.removal()

	// Writes keep a stream; a broadcast does not keep one that takes nothing.
	reads := s.open(id("reads"))
	s.deaf(id("deaf"))
	big := tell(strings.Repeat("x", 1<<20))
	for range 12 { // more than what the sockets buffer
		s.dispatch(sfere.Broadcast{To: sfere.Category("lobby"), Effects: effect.List{big}})
		reads.Next()
	}
	s.settle("deaf")
	for range 4 {
		clock.Advance(25 * time.Second)
		s.dispatch(sfere.Broadcast{To: sfere.Category("lobby"), Effects: effect.List{tell("small")}})
		wantText(t, reads, "small")
		s.settle("reads")
	}
	s.wantCount(sfere.Exactly(key("reads")), 1)
	s.wantCount(sfere.Exactly(key("deaf")), 0)
	if rm := s.removal(); rm.Cause != sse.CauseExpired {
		t.Errorf("cause %q", rm.Cause)
	}
}

// settle waits until the stream with this id has taken all it will for now.
func (s *server) settle(name string) {
	s.t.Helper()
	var sent uint64
	for same := 0; same < 5; {
		held, _ := s.conns.Snapshot(sfere.Exactly(key(name)))
		if len(held) == 0 {
			s.t.Fatalf("%s is gone", name)
		}
		if held[0].Conn.Sent == sent {
			same++
		} else {
			same, sent = 0, held[0].Conn.Sent
		}
		<-time.After(5 * time.Millisecond)
	}
}

func TestEveryCauseClosesAndTells(t *testing.T) {
	for _, tt := range []struct {
		name  string
		ttl   sfere.TTLOptions
		do    func(s *server, clock *sferetest.Clock)
		cause sse.Cause
		cut   bool
		keeps bool
	}{
		{name: "expired", do: func(_ *server, c *sferetest.Clock) { c.Advance(time.Minute) }, cause: sse.CauseExpired, cut: true},
		{name: "size", ttl: sfere.TTLOptions{MaxSize: 1, EvictOldest: true}, do: func(s *server, _ *sferetest.Clock) { s.open(id("bob")) }, cause: sse.CauseSize, cut: true},
		{name: "replaced", do: func(s *server, _ *sferetest.Clock) { s.open(id("ann") + "&policy=replace") }, cause: sfere.CauseReplaced},
		{name: "replaced in a full store", ttl: sfere.TTLOptions{MaxSize: 1}, do: func(s *server, _ *sferetest.Clock) { s.open(id("ann") + "&policy=replace") }, cause: sfere.CauseReplaced},
		{name: "purged", do: func(s *server, _ *sferetest.Clock) { _, _ = s.conns.Purge(sfere.Everyone()) }, cause: sse.CauseClosed},
		{name: "closed", do: func(s *server, _ *sferetest.Clock) { s.dispatch(sfere.Close{To: sfere.Everyone()}) }, cause: sse.CauseClosed},
		{name: "own cause", do: func(s *server, _ *sferetest.Clock) { s.dispatch(sfere.Close{To: sfere.Everyone(), Cause: "kicked"}) }, cause: "kicked"},
		{name: "expired and kept", do: func(_ *server, c *sferetest.Clock) { c.Advance(time.Minute) }, cause: sse.CauseExpired, keeps: true},
		{name: "size and kept", ttl: sfere.TTLOptions{MaxSize: 1, EvictOldest: true}, do: func(s *server, _ *sferetest.Clock) { s.open(id("bob")) }, cause: sse.CauseSize, keeps: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			clock := sferetest.NewClock()
			tt.ttl.Clock, tt.ttl.TTL, tt.ttl.Fixed = clock, time.Minute, true
			s := newServer(t, setup{
				store: sfere.NewTTL(&tt.ttl),
				opts:  sfere.Options{KeepEvicted: tt.keeps, OnRemove: func(sfere.Removal) { panic("the hook is broken") }},
			})
			stream := s.open(id("ann"))
			tt.do(s, clock)
			rm := s.removal()
			if rm.Cause != tt.cause || len(rm.Keys) != 1 || rm.Keys[0] != key("ann") {
				t.Errorf("removal %v for %q", rm.Keys, rm.Cause)
			}
			if tt.keeps {
				if rm.Info.Cause != "" {
					t.Errorf("the stream was closed for %q", rm.Info.Cause)
				}
				stream.Close()
			} else if err := stream.Ended(); (err != nil) != tt.cut {
				t.Errorf("the stream ended with %v, want a cut: %v", err, tt.cut)
			}
			s.noRemoval()
			s.open(id("ann") + "&policy=replace") // all goes on
		})
	}
}

func TestScope(t *testing.T) {
	broken := errors.New("no session store")
	s := newServer(t, setup{opts: sfere.Options{Scope: func(r *twk.Request) (string, error) {
		switch user := r.URL.Query().Get("user"); user {
		case "broken":
			return "", broken
		case "stranger":
			return "", &twk.Error{Op: "reading the session", Status: http.StatusUnauthorized, Err: broken}
		default:
			return user, nil
		}
	}}})
	ann, bob := s.open(id("x")+"&user=ann"), s.open(id("x")+"&user=bob")
	keys, _ := s.conns.List(sfere.Everyone())
	if diff := cmp.Diff([]sfere.Key{sfere.ID("lobby", "x").In("ann"), sfere.ID("lobby", "x").In("bob")}, keys); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	s.dispatch(sfere.Broadcast{To: sfere.Category("lobby").In("bob"), Effects: effect.List{tell("bob only")}})
	wantText(t, bob, "bob only")
	s.wantNone(ann, bob)
	for _, tt := range []struct {
		query, reason string
		status        int
	}{
		{"&user=", "an empty scope is nobody's", http.StatusForbidden},
		{"&user=*", "a star is no scope", http.StatusInternalServerError},
		{"&user=broken", "an error without a status", http.StatusInternalServerError},
		{"&user=stranger", "an error with a status keeps it", http.StatusUnauthorized},
	} {
		if code := s.status(id("x") + tt.query); code != tt.status {
			t.Errorf("%s: status %d, want %d", tt.reason, code, tt.status)
		}
	}
	s.wantCount(sfere.Everyone(), 2)
	// Outside a request there is no scope to take, and none is made up.
	res := s.d.Dispatch(t.Context(), app{}, sfere.Send(sfere.ID("lobby", "x"), tell("who?")))
	if !errors.Is(res.Err(), sfere.ErrNoScope) {
		t.Errorf("a key without a scope outside a request: %v", res.Err())
	}
}

func TestShutdown(t *testing.T) {
	const n = 20
	s := newServer(t, setup{})
	var streams []*twktest.Stream
	for i := range n {
		streams = append(streams, s.open(id(fmt.Sprint(i))))
	}
	if err := s.hub.Drain(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	// The hooks have run when Drain returns, or are about to.
	for range n {
		if rm := s.removal(); rm.Cause != sse.CauseShutdown {
			t.Errorf("cause %q", rm.Cause)
		}
	}
	for _, stream := range streams {
		if err := stream.Ended(); err == nil {
			t.Error("a stream ended normally: its client would not come back after the restart")
		}
	}
	s.wantCount(sfere.Everyone(), 0)
	if res, err := s.srv.Client().Do(s.request(id("late"))); err == nil {
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err == nil || len(body) > 0 {
			t.Errorf("status %d and %q while draining, want a cut", res.StatusCode, body)
		}
	}
	s.noRemoval()
}
