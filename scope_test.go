package sfere_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
)

// tenantOf is the scope function of these tests.
func tenantOf(r *twk.Request) (string, error) { return r.URL.Query().Get("user"), nil }

// A scope that is left out is that of the dispatch, for every effect with an address.
func TestScopeLeftOut(t *testing.T) {
	inBubble(t, setup{opts: sfere.Options{Scope: tenantOf}}, func(t *testing.T, r *rig) {
		calls := map[string]twk.Call{}
		var mu sync.Mutex
		for _, name := range []string{"acme", "rival"} {
			r.fn(name, func(_ context.Context, call twk.Call) error {
				mu.Lock()
				defer mu.Unlock()
				calls[name] = call
				return nil
			})
			r.visit("id=ann&user=" + name + "&do=" + name)
			r.visit("id=bob&user=" + name)
		}
		synctest.Wait()
		room, ann := sfere.Category("lobby"), sfere.ID("lobby", "ann")
		all := sfere.Pattern{Category: sfere.Any, ID: sfere.Any}
		say := effect.List{tell("x")}
		for _, tt := range []struct {
			item   effect.Data
			want   int // connections reached from a request or stream of acme
			out    int // out of band; -1: ErrNoScope
			reason string
		}{
			{sfere.Broadcast{To: room, Effects: say}, 2, -1, "a category"},
			{sfere.Broadcast{To: all, Effects: say}, 2, -1, "a pattern with nothing but its scope left out"},
			{sfere.Broadcast{To: sfere.Exactly(ann), Effects: say}, 1, -1, "a key as a pattern"},
			{sfere.Broadcast{To: room.In("rival"), Effects: say}, 2, 2, "another scope is said"},
			{sfere.Broadcast{To: room.AllScopes(), Effects: say}, 4, 4, "all scopes are said"},
			{sfere.Broadcast{To: ann.AllScopes(), Effects: say}, 2, 2, "a key in all scopes"},
			{sfere.Broadcast{To: sfere.Everyone(), Effects: say}, 4, 4, "everyone is everyone"},
			{sfere.Broadcast{To: sfere.Everyone(), Exclude: sfere.ExceptMatching(room), Effects: say}, 2, -1, "an excluded category"},
			{sfere.Broadcast{To: sfere.Everyone(), Exclude: sfere.ExceptMatching(sfere.Exactly(ann)), Effects: say}, 3, -1, "an excluded key as a pattern"},
			{sfere.Broadcast{To: sfere.Everyone(), Exclude: sfere.Except(ann), Effects: say}, 3, -1, "an excluded key"},
			{sfere.Broadcast{To: sfere.Everyone(), Exclude: sfere.ExceptMatching(room.AllScopes()), Effects: say}, 0, 0, "all scopes are excluded"},
			{sfere.Send(ann, tell("x")), 1, -1, "a key"},
			{sfere.Send(ann.In("rival"), tell("x")), 1, 1, "a key in another scope"},
		} {
			res := r.d.Dispatch(t.Context(), app{}, tt.item)
			switch n := sfere.ReportOf(res).Delivered; {
			case tt.out < 0:
				err := res.Err()
				if !errors.Is(err, sfere.ErrNoScope) || !strings.Contains(err.Error(), ".In(scope)") || !strings.Contains(err.Error(), ".AllScopes()") {
					t.Errorf("out of band: %v, want an error with the remedy (%s)", err, tt.reason)
				}
			case res.Err() != nil || n != tt.out:
				t.Errorf("out of band: %d reached, %v, want %d (%s)", n, res.Err(), tt.out, tt.reason)
			}
			res = calls["acme"].Dispatch(t.Context(), tt.item)
			if n := sfere.ReportOf(res).Delivered; n != tt.want || res.Err() != nil {
				t.Errorf("from a stream of acme: %d reached, %v, want %d (%s)", n, res.Err(), tt.want, tt.reason)
			}
			own := calls["acme"].With(func(s *twk.Session) { s.Request = nil })
			if n := sfere.ReportOf(own.Dispatch(t.Context(), tt.item)).Delivered; n != tt.want {
				t.Errorf("from a stream of acme without its request: %d reached, want %d (%s)", n, tt.want, tt.reason)
			}
		}
		// Without a dispatch there is no scope to take.
		for name, f := range map[string]func(sfere.Pattern) error{
			"Count":    func(p sfere.Pattern) error { _, err := r.conns.Count(p); return err },
			"List":     func(p sfere.Pattern) error { _, err := r.conns.List(p); return err },
			"Snapshot": func(p sfere.Pattern) error { _, err := r.conns.Snapshot(p); return err },
			"All":      func(p sfere.Pattern) error { _, err := r.conns.All(p); return err },
			"Watch":    func(p sfere.Pattern) error { _, err := r.conns.Watch(p, nil); return err },
			"Purge":    func(p sfere.Pattern) error { _, err := r.conns.Purge(p); return err },
		} {
			if err := f(room); !errors.Is(err, sfere.ErrNoScope) {
				t.Errorf("%s of a pattern without a scope: %v", name, err)
			}
			if _, ok := errors.AsType[*sfere.KeyError](f(sfere.Pattern{})); !ok {
				t.Errorf("%s of the zero pattern: %v", name, f(sfere.Pattern{}))
			}
		}
		if got := r.conns.Explain(room); !strings.Contains(got, ".AllScopes()") {
			t.Errorf("Explain: %s", got)
		}
		if n := r.conns.Touch(ann); n != 0 {
			t.Errorf("touched %d connections with a key without a scope", n)
		}
	})
}

// Without a scope function everybody is in the default scope, and a stream that was
// held in another by hand stays in that one.
func TestScopeLeftOutWithoutScopes(t *testing.T) {
	inBubble(t, setup{}, func(t *testing.T, r *rig) {
		var far twk.Call
		r.fn("far", func(_ context.Context, call twk.Call) error {
			far = call.With(func(s *twk.Session) { s.Request = nil })
			return nil
		})
		r.visit(id("ann"))
		r.visit(id("bob") + "&scope=far&do=far")
		synctest.Wait()
		room := sfere.Category("lobby")
		r.wantCount(room, 1)
		r.wantCount(room.AllScopes(), 2)
		if n := r.conns.Touch(sfere.ID("lobby", "ann")); n != 1 {
			t.Errorf("touched %d", n)
		}
		for _, tt := range []struct {
			res    *effect.Result
			want   []string
			reason string
		}{
			{r.dispatch(sfere.Broadcast{To: room, Effects: effect.List{sfere.Send(sfere.ID("lobby", "ann"), tell("x"))}}), []string{"1", "1"}, "out of band it is the default one"},
			{far.Dispatch(t.Context(), sfere.Tell(room, sfere.Send(sfere.ID("lobby", "bob"), tell("x")))), []string{"1", "1"}, "a stream has that of its key"},
			{r.dispatch(sfere.Tell(room.AllScopes(), sfere.Tell(room, tell("x")))), []string{"2", "1", "1"}, "a recipient has that of its key"},
		} {
			var got []string
			for _, o := range tt.res.Outcomes {
				if rep, ok := o.Value.(sfere.Report); ok {
					got = append(got, fmt.Sprint(rep.Delivered))
				}
			}
			if err := tt.res.Err(); err != nil || len(got) == 0 || got[0] != tt.want[0] {
				t.Errorf("reports %v, %v, want %v: %s", got, err, tt.want, tt.reason)
			}
		}
		if bob := sfere.ReportOf(far.Dispatch(t.Context(), sfere.Send(sfere.ID("lobby", "ann"), tell("x")))); len(bob.Missing) != 1 {
			t.Errorf("a stream in another scope reached the default one: %+v", bob)
		}
	})
}

// The stream that something comes from can be left out, and the other tabs of the
// same person not.
func TestExceptSelf(t *testing.T) {
	inBubble(t, setup{}, func(t *testing.T, r *rig) {
		r.fn("joined", func(ctx context.Context, call twk.Call) error {
			return call.Dispatch(ctx, sfere.Broadcast{To: sfere.Category("lobby"), Exclude: sfere.ExceptSelf(), Effects: effect.List{tell("one more tab")}}).Err()
		})
		one := r.visit(id("ann"))
		synctest.Wait()
		two := r.serve(newWriter(), "", func(*twk.Request) twk.Response {
			own := twk.PatchSignals{Late: map[string]effect.Late[any]{"text": effect.Later[any](sfere.OwnStream{})}}
			return sfere.Hold(sfere.ID("lobby", "ann"), twk.Stream(own, do{"joined"}))
		})
		synctest.Wait()
		all, _ := r.conns.Snapshot(sfere.Everyone())
		if len(all) != 2 {
			t.Fatalf("held: %v", all)
		}
		page := all[1].Conn.ID // the page sends this back as a signal
		own := fmt.Sprintf(`{"text":%d}`, page)
		if one.texts() != "hello one more tab" || two.texts() != own {
			t.Errorf("first effects: %q and %q, want the id %d and no echo", one.texts(), two.texts(), page)
		}
		post := func(x sfere.Exclude) error {
			var got error
			r.fn("say", func(ctx context.Context, call twk.Call) error {
				got = call.Dispatch(ctx, sfere.Broadcast{To: sfere.Category("lobby"), Exclude: x, Effects: effect.List{tell("hi")}}).Err()
				return nil
			})
			<-r.serve(newWriter(), "", func(*twk.Request) twk.Response { return twk.Respond(do{"say"}) }).left
			synctest.Wait()
			return got
		}
		for _, tt := range []struct {
			exclude  sfere.Exclude
			one, two int // times that they get it
			err      error
			reason   string
		}{
			{sfere.ExceptStreams(page), 1, 0, nil, "the page that posts"},
			{sfere.ExceptStreams(page, all[0].Conn.ID), 0, 0, nil, "several"},
			{sfere.ExceptStreams(0, 1<<60), 1, 1, nil, "nobody has these ids"},
			{sfere.ExceptStreams(), 1, 1, nil, "none"},
			{sfere.Exclude{Streams: []uint64{page}, Keys: sfere.Except(key("ann")).Keys}, 0, 0, nil, "the key leaves out both"},
			{sfere.ExceptSelf(), 0, 0, sfere.ErrNotHeld, "a POST has no held stream of its own"},
		} {
			before := []int{strings.Count(one.texts(), "hi"), strings.Count(two.texts(), "hi")}
			if err := post(tt.exclude); !errors.Is(err, tt.err) || tt.err == nil && err != nil {
				t.Errorf("error %v, want %v: %s", err, tt.err, tt.reason)
			}
			got := []int{strings.Count(one.texts(), "hi") - before[0], strings.Count(two.texts(), "hi") - before[1]}
			if diff := cmp.Diff([]int{tt.one, tt.two}, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		}
		if err := r.d.Dispatch(t.Context(), app{}, sfere.Close{To: sfere.Everyone(), Exclude: sfere.ExceptSelf()}).Err(); !errors.Is(err, sfere.ErrNotHeld) {
			t.Errorf("out of band: %v", err)
		}
		if err := r.d.Dispatch(t.Context(), app{}, twk.PatchSignals{Late: map[string]effect.Late[any]{"x": effect.Later[any](sfere.OwnStream{})}}).Err(); !errors.Is(err, twk.ErrNoStream) {
			t.Errorf("the own stream out of band: %v", err)
		}
	})
}

// world is streams of several tenants that hold the same keys, each in its own scope.
type world struct {
	*rig
	tenants []string
	streams []*inhabitant
	n       int
}

type inhabitant struct {
	tenant string
	client *client
	call   twk.Call
}

func newWorld(t *testing.T) *world {
	w := &world{rig: newRig(t, setup{
		opts: sfere.Options{Scope: tenantOf}, hub: sse.HubOptions{Heartbeat: -1},
	}), tenants: []string{"acme", "rival", "third"}}
	// relay is a program that runs for every recipient: it speaks to the recipient's
	// own room, whoever has started it.
	w.fn("relay", func(ctx context.Context, call twk.Call) error {
		to, ok := sfere.RecipientOf(ctx)
		if !ok {
			return nil
		}
		return call.Dispatch(ctx, sfere.Tell(sfere.Category("lobby"), tell("from "+to.Key.Scope))).Err()
	})
	for i := range 9 {
		x := &inhabitant{tenant: w.tenants[i%3]}
		name := fmt.Sprint("keep", i)
		w.fn(name, func(_ context.Context, call twk.Call) error { x.call = call; return nil })
		x.client = w.visit(fmt.Sprintf("id=%d&user=%s&do=%s", i/6, x.tenant, name))
		synctest.Wait()
		w.streams = append(w.streams, x)
	}
	return w
}

func (w *world) end() {
	for _, x := range w.streams {
		x.client.close()
	}
	w.conns.Close()
	synctest.Wait()
}

var (
	openPatterns = []sfere.Pattern{
		sfere.Category("lobby"), sfere.Exactly(sfere.ID("lobby", "0")), sfere.Exactly(sfere.ID("extra", "1")),
		{Category: sfere.Any, ID: sfere.Any}, {Category: sfere.Any, ID: sfere.Is("1")},
	}
	openKeys = []sfere.Key{sfere.ID("lobby", "0"), sfere.ID("lobby", "1"), sfere.ID("extra", "1")}
)

// program draws effects of one tenant none of which says a scope. Nested ones run for
// recipients.
func program(rt *rapid.T, tenant string, depth int, closes bool) effect.List {
	pattern := func() sfere.Pattern { return rapid.SampledFrom(openPatterns).Draw(rt, "pattern") }
	key := func() sfere.Key { return rapid.SampledFrom(openKeys).Draw(rt, "key") }
	var items effect.List
	for range rapid.IntRange(1, 3).Draw(rt, "items") {
		var x sfere.Exclude
		switch rapid.IntRange(0, 3).Draw(rt, "exclude") {
		case 0:
			x = sfere.Except(key())
		case 1:
			x = sfere.ExceptMatching(pattern())
		}
		nested := effect.List{tell("from " + tenant)}
		if depth > 0 {
			nested = program(rt, tenant, depth-1, closes)
		}
		kind := rapid.IntRange(0, 5).Draw(rt, "kind")
		switch {
		case kind == 0:
			items = append(items, tell("from "+tenant))
		case kind == 1:
			items = append(items, sfere.Send(key(), nested...))
		case kind == 2:
			items = append(items, sfere.HoldStream{Key: key(), Policy: rapid.SampledFrom([]sfere.Policy{sfere.Join, sfere.Reject}).Draw(rt, "policy")})
		case kind == 3 && closes:
			items = append(items, sfere.Close{To: pattern(), Exclude: x, Cause: sse.Cause("by " + tenant)})
		default:
			items = append(items, sfere.Broadcast{To: pattern(), Exclude: x, Effects: nested})
		}
	}
	return items
}

// run runs a program of a tenant in one of the places where one may run.
func (w *world) run(place int, tenant string, items effect.List) {
	switch place {
	case 0: // a POST
		<-w.serve(newWriter(), "user="+tenant, func(*twk.Request) twk.Response { return twk.Respond(items...) }).left
		return
	case 1: // before a stream opens that is refused in the end
		refuse := sfere.HoldStream{Key: sfere.ID("lobby", "0"), Policy: sfere.Reject}
		open := append(append(effect.List{}, items...), refuse, do{"none"})
		<-w.serve(newWriter(), "user="+tenant, func(*twk.Request) twk.Response { return twk.Stream().WithOpen(open...) }).left
		return
	}
	for _, x := range w.streams {
		if x.tenant == tenant && x.client != nil { // work that a stream has left behind, with its request or without
			call := x.call
			if place == 3 {
				call = call.With(func(s *twk.Session) { s.Request = nil })
			}
			call.Dispatch(context.Background(), items...)
			return
		}
	}
}

// check looks for what has crossed a scope.
func (w *world) check(t interface{ Errorf(string, ...any) }) {
	for _, x := range w.streams {
		for _, tenant := range w.tenants {
			if tenant != x.tenant && strings.Contains(x.client.text(), "from "+tenant) {
				t.Errorf("a stream of %s got something of %s", x.tenant, tenant)
			}
		}
	}
	for len(w.removed) > 0 {
		rm := <-w.removed
		for _, k := range rm.Keys {
			if rm.Cause != sse.Cause("by "+k.Scope) && rm.Cause != sse.CauseClient {
				t.Errorf("%v was closed %q", k, rm.Cause)
			}
		}
	}
	all, _ := w.conns.Snapshot(sfere.Everyone())
	for _, held := range all {
		for _, k := range held.Keys {
			if k.Scope != held.Keys[0].Scope {
				t.Errorf("one stream is held under %v", held.Keys)
			}
		}
	}
}

// Whatever a program of one tenant sends, closes, excludes and holds with patterns and
// keys that say no scope, another tenant notices nothing of it.
func TestTenantsNeverMix(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(timeless{t}, func(rt *rapid.T) {
			w := newWorld(t)
			defer w.end()
			w.fn("none", func(context.Context, twk.Call) error { return errors.New("refused in the end") })
			for range rapid.IntRange(1, 4).Draw(rt, "programs") {
				tenant := rapid.SampledFrom(w.tenants).Draw(rt, "tenant")
				w.run(rapid.IntRange(0, 3).Draw(rt, "place"), tenant, program(rt, tenant, 2, true))
				synctest.Wait()
				w.check(rt)
			}
			// Out of band the recipients of all scopes speak to their own.
			w.d.Dispatch(context.Background(), app{}, sfere.Tell(sfere.Everyone(), do{"relay"}))
			synctest.Wait()
			w.check(rt)
		})
	})
}

// The same with all tenants at once.
func TestTenantsNeverMixAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(timeless{t}, func(rt *rapid.T) {
			w := newWorld(t)
			defer w.end()
			w.fn("none", func(context.Context, twk.Call) error { return errors.New("refused in the end") })
			var wg sync.WaitGroup
			for i := range 6 {
				tenant := w.tenants[i%3]
				place, items := rapid.IntRange(0, 3).Draw(rt, "place"), program(rt, tenant, 1, true)
				wg.Go(func() { w.run(place, tenant, items) })
			}
			wg.Wait()
			synctest.Wait()
			w.check(rt)
		})
	})
}

// A scope function that fails or gives nothing refuses everything that needs it.
func TestNoScopeRefuses(t *testing.T) {
	inBubble(t, setup{opts: sfere.Options{Scope: func(r *twk.Request) (string, error) {
		switch user := r.URL.Query().Get("user"); user {
		case "stranger":
			return "", errors.New("who is that")
		default:
			return user, nil
		}
	}}}, func(t *testing.T, r *rig) {
		for _, tt := range []struct {
			query  string
			status int
			reason string
		}{
			{"user=stranger", http.StatusInternalServerError, "the scope function failed"},
			{"user=", http.StatusForbidden, "there is none"},
			{"user=*", http.StatusInternalServerError, "a wildcard is no scope"},
			{"user=" + strings.Repeat("x", 1025), http.StatusInternalServerError, "nor is a text without end"},
		} {
			c := r.visit(id("ann") + "&" + tt.query)
			<-c.left
			if c.status != tt.status {
				t.Errorf("%.40s: status %d, want %d: %s", tt.query, c.status, tt.status, tt.reason)
			}
			var got error
			r.fn("say", func(ctx context.Context, call twk.Call) error {
				got = call.Dispatch(ctx, sfere.Tell(sfere.Category("lobby"), tell("x"))).Err()
				return nil
			})
			<-r.serve(newWriter(), tt.query, func(*twk.Request) twk.Response { return twk.Respond(do{"say"}) }).left
			if got == nil {
				t.Errorf("%.40s: a broadcast is no error: %s", tt.query, tt.reason)
			}
		}
		r.wantCount(sfere.Everyone(), 0)
	})
}
