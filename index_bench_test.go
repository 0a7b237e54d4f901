package sfere

import (
	"fmt"
	"runtime"
	"testing"
)

// benchConn stands for a connection: a pointer to something with a slot in it.
type benchConn struct {
	key  Key
	slot slot[*benchConn]
}

// benchStore holds the same connections twice: in an index, and in a plain map
// that is scanned for every lookup.
type benchStore struct {
	index index[*benchConn]
	scan  map[*benchConn]Key
}

// benchRooms fills a store with n connections in rooms of 10, which are spread
// over 10 scopes and 10 categories: s1/c1/r7 is one room, s1/*/r7 are ten.
func benchRooms(n int) *benchStore {
	st := &benchStore{scan: make(map[*benchConn]Key)}
	for room := range n / 10 {
		k := benchKey(room)
		for range 10 {
			st.add(&benchConn{key: k})
		}
	}
	return st
}

func benchKey(room int) Key {
	return Key{fmt.Sprint("s", room%10), fmt.Sprint("c", room/10%10), fmt.Sprint("r", room/100)}
}

func (st *benchStore) add(c *benchConn) {
	st.index.add(&c.slot, c.key, c, nil)
	st.scan[c] = c.key
}

func scanMatches(dst []*benchConn, m map[*benchConn]Key, p Pattern) []*benchConn {
	for c, k := range m {
		if p.Matches(k) {
			dst = append(dst, c)
		}
	}
	return dst
}

func BenchmarkIndexLookup(b *testing.B) {
	for _, n := range []int{100_000, 1_000_000} {
		if testing.Short() && n > 100_000 {
			continue
		}
		st := benchRooms(n)
		for _, tt := range []struct {
			name    string
			pattern func(k Key) Pattern
			want    int
		}{
			{"room of 10", Exactly, 10},
			{"100 in ten rooms", func(k Key) Pattern { return Pattern{Is(k.Scope), Any, Is(k.ID)} }, 100},
			{"a tenth", func(k Key) Pattern { return Everyone().In(k.Scope) }, n / 10},
		} {
			// Another pattern each time, or all would come from the CPU cache.
			patterns := make([]Pattern, 1<<12)
			for i := range patterns {
				patterns[i] = tt.pattern(benchKey(i * 7919 % (n / 10)))
			}
			dst := make([]*benchConn, 0, tt.want)
			run := func(name string, lookup func(Pattern) int) {
				b.Run(fmt.Sprintf("n=%d/%s/%s", n, tt.name, name), func(b *testing.B) {
					b.ReportAllocs()
					for i := 0; b.Loop(); i++ {
						if got := lookup(patterns[i%len(patterns)]); got != tt.want {
							b.Fatalf("%d matches, want %d", got, tt.want)
						}
					}
				})
			}
			run("index", func(p Pattern) int {
				dst = st.index.appendMatches(dst[:0], p)
				return len(dst)
			})
			run("scan", func(p Pattern) int {
				dst = scanMatches(dst[:0], st.scan, p)
				return len(dst)
			})
			run("count", st.index.count)
		}
	}
}

func BenchmarkIndexCrowd(b *testing.B) {
	const n = 10_000
	st := &benchStore{scan: make(map[*benchConn]Key)}
	for range n {
		st.add(&benchConn{key: ann})
	}
	p := Exactly(ann)
	dst := make([]*benchConn, 0, n)
	b.Run("index", func(b *testing.B) {
		for b.Loop() {
			dst = st.index.appendMatches(dst[:0], p)
		}
	})
	b.Run("scan", func(b *testing.B) {
		for b.Loop() {
			dst = scanMatches(dst[:0], st.scan, p)
		}
	})
}

func BenchmarkIndexAddRemove(b *testing.B) {
	const n = 100_000
	st := benchRooms(n)
	for _, tt := range []struct {
		name string
		key  func(i int) Key
	}{
		{"known key", func(i int) Key { return benchKey(i % (n / 10)) }},
		{"new id", func(i int) Key { return Key{"s1", "c1", "new"} }},
		{"all new", func(i int) Key { return Key{"new", "new", "new"} }},
	} {
		keys := make([]Key, 1024)
		for i := range keys {
			keys[i] = tt.key(i * 7)
		}
		c := new(benchConn)
		b.Run(tt.name+"/index", func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				st.index.add(&c.slot, keys[i%len(keys)], c, nil)
				st.index.remove(&c.slot)
			}
		})
		b.Run(tt.name+"/scan", func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				st.scan[c] = keys[i%len(keys)]
				delete(st.scan, c)
			}
		})
	}
}

// BenchmarkIndexMemory reports what the index takes for each connection, other
// than the connection with its slot and key.
func BenchmarkIndexMemory(b *testing.B) {
	const n = 100_000
	for _, tt := range []struct {
		name string
		key  func(i int) Key
	}{
		{"rooms of 10", func(i int) Key { return benchKey(i / 10) }},
		{"unique ids", func(i int) Key { return Key{DefaultScope, "user", fmt.Sprint(i)} }},
		{"one key", func(int) Key { return ann }},
	} {
		b.Run(tt.name, func(b *testing.B) {
			conns := make([]benchConn, n)
			for i := range conns {
				conns[i].key = tt.key(i)
			}
			var before, after runtime.MemStats
			for b.Loop() {
				for i := range conns { // the index of the last round hangs on them
					conns[i].slot = slot[*benchConn]{}
				}
				runtime.GC()
				runtime.ReadMemStats(&before)
				var ix index[*benchConn]
				for i := range conns {
					c := &conns[i]
					ix.add(&c.slot, c.key, c, nil)
				}
				runtime.GC()
				runtime.ReadMemStats(&after)
				b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/n, "B/conn")
				runtime.KeepAlive(&ix)
			}
		})
	}
}

func BenchmarkPattern(b *testing.B) {
	b.Run("Exactly", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = Exactly(ann).Validate()
		}
	})
	b.Run("Matches", func(b *testing.B) {
		p := Category("lobby")
		for b.Loop() {
			_ = p.Matches(ann)
		}
	})
	b.Run("Key.String", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = ann.String()
		}
	})
}
