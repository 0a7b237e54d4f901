package sfere

import (
	"fmt"
	"runtime"
	"testing"
	"time"
)

// heapSize returns the bytes of the heap that are in use.
func heapSize() int64 {
	runtime.GC()
	runtime.GC() // what finalizers held on to
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// After a peak of 200 000 keys of which 100 stay, the index takes about as much
// memory as one that never had more.
func TestIndexGivesMemoryBack(t *testing.T) {
	const peak, stay = 200_000, 100
	key := func(i int) Key { return Key{"s", fmt.Sprint("c", i%7), fmt.Sprint("id", i)} }
	var ix index[int]
	slots := make([]slot[int], peak)
	before := heapSize()
	for i := range slots {
		ix.add(&slots[i], key(i), i, nil)
	}
	grown := heapSize() - before
	for i := range slots[stay:] {
		ix.remove(&slots[stay+i])
	}
	left := heapSize() - before
	if grown < 10<<20 {
		t.Errorf("%d keys took %d bytes: the test measures nothing", peak, grown)
	}
	if limit := int64(1 << 20); left > limit {
		t.Errorf("after a peak of %d bytes %d are kept for %d keys, at most %d", grown, left, stay, limit)
	}
	if got := ix.count(Everyone()); got != stay {
		t.Errorf("%d values are left, want %d", got, stay)
	}
	for i := range stay {
		if got := ix.appendKey(nil, key(i)); len(got) != 1 || got[0] != i {
			t.Fatalf("under %v: %v", key(i), got)
		}
	}
	runtime.KeepAlive(slots)
}

// Rebuilding costs O(1) per deletion, however keys come and go.
func TestShrinkingIsCheap(t *testing.T) {
	for _, tt := range []struct {
		name, reason string
		peak, low    int
	}{
		{"emptied", "each rebuild takes a quarter of the one before", 1 << 16, 1},
		{"at the edge", "a map that goes up and down at the edge of a rebuild has to lose three quarters first", 1 << 12, 1 << 10},
		{"small", "a small map is left as it is", minShrink - 1, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var s shrinking[int, int]
			rebuilt, deleted, copied := 0, 0, 0
			for range 5 {
				for i := range tt.peak {
					s.set(i, i)
				}
				for i := tt.peak - 1; i >= tt.low-1; i-- {
					before := s.peak
					s.delete(i)
					deleted++
					if s.peak < before {
						rebuilt++
						copied += len(s.m)
					}
				}
			}
			if copied > deleted || tt.peak < minShrink && rebuilt > 0 {
				t.Errorf("%d entries were copied in %d rebuilds for %d deletions: %s", copied, rebuilt, deleted, tt.reason)
			}
			for i := range tt.low - 1 {
				if got, ok := s.m[i]; !ok || got != i {
					t.Fatalf("%d has become %d, %v", i, got, ok)
				}
			}
		})
	}
}

// What has ended is gone, in whatever order it was put in, and memory comes back.
func TestKickedKeysAreBounded(t *testing.T) {
	c := New(nil)
	defer c.Close()
	began := time.Now()
	now := func(ms int) time.Time { return began.Add(time.Duration(ms) * time.Millisecond) }
	for i := range maxKicked + 10 {
		c.keepAway(ID("lobby", fmt.Sprint(i)).In("s"), now(0), now(1000+i), kicked{})
	}
	if n := len(c.kicked.items.m); n != maxKicked || len(c.kicked.ends) != maxKicked {
		t.Errorf("%d keys are kept away, at most %d", n, maxKicked)
	}
	if c.kicked.get(ID("lobby", "9").In("s"), now(1)) != nil || c.kicked.get(ID("lobby", "10").In("s"), now(1)) == nil {
		t.Error("those whose time is over first have to go")
	}
	c.kicked.sweep(now(1000 + maxKicked + 10))
	if n := len(c.kicked.items.m); n != 0 || cap(c.kicked.ends) > minShrink {
		t.Errorf("%d keys are left, and room for %d", n, cap(c.kicked.ends))
	}
}

// Claims of streams that came and went push out the oldest; those by hand are
// refused.
func TestClaimsAreBounded(t *testing.T) {
	c := New(nil)
	defer c.Close()
	key := func(i int) Key { return ID("seat", fmt.Sprint(i)).In("s") }
	for i := range maxClaims {
		if err := c.Claim(key(i), "me", 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Claim(key(maxClaims), "me", 0); statusOf(err) != 503 {
		t.Errorf("one claim too many: %v", err)
	}
	if err := c.Claim(key(0), "me", 0); err != nil {
		t.Errorf("renewing one: %v", err)
	}
	h := &holding{key: key(maxClaims)}
	c.claims.hold(h, "me")
	c.claims.left(h, CauseReplaced, time.Now())
	if n := len(c.claims.ends); n != maxClaims {
		t.Errorf("%d claims without a stream, at most %d", n, maxClaims)
	}
}
