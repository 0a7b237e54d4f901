package sfere_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
)

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
