package sfere

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sfere-go/sfere/internal/growth"
)

// manyKeys is a value under several keys.
type manyKeys struct {
	id    uint64
	keys  []Key
	slots []slot[*manyKeys]
}

func (ix *index[V]) page(want Key, s shape, from place, limit int) ([]V, int) {
	if out, n, ok := ix.look(want, s, from, limit); ok {
		return out, n
	}
	v := ix.open(want)
	all := ix.gather(v, s)
	slices.SortFunc(all, func(a, b viewed[V]) int { return a.compare(b.place) })
	ix.close(v, all)
	out, n, _ := ix.look(want, s, from, limit)
	return out, n
}

// Pages that follow each other are the sorted list of what matches, whatever
// happened while views were there or were made.
func TestListingAgainstSort(t *testing.T) {
	t.Parallel()
	patterns := modelPatterns()
	rapid.Check(t, func(rt *rapid.T) {
		ix := index[*manyKeys]{id: func(m *manyKeys) uint64 { return m.id }}
		held := map[*manyKeys]bool{}
		var order []*manyKeys // of held, for draws that can be repeated
		var next uint64
		name := rapid.SampledFrom(modelNames)
		add := func(keys ...Key) {
			next++
			m := &manyKeys{id: next, keys: keys, slots: make([]slot[*manyKeys], len(keys))}
			var earlier *slot[*manyKeys]
			for i, k := range keys {
				ix.add(&m.slots[i], k, m, earlier)
				earlier = &m.slots[i]
			}
			held[m] = true
			order = append(order, m)
		}
		remove := func(i int) {
			m := order[i]
			order = slices.Delete(order, i, i+1)
			delete(held, m)
			for i := range m.slots {
				ix.remove(&m.slots[i])
			}
		}
		draw := func(rt *rapid.T) []Key {
			var keys []Key
			for range rapid.IntRange(1, 3).Draw(rt, "keys") {
				k := Key{name.Draw(rt, "scope"), name.Draw(rt, "category"), name.Draw(rt, "id")}
				if !slices.Contains(keys, k) {
					keys = append(keys, k)
				}
			}
			return keys
		}
		churn := func(rt *rapid.T) {
			keys := draw(rt)
			for range rapid.SampledFrom([]int{1, 30, 2 * shortList}).Draw(rt, "come") {
				add(keys...)
			}
			for range min(len(order), rapid.SampledFrom([]int{0, 1, 30, 3 * shortList}).Draw(rt, "go")) {
				remove(rapid.IntRange(0, len(order)-1).Draw(rt, "which"))
			}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"churn": churn,
			"churn while a view is made": func(rt *rapid.T) {
				want, s, ok := rapid.SampledFrom(patterns).Draw(rt, "pattern").fixed()
				if !ok || ix.listingOf(want) != nil {
					rt.Skip("it is there")
				}
				v := ix.open(want)
				churn(rt)
				all := ix.gather(v, s)
				slices.SortFunc(all, func(a, b viewed[*manyKeys]) int { return a.compare(b.place) })
				churn(rt)
				ix.close(v, all)
			},
			"": func(rt *rapid.T) {
				checkIndex(rt, &ix)
				p := rapid.SampledFrom(patterns).Draw(rt, "pattern")
				want, s, ok := p.fixed()
				if !ok {
					return
				}
				type one struct {
					place
					m *manyKeys
				}
				var all []one
				for m := range held {
					if i := slices.IndexFunc(m.keys, p.Matches); i >= 0 {
						all = append(all, one{place{m.keys[i], m.id}, m})
					}
				}
				slices.SortFunc(all, func(a, b one) int { return a.compare(b.place) })
				limit := rapid.SampledFrom([]int{7, 100, 5000}).Draw(rt, "limit")
				var from place
				for {
					got, n := ix.page(want, s, from, limit)
					if n != len(all) {
						rt.Fatalf("%v: %d match, want %d", p, n, len(all))
					}
					at, found := slices.BinarySearchFunc(all, from, func(o one, p place) int { return o.compare(p) })
					if found {
						at++
					}
					left := all[at:]
					left = left[:min(len(left), limit)]
					if !slices.EqualFunc(got, left, func(m *manyKeys, o one) bool { return m == o.m }) {
						rt.Fatalf("%v after %v: %d values, want %d", p, from, len(got), len(left))
					}
					if len(got) < limit {
						return
					}
					from = left[len(left)-1].place
				}
			},
		})
	})
}

// The cost of a page, in looks at the order of values, does not grow with those
// that match. Nor does that of keeping the list.
func TestPageCostsWhatItLists(t *testing.T) {
	cost := func(n int) (page, change, counts int) {
		looks := 0
		ix := index[*manyKeys]{id: func(m *manyKeys) uint64 { looks++; return m.id }}
		slots := make([]slot[*manyKeys], n)
		add := func(i int) {
			ix.add(&slots[i], Key{"s", fmt.Sprint("c", i%10), fmt.Sprintf("%07d", i)}, &manyKeys{id: uint64(i)}, nil)
		}
		for i := range slots {
			add(i)
		}
		want, s, _ := Category("c1").AllScopes().fixed()
		ix.page(want, s, place{}, 100) // the first look
		measure := func(f func()) int { looks = 0; f(); return looks }
		from := place{key: Key{"s", "c1", fmt.Sprintf("%07d", n/2)}}
		page = measure(func() { ix.page(want, s, from, 100) })
		change = measure(func() { ix.remove(&slots[n/2+1]); add(n/2 + 1) })
		counts = int(growth.Allocs(func() { ix.tally(want, s, 0); ix.tally(Key{}, shapeOpen, 1) }))
		return page, change, counts
	}
	n := 8_000
	if !testing.Short() {
		n = 12_500 // and 100 000
	}
	p1, c1, a1 := cost(n)
	p8, c8, a8 := cost(8 * n)
	t.Logf("%d: page %d, change %d, counts %d allocations; %d: %d, %d, %d", n, p1, c1, a1, 8*n, p8, c8, a8)
	if p8 > p1*3/2 || c8 > c1*2 || a8 > a1 {
		t.Error("it grows with what matches")
	}
	if p1 == 0 || c1 == 0 {
		t.Error("nothing was looked at: the test measures nothing")
	}
}

func TestTally(t *testing.T) {
	t.Parallel()
	var ix index[int]
	slots := make([]slot[int], 3000)
	for i := range slots {
		ix.add(&slots[i], Key{fmt.Sprint("s", i%3), fmt.Sprint("c", i%50), fmt.Sprint(i)}, i, nil)
	}
	for _, tt := range []struct {
		reason string
		p      Pattern
		field  int
		most   map[string]int
		others int
	}{
		{"by scope", Everyone(), 0, map[string]int{"s0": 1000, "s1": 1000, "s2": 1000}, 0},
		{"of one category", Category("c0").AllScopes(), 0, map[string]int{"s0": 20, "s1": 20, "s2": 20}, 0},
		{"the one it asks for", Category("c0").In("s1"), 0, map[string]int{"s1": 20}, 0},
		{"that is not there", Category("none").In("s1"), 0, map[string]int{}, 0},
		{"a key", Exactly(Key{"s0", "c0", "0"}), 1, map[string]int{"c0": 1}, 0},
	} {
		want, s, _ := tt.p.fixed()
		most, others := ix.tally(want, s, tt.field)
		if diff := cmp.Diff(tt.most, most); diff != "" && len(tt.most)+len(most) > 0 || others != tt.others {
			t.Errorf("%s: %d others (-want +got):\n%s", tt.reason, others, diff)
		}
	}
	most, others := ix.tally(Key{}, shapeOpen, 1)
	if len(most) != 20 || others != 30 || most["c0"] != 60 {
		t.Errorf("of 50 categories, %d are told and %d others: %v", len(most), others, most)
	}
	many := make([]slot[int], 1001)
	for i := range many {
		ix.add(&many[i], Key{fmt.Sprint("tenant", i), "c0", "x"}, i, nil)
	}
	if most, others := ix.tally(Key{}, shapeOpen, 0); most != nil || others != 1004 {
		t.Errorf("of 1004 scopes, %d are told and %d others", len(most), others)
	}
	for i := range many {
		ix.remove(&many[i])
	}
	if most, _ := ix.tally(Key{}, shapeOpen, 0); len(most) != 3 {
		t.Errorf("after those have gone, scopes are %v", most)
	}
}
