package sfere_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
)

// A callback that takes its time holds up neither the stream that it is about nor
// any other, nor who closes one.
func TestJoinedMayTakeItsTime(t *testing.T) {
	inBubble(t, setup{}, func(t *testing.T, r *rig) {
		release := make(chan struct{})
		w, err := r.conns.Watch(sfere.Category("lobby"), &sfere.PresenceOptions{
			Grace: -1, Joined: func(sfere.Visitor) { <-release },
		})
		if err != nil {
			t.Fatal(err)
		}
		c, other := r.visit(id("ann")), r.visit(id("bob"))
		synctest.Wait()
		r.dispatch(sfere.Tell(sfere.Everyone(), tell("news")))
		synctest.Wait()
		for name, c := range map[string]*client{"the stream it is about": c, "another stream": other} {
			if got, want := c.texts(), "hello news"; got != want {
				t.Errorf("%s got %q, want %q", name, got, want)
			}
		}
		c.leave()
		synctest.Wait()
		r.wantCount(sfere.Everyone(), 1)
		r.dispatch(sfere.Close{To: sfere.Everyone()})
		r.wantCount(sfere.Everyone(), 0)
		<-other.left
		close(release)
		w.Stop()
	})
}

// Calls for different keys are in one order, and a slow one delays the others.
func TestPresenceHasOneOrder(t *testing.T) {
	inBubble(t, setup{}, func(t *testing.T, r *rig) {
		d := &diary{began: time.Now()}
		w, err := r.conns.Watch(sfere.Everyone(), &sfere.PresenceOptions{
			Grace:  -1,
			Joined: func(v sfere.Visitor) { time.Sleep(time.Second); d.write(fmt.Sprint("joined ", v.Key.ID, " ", v.Seq)) },
			Left:   func(v sfere.Visitor) { time.Sleep(time.Second); d.write(fmt.Sprint("left ", v.Key.ID, " ", v.Seq)) },
		})
		if err != nil {
			t.Fatal(err)
		}
		ann := r.visit(id("ann"))
		synctest.Wait()
		r.visit(id("bob"))
		synctest.Wait()
		ann.close()
		r.visit(id("carl"))
		time.Sleep(time.Minute)
		d.want(t, "1s joined ann 1", "2s joined bob 2", "3s left ann 3", "4s joined carl 4")
		there, seq := w.List()
		began := d.began
		if diff := cmp.Diff([]sfere.Visitor{
			{Key: key("bob"), Since: began, Seq: 2}, {Key: key("carl"), Since: began, Seq: 4},
		}, there); diff != "" || seq != 4 {
			t.Errorf("change %d, list (-want +got):\n%s", seq, diff)
		}
		w.Stop()
	})
}

// What is undone before its turn comes is not told, and takes no memory.
func TestPresenceOfManyBehindASlowCallback(t *testing.T) {
	inBubble(t, setup{}, func(t *testing.T, r *rig) {
		release := make(chan struct{})
		d := &diary{began: time.Now()}
		w, err := r.conns.Watch(sfere.Category("lobby"), &sfere.PresenceOptions{
			Grace:  -1,
			Joined: func(v sfere.Visitor) { d.write("joined " + v.Key.ID); <-release },
			Left:   func(v sfere.Visitor) { d.write("left " + v.Key.ID) },
		})
		if err != nil {
			t.Fatal(err)
		}
		ann := r.visit(id("ann"))
		synctest.Wait()
		for i := range 100 {
			r.visit(id(fmt.Sprint("short", i))).close()
		}
		r.visit(id("bob"))
		synctest.Wait()
		ann.close()
		r.visit(id("ann"))
		synctest.Wait()
		if queued, known := w.Pending(); queued != 1 || known != 2 {
			t.Errorf("%d changes of %d keys are kept, want 1 of 2: who has come and gone is nobody", queued, known)
		}
		close(release)
		d.want(t, "0s joined ann", "0s joined bob")
		w.Stop()
	})
}

// Stop may be called by a callback, of this Presence or of another.
func TestPresenceStopFromACallback(t *testing.T) {
	inBubble(t, setup{}, func(t *testing.T, r *rig) {
		var one, two *sfere.Presence
		var calls []string
		stop := func(name string) func(sfere.Visitor) {
			return func(v sfere.Visitor) {
				calls = append(calls, name+" "+v.Key.ID)
				func() { // from somewhere below
					one.Stop()
					two.Stop()
				}()
			}
		}
		var err1, err2 error
		one, err1 = r.conns.Watch(sfere.Everyone(), &sfere.PresenceOptions{Joined: stop("one")})
		two, err2 = r.conns.Watch(sfere.Category("nowhere"), &sfere.PresenceOptions{Joined: stop("two")})
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		r.visit(id("ann"))
		synctest.Wait()
		r.visit(id("bob"))
		synctest.Wait()
		one.Stop() // waits as always
		two.Stop()
		if diff := cmp.Diff([]string{"one ann"}, calls); diff != "" {
			t.Errorf("callbacks (-want +got):\n%s", diff)
		}
	})
}

// Who is there is a matter of live streams only.
func TestPresenceOfOpeningStreams(t *testing.T) {
	const grace = 5 * time.Second
	for _, tt := range []struct {
		name, reason string
		do           func(t *testing.T, r *rig, open func(closes bool) (goOn func()), w *sfere.Presence, d *diary)
	}{
		{"opens slowly", "a stream counts when its first effects have run", func(t *testing.T, r *rig, open func(bool) func(), w *sfere.Presence, d *diary) {
			admit := open(false)
			time.Sleep(time.Second)
			if w.Has(key("ann")) {
				t.Error("there while it is opening")
			}
			admit()
			d.want(t, "1s joined ann")
		}},
		{"refused", "who was refused has not been there", func(t *testing.T, r *rig, open func(bool) func(), w *sfere.Presence, d *diary) {
			<-r.visit(id("ann") + "&then=zero").left
			time.Sleep(time.Hour)
			d.want(t)
		}},
		{"closed by its first effects", "who was never live has not been there", func(t *testing.T, r *rig, open func(bool) func(), w *sfere.Presence, d *diary) {
			open(true)()
			time.Sleep(time.Hour)
			d.want(t)
		}},
		{"closed in the grace period", "a stream that never is live neither ends nor extends the grace period of another", func(t *testing.T, r *rig, open func(bool) func(), w *sfere.Presence, d *diary) {
			c := r.visit(id("ann"))
			synctest.Wait()
			c.close()
			time.Sleep(time.Second)
			admit := open(true)
			time.Sleep(time.Second)
			admit()
			time.Sleep(time.Hour)
			d.want(t, "0s joined ann", "5s left ann")
		}},
		{"closed after the grace period", "the key goes with the last stream that might have kept it", func(t *testing.T, r *rig, open func(bool) func(), w *sfere.Presence, d *diary) {
			c := r.visit(id("ann"))
			synctest.Wait()
			c.close()
			admit := open(true)
			time.Sleep(time.Minute)
			d.want(t, "0s joined ann")
			admit()
			d.want(t, "1m0s left ann")
		}},
		{"opens while the watch begins", "it joins when it is live, and those who were there do not", func(t *testing.T, r *rig, open func(bool) func(), _ *sfere.Presence, _ *diary) {
			r.visit(id("bob"))
			synctest.Wait()
			admit := open(false)
			time.Sleep(time.Second)
			w, d := r.watch(grace)
			there, seq := w.List()
			if diff := cmp.Diff([]sfere.Visitor{{Key: key("bob"), Since: time.Now().Add(-time.Second)}}, there); diff != "" || seq != 0 {
				t.Errorf("change %d, list (-want +got):\n%s", seq, diff)
			}
			admit()
			d.want(t, "0s joined ann")
			w.Stop()
		}},
		{"the live one is thrown out", "a stream that is still opening keeps the key, and then is there", func(t *testing.T, r *rig, open func(bool) func(), w *sfere.Presence, d *diary) {
			var first *sse.Conn
			r.fn("keep", func(_ context.Context, call twk.Call) error { first = call.Ctx().Conn; return nil })
			r.visit(id("ann") + "&do=keep")
			synctest.Wait()
			admit := open(false)
			synctest.Wait()
			first.Close(sse.CauseClosed)
			synctest.Wait()
			admit()
			time.Sleep(time.Hour)
			d.want(t, "0s joined ann")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, setup{}, func(t *testing.T, r *rig) {
				w, d := r.watch(grace)
				tt.do(t, r, func(closes bool) func() {
					gate := make(chan struct{})
					r.fn("gate", func(_ context.Context, call twk.Call) error {
						<-gate
						if closes {
							call.Ctx().Conn.Close(sse.CauseClosed)
						}
						return nil
					})
					r.visit(id("ann") + "&do=gate")
					return func() { close(gate); synctest.Wait() }
				}, w, d)
				if t.Failed() {
					t.Log(tt.reason)
				}
				w.Stop()
			})
		})
	}
}

// A newcomer's list and the announcements that follow it are right together, as
// docs/sfere.md says: no key is missing and none is there that has left.
func TestNewcomersListAndChanges(t *testing.T) {
	inBubble(t, setup{}, func(t *testing.T, r *rig) {
		var w *sfere.Presence
		say := func(what string) func(sfere.Visitor) {
			return func(v sfere.Visitor) {
				time.Sleep(time.Millisecond) // between the change of the list and its announcement
				r.dispatch(sfere.Tell(sfere.Everyone(), tell(what+v.Key.ID)))
			}
		}
		w, err := r.conns.Watch(sfere.Category("lobby"), &sfere.PresenceOptions{Grace: -1, Joined: say("+"), Left: say("-")})
		if err != nil {
			t.Fatal(err)
		}
		r.fn("list", func(ctx context.Context, call twk.Call) error {
			time.Sleep(time.Millisecond / 2)
			there, _ := w.List()
			text := "="
			for _, v := range there {
				text += v.Key.ID + ","
			}
			return call.Dispatch(ctx, tell(text)).Err()
		})
		var tabs []*client
		for i := range 60 {
			if i%3 == 2 {
				tabs[i/3].leave()
			}
			tabs = append(tabs, r.visit(id(fmt.Sprint("p", i))+"&do=list"))
			time.Sleep(time.Duration(i%7) * 300 * time.Microsecond)
		}
		time.Sleep(time.Minute)
		there, _ := w.List()
		want := map[string]bool{}
		for _, v := range there {
			want[v.Key.ID] = true
		}
		for i, c := range tabs[20:] {
			if diff := cmp.Diff(want, pageOf(c)); diff != "" {
				t.Errorf("the page of p%d (-want +got):\n%s", i+20, diff)
			}
		}
		w.Stop()
	})
}

// pageOf applies the list and the changes that a page has got: a change says how
// it is with one key, whatever the page thought before.
func pageOf(c *client) map[string]bool {
	page := map[string]bool{}
	for _, word := range strings.Fields(c.texts()) {
		switch name := word[1:]; word[0] {
		case '=':
			clear(page)
			for _, n := range strings.FieldsFunc(name, func(r rune) bool { return r == ',' }) {
				page[n] = true
			}
		case '+':
			page[name] = true
		case '-':
			delete(page, name)
		}
	}
	return page
}

// Opening and closing one key at full speed from several goroutines: the calls
// alternate, one after the other, with numbers that have no gap.
func TestPresenceChurn(t *testing.T) {
	r := newRig(t, setup{})
	var calls []string
	seq := uint64(0)
	note := func(what string) func(sfere.Visitor) {
		return func(v sfere.Visitor) { // unsynchronised: the race detector sees calls that overlap
			calls = append(calls, what)
			if seq++; v.Seq != seq {
				t.Errorf("call %d has the number %d", seq, v.Seq)
			}
		}
	}
	w, err := r.conns.Watch(sfere.Everyone(), &sfere.PresenceOptions{Grace: time.Millisecond, Joined: note("+"), Left: note("-")})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 100 {
				r.visit(id("ann")).close()
			}
		})
	}
	wg.Wait()
	w.Stop()
	for i, c := range calls {
		if want := []string{"+", "-"}[i%2]; c != want {
			t.Fatalf("call %d of %v is %s, want %s", i+1, calls, c, want)
		}
	}
	if there, n := w.List(); len(there) > 0 || n != seq {
		t.Errorf("after Stop: %v, %d changes, %d calls", there, n, seq)
	}
}
