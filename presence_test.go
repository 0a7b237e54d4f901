package sfere_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sfere-go/sfere/sse"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/twk"
)

// diary records what a Presence calls, with the time since its start.
type diary struct {
	began time.Time
	mu    sync.Mutex // guards lines
	lines []string
}

func (d *diary) write(what string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, d.at(what))
}

// want compares what was recorded since the last time.
func (d *diary) want(t *testing.T, lines ...string) {
	t.Helper()
	synctest.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	if diff := cmp.Diff(lines, d.lines); diff != "" {
		t.Errorf("callbacks (-want +got):\n%s", diff)
	}
	d.lines = nil
}

// at is what is recorded of something that happens now.
func (d *diary) at(what string) string { return fmt.Sprintf("%v %s", time.Since(d.began), what) }

// watch returns a presence of the lobby that is recorded in a diary.
func (r *rig) watch(grace time.Duration) (*sfere.Presence, *diary) {
	d := &diary{began: time.Now()}
	w, err := r.conns.Watch(sfere.Category("lobby"), &sfere.PresenceOptions{
		Grace:  grace,
		Joined: func(v sfere.Visitor) { d.write("joined " + v.Key.ID) },
		Left:   func(v sfere.Visitor) { d.write("left " + v.Key.ID) },
	})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(w.Stop)
	return w, d
}

// inBubble runs a test of a rig without heartbeats and closes what is left.
func inBubble(t *testing.T, s setup, f func(t *testing.T, r *rig)) {
	synctest.Test(t, func(t *testing.T) {
		s.hub.Heartbeat = -1
		r := newRig(t, s)
		f(t, r)
		if _, err := r.conns.Purge(sfere.Everyone()); err != nil {
			t.Error(err)
		}
		synctest.Wait()
	})
}

func TestPresence(t *testing.T) {
	const grace = 5 * time.Second
	for _, tt := range []struct {
		name, reason string
		grace        time.Duration
		do           func(t *testing.T, r *rig, w *sfere.Presence, d *diary)
	}{
		{"comes and goes", "a departure is one after the grace period", 0, func(t *testing.T, r *rig, w *sfere.Presence, d *diary) {
			c := r.visit(id("ann"))
			d.want(t, "0s joined ann")
			c.close()
			time.Sleep(grace - 1)
			d.want(t)
			if there, seq := w.List(); !w.Has(key("ann")) || len(there) != 1 || seq != 1 {
				t.Error("not there in the grace period")
			}
			time.Sleep(1)
			d.want(t, "5s left ann")
			if w.Has(key("ann")) {
				t.Error("still there")
			}
		}},
		{"reload", "the old stream ends, the new one comes within the grace period", 0, func(t *testing.T, r *rig, w *sfere.Presence, d *diary) {
			c := r.visit(id("ann"))
			d.want(t, "0s joined ann")
			c.close()
			time.Sleep(grace - 1)
			r.visit(id("ann"))
			time.Sleep(time.Hour)
			d.want(t)
		}},
		{"overlapping reload", "the new stream comes before the old one ends", 0, func(t *testing.T, r *rig, w *sfere.Presence, d *diary) {
			c := r.visit(id("ann"))
			synctest.Wait()
			r.visit(id("ann"))
			synctest.Wait()
			c.close()
			time.Sleep(time.Hour)
			d.want(t, "0s joined ann")
		}},
		{"grace starts anew", "each absence has the whole grace period, whatever was left of the last", 0, func(t *testing.T, r *rig, w *sfere.Presence, d *diary) {
			c := r.visit(id("ann"))
			synctest.Wait()
			for range 5 {
				c.close()
				time.Sleep(grace - 1)
				c = r.visit(id("ann"))
				synctest.Wait()
			}
			c.close()
			time.Sleep(grace)
			d.want(t, "0s joined ann", "29.999999995s left ann")
		}},
		{"second tab", "two tabs are one presence", 0, func(t *testing.T, r *rig, w *sfere.Presence, d *diary) {
			one := r.visit(id("ann"))
			synctest.Wait()
			two := r.visit(id("ann"))
			d.want(t, "0s joined ann")
			one.close()
			time.Sleep(time.Hour)
			d.want(t)
			two.close()
			time.Sleep(time.Hour)
			d.want(t, "1h0m5s left ann")
		}},
		{"closed by the program", "nobody waits for one who was sent away", 0, func(t *testing.T, r *rig, w *sfere.Presence, d *diary) {
			r.visit(id("ann"))
			r.visit(id("bob"))
			r.visit(id("carl"))
			synctest.Wait()
			d.lines = nil
			r.dispatch(sfere.Close{To: sfere.Exactly(key("ann"))})
			d.want(t, "0s left ann")
			r.dispatch(sfere.Close{To: sfere.Exactly(key("bob")), Cause: "kicked"})
			d.want(t, "0s left bob")
			r.dispatch(sfere.Close{To: sfere.Exactly(key("carl")), Cause: sse.CauseShutdown})
			d.want(t)
			time.Sleep(grace)
			d.want(t, "5s left carl")
		}},
		{"closed and back at once", "a departure that was overtaken by a return is none", 0, func(t *testing.T, r *rig, w *sfere.Presence, d *diary) {
			r.visit(id("ann"))
			d.want(t, "0s joined ann")
			r.dispatch(sfere.Close{To: sfere.Exactly(key("ann"))})
			r.visit(id("ann"))
			time.Sleep(time.Hour)
			synctest.Wait()
			// Either it was gone for a moment, or not at all.
			if n := len(d.lines); n != 0 && n != 2 || !w.Has(key("ann")) {
				t.Errorf("callbacks %v", d.lines)
			}
		}},
		{"no grace", "negative means none", -1, func(t *testing.T, r *rig, w *sfere.Presence, d *diary) {
			c := r.visit(id("ann"))
			synctest.Wait()
			c.close()
			d.want(t, "0s joined ann", "0s left ann")
		}},
		{"replaced", "the key never goes without a stream", -1, func(t *testing.T, r *rig, w *sfere.Presence, d *diary) {
			r.visit(id("ann"))
			synctest.Wait()
			r.visit(id("ann") + "&policy=replace")
			d.want(t, "0s joined ann")
			r.wantCount(sfere.Everyone(), 1)
		}},
		{"never live", "a stream that was refused, or closed by its first effects, has not been there", -1, func(t *testing.T, r *rig, w *sfere.Presence, d *diary) {
			r.fn("close", func(_ context.Context, call twk.Call) error { call.Ctx().Conn.Close(sse.CauseClosed); return nil })
			<-r.visit(id("ann") + "&do=close").left
			synctest.Wait()
			if n := len(d.lines); n != 0 && n != 2 {
				t.Errorf("callbacks %v: Left without Joined, or the reverse", d.lines)
			}
			if w.Has(key("ann")) {
				t.Error("still there")
			}
		}},
		{"stopped", "nothing is called after Stop, however much time passes", 0, func(t *testing.T, r *rig, w *sfere.Presence, d *diary) {
			c := r.visit(id("ann"))
			synctest.Wait()
			c.close()
			w.Stop()
			w.Stop()
			r.visit(id("bob"))
			time.Sleep(time.Hour)
			d.want(t, "0s joined ann")
			if there, seq := w.List(); len(there) != 0 || seq != 1 {
				t.Errorf("list %v, %d changes", there, seq)
			}
		}},
		{"others", "what does not match is not watched", -1, func(t *testing.T, r *rig, w *sfere.Presence, d *diary) {
			c := r.visit("cat=admin&" + id("ann"))
			synctest.Wait()
			c.close()
			d.want(t)
		}},
		{"held later", "a stream that has long been live joins when it gets its key", -1, func(t *testing.T, r *rig, w *sfere.Presence, d *diary) {
			var call twk.Call
			r.fn("keep", func(_ context.Context, c twk.Call) error { call = c; return nil })
			c := r.visit("cat=admin&" + id("ann") + "&do=keep")
			time.Sleep(time.Minute)
			synctest.Wait()
			for range 2 {
				if err := call.Dispatch(t.Context(), sfere.HoldStream{Key: key("ann")}).Err(); err != nil {
					t.Error(err)
				}
			}
			d.want(t, "1m0s joined ann")
			c.close()
			d.want(t, "1m0s left ann")
			rm := r.removal()
			if diff := cmp.Diff([]sfere.Key{sfere.ID("admin", "ann").In(sfere.DefaultScope), key("ann")}, rm.Keys); diff != "" {
				t.Errorf("keys (-want +got):\n%s", diff)
			}
			r.noRemoval()
		}},
		{"present when it starts", "those who are there are not announced but leave", -1, func(t *testing.T, r *rig, _ *sfere.Presence, d *diary) {
			c := r.visit(id("ann"))
			d.want(t, "0s joined ann")
			w, d2 := r.watch(-1)
			if !w.Has(key("ann")) {
				t.Error("not there")
			}
			c.close()
			d2.want(t, "0s left ann")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, setup{}, func(t *testing.T, r *rig) {
				w, d := r.watch(tt.grace)
				tt.do(t, r, w, d)
				if t.Failed() {
					t.Log(tt.reason)
				}
				w.Stop()
			})
		})
	}
}

// Evicted and left open: the key is gone, and the stream may get it again.
func TestPresenceOfKeptStreams(t *testing.T) {
	inBubble(t, setup{
		store: sfere.NewTTL(&sfere.TTLOptions{TTL: time.Minute}),
		opts:  sfere.Options{KeepEvicted: true},
	}, func(t *testing.T, r *rig) {
		_, d := r.watch(-1)
		var call twk.Call
		r.fn("keep", func(_ context.Context, c twk.Call) error { call = c; return nil })
		c := r.visit(id("ann") + "&do=keep")
		d.want(t, "0s joined ann")
		time.Sleep(time.Minute)
		d.want(t, "1m0s left ann")
		if rm := r.removal(); rm.Cause != sse.CauseExpired {
			t.Errorf("cause %q", rm.Cause)
		}
		r.wantCount(sfere.Everyone(), 0)
		if err := call.Dispatch(t.Context(), sfere.HoldStream{Key: key("ann")}).Err(); err != nil {
			t.Error(err)
		}
		d.want(t, "1m0s joined ann")
		c.close()
		d.want(t, "1m0s left ann")
		if rm := r.removal(); rm.Cause != sse.CauseClient {
			t.Errorf("cause %q", rm.Cause)
		}
		r.noRemoval()
	})
}

// Calls for one key alternate and do not overlap, also if the key comes back
// while Left is still running.
func TestPresenceCallsAreInOrder(t *testing.T) {
	inBubble(t, setup{}, func(t *testing.T, r *rig) {
		d := &diary{began: time.Now()}
		w, err := r.conns.Watch(sfere.Everyone(), &sfere.PresenceOptions{
			Grace: -1,
			Joined: func(sfere.Visitor) {
				d.write("joined")
				time.Sleep(time.Second)
				d.write("joined is over")
			},
			Left: func(sfere.Visitor) {
				d.write("left")
				time.Sleep(time.Minute)
				d.write("left is over")
				panic("and out")
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		c := r.visit(id("ann"))
		time.Sleep(2 * time.Second)
		c.close() // does not wait for Left
		time.Sleep(time.Second)
		c = r.visit(id("ann")) // while Left is running
		time.Sleep(time.Second)
		if w.Has(key("ann")) {
			t.Error("there again before it was told")
		}
		d.want(t, "0s joined", "1s joined is over", "2s left")
		time.Sleep(time.Hour)
		d.want(t, "1m2s left is over", "1m2s joined", "1m3s joined is over")
		c.close()
		synctest.Wait()
		began := time.Now()
		w.Stop() // waits for Left
		if took := time.Since(began); took != time.Minute {
			t.Errorf("Stop returned after %v, want it to wait for the callback", took)
		}
	})
}

// A callback may broadcast and look at the presence.
func TestPresenceCallbackBroadcasts(t *testing.T) {
	inBubble(t, setup{}, func(t *testing.T, r *rig) {
		var w *sfere.Presence
		var sizes []int
		w, err := r.conns.Watch(sfere.Everyone(), &sfere.PresenceOptions{Joined: func(v sfere.Visitor) {
			there, _ := w.List()
			sizes = append(sizes, len(there))
			r.dispatch(sfere.Broadcast{To: sfere.Everyone(), Exclude: sfere.Except(v.Key), Effects: nil})
		}})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			r.visit(id(fmt.Sprint(i)))
			synctest.Wait()
		}
		if diff := cmp.Diff([]int{1, 2, 3}, sizes); diff != "" {
			t.Errorf("sizes (-want +got):\n%s", diff)
		}
		w.Stop()
	})
}
