package core_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
)

type ref struct{ N int }

func (ref) EffectName() string { return "core/ref" }

func late(n int) effect.Late[int] { return effect.Later[int](ref{n}) }

// Tree holds late values and lists in all places, and itself.
type Tree struct {
	Late  effect.Late[int]
	Slice []effect.Late[int]
	Map   map[string]*Tree
	Array [2]Tree2
	Next  *Tree
	List  effect.List
	Lists map[string][]effect.List
	When  time.Time
}

type Tree2 struct{ Late effect.Late[int] }

func tree() Tree {
	return Tree{
		Late: late(1), Slice: []effect.Late[int]{effect.Now(7), late(2)},
		Map:   map[string]*Tree{"a": {Late: late(3)}},
		Array: [2]Tree2{{late(4)}, {}},
		Next:  &Tree{Next: &Tree{Late: late(5)}},
		List:  effect.List{ref{1}},
		Lists: map[string][]effect.List{"x": {{ref{2}}, nil}},
	}
}

func TestMapLateCopies(t *testing.T) {
	plan, err := core.NewPlan(reflect.TypeFor[Tree]())
	if err != nil {
		t.Fatal(err)
	}
	in := tree()
	out, err := plan.MapLate(in, func(l core.Late) error { return l.Set(l.Ref().(ref).N * 10) })
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tree(), in); diff != "" {
		t.Errorf("the original was changed (-want +got):\n%s", diff)
	}
	want := tree()
	want.Late, want.Slice[1], want.Map["a"].Late = effect.Now(10), effect.Now(20), effect.Now(30)
	want.Array[0].Late, want.Next.Next.Late = effect.Now(40), effect.Now(50)
	if diff := cmp.Diff(want, out); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, row := range []struct {
		item any
		want bool
	}{{in, true}, {out, false}, {Tree{}, false}, {Tree{Map: map[string]*Tree{"a": nil, "b": {Late: late(1)}}}, true}} {
		if got, err := plan.Refs(row.item); got != row.want || err != nil {
			t.Errorf("Refs(%v) = %v, %v", row.item, got, err)
		}
	}
	stop := errors.New("stop")
	if _, err := plan.MapLate(in, func(core.Late) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
}

func TestNestedLists(t *testing.T) {
	plan, err := core.NewPlan(reflect.TypeFor[Tree]())
	if err != nil {
		t.Fatal(err)
	}
	in := tree()
	n := 0
	if err := plan.EachNested(in, func(list any) error { n += len(list.(effect.List)); return nil }); err != nil || n != 2 {
		t.Errorf("%d items in lists, %v", n, err)
	}
	out, err := plan.MapNested(in, func(list any) error {
		l := list.(*effect.List)
		*l = append(effect.List{ref{9}}, *l...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tree(), in); diff != "" {
		t.Errorf("the original was changed (-want +got):\n%s", diff)
	}
	if got := out.(Tree).Lists["x"][1]; len(got) != 1 {
		t.Errorf("got %v", got)
	}
}

func TestValueWithoutEnd(t *testing.T) {
	plan, err := core.NewPlan(reflect.TypeFor[Tree]())
	if err != nil {
		t.Fatal(err)
	}
	in := Tree{}
	in.Next = &in
	if _, err := plan.Refs(in); !errors.Is(err, core.ErrValueDepth) {
		t.Errorf("Refs: %v", err)
	}
	if err := plan.EachNested(in, func(any) error { return nil }); !errors.Is(err, core.ErrValueDepth) {
		t.Errorf("EachNested: %v", err)
	}
	if _, err := plan.MapLate(in, func(core.Late) error { return nil }); !errors.Is(err, core.ErrValueDepth) {
		t.Errorf("MapLate: %v", err)
	}
}

func TestPlansOfTypes(t *testing.T) {
	for _, row := range []struct {
		of           any
		late, nested bool
		fit          bool
		reason       string
	}{
		{struct{ A int }{}, false, false, true, "plain types cost nothing"},
		{struct{ A any }{}, false, false, true, "interfaces are not looked into"},
		{struct{ A effect.Late[int] }{}, true, false, true, "a late field"},
		{struct {
			A []map[string]*effect.Late[int]
		}{}, true, false, true, "far down"},
		{struct{ A effect.List }{}, false, true, true, "a list"},
		{struct{ A effect.Late[effect.List] }{}, true, true, true, "a late list"},
		{struct {
			A struct {
				B effect.Late[struct{ C effect.Late[int] }]
			}
		}{}, false, false, false, "late in late"},
		{struct{ A func() }{}, false, false, false, "a function"},
		{struct{ A map[string]chan int }{}, false, false, false, "a channel"},
		{7, false, false, false, "no struct"},
	} {
		plan, err := core.NewPlan(reflect.TypeOf(row.of))
		if (err == nil) != row.fit {
			t.Errorf("%s: %v", row.reason, err)
			continue
		}
		if plan.HasLate() != row.late || plan.HasNested() != row.nested {
			t.Errorf("%s: late %v, nested %v", row.reason, plan.HasLate(), plan.HasNested())
		}
	}
}

func BenchmarkRefs(b *testing.B) {
	plan, err := core.NewPlan(reflect.TypeFor[Tree2]())
	if err != nil {
		b.Fatal(err)
	}
	item := any(Tree2{effect.Now(1)})
	b.ReportAllocs()
	for b.Loop() {
		if refs, err := plan.Refs(item); refs || err != nil {
			b.Fatal(refs, err)
		}
	}
}
