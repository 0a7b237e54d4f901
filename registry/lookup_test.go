package registry_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/registry"
)

// Catalogues ask for items by name, one by one and from many goroutines.
func TestGetFromManyGoroutines(t *testing.T) {
	r := registry.Join(registry.New("a", logs[A]("a")), registry.New("b", logs[B]("b")))
	d := dispatch.Must(dispatch.New(r))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for _, name := range []string{"test/a", "test/b"} {
				info, ok := r.Get(name)
				again, ok2 := d.Get(name)
				if !ok || !ok2 || info.Name != name || again.Site != info.Site {
					t.Errorf("%s: %+v, %+v", name, info, again)
				}
			}
			if _, ok := r.Get("test/c"); ok {
				t.Error("found what is not there")
			}
		})
	}
	wg.Wait()
	var none registry.Registry[Env]
	if _, ok := none.Get("test/a"); ok || none.Err() != nil {
		t.Error("the zero registry holds something")
	}
}

// Items are immutable, so one may be part of several registries.
func TestItemInTwoRegistries(t *testing.T) {
	item := logs[A]("a")
	one, two := registry.New("one", item), registry.New("two", item.About(effect.About{Reach: effect.Local}))
	a, _ := one.Get("test/a")
	b, _ := two.Get("test/a")
	if a.Registry != "one" || b.Registry != "two" || a.Reach != effect.External || b.Reach != effect.Local {
		t.Errorf("got %+v and %+v", a, b)
	}
}

// An interceptor has the place of the registry.New call in messages.
func TestSiteOfAnInterceptor(t *testing.T) {
	in := effect.Interceptor[Env]{Name: "bad", Effect: func(effect.EffectFunc[Env]) effect.EffectFunc[Env] { return nil }}
	made := registry.New("test", logs[A]("a"), in)
	_, _, line, _ := runtime.Caller(0)
	_, err := dispatch.New(made)
	if err == nil {
		t.Fatal("no error")
	}
	want := fmt.Sprintf(`registry "test": interceptor bad passed to registry.New at registry/lookup_test.go:%d: its Effect hook returned a nil step`, line-1)
	if !strings.Contains(err.Error(), want) {
		t.Errorf("got %q, want it to contain %q", err, want)
	}
}

// BenchmarkGet shows that looking up one item does not touch the others.
func BenchmarkGet(b *testing.B) {
	r := registry.New("test", logs[A]("a"), logs[B]("b"), logs[C]("c"),
		effect.Provide("Hold.", func(context.Context, call, Hold) (bool, error) { return true, nil }))
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := r.Get("test/b"); !ok {
			b.Fatal("not found")
		}
	}
}
