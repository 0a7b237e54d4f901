package sfere_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sfere-go/sfere/sse"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/twktest"
)

func TestSlowConsumer(t *testing.T) {
	s := newServer(t, setup{hub: sse.HubOptions{MaxBytes: 256 << 10, WriteTimeout: -1}})
	fast := s.open(id("fast"))
	s.deaf(id("deaf"))
	big := tell(strings.Repeat("x", 128<<10))
	for i := 0; ; i++ {
		if i > 1000 { // 128 MB: no socket buffers that much
			t.Fatal("the slow one was never dropped")
		}
		began := time.Now()
		r := sfere.ReportOf(s.dispatch(sfere.Broadcast{To: sfere.Category("lobby"), Effects: effect.List{big}}))
		if took := time.Since(began); took > 5*time.Second {
			t.Fatalf("the sender waited for %v", took)
		}
		fast.Next()
		if held, _ := s.conns.Snapshot(sfere.Exactly(key("deaf"))); len(held) == 1 && held[0].Conn.QueuedSize > 16*256<<10+129<<10 { // the bound of one that is not behind, and one event that was let in below it
			t.Fatalf("%d bytes are waiting", held[0].Conn.QueuedSize)
		}
		if r.Dropped == 0 {
			continue
		}
		if len(r.Failures) != 1 || r.Failures[0].Keys[0] != key("deaf") || !errors.Is(r.Err(), sse.ErrOverflow) || r.Delivered != 1 {
			t.Errorf("report %+v", r)
		}
		break
	}
	if rm := s.removal(); rm.Cause != sse.CauseSlow || rm.Keys[0] != key("deaf") {
		t.Errorf("removal %+v", rm)
	}
	s.wantNone(fast)
}

// counted is content that counts how often it is rendered.
type counted struct{ n *atomic.Int32 }

func (c counted) Render(_ context.Context, w io.Writer) error {
	_, err := fmt.Fprintf(w, `<p id="n">%d</p>`, c.n.Add(1))
	return err
}

func TestRendersOnce(t *testing.T) {
	const n = 20
	s := newServer(t, setup{})
	var streams []*twktest.Stream
	for i := range n {
		streams = append(streams, s.open(id(fmt.Sprint(i))))
	}
	var once, each atomic.Int32
	s.dispatch(sfere.Broadcast{To: sfere.Everyone(), Effects: effect.List{
		twk.PatchElements{Elements: counted{&once}}, twk.PatchElements{Elements: twk.PerRecipient(counted{&each})},
	}})
	for _, stream := range streams {
		if got := stream.Next().Fields()["elements"]; got != `<p id="n">1</p>` {
			t.Errorf("elements %s", got)
		}
	}
	if once.Load() != 1 || each.Load() != n {
		t.Errorf("rendered %d and %d times, want 1 and %d", once.Load(), each.Load(), n)
	}
}

func TestRecipientsSeeThemselves(t *testing.T) {
	s := newServer(t, setup{opts: sfere.Options{Scope: func(r *twk.Request) (string, error) { return r.URL.Query().Get("user"), nil }}})
	ann, bob := s.open(id("x")+"&user=ann"), s.open(id("x")+"&user=bob")
	var mu sync.Mutex
	seen := map[sfere.Key]twk.Session{}
	s.fn("see", func(ctx context.Context, call twk.Call) error {
		mu.Lock()
		defer mu.Unlock()
		rc, ok := sfere.RecipientOf(ctx)
		if !ok || call.Ctx().Conn != rc.Conn {
			t.Errorf("recipient %+v of session %+v", rc, call.Ctx())
		}
		seen[rc.Key] = call.Ctx()
		return nil
	})
	var asked atomic.Bool
	s.fn("send", func(ctx context.Context, call twk.Call) error {
		return call.Dispatch(ctx, sfere.Broadcast{To: sfere.Category("lobby").AllScopes(), Exclude: sfere.Except(sfere.ID("lobby", "sender")), Effects: effect.List{
			do{"see"},
			twk.PatchSignals{Late: map[string]effect.Late[any]{"text": effect.Later[any](sfere.OwnKey{Part: "scope"})}},
			// A key without a scope is one of the recipient's scope.
			sfere.Send(sfere.ID("lobby", "x"), tell("nested"), twk.PatchElements{Elements: twkContent(func(ctx context.Context) string {
				if to, ok := sfere.RecipientOf(ctx); ok && to.Key.ID == "x" {
					asked.Store(true)
				}
				return `<p id="z"></p>`
			})}),
		}}).Err()
	})
	sender := s.open(id("sender") + "&user=carl&do=send")
	s.quiet()
	for name, stream := range map[string]*twktest.Stream{"ann": ann, "bob": bob} {
		var got []string
		for _, e := range stream.Pending() {
			got = append(got, e.Fields()["signals"])
		}
		// The place of the batch of the outer one was taken before the nested one was
		// sent.
		want := []string{fmt.Sprintf(textOf, name), fmt.Sprintf(textOf, "nested"), ""}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("events of %s (-want +got):\n%s", name, diff)
		}
		in, ok := seen[sfere.ID("lobby", "x").In(name)]
		if !ok || in.Request != nil || in.Response != nil {
			t.Errorf("session of %s is %+v", name, in)
		}
	}
	if !asked.Load() {
		t.Error("content that asks for its recipient has none")
	}
	s.wantNone(sender, ann, bob)
}

// twkContent is content that is given as text.
type twkContent func(context.Context) string

func (f twkContent) Render(ctx context.Context, w io.Writer) error {
	_, err := io.WriteString(w, f(ctx))
	return err
}

func TestDeparturesThatBroadcast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r *rig
		var sent atomic.Int64
		r = newRig(t, setup{hub: sse.HubOptions{Heartbeat: -1}, opts: sfere.Options{OnRemove: func(rm sfere.Removal) {
			res := r.dispatch(sfere.Broadcast{To: sfere.Category("lobby"), Effects: effect.List{tell("left " + rm.Keys[0].ID)}})
			sent.Add(int64(sfere.ReportOf(res).Matched))
		}}})
		var all []*client
		for i := range 20 {
			all = append(all, r.visit(id(fmt.Sprint(i))))
		}
		synctest.Wait()
		for _, c := range all[:10] {
			c.mu.Lock()
			c.fail = true
			c.mu.Unlock()
		}
		r.dispatch(sfere.Broadcast{To: sfere.Category("lobby"), Effects: effect.List{tell("news")}})
		synctest.Wait()
		r.wantCount(sfere.Everyone(), 10)
		for _, c := range all[10:] {
			for i := range 10 {
				if n := strings.Count(c.text(), fmt.Sprintf("left %d\"", i)); n != 1 {
					t.Errorf("a survivor heard %d times that %d left", n, i)
				}
			}
		}
		if n := sent.Load(); n < 100 || n > 10*20 { // 10 departures, told to the 10 who stay and those who have not been noticed yet
			t.Errorf("the departures were sent to %d connections", n)
		}
		for _, c := range all {
			c.close()
		}
	})
}

// Two streams that end at the same time and announce it to each other do not
// wait for each other.
func TestTwoSimultaneousClosers(t *testing.T) {
	for range 50 {
		var r *rig
		r = newRig(t, setup{opts: sfere.Options{OnRemove: func(rm sfere.Removal) {
			r.d.Dispatch(context.Background(), app{}, sfere.Broadcast{To: sfere.Category("lobby"), Effects: effect.List{tell("left")}}, sfere.Close{To: sfere.Category("lobby")})
		}}})
		a, b := r.visit(id("a")), r.visit(id("b"))
		for r.count(sfere.Everyone()) < 2 {
			time.Sleep(time.Microsecond)
		}
		var wg sync.WaitGroup
		for _, n := range []string{"a", "b", "a"} {
			wg.Go(func() { _ = r.d.Dispatch(context.Background(), app{}, sfere.Close{To: sfere.Exactly(key(n))}) })
		}
		wg.Wait()
		<-a.left
		<-b.left
		for range 2 {
			if rm := r.removal(); rm.Cause != sse.CauseClosed {
				t.Errorf("cause %q", rm.Cause)
			}
		}
		r.noRemoval()
	}
}

func TestOutOfBand(t *testing.T) {
	s := newServer(t, setup{})
	ann, bob := s.open(id("ann")), s.open(id("bob"))
	res := s.d.Dispatch(t.Context(), app{}, sfere.Broadcast{To: sfere.Category("lobby"), Effects: effect.List{tell("server announcement")}})
	if r := sfere.ReportOf(res); res.Err() != nil || r.Delivered != 2 {
		t.Errorf("report %+v, %v", r, res.Err())
	}
	wantText(t, ann, "server announcement")
	wantText(t, bob, "server announcement")
}

func TestListAndCount(t *testing.T) {
	s := newServer(t, setup{})
	keys, err := s.conns.List(sfere.Everyone())
	if len(keys) != 0 || err != nil {
		t.Errorf("an empty store lists %v, %v", keys, err)
	}
	s.wantCount(sfere.Everyone(), 0)
	for _, q := range []string{"id=b", "id=a", "id=a", "id=a&cat=admin"} {
		s.open(q)
	}
	admin := sfere.ID("admin", "a").In(sfere.DefaultScope)
	for _, tt := range []struct {
		p      sfere.Pattern
		keys   []sfere.Key
		count  int
		reason string
	}{
		{sfere.Everyone(), []sfere.Key{admin, key("a"), key("b")}, 4, "sorted; a key is listed once, its connections count each"},
		{sfere.Category("lobby"), []sfere.Key{key("a"), key("b")}, 3, "a pattern"},
		{sfere.Exactly(key("a")), []sfere.Key{key("a")}, 2, "a key"},
		{sfere.Everyone().In("other"), []sfere.Key{}, 0, "nobody"},
	} {
		keys, err := s.conns.List(tt.p)
		if diff := cmp.Diff(tt.keys, keys); diff != "" || err != nil {
			t.Errorf("%v (%s): %v, keys (-want +got):\n%s", tt.p, tt.reason, err, diff)
		}
		s.wantCount(tt.p, tt.count)
		held, err := s.conns.Snapshot(tt.p)
		if len(held) != tt.count || err != nil {
			t.Errorf("%v: a snapshot of %d, %v", tt.p, len(held), err)
		}
	}
	for _, ask := range []func() error{
		func() error { _, err := s.conns.List(sfere.Pattern{}); return err },
		func() error { _, err := s.conns.Count(sfere.Pattern{}); return err },
		func() error { _, err := s.conns.Snapshot(sfere.Pattern{}); return err },
		func() error { _, err := s.conns.All(sfere.Pattern{}); return err },
		func() error { _, err := s.conns.Purge(sfere.Pattern{}); return err },
		func() error { _, err := s.conns.Watch(sfere.Pattern{}, nil); return err },
	} {
		if _, ok := errors.AsType[*sfere.KeyError](ask()); !ok {
			t.Errorf("the zero pattern gives %v", ask())
		}
	}
}
