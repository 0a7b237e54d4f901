package sfere_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sfere-go/sfere/sse"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/twktest"
)

func TestHeldBeforeItsEffects(t *testing.T) {
	s := newServer(t, setup{})
	var listed []sfere.Key
	s.fn("own", func(ctx context.Context, call twk.Call) error {
		listed, _ = s.conns.List(sfere.Everyone())
		return call.Dispatch(ctx, sfere.Broadcast{To: sfere.Category("lobby"), Effects: effect.List{tell("all")}}).Err()
	})
	stream := s.open(id("ann") + "&do=own")
	wantText(t, stream, "all")
	if diff := cmp.Diff([]sfere.Key{key("ann")}, listed); diff != "" {
		t.Errorf("keys while the first effects run (-want +got):\n%s", diff)
	}
}

func TestShortResponseIsNotHeld(t *testing.T) {
	s := newServer(t, setup{})
	s.fn("look", func(context.Context, twk.Call) error {
		s.wantCount(sfere.Everyone(), 0)
		return nil
	})
	for _, policy := range []sfere.Policy{sfere.Join, sfere.Replace, sfere.Reject, sfere.Reuse} {
		stream := s.open(id("ann") + "&short=1&do=look&policy=" + string(policy))
		if err := stream.Ended(); err != nil {
			t.Errorf("%s: the stream ended with %v", policy, err)
		}
	}
	s.noRemoval()
}

func TestDisconnectRemoves(t *testing.T) {
	var s *server
	left := make(chan int, 10) // connections that are there when the hook runs
	s = newServer(t, setup{opts: sfere.Options{OnRemove: func(sfere.Removal) { left <- s.count(sfere.Everyone()) }}})
	s.open(id("bob"))
	stream := s.open(id("ann"))
	s.wantCount(sfere.Everyone(), 2)
	stream.Close()
	rm := s.removal()
	if diff := cmp.Diff([]sfere.Key{key("ann")}, rm.Keys); diff != "" || rm.Cause != sse.CauseClient || rm.Info.Cause != sse.CauseClient {
		t.Errorf("removal for cause %q, keys (-want +got):\n%s", rm.Cause, diff)
	}
	if n := <-left; n != 1 {
		t.Errorf("%d connections are there when the hook runs, want 1: it is called after the removal", n)
	}
	if rm.Info.Sent == 0 || rm.Info.Remote == "" || rm.Info.Opened.IsZero() {
		t.Errorf("info %+v", rm.Info)
	}
	s.wantNone()
	s.noRemoval()
}

func TestSuccessorStays(t *testing.T) {
	for _, tt := range []struct {
		name, reason string
		end          func(s *server)
		policy       sfere.Policy
		cause        sse.Cause
	}{
		{"replaced", "the newcomer has the key before the old stream is gone", func(*server) {}, sfere.Replace, sfere.CauseReplaced},
		{"purged", "purged streams leave their key at once", func(s *server) { _, _ = s.conns.Purge(sfere.Everyone()) }, sfere.Join, sse.CauseClosed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newServer(t, setup{})
			one := s.open(id("ann"))
			tt.end(s)
			two := s.open(id("ann") + "&policy=" + string(tt.policy))
			if rm := s.removal(); rm.Cause != tt.cause {
				t.Errorf("removal for %q, want %q: %s", rm.Cause, tt.cause, tt.reason)
			}
			if err := one.Ended(); err != nil {
				t.Errorf("the first stream ended with %v", err)
			}
			s.wantCount(sfere.Exactly(key("ann")), 1)
			s.dispatch(sfere.Send(key("ann"), tell("you")))
			wantText(t, two, "you")
			s.noRemoval()
		})
	}
}

// deaf opens a stream over a connection of its own and then neither reads nor
// closes it, as a laptop does whose lid was shut.
func (s *server) deaf(query string) net.Conn {
	s.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.srv.URL, "http://"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetReadBuffer(4096)
	}
	fmt.Fprintf(conn, "GET /sse?%s HTTP/1.1\r\nHost: x\r\nDatastar-Request: true\r\n\r\n", query)
	if line, err := bufio.NewReaderSize(conn, 16).ReadString('\n'); err != nil || !strings.Contains(line, "200") {
		s.t.Fatalf("answer %q, %v", line, err)
	}
	return conn
}

func TestBackAfterUndetectedDeath(t *testing.T) {
	for _, policy := range []sfere.Policy{sfere.Join, sfere.Replace} {
		s := newServer(t, setup{})
		s.deaf(id("ann"))
		back := s.open(id("ann") + "&policy=" + string(policy)) // fails unless it is a stream
		s.dispatch(sfere.Send(key("ann"), tell("again")))
		wantText(t, back, "again")
	}
	// What is known to be dead is reused by nobody.
	s := newServer(t, setup{})
	s.open(id("ann")).Close()
	s.removal()
	s.open(id("ann") + "&policy=reuse")
}

func TestSecondTab(t *testing.T) {
	t.Run("join", func(t *testing.T) {
		s := newServer(t, setup{})
		one, two := s.open(id("ann")), s.open(id("ann"))
		s.wantCount(sfere.Exactly(key("ann")), 2)
		s.dispatch(sfere.Send(key("ann"), tell("both")))
		wantText(t, one, "both")
		wantText(t, two, "both")
	})
	t.Run("replace", func(t *testing.T) {
		s := newServer(t, setup{opts: sfere.Options{Policy: sfere.Replace}})
		one, two := s.open(id("ann")), s.open(id("ann"))
		if rm := s.removal(); rm.Cause != sfere.CauseReplaced {
			t.Errorf("cause %q", rm.Cause)
		}
		if err := one.Ended(); err != nil {
			t.Errorf("the first ended with %v: it must end normally, as its client would come back otherwise", err)
		}
		s.wantCount(sfere.Everyone(), 1)
		s.wantNone(two)
	})
	t.Run("reject", func(t *testing.T) {
		s := newServer(t, setup{})
		one := s.open(id("ann"))
		if code := s.status(id("ann") + "&policy=reject"); code != http.StatusConflict {
			t.Errorf("status %d", code)
		}
		s.wantCount(sfere.Everyone(), 1)
		s.wantNone(one)
		s.noRemoval()
		if len(s.errs) > 0 {
			t.Errorf("a refusal was reported as a failure: %v", s.errs)
		}
	})
	t.Run("reuse", func(t *testing.T) {
		s := newServer(t, setup{})
		one := s.open(id("ann"))
		for _, query := range []string{"&policy=reuse", "&policy=reuse&short=1"} {
			if code := s.status(id("ann") + query); code != http.StatusNoContent {
				t.Errorf("%s: status %d", query, code)
			}
			wantText(t, one, "hello")
		}
		s.wantCount(sfere.Everyone(), 1)
		s.noRemoval()
	})
	t.Run("reuse in another scope", func(t *testing.T) {
		s := newServer(t, setup{opts: sfere.Options{Scope: func(r *twk.Request) (string, error) { return r.URL.Query().Get("user"), nil }}})
		one := s.open(id("x") + "&user=ann")
		s.open(id("x") + "&user=bob&policy=reuse")
		s.wantCount(sfere.Everyone(), 2)
		s.wantNone(one)
	})
}

func TestManyFirstRequests(t *testing.T) {
	const n = 50
	for _, tt := range []struct {
		policy         sfere.Policy
		held, ok, none int // registered; answered with a stream; answered otherwise
		cause          sse.Cause
		reason         string
	}{
		{sfere.Join, n, n, 0, "", "all of them live"},
		{sfere.Replace, 1, n, 0, sfere.CauseReplaced, "each was answered, the last one stays"},
		{sfere.Reject, 1, 1, n - 1, "", "the first one stays"},
		{sfere.Reuse, 1, 1, n - 1, "", "the first one gets the effects of all"},
	} {
		t.Run(string(tt.policy), func(t *testing.T) {
			s := newServer(t, setup{hub: sse.HubOptions{MaxFrames: 1000}})
			var mu sync.Mutex
			var streams []*twktest.Stream
			none := 0
			var wg sync.WaitGroup
			start := make(chan struct{})
			for range n {
				wg.Go(func() {
					<-start
					res, err := s.srv.Client().Do(s.request(id("ann") + "&policy=" + string(tt.policy)))
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					defer mu.Unlock()
					if res.StatusCode != http.StatusOK {
						res.Body.Close()
						none++
						return
					}
					t.Cleanup(func() { res.Body.Close() })
					streams = append(streams, nil)
				})
			}
			close(start)
			wg.Wait()
			if len(streams) != tt.ok || none != tt.none {
				t.Errorf("%d streams and %d other answers, want %d and %d: %s", len(streams), none, tt.ok, tt.none, tt.reason)
			}
			s.wantCount(sfere.Exactly(key("ann")), tt.held)
			for range n - tt.held - tt.none {
				if rm := s.removal(); rm.Cause != tt.cause {
					t.Errorf("a removal for %q", rm.Cause)
				}
			}
			s.noRemoval()
			// The handlers of what was refused or replaced return.
			deadline := time.After(twktest.Wait)
			for s.hub.Len() != tt.held {
				select {
				case <-deadline:
					t.Fatalf("%d streams are open, %d of them held", s.hub.Len(), tt.held)
				case <-time.After(time.Millisecond):
				}
			}
		})
	}
}

func TestLateContinuation(t *testing.T) {
	s := newServer(t, setup{})
	calls := make(chan twk.Call, 1)
	s.fn("job", func(_ context.Context, call twk.Call) error { calls <- call; return nil })
	s.open(id("ann") + "&do=job").Close()
	s.removal()
	call := <-calls
	res := call.Dispatch(t.Context(), sfere.HoldStream{Key: key("ann")})
	if !errors.Is(res.Err(), sse.ErrClosed) {
		t.Errorf("holding a closed stream: %v", res.Err())
	}
	if res := call.Dispatch(t.Context(), tell("late")); !errors.Is(res.Err(), sse.ErrClosed) {
		t.Errorf("sending to a closed stream: %v", res.Err())
	}
	s.wantCount(sfere.Everyone(), 0)
	s.noRemoval()
}
