package sfere_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sfere-go/sfere/sse"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/twk"
)

// A stream that is closed but not yet removed has no key: whatever the policy,
// one that comes in that moment gets a stream of its own.
func TestClosingStreamHasNoKey(t *testing.T) {
	for _, policy := range []sfere.Policy{sfere.Join, sfere.Replace, sfere.Reject, sfere.Reuse} {
		inBubble(t, setup{}, func(t *testing.T, r *rig) {
			opened := make(chan struct{})
			r.fn("opened", func(context.Context, twk.Call) error { close(opened); return nil })
			// Owners are told in the order in which they were attached.
			first := r.visitOpen(id("bob"), r.fn("before", func(_ context.Context, call twk.Call) error {
				call.Ctx().Conn.Attach(sse.Hooks{OnClosed: func(*sse.Conn, sse.Cause) {
					r.visit(id("bob") + "&do=opened&policy=" + string(policy))
					select {
					case <-opened:
					case <-time.After(time.Minute):
						t.Errorf("%s: the newcomer got no stream", policy)
					}
				}})
				return nil
			}))
			synctest.Wait()
			r.dispatch(sfere.Close{To: sfere.Exactly(key("bob"))})
			<-first.left
			r.wantCount(sfere.Exactly(key("bob")), 1)
		})
	}
}

// A stream that was evicted, kept open and then closed is as dead as any other.
func TestHoldingAKeptStreamThatEnded(t *testing.T) {
	inBubble(t, setup{store: sfere.NewTTL(&sfere.TTLOptions{TTL: time.Minute}), opts: sfere.Options{KeepEvicted: true}}, func(t *testing.T, r *rig) {
		var call twk.Call
		r.fn("keep", func(_ context.Context, c twk.Call) error { call = c; return nil })
		c := r.visit(id("ann") + "&do=keep")
		time.Sleep(time.Minute)
		c.close()
		r.visit(id("ann"))
		synctest.Wait()
		for _, policy := range []sfere.Policy{sfere.Join, sfere.Replace, sfere.Reject, sfere.Reuse} {
			res := call.Dispatch(t.Context(), sfere.HoldStream{Key: key("ann"), Policy: policy})
			if !errors.Is(res.Err(), sse.ErrClosed) {
				t.Errorf("%s: %v", policy, res.Err())
			}
		}
		r.wantCount(sfere.Everyone(), 1)
	})
}

// A departure is told when the program closes the stream, also if its handler is
// stuck, and cuts the grace period of the next one short in no case.
func TestPresenceLateDeparture(t *testing.T) {
	inBubble(t, setup{}, func(t *testing.T, r *rig) {
		w, d := r.watch(5 * time.Second)
		gate := make(chan struct{})
		// Owners are told in the order in which they were attached.
		one := r.visitOpen(id("ann"), r.fn("stuck", func(_ context.Context, call twk.Call) error {
			call.Ctx().Conn.Attach(sse.Hooks{OnEnded: func(*sse.Conn, sse.Cause) { <-gate }})
			return nil
		}))
		d.want(t, "0s joined ann")
		r.dispatch(sfere.Close{To: sfere.Everyone()})
		d.want(t, "0s left ann")
		two := r.visit(id("ann"))
		d.want(t, "0s joined ann")
		two.close()
		close(gate)
		<-one.left
		time.Sleep(5*time.Second - 1)
		if !w.Has(key("ann")) {
			t.Error("gone before the grace period was over")
		}
		time.Sleep(1)
		d.want(t, d.at("left ann"))
	})
}

// An effect in a broadcast may leave work behind that sends later.
func TestBatchOfABroadcastEnds(t *testing.T) {
	inBubble(t, setup{}, func(t *testing.T, r *rig) {
		c := r.visit(id("ann"))
		synctest.Wait()
		var call twk.Call
		r.fn("later", func(_ context.Context, own twk.Call) error { call = own; return nil })
		r.dispatch(sfere.Broadcast{To: sfere.Everyone(), Effects: effect.List{tell("now"), do{"later"}}})
		if err := call.Dispatch(t.Context(), tell("later")).Err(); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if got, want := c.texts(), "hello now later"; got != want {
			t.Errorf("events %q, want %q", got, want)
		}
	})
}

// Good-bye and the end, in one broadcast.
func TestBroadcastThatCloses(t *testing.T) {
	inBubble(t, setup{}, func(t *testing.T, r *rig) {
		c := r.visit(id("ann"))
		synctest.Wait()
		rep := sfere.ReportOf(r.dispatch(sfere.Broadcast{To: sfere.Everyone(), Effects: effect.List{tell("bye"), twk.CloseSSE{}}}))
		if rep.Delivered != 1 {
			t.Errorf("report %+v", rep)
		}
		<-c.left
		if got, want := c.texts(), "hello bye"; got != want {
			t.Errorf("events %q, want %q", got, want)
		}
	})
}

// A broadcast goes on if its sender goes away while it runs.
func TestBroadcastOutlivesItsSender(t *testing.T) {
	inBubble(t, setup{}, func(t *testing.T, r *rig) {
		ctx, cancel := context.WithCancel(t.Context())
		var clients []*client
		for _, n := range []string{"a", "b", "c"} {
			clients = append(clients, r.visit(id(n)))
		}
		synctest.Wait()
		ran := 0
		gone := r.fn("gone", func(context.Context, twk.Call) error { ran++; cancel(); return nil })
		res := r.d.Dispatch(ctx, app{}, sfere.Broadcast{To: sfere.Everyone(), Effects: effect.List{gone, tell("all")}})
		if rep := sfere.ReportOf(res); rep.Delivered != 3 || ran != 3 {
			t.Errorf("report %+v, ran %d times", rep, ran)
		}
		synctest.Wait()
		for _, c := range clients {
			if got, want := c.texts(), "hello all"; got != want {
				t.Errorf("events %q, want %q", got, want)
			}
		}
	})
}

// Whoever closes a stream and however its handler races with that: it is gone
// and told once.
func TestRemovalsAreToldOnce(t *testing.T) {
	const n = 200
	r := newRig(t, setup{})
	for range n {
		c := r.visit(id("ann"))
		for r.count(sfere.Everyone()) == 0 {
			time.Sleep(time.Microsecond)
		}
		var wg sync.WaitGroup
		wg.Go(c.leave)
		wg.Go(func() { _, _ = r.conns.Purge(sfere.Everyone()) })
		wg.Wait()
		<-c.left
		if rm := r.removal(); rm.Cause != sse.CauseClient && rm.Cause != sse.CauseClosed {
			t.Errorf("cause %q", rm.Cause)
		}
	}
	r.wantCount(sfere.Everyone(), 0)
	r.noRemoval()
}
