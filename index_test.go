package sfere

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// modelEntry is one slot of the model that the index is compared with: a plain
// list, scanned for every question.
type modelEntry struct {
	key   Key
	value int
}

type indexModel map[*slot[int]]modelEntry

func (m indexModel) matches(p Pattern) []int {
	var out []int
	for _, e := range m {
		if p.Matches(e.key) {
			out = append(out, e.value)
		}
	}
	slices.Sort(out)
	return slices.Compact(out) // each value once
}

func (m indexModel) keys(p Pattern) []keyCount {
	values := make(map[Key][]int)
	for _, e := range m {
		if p.Matches(e.key) {
			values[e.key] = append(values[e.key], e.value)
		}
	}
	out := make([]keyCount, 0, len(values))
	for k, v := range values {
		slices.Sort(v)
		out = append(out, keyCount{k, len(slices.Compact(v))})
	}
	slices.SortFunc(out, func(a, b keyCount) int { return compareKeys(a.Key, b.Key) })
	return out
}

var modelNames = []string{"a", "b", "c"}

// modelPatterns are all patterns over modelNames and one more value, and some
// that are not valid.
func modelPatterns() []Pattern {
	ms := []Match{Any, Is("none")}
	for _, n := range modelNames {
		ms = append(ms, Is(n))
	}
	out := []Pattern{{}, {Any, Any, ""}, {Any, Is("*"), Any}, {Is(""), Is("a"), Is("a")}}
	for _, s := range ms {
		for _, c := range ms {
			for _, i := range ms {
				out = append(out, Pattern{s, c, i})
			}
		}
	}
	return out
}

func TestIndexAgainstScan(t *testing.T) {
	t.Parallel()
	patterns := modelPatterns()
	rapid.Check(t, func(rt *rapid.T) {
		var ix index[int]
		model := indexModel{}
		var used []*slot[int]          // in order, for a draw that can be repeated
		newest := map[int]*slot[int]{} // by value
		name := rapid.SampledFrom(modelNames)
		pick := func() int { return rapid.IntRange(0, len(used)-1).Draw(rt, "which") }
		put := func(k Key, v int, earlier *slot[int]) {
			s := new(slot[int])
			ix.add(s, k, v, earlier)
			model[s] = modelEntry{k, v}
			newest[v] = s
			used = append(used, s)
		}
		add := func(v int, earlier *slot[int]) {
			put(Key{name.Draw(rt, "scope"), name.Draw(rt, "category"), name.Draw(rt, "id")}, v, earlier)
		}
		rt.Repeat(map[string]func(*rapid.T){
			"add": func(*rapid.T) { add(len(newest), nil) },
			"add crowd": func(*rapid.T) {
				for range 40 { // enough for the slices to shrink again
					put(Key{"a", "b", "c"}, len(newest), nil)
				}
			},
			"add under another key": func(rt *rapid.T) {
				if len(newest) == 0 {
					rt.Skip("no value yet")
				}
				v := rapid.IntRange(0, len(newest)-1).Draw(rt, "value")
				add(v, newest[v])
			},
			"remove": func(rt *rapid.T) {
				if len(used) == 0 {
					rt.Skip("no slot yet")
				}
				s := used[pick()]
				_, held := model[s]
				if got := ix.remove(s); got != held {
					rt.Fatalf("remove = %v, want %v", got, held)
				}
				delete(model, s)
			},
			"remove most": func(rt *rapid.T) {
				if len(used) == 0 {
					rt.Skip("no slot yet")
				}
				from := pick()
				for _, s := range used[from:] {
					_, held := model[s]
					if got := ix.remove(s); got != held {
						rt.Fatalf("remove = %v, want %v", got, held)
					}
					delete(model, s)
				}
			},
			"": func(rt *rapid.T) {
				checkIndex(rt, &ix)
				if ix.len() != len(model) {
					rt.Fatalf("len = %d, want %d", ix.len(), len(model))
				}
				for range 6 { // all of them take too long after every step
					compareIndex(rt, &ix, model, rapid.SampledFrom(patterns).Draw(rt, "pattern"))
				}
			},
		})
		for _, p := range patterns {
			compareIndex(rt, &ix, model, p)
		}
		for _, s := range used {
			ix.remove(s)
		}
		checkEmpty(rt, &ix)
	})
}

func compareIndex(rt *rapid.T, ix *index[int], model indexModel, p Pattern) {
	want := model.matches(p)
	got := ix.appendMatches([]int{-1}, p)[1:] // it appends
	slices.Sort(got)
	if !slices.Equal(got, want) {
		rt.Fatalf("%v: got %v, want %v", p, got, want)
	}
	if n := ix.count(p); n != len(want) {
		rt.Fatalf("%v: count = %d, want %d", p, n, len(want))
	}
	keys := model.keys(p)
	if got := ix.keys(p); !slices.Equal(got, keys) {
		rt.Fatalf("%v: keys %v, want %v", p, got, keys)
	}
	slots := 0
	for _, e := range model {
		if p.Matches(e.key) {
			slots++
		}
	}
	if e := ix.explain(p); e.Keys != len(keys) || e.Entries != slots || slots-e.Repeats > len(want) {
		rt.Fatalf("%v: explained as %v, there are %d keys, %d slots, %d values", p, e, len(keys), slots, len(want))
	}
	if k, ok := p.Exact(); ok {
		got := ix.appendKey(nil, k)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			rt.Fatalf("%v: appendKey %v, want %v", k, got, want)
		}
	}
}

type fatalfer interface{ Fatalf(string, ...any) }

// checkIndex checks everything the parts of an index claim about each other.
func checkIndex[V any](t fatalfer, ix *index[V]) {
	size := 0
	for k, c := range ix.cells.m {
		if c.key != k || len(c.values) == 0 || len(c.values) != len(c.slots) {
			t.Fatalf("cell %v: key %v, %d values, %d slots", k, c.key, len(c.values), len(c.slots))
		}
		repeats := 0
		for i, s := range c.slots {
			if s.cell != c || s.at != i {
				t.Fatalf("cell %v: slot %d believes to be at %d", k, i, s.at)
			}
			if s.earlier != nil {
				repeats++
			}
		}
		if repeats != c.repeats {
			t.Fatalf("cell %v: %d repeats, want %d", k, c.repeats, repeats)
		}
		for i, l := range c.lists {
			if ix.lists.m[k.only(shape(i))] != l || l.cells[c.at[i]] != c {
				t.Fatalf("cell %v is not at its place in list %v", k, shape(i))
			}
		}
		size += len(c.slots)
	}
	if size != ix.size {
		t.Fatalf("size %d, want %d", ix.size, size)
	}
	places := 0
	for open, l := range ix.lists.m {
		total, repeats := 0, 0
		for _, c := range l.cells {
			if ix.cells.m[c.key] != c || !accepts(open, c.key) {
				t.Fatalf("list %v holds cell %v", open, c.key)
			}
			total += len(c.slots)
			repeats += c.repeats
		}
		if total == 0 || total != l.total || repeats != l.repeats {
			t.Fatalf("list %v: %d of %d slots, %d of %d repeats", open, l.total, total, l.repeats, repeats)
		}
		if cap(l.cells) > 1 && l.one[0] != nil {
			t.Fatalf("list %v keeps cell %v", open, l.one[0].key)
		}
		places += len(l.cells)
	}
	if want := listsPerCell * len(ix.cells.m); places != want {
		t.Fatalf("%d places in lists, want %d", places, want)
	}
}

func checkEmpty[V any](t fatalfer, ix *index[V]) {
	if ix.len() != 0 || ix.cells.m != nil || ix.lists.m != nil {
		t.Fatalf("an empty index holds %d slots, %d cells, %d lists", ix.len(), len(ix.cells.m), len(ix.lists.m))
	}
}

// Whoever comes and goes leaves nothing behind, neither next to others who
// stay nor in the memory of lists that were long once.
func TestIndexLeaksNothing(t *testing.T) {
	t.Parallel()
	var ix index[*int]
	var stays slot[*int]
	ix.add(&stays, ann, new(int), nil)
	for round := range 3 {
		slots := make([]slot[*int], 3000)
		for i := range slots {
			k := Key{fmt.Sprint("s", i%7), fmt.Sprint("c", round), fmt.Sprint("r", i)}
			if i%3 == 0 {
				k = ann // a crowd under one key
			}
			ix.add(&slots[i], k, new(int), nil)
		}
		for i := range slots {
			if !ix.remove(&slots[i*7%len(slots)]) { // 7 is no factor: each once
				t.Fatal("slot was not there")
			}
		}
		checkIndex(t, &ix)
		if len(ix.cells.m) != 1 || len(ix.lists.m) != listsPerCell {
			t.Fatalf("%d cells and %d lists are left", len(ix.cells.m), len(ix.lists.m))
		}
		for _, l := range ix.lists.m {
			checkSlack(t, l.cells)
		}
		checkSlack(t, ix.cells.m[ann].values)
		checkSlack(t, ix.cells.m[ann].slots)
	}
	ix.remove(&stays)
	checkEmpty(t, &ix)
}

// checkSlack checks that s of one element has given its memory back, and that
// what is left of it keeps nothing alive.
func checkSlack[T comparable](t *testing.T, s []T) {
	t.Helper()
	var zero T
	if len(s) != 1 || cap(s) > 32 {
		t.Errorf("len %d, cap %d", len(s), cap(s))
	}
	for _, v := range s[1:cap(s)] {
		if v != zero {
			t.Error("a removed element is still referred to")
		}
	}
}

func TestIndexRemoveTwice(t *testing.T) {
	t.Parallel()
	var ix index[string]
	var old, successor slot[string]
	ix.add(&old, ann, "old", nil)
	if !ix.remove(&old) {
		t.Fatal("first removal")
	}
	ix.add(&successor, ann, "new", nil)
	if ix.remove(&old) {
		t.Error("a late removal took something out")
	}
	if diff := cmp.Diff([]string{"new"}, ix.appendKey(nil, ann)); diff != "" {
		t.Errorf("successor (-want +got):\n%s", diff)
	}
	ix.add(&old, ann, "again", nil) // a free slot may be used again
	if got := ix.count(Exactly(ann)); got != 2 {
		t.Errorf("count = %d, want 2", got)
	}
}

func TestIndexMisuse(t *testing.T) {
	t.Parallel()
	panics := func(name string, f func()) {
		t.Helper()
		defer func() {
			if recover() == nil {
				t.Errorf("%s: no panic", name)
			}
		}()
		f()
	}
	var ix index[int]
	for _, k := range []Key{{}, ID("lobby", "ann"), {"a", "*", "b"}} {
		panics("invalid key", func() { ix.add(new(slot[int]), k, 1, nil) })
	}
	checkEmpty(t, &ix)
	var s slot[int]
	ix.add(&s, ann, 1, nil)
	panics("slot in use", func() { ix.add(&s, ann, 2, nil) })
	checkIndex(t, &ix)
}

func TestIndexExplain(t *testing.T) {
	t.Parallel()
	var ix index[int]
	v := 0
	for s := range 3 {
		for c := range 4 {
			for r := range 5 {
				for range 2 {
					ix.add(new(slot[int]), Key{fmt.Sprint("s", s), fmt.Sprint("c", c), fmt.Sprint("r", r)}, v, nil)
					v++
				}
			}
		}
	}
	for pattern, want := range map[string]string{
		"s1/c1/r1": "key: 1 keys, 2 entries",
		"s1/c1/*":  "scope+category: 5 keys, 10 entries",
		"s1/*/r1":  "scope+id: 4 keys, 8 entries",
		"*/c1/r1":  "category+id: 3 keys, 6 entries",
		"s1/*/*":   "scope: 20 keys, 40 entries",
		"*/c1/*":   "category: 15 keys, 30 entries",
		"*/*/r1":   "id: 12 keys, 24 entries",
		"*/*/*":    "all: 60 keys, 120 entries",
		"s1/*/r9":  "scope+id: 0 keys, 0 entries",
		"s1/c1/r9": "key: 0 keys, 0 entries",
	} {
		p, err := ParsePattern(pattern)
		if err != nil {
			t.Fatal(err)
		}
		if got := ix.explain(p).String(); got != want {
			t.Errorf("%s: %s, want %s", pattern, got, want)
		}
	}
	if got, want := ix.explain(Pattern{}).String(), "none: 0 keys, 0 entries"; got != want {
		t.Errorf("zero pattern: %s, want %s", got, want)
	}
	var a, b slot[int]
	ix.add(&a, Key{"s1", "x", "y"}, v, nil)
	ix.add(&b, Key{"s1", "x", "z"}, v, &a)
	if got, want := ix.explain(Pattern{Is("s1"), Is("x"), Any}).String(), "scope+category: 2 keys, 2 entries, 1 to deduplicate"; got != want {
		t.Errorf("value with two keys: %s, want %s", got, want)
	}
}

// Looking something up must not allocate, given room for the result.
func TestIndexLookupAllocs(t *testing.T) {
	var ix index[int]
	var first, second slot[int]
	ix.add(&first, ann, 1, nil)
	ix.add(&second, ann.In("other"), 1, &first)
	dst := make([]int, 0, 8)
	var churn slot[int]
	for name, f := range map[string]func(){
		"exact":            func() { dst = ix.appendMatches(dst[:0], Exactly(ann)) },
		"everyone":         func() { dst = ix.appendMatches(dst[:0], Everyone()) },
		"count":            func() { ix.count(Everyone()) },
		"add to known key": func() { ix.add(&churn, ann, 2, nil); ix.remove(&churn) },
	} {
		want := 0.0
		if name == "exact" {
			want = 1 // in Exactly
		}
		if got := testing.AllocsPerRun(100, f); got > want {
			t.Errorf("%s: %v allocations", name, got)
		}
	}
}
