package sfere_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
)

// visitWithOpen opens a stream whose Response.Open is open.
func (r *rig) visitWithOpen(query string, open ...effect.Data) *client {
	return r.serve(newWriter(), query, func(*twk.Request) twk.Response {
		return twk.Stream(tell("hello")).WithOpen(open...)
	})
}

func asking(policy sfere.Policy, name string) sfere.HoldStream {
	return sfere.HoldStream{Key: sfere.ID("lobby", name), Policy: policy}
}

// fragile is a store that panics when it is full.
type fragile struct{ *sfere.TTL }

func (s fragile) Add(m sfere.Member, leaving []sfere.Lease) (sfere.Lease, []sfere.Member, error) {
	if s.Len() == 2 {
		panic("bug in a store")
	}
	return s.TTL.Add(m, leaving)
}

// A stream that is refused, for whatever reason, has replaced, evicted and announced
// nobody, however many keys it had been promised by then.
func TestRefusedStreamChangesNothing(t *testing.T) {
	fail := func(r *rig) effect.Data {
		return r.fn("fail", func(context.Context, twk.Call) error { return errors.New("a guard") })
	}
	boom := func(r *rig) effect.Data {
		return r.fn("boom", func(context.Context, twk.Call) error { panic("a bug") })
	}
	end := func(r *rig) effect.Data {
		return r.fn("end", func(_ context.Context, call twk.Call) error {
			call.Ctx().Conn.Close(sse.CauseClosed)
			return nil
		})
	}
	rejects := sfere.TTLOptions{MaxSize: 2}
	evicts := sfere.TTLOptions{MaxSize: 2, EvictOldest: true}
	roomy := sfere.TTLOptions{MaxSize: 10}
	for _, tt := range []struct {
		name   string
		ttl    sfere.TTLOptions
		broken bool // the store panics
		open   func(r *rig) effect.List
		status int
		reason string
	}{
		{"reject after replace", roomy, false, func(*rig) effect.List {
			return effect.List{asking(sfere.Replace, "me"), asking(sfere.Reject, "seat")}
		}, http.StatusConflict, "the seat is taken: the older stream of me must stay"},
		{"reject before replace", roomy, false, func(*rig) effect.List {
			return effect.List{asking(sfere.Reject, "seat"), asking(sfere.Replace, "me")}
		}, http.StatusConflict, "the order of the keys does not matter"},
		{"reuse after replace", roomy, false, func(*rig) effect.List {
			return effect.List{asking(sfere.Replace, "me"), asking(sfere.Reuse, "seat")}
		}, http.StatusNoContent, "the stream of the seat gets the effects, so that there is no new one for me"},
		{"effect after replace", roomy, false, func(r *rig) effect.List {
			return effect.List{asking(sfere.Replace, "me"), asking(sfere.Join, "other"), fail(r)}
		}, http.StatusInternalServerError, "a guard that comes last"},
		{"panic after replace", roomy, false, func(r *rig) effect.List {
			return effect.List{asking(sfere.Replace, "me"), boom(r)}
		}, http.StatusInternalServerError, "a bug that comes last"},
		{"unknown policy after replace", roomy, false, func(*rig) effect.List {
			return effect.List{asking(sfere.Replace, "me"), asking("seize", "seat")}
		}, http.StatusInternalServerError, "a mistake that comes last"},
		{"bad key after replace", roomy, false, func(*rig) effect.List {
			return effect.List{asking(sfere.Replace, "me"), asking(sfere.Join, strings.Repeat("k", 1025))}
		}, http.StatusInternalServerError, "a key that is none"},
		{"closed while it opens", roomy, false, func(r *rig) effect.List {
			return effect.List{asking(sfere.Replace, "me"), end(r)}
		}, http.StatusOK, "a stream that has ended cannot replace anybody"},
		{"store full", rejects, false, func(*rig) effect.List {
			return effect.List{asking(sfere.Join, "me"), asking(sfere.Replace, "new")}
		}, http.StatusServiceUnavailable, "there is no room"},
		{"evicting store", evicts, false, func(r *rig) effect.List {
			return effect.List{asking(sfere.Join, "new"), fail(r)}
		}, http.StatusInternalServerError, "room is made for streams that open only"},
		{"evicting store and a taken seat", evicts, false, func(*rig) effect.List {
			return effect.List{asking(sfere.Join, "new"), asking(sfere.Reject, "seat")}
		}, http.StatusConflict, "room is made for streams that open only"},
		{"panic of the store", roomy, true, func(*rig) effect.List {
			return effect.List{asking(sfere.Replace, "me"), asking(sfere.Join, "new")}
		}, http.StatusInternalServerError, "a bug in a store of one's own"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ttl := sfere.NewTTL(&tt.ttl)
				var store sfere.Store = ttl
				if tt.broken {
					store = fragile{ttl}
				}
				r := newRig(t, setup{store: store, hub: sse.HubOptions{Heartbeat: -1}})
				me, seat := r.visit(id("me")), r.visit(id("seat"))
				synctest.Wait()
				var told []string
				watch, err := r.conns.Watch(sfere.Everyone(), &sfere.PresenceOptions{
					Grace:  -1,
					Joined: func(v sfere.Visitor) { told = append(told, "joined "+v.Key.String()) },
					Left:   func(v sfere.Visitor) { told = append(told, "left "+v.Key.String()) },
				})
				if err != nil {
					t.Fatal(err)
				}
				before := r.snapshot()
				c := r.visitWithOpen("", tt.open(r)...)
				<-c.left
				synctest.Wait()
				if c.status != tt.status {
					t.Errorf("status %d, want %d: %s", c.status, tt.status, tt.reason)
				}
				if diff := cmp.Diff(before, r.snapshot()); diff != "" {
					t.Errorf("%s: connections (-before +after):\n%s", tt.reason, diff)
				}
				for name, older := range map[string]*client{"me": me, "seat": seat} {
					select {
					case <-older.left:
						t.Errorf("%s: the stream of %s has ended", tt.reason, name)
					default:
					}
				}
				if ttl.Len() != 2 || r.hub.Len() != 2 {
					t.Errorf("%s: %d leases, %d streams, want 2", tt.reason, ttl.Len(), r.hub.Len())
				}
				if there, _ := watch.List(); len(told) > 0 || len(there) != 2 {
					t.Errorf("%s: announced %v, there are %v", tt.reason, told, there)
				}
				r.noRemoval()
				watch.Stop()
				me.close()
				seat.close()
				r.conns.Close()
			})
		})
	}
}

// snapshot returns who is held, with what does not change by itself.
func (r *rig) snapshot() []string {
	all, err := r.conns.Snapshot(sfere.Everyone())
	if err != nil {
		r.t.Error(err)
	}
	var out []string
	for _, x := range all {
		out = append(out, fmt.Sprint(x.Conn.ID, x.Keys, x.Conn.Cause))
	}
	return out
}

// A stream that opens with all its keys ends the older ones, and gets what is sent
// from then on.
func TestKeysOfOneResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, setup{hub: sse.HubOptions{Heartbeat: -1}})
		me, both := r.visit(id("me")), r.visit(id("also me"))
		synctest.Wait()
		seen := -1
		look := r.fn("look", func(ctx context.Context, call twk.Call) error {
			seen = r.count(sfere.Exactly(key("me")))
			res := call.Dispatch(ctx, sfere.Broadcast{
				To: sfere.Everyone(), Exclude: sfere.Exclude{Keys: []effect.Late[sfere.Key]{effect.Later[sfere.Key](sfere.OwnKey{})}},
				Effects: effect.List{tell("somebody comes")},
			})
			return res.Err()
		})
		c := r.visitWithOpen("", asking(sfere.Replace, "me"), asking(sfere.Replace, "also me"), asking(sfere.Reject, "me"), asking(sfere.Join, "seat"), look)
		<-me.left
		<-both.left
		synctest.Wait()
		if seen != 1 {
			t.Errorf("%d streams are held under the key while the new one opens, want the older one", seen)
		}
		if got := both.texts(); got != "hello somebody comes" {
			t.Errorf("the older stream of another key got %q", got)
		}
		if got := me.texts(); got != "hello" {
			t.Errorf("the older stream of the own key got %q, want what the new stream leaves out by its own key to pass it by", got)
		}
		all, _ := r.conns.Snapshot(sfere.Everyone())
		if len(all) != 1 {
			t.Fatalf("held: %v", all)
		}
		if diff := cmp.Diff([]sfere.Key{key("also me"), key("me"), key("seat")}, all[0].Keys); diff != "" {
			t.Errorf("keys (-want +got):\n%s", diff)
		}
		for range 2 {
			if rm := r.removal(); rm.Cause != sfere.CauseReplaced {
				t.Errorf("a removal for %q", rm.Cause)
			}
		}
		r.noRemoval()
		c.close()
	})
}

// Of two streams that open at once with the same key, the one that opens first has it,
// whichever asked first.
func TestTwoStreamsOpenAtOnce(t *testing.T) {
	for _, tt := range []struct {
		policy         sfere.Policy
		early, late    int // status of the one that asked first and opens last, and of the other; 0: it is open
		texts          string
		earlyC, lateEd bool // the early one is held; the late one has ended
		reason         string
	}{
		{sfere.Join, 0, 0, "hello", true, false, "both are held"},
		{sfere.Replace, 0, 0, "hello", true, true, "the one that opens last replaces the other"},
		{sfere.Reject, http.StatusConflict, 0, "hello", false, false, "the one that opens first has the key"},
		{sfere.Reuse, http.StatusNoContent, 0, "hello hello", false, false, "the one that opens first gets the effects of the other"},
	} {
		t.Run(string(tt.policy), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, setup{hub: sse.HubOptions{Heartbeat: -1}})
				gate := make(chan struct{})
				wait := r.fn("wait", func(context.Context, twk.Call) error { <-gate; return nil })
				early := r.visitWithOpen("", asking(tt.policy, "ann"), wait)
				synctest.Wait()
				r.wantCount(sfere.Everyone(), 0)
				late := r.visitWithOpen("", asking(tt.policy, "ann"))
				synctest.Wait()
				r.wantCount(sfere.Everyone(), 1)
				close(gate)
				synctest.Wait()
				open := func(c *client) bool {
					select {
					case <-c.left:
						return false
					default:
						return true
					}
				}
				if early.status != tt.early && !(tt.early == 0 && early.status == http.StatusOK) || open(early) != tt.earlyC {
					t.Errorf("the one that asked first: status %d, open %v: %s", early.status, open(early), tt.reason)
				}
				if open(late) == tt.lateEd || late.texts() != tt.texts {
					t.Errorf("the other: open %v, texts %q: %s", open(late), late.texts(), tt.reason)
				}
				n := 1
				if tt.policy == sfere.Join {
					n = 2
				}
				r.wantCount(sfere.Exactly(key("ann")), n)
				early.close()
				late.close()
			})
		})
	}
}

// A client that is answered 204 relies on the older stream. If that ends before it has
// got everything, the answer is 410.
func TestReuseOntoClosingStreamIsGone(t *testing.T) {
	for _, tt := range []struct {
		name    string
		closing func(older *client, conn *sse.Conn)
		after   bool // the older one ends after it has got the effects
		status  int
		reason  string
	}{
		{"client left", func(older *client, _ *sse.Conn) { older.close() }, false, http.StatusGone, "nothing reaches it"},
		{"client left after", func(older *client, _ *sse.Conn) { older.close() }, true, http.StatusGone, "the newer client would have no stream"},
		{"closed", func(_ *client, c *sse.Conn) { c.Close(sse.CauseClosed) }, false, http.StatusGone, "it takes nothing any more"},
		{"closed after", func(_ *client, c *sse.Conn) { c.Close(sse.CauseClosed) }, true, http.StatusGone, "the newer client would have no stream"},
		{"cut after", func(_ *client, c *sse.Conn) { c.Close(sse.CauseSlow) }, true, http.StatusGone, "its outbox was dropped"},
		{"stays", func(*client, *sse.Conn) {}, true, http.StatusNoContent, "it got everything"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, setup{hub: sse.HubOptions{Heartbeat: -1}})
				older := r.visit(id("ann"))
				synctest.Wait()
				stop := r.fn("stop", func(_ context.Context, call twk.Call) error {
					tt.closing(older, call.Ctx().Conn)
					return nil
				})
				effects := []effect.Data{stop, tell("again")}
				if tt.after {
					slices.Reverse(effects)
				}
				c := r.serve(newWriter(), "", func(*twk.Request) twk.Response {
					return twk.Stream(effects...).WithOpen(asking(sfere.Reuse, "ann"))
				})
				<-c.left
				if c.status != tt.status {
					t.Errorf("status %d, want %d: %s", c.status, tt.status, tt.reason)
				}
				older.close()
			})
		})
	}
}

// Effects for a stream that is not the client's own are answered 204 if it took them.
func TestEffectsOnEndingStream(t *testing.T) {
	for _, tt := range []struct {
		effects effect.List
		status  int
		reason  string
	}{
		{effect.List{tell("bye"), twk.CloseSSE{}}, http.StatusNoContent, "what it has taken is written before its end"},
		{effect.List{twk.CloseSSE{}, tell("late")}, http.StatusGone, "it took nothing after its end"},
		{effect.List{tell("bye"), do{"cut"}}, http.StatusGone, "what it has taken is dropped with a cut"},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, setup{hub: sse.HubOptions{Heartbeat: -1}})
			var conn *sse.Conn
			r.fn("grab", func(_ context.Context, call twk.Call) error { conn = call.Ctx().Conn; return nil })
			r.fn("cut", func(_ context.Context, call twk.Call) error { call.Ctx().Conn.Close(sse.CauseSlow); return nil })
			older := r.visit(id("ann") + "&do=grab")
			synctest.Wait()
			c := r.serve(newWriter(), "", func(*twk.Request) twk.Response { return twk.Respond(tt.effects...).On(conn) })
			<-c.left
			if c.status != tt.status {
				t.Errorf("status %d, want %d: %s", c.status, tt.status, tt.reason)
			}
			older.close()
		})
	}
}

// Many streams that want the same two keys at once, in both orders: each has both or
// neither, and nobody waits for anybody.
func TestManyStreamsWithTwoKeys(t *testing.T) {
	for _, tt := range []struct {
		policy sfere.Policy
		status map[int]int // of those that got no stream: how many
		reason string
	}{
		{sfere.Reject, map[int]int{http.StatusConflict: 39}, "the first to open has both keys"},
		{sfere.Replace, map[int]int{}, "the last to open has both keys"},
		{sfere.Reuse, map[int]int{http.StatusNoContent: 39}, "the first to open has both keys and gets the effects of all"},
	} {
		t.Run(string(tt.policy), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, setup{hub: sse.HubOptions{Heartbeat: -1}})
				start := make(chan struct{})
				wait := r.fn("wait", func(context.Context, twk.Call) error { <-start; return nil })
				var clients []*client
				for i := range 40 {
					a, b := asking(tt.policy, "a"), asking(tt.policy, "b")
					if i%2 == 1 {
						a, b = b, a
					}
					clients = append(clients, r.visitWithOpen("", a, b, wait))
				}
				synctest.Wait()
				close(start)
				synctest.Wait()
				status := map[int]int{}
				for _, c := range clients {
					c.mu.Lock()
					if c.status != 0 && c.status != http.StatusOK { // 0: the header that goes with the body
						status[c.status]++
					}
					c.mu.Unlock()
				}
				if diff := cmp.Diff(tt.status, status); diff != "" {
					t.Errorf("%s: answers (-want +got):\n%s", tt.reason, diff)
				}
				all, _ := r.conns.Snapshot(sfere.Everyone())
				if len(all) != 1 || r.hub.Len() != 1 {
					t.Fatalf("%d streams are open, %d are held: %v", r.hub.Len(), len(all), all)
				}
				if diff := cmp.Diff([]sfere.Key{key("a"), key("b")}, all[0].Keys); diff != "" {
					t.Errorf("keys (-want +got):\n%s", diff)
				}
				for _, c := range clients {
					c.close()
				}
			})
		})
	}
}
