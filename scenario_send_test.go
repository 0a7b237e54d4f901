package sfere_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/sfere-go/sfere/sse"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/twktest"
)

func TestWithConnection(t *testing.T) {
	s := newServer(t, setup{})
	ann, bob := s.open(id("ann")), s.open(id("bob"))
	res := s.dispatch(sfere.Send(key("ann"), tell("you")))
	wantText(t, ann, "you")
	if diff := cmp.Diff(sfere.Report{Matched: 1, Delivered: 1}, sfere.ReportOf(res)); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	// An absent key is told apart and fails nothing.
	res = s.dispatch(sfere.Send(key("carl"), tell("you")), sfere.Send(key("bob"), tell("bob")))
	wantText(t, bob, "bob")
	r := sfere.ReportOf(res)
	if diff := cmp.Diff(sfere.Report{Matched: 1, Delivered: 1, Missing: []sfere.Key{key("carl")}}, r); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	if err := r.Err(); !errors.Is(err, sfere.ErrNotFound) || !strings.Contains(err.Error(), "default/lobby/carl") {
		t.Errorf("Report.Err is %v", err)
	}
	s.wantNone(ann, bob)

	// The nested effects see the recipient's stream and nothing else; the sender
	// keeps its own.
	var inner, outer twk.Session
	s.fn("inner", func(_ context.Context, call twk.Call) error { inner = call.Ctx(); return nil })
	s.fn("outer", func(ctx context.Context, call twk.Call) error {
		defer func() { outer = call.Ctx() }()
		return call.Dispatch(ctx, sfere.Send(key("ann"), do{"inner"})).Err()
	})
	sender := s.open(id("sender") + "&do=outer")
	s.quiet()
	if inner.Conn == nil || inner.Conn == outer.Conn || inner.Request != nil || inner.Response != nil {
		t.Errorf("the recipient's session is %+v", inner)
	}
	if outer.Conn == nil || outer.Request == nil || outer.Request.URL.Query().Get("id") != "sender" {
		t.Errorf("the sender's session is %+v", outer)
	}
	s.wantNone(sender, ann)
}

func TestExclude(t *testing.T) {
	s := newServer(t, setup{})
	names := []string{"ann", "bob", "carl"}
	streams := map[string]*twktest.Stream{}
	for _, n := range names {
		streams[n] = s.open(id(n))
	}
	streams["admin"] = s.open(id("admin") + "&cat=admin")
	for _, tt := range []struct {
		exclude sfere.Exclude
		want    string
		reason  string
	}{
		{sfere.Exclude{}, "ann bob carl admin", "nobody is excluded"},
		{sfere.Except(key("ann")), "bob carl admin", "one key"},
		{sfere.Except(key("ann"), key("carl")), "bob admin", "a set of keys"},
		{sfere.Except(sfere.ID("lobby", "ann")), "bob carl admin", "without a scope function the scope is the default"},
		{sfere.Except(key("dora")), "ann bob carl admin", "a key that nobody has"},
		{sfere.ExceptMatching(sfere.Category("lobby")), "admin", "a pattern"},
		{sfere.ExceptMatching(sfere.Category("admin"), sfere.Exactly(key("bob"))), "ann carl", "several patterns"},
		{sfere.ExceptMatching(sfere.Everyone()), "", "everyone"},
	} {
		res := s.dispatch(sfere.Broadcast{To: sfere.Everyone(), Exclude: tt.exclude, Effects: effect.List{tell("x")}})
		want := strings.Fields(tt.want)
		if got := sfere.ReportOf(res); got.Matched != len(want) || got.Delivered != len(want) {
			t.Errorf("%s: report %+v, want %d", tt.reason, got, len(want))
		}
		for _, n := range want {
			wantText(t, streams[n], "x")
		}
		s.wantNone(streams["ann"], streams["bob"], streams["carl"], streams["admin"])
	}
	for _, b := range []sfere.Broadcast{
		{},
		{To: sfere.Pattern{Category: sfere.Is("lobby")}},
		{To: sfere.Pattern{ID: sfere.Any}},
		{To: sfere.Everyone(), Exclude: sfere.Except(sfere.ID("lobby", "*"))},
		{To: sfere.Everyone(), Exclude: sfere.ExceptMatching(sfere.Pattern{})},
	} {
		if err := s.d.Dispatch(t.Context(), app{}, b).Err(); err == nil {
			t.Errorf("%+v is no error", b)
		}
	}
}

// The sender leaves itself out with a late key.
func TestExcludeLate(t *testing.T) {
	s := newServer(t, setup{})
	ann := s.open(id("ann"))
	own := sfere.Exclude{Keys: []effect.Late[sfere.Key]{effect.Later[sfere.Key](sfere.OwnKey{})}}
	s.fn("joined", func(ctx context.Context, call twk.Call) error {
		return call.Dispatch(ctx, sfere.Broadcast{To: sfere.Everyone(), Exclude: own, Effects: effect.List{tell("bob joined")}}).Err()
	})
	bob := s.open(id("bob") + "&do=joined")
	wantText(t, ann, "bob joined")
	s.wantNone(ann, bob)
	if err := s.d.Dispatch(t.Context(), app{}, sfere.Broadcast{To: sfere.Everyone(), Exclude: own}).Err(); !errors.Is(err, sfere.ErrNotHeld) {
		t.Errorf("own key outside a stream: %v", err)
	}
}

func TestSeveralItems(t *testing.T) {
	s := newServer(t, setup{})
	ann, bob := s.open(id("ann")), s.open(id("bob"))
	s.quiet()
	res := s.dispatch(sfere.Broadcast{To: sfere.Category("lobby"), Effects: effect.List{
		tell("1"), twk.PatchSignals{Late: map[string]effect.Late[any]{"text": effect.Later[any](sfere.OwnKey{Part: "id"})}}, tell("3"),
	}})
	for name, stream := range map[string]*twktest.Stream{"ann": ann, "bob": bob} {
		for _, text := range []string{"1", name, "3"} {
			wantText(t, stream, text)
		}
	}
	if r := sfere.ReportOf(res); r.Delivered != 2 {
		t.Errorf("report %+v", r)
	}
	res = s.dispatch(sfere.Broadcast{To: sfere.Category("lobby")}, sfere.Broadcast{To: sfere.Category("nowhere"), Effects: effect.List{tell("x")}})
	if diff := cmp.Diff(sfere.Report{Matched: 2, Delivered: 2}, sfere.ReportOf(res)); diff != "" {
		t.Errorf("report of nothing and nobody (-want +got):\n%s", diff)
	}
	s.wantNone(ann, bob)
}

// All events of a broadcast for one recipient are one write.
func TestOneWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, setup{hub: sse.HubOptions{Heartbeat: -1}})
		c := r.visit(id("ann"))
		synctest.Wait()
		writes := 0
		held, _ := r.conns.Snapshot(sfere.Everyone())
		before := held[0].Conn.Sent
		r.fn("count", func(_ context.Context, call twk.Call) error {
			call.Ctx().Conn.OnSent(func() { writes++ })
			return nil
		})
		r.dispatch(sfere.Broadcast{To: sfere.Everyone(), Effects: effect.List{do{"count"}}})
		r.fn("nothing", func(context.Context, twk.Call) error { synctest.Wait(); return nil }) // writers have all the time
		r.dispatch(sfere.Broadcast{To: sfere.Everyone(), Effects: effect.List{tell("1"), do{"nothing"}, tell("2"), do{"nothing"}, tell("3")}})
		synctest.Wait()
		held, _ = r.conns.Snapshot(sfere.Everyone())
		if n := held[0].Conn.Sent - before; n != 3 || writes != 1 {
			t.Errorf("%d events in %d writes, want 3 in 1", n, writes)
		}
		c.close()
	})
}

func TestFailuresAreIsolated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, setup{hub: sse.HubOptions{Heartbeat: -1}})
		clients := map[string]*client{}
		for _, n := range []string{"ann", "bob", "carl", "dora"} {
			clients[n] = r.visit(id(n))
		}
		synctest.Wait()
		// Rendering fails for bob, carl closes while the broadcast runs.
		render := twk.PerRecipientFunc(func(ctx context.Context) twk.Content {
			rc, _ := sfere.RecipientOf(ctx)
			switch rc.Key.ID {
			case "bob":
				panic("no template for bob")
			case "carl":
				rc.Conn.Close(sse.CauseClosed)
			}
			return twk.HTML(`<p id="x">` + rc.Key.ID + `</p>`)
		})
		res := r.d.Dispatch(t.Context(), app{}, sfere.Broadcast{To: sfere.Everyone(), Effects: effect.List{twk.PatchElements{Elements: render}, tell("after")}})
		synctest.Wait()
		rep := sfere.ReportOf(res)
		if rep.Matched != 4 || rep.Delivered != 2 || rep.Failed != 2 || rep.Dropped != 0 || len(rep.Failures) != 2 {
			t.Fatalf("report %+v", rep)
		}
		if f := rep.Failures[0]; f.Keys[0] != key("bob") || !strings.Contains(f.Error(), "no template for bob") {
			t.Errorf("first failure %v", f)
		}
		if f := rep.Failures[1]; f.Keys[0] != key("carl") || !errors.Is(f, sse.ErrClosed) {
			t.Errorf("second failure %v", f)
		}
		if res.Err() == nil {
			t.Error("the dispatch has no error")
		}
		for name, want := range map[string]string{"ann": ">ann<", "dora": ">dora<", "bob": "after"} {
			if !strings.Contains(clients[name].text(), want) {
				t.Errorf("%s got %s", name, clients[name].text())
			}
		}
		// A write that fails comes after the report; the stream is removed for it.
		w := clients["dora"].writer
		w.mu.Lock()
		w.fail = true
		w.mu.Unlock()
		r.removal() // carl
		if rep := sfere.ReportOf(r.dispatch(sfere.Broadcast{To: sfere.Everyone(), Effects: effect.List{tell("x")}})); rep.Delivered != 3 {
			t.Errorf("report %+v", rep)
		}
		synctest.Wait()
		if rm := r.removal(); rm.Cause != sse.CauseWrite || rm.Keys[0] != key("dora") {
			t.Errorf("removal %+v", rm)
		}
		r.wantCount(sfere.Everyone(), 2)
		// What fails for all alike is said once.
		res = r.d.Dispatch(t.Context(), app{}, sfere.Broadcast{To: sfere.Everyone(), Effects: effect.List{twk.PatchElements{Selector: "a\nb"}, tell("y")}})
		rep = sfere.ReportOf(res)
		if rep.Matched != 2 || rep.Failed != 2 || rep.Shared == nil || len(rep.Failures) != 0 || len(res.Errors) != 1 {
			t.Errorf("report %+v, errors %v", rep, res.Err())
		}
		synctest.Wait()
		if !strings.Contains(clients["ann"].text(), `"y"`) {
			t.Error("what did not fail was not sent")
		}
		for _, c := range clients {
			c.close()
		}
	})
}
