package sfere

import (
	"cmp"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestSortedAgainstSlice(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		start := rapid.IntRange(0, 3*maxChunk).Draw(rt, "start")
		var model []int
		for i := range start {
			model = append(model, 2*i)
		}
		s := sortedOf(cmp.Compare[int], model)
		model = slices.Clone(model)
		value := rapid.IntRange(-10, 8*maxChunk)
		put := func(v int) {
			if at, ok := slices.BinarySearch(model, v); !ok {
				model = slices.Insert(model, at, v)
			}
			s.insert(v)
		}
		take := func(v int) {
			if at, ok := slices.BinarySearch(model, v); ok {
				model = slices.Delete(model, at, at+1)
			}
			s.remove(v)
		}
		rt.Repeat(map[string]func(*rapid.T){
			"insert": func(rt *rapid.T) { put(value.Draw(rt, "v")) },
			"remove": func(rt *rapid.T) { take(value.Draw(rt, "v")) },
			"insert many": func(rt *rapid.T) {
				from := value.Draw(rt, "from")
				for i := range 2 * maxChunk {
					put(from + i)
				}
			},
			"remove many": func(rt *rapid.T) {
				from := value.Draw(rt, "from")
				for i := range 2 * maxChunk {
					take(from + i)
				}
			},
			"": func(rt *rapid.T) {
				from := value.Draw(rt, "after")
				var got []int
				for v := range s.after(func(v int) bool { return v <= from }) {
					got = append(got, v)
				}
				at, ok := slices.BinarySearch(model, from)
				if ok {
					at++
				}
				if !slices.Equal(got, model[at:]) || s.len != len(model) {
					rt.Fatalf("after %d: %v of %d, want %v of %d", from, got, s.len, model[at:], len(model))
				}
				places := 0
				for _, c := range s.chunks {
					if len(c) == 0 || len(c) > maxChunk {
						rt.Fatalf("a chunk of %d", len(c))
					}
					places += cap(c)
				}
				if places > 8*len(model)+4*maxChunk {
					rt.Fatalf("%d places for %d elements", places, len(model))
				}
			},
		})
	})
}
