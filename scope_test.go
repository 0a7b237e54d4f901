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

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
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
		before := two.texts()
		r.dispatch(sfere.Tell(sfere.Category("lobby"), twk.PatchSignals{Late: map[string]effect.Late[any]{"text": effect.Later[any](sfere.OwnStream{})}}))
		synctest.Wait()
		if got, want := two.texts(), before+" "+own; got != want {
			t.Errorf("in a broadcast: %q, want %q: the own stream is the recipient's", got, want)
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
			{sfere.Exclude{Streams: []uint64{page}}, 1, 0, nil, "the page that posts"},
			{sfere.Exclude{Streams: []uint64{page, all[0].Conn.ID}}, 0, 0, nil, "several"},
			{sfere.Exclude{Streams: []uint64{0, 1 << 60}}, 1, 1, nil, "nobody has these ids"},
			{sfere.Exclude{Streams: []uint64{}}, 1, 1, nil, "none"},
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
