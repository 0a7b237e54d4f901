package sfere_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sfere-go/sfere/sse"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/sferetest"
)

func TestNewTTLRefusesWhatIsNoOption(t *testing.T) {
	for _, tt := range []struct {
		o      sfere.TTLOptions
		remedy string
	}{
		{sfere.TTLOptions{TTL: -1}, "Options.Store"},
		{sfere.TTLOptions{TTL: 600}, "10*time.Minute"},
	} {
		func() {
			defer func() {
				if err, _ := recover().(error); err == nil || !strings.Contains(err.Error(), tt.remedy) {
					t.Errorf("%+v: panic %v, want one that says %q", tt.o, err, tt.remedy)
				}
			}()
			sfere.NewTTL(&tt.o)
		}()
	}
}

// The default clock is package time, and the timer of the store needs nobody to
// look.
func TestTTLOwnTimer(t *testing.T) {
	inBubble(t, setup{store: sfere.NewTTL(nil)}, func(t *testing.T, r *rig) {
		c := r.visit(id("ann"))
		began := time.Now()
		<-c.left
		if took := time.Since(began); took != 10*time.Minute {
			t.Errorf("the stream was ended after %v", took)
		}
	})
}

// A store that two Conns share bounds them together.
func TestSharedStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := sfere.NewTTL(&sfere.TTLOptions{MaxSize: 1, EvictOldest: true, Clock: sferetest.NewClock()})
		one := newRig(t, setup{store: store, hub: sse.HubOptions{Heartbeat: -1}})
		two := newRig(t, setup{store: store, hub: sse.HubOptions{Heartbeat: -1}})
		a := one.visit(id("ann"))
		synctest.Wait()
		b := two.visit(id("bob"))
		<-a.left
		if rm := one.removal(); rm.Cause != sse.CauseSize {
			t.Errorf("cause %q", rm.Cause)
		}
		two.wantCount(sfere.Everyone(), 1)
		b.close()
		if n := store.Len(); n != 0 {
			t.Errorf("%d leases are left", n)
		}
	})
}

func TestMemoryStore(t *testing.T) {
	sferetest.Store(t, sferetest.Options{New: func(*sferetest.Clock) sfere.Store { return sfere.MemoryStore() }})
}

// After Close nothing new is held; what is there stays.
func TestConnsClose(t *testing.T) {
	for _, store := range []sfere.Store{nil, sfere.NewTTL(nil)} {
		inBubble(t, setup{store: store}, func(t *testing.T, r *rig) {
			r.visit(id("ann"))
			synctest.Wait()
			r.conns.Close()
			c := r.visit(id("bob"))
			<-c.left
			if c.status != 503 {
				t.Errorf("status %d", c.status)
			}
			time.Sleep(time.Hour)
			r.wantCount(sfere.Everyone(), 1)
		})
	}
}

func TestAllAndMetadata(t *testing.T) {
	inBubble(t, setup{}, func(t *testing.T, r *rig) {
		for _, n := range []string{"bob", "ann", "ann"} {
			r.visit(id(n))
			synctest.Wait()
		}
		seq, err := r.conns.All(sfere.Everyone())
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for held := range seq {
			n++
			i := held.Conn
			if i.Opened.IsZero() || i.LastWrite.IsZero() || i.Remote == "" || i.Sent != 1 || i.Queued != 0 || i.QueuedSize != 0 || i.Dropped != 0 {
				t.Errorf("info %+v", i)
			}
			if n == 1 {
				if _, err := r.conns.Purge(sfere.Everyone()); err != nil { // the rest is gone before it is yielded
					t.Error(err)
				}
			}
		}
		if n != 1 {
			t.Errorf("%d connections, want the one that was there when it was yielded", n)
		}
	})
}

func TestExplain(t *testing.T) {
	inBubble(t, setup{}, func(t *testing.T, r *rig) {
		for _, n := range []string{"bob", "ann", "ann"} {
			r.visit(id(n))
			synctest.Wait()
		}
		var got []string
		for _, p := range []sfere.Pattern{sfere.Everyone(), sfere.Category("lobby").AllScopes(), sfere.Category("lobby"), sfere.Exactly(key("ann")), sfere.Category("nowhere"), {}} {
			got = append(got, r.conns.Explain(p))
		}
		want := []string{
			"all: 2 keys, 3 entries", "category: 2 keys, 3 entries", "scope+category: 2 keys, 3 entries", "key: 1 keys, 2 entries", "scope+category: 0 keys, 0 entries",
			`none: sfere: pattern field "category": not set (use sfere.Any or sfere.Is)`,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}
