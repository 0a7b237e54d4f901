package registry_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
	"github.com/sfere-go/sfere/registry"
)

// sized returns a registry of n effects, each of a type of its own.
func sized(n int) registry.Registry[Env] {
	items := make([]effect.Item[Env], n)
	handle := logs[A]("a")
	like := (*core.Item)(&handle).State().Entry
	for i := range n {
		e := *like
		e.Name = name(n - i)
		e.Type = reflect.StructOf([]reflect.StructField{{Name: fmt.Sprintf("N%d", i), Type: reflect.TypeFor[int]()}})
		items[i] = effect.Effect[Env](core.NewItem(core.ItemState{Entry: &e}))
	}
	return registry.New("sized", items...)
}

func name(i int) string { return fmt.Sprintf("test/number-%d", i) }

// Looking one item up does not touch the others.
func TestManyEffects(t *testing.T) {
	lookups := map[int][2]float64{}
	for _, n := range []int{100, 10_000} {
		r := sized(n)
		d, err := dispatch.New(r)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(slices.Collect(d.All())); got != n {
			t.Errorf("%d of %d effects", got, n)
		}
		get := func(from func(string) (effect.Info, bool)) float64 {
			return testing.AllocsPerRun(100, func() {
				if info, ok := from("test/number-7"); !ok || info.Name != "test/number-7" {
					t.Fatal("not found")
				}
			})
		}
		lookups[n] = [2]float64{get(r.Get), get(d.Get)}
	}
	if lookups[100] != lookups[10_000] || lookups[100][0] > 2 {
		t.Errorf("allocations of one lookup by number of effects: %v", lookups)
	}
}

// What Replace, Join and Lift cost grows with the number of items, and not with its
// square.
func TestBuildingManyEffectsGrowsEvenly(t *testing.T) {
	type outer struct{ Env Env }
	build := func(n int) float64 {
		base := sized(n)
		return testing.AllocsPerRun(1, func() {
			r := registry.Lift(registry.Replace(registry.Join(base), base), func(o *outer) *Env { return &o.Env })
			if _, err := dispatch.New(r); err != nil {
				t.Fatal(err)
			}
		})
	}
	if small, big := build(500), build(4000); big > 8*small*1.5 {
		t.Errorf("%v allocations for 500 effects, %v for 4000", small, big)
	}
}
