package sfere_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/sse"
)

// brokenStore panics in the method that is named.
type brokenStore struct{ in string }

func (s *brokenStore) fails(in string) {
	if s.in == in {
		panic("a mistake in " + in)
	}
}

func (s *brokenStore) Add(m sfere.Member, _ []sfere.Lease) (sfere.Lease, []sfere.Member, error) {
	s.fails("Add")
	return brokenLease{s, m}, nil, nil
}

func (s *brokenStore) Close() { s.fails("Close") }

type brokenLease struct {
	s *brokenStore
	m sfere.Member
}

func (l brokenLease) Touch()   { l.s.fails("Touch") }
func (l brokenLease) Release() { l.s.fails("Release") }

// A store of somebody else with a mistake in it: nothing stays locked, and nothing
// is lost but what the store was asked for.
func TestPanicInStoreLeavesNoLock(t *testing.T) {
	for _, tt := range []struct {
		in, reason string
		status     int
	}{
		{"Add", "a store that cannot decide takes nobody in", http.StatusInternalServerError},
		{"Touch", "activity that is not counted costs nobody the event", http.StatusOK},
		{"Release", "the stream is gone whatever becomes of its place", http.StatusOK},
		{"Close", "there is nobody to tell", http.StatusOK},
	} {
		t.Run(tt.in, func(t *testing.T) {
			inBubble(t, setup{store: &brokenStore{tt.in}}, func(t *testing.T, r *rig) {
				defer func() {
					if t.Failed() {
						t.Log(tt.reason)
					}
				}()
				_, d := r.watch(-1)
				status, ann := r.status(id("ann"))
				if status != tt.status {
					t.Fatalf("status %d, want %d", status, tt.status)
				}
				if ann == nil {
					r.wantCount(sfere.Everyone(), 0)
					return
				}
				_, bob := r.status(id("bob"))
				d.want(t, "0s joined ann", "0s joined bob")
				r.conns.Touch(key("ann"))
				r.dispatch(sfere.Tell(sfere.Everyone(), tell("news")))
				synctest.Wait()
				if got, want := ann.texts(), "hello news"; got != want {
					t.Errorf("events %q, want %q", got, want)
				}
				if status, _ := r.status(id("ann") + "&policy=reuse"); status != http.StatusNoContent {
					t.Errorf("reuse: status %d", status)
				}
				ann.close()
				if rm := r.removal(); rm.Cause != sse.CauseClient || rm.Keys[0] != key("ann") {
					t.Errorf("removal %+v", rm)
				}
				d.want(t, "0s left ann")
				r.wantCount(sfere.Everyone(), 1)
				if _, err := r.conns.Purge(sfere.Everyone()); err != nil {
					t.Error(err)
				}
				<-bob.left
				d.want(t, "0s left bob")
				r.removal()
				r.conns.Close()
				if status, _ := r.status(id("carl")); status != http.StatusServiceUnavailable {
					t.Errorf("after Close: status %d", status)
				}
			})
		})
	}
}

// What is evicted with others does not save them by a panic, nor lock anything.
func TestPanicWhileOthersAreEvicted(t *testing.T) {
	store := sfere.NewTTL(nil)
	inBubble(t, setup{store: store, opts: sfere.Options{OnRemove: func(sfere.Removal) { panic("a mistake in OnRemove") }, KeepEvicted: true}}, func(t *testing.T, r *rig) {
		a, b := r.visit(id("ann")), r.visit(id("bob"))
		time.Sleep(10 * time.Minute) // their time is over
		synctest.Wait()
		r.removal()
		r.removal()
		synctest.Wait()
		r.wantCount(sfere.Everyone(), 0)
		if n := store.Len(); n != 0 {
			t.Errorf("%d leases are left", n)
		}
		a.close()
		b.close()
	})
}
