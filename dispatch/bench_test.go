package dispatch_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/growth"
	"github.com/sfere-go/sfere/registry"
)

// Add adds to the total of its Ctx; Twice is an action for two of them.
type (
	Add struct {
		N int `json:"n"`
	}
	Twice struct {
		N int `json:"n"`
	}
)

func (Add) EffectName() string   { return "bench/add" }
func (Twice) EffectName() string { return "bench/twice" }

// Sum is the Ctx of the registry, Mid and Out hold it one and two levels down.
type (
	Sum struct{ Total *int }
	Mid struct{ Sum Sum }
	Out struct{ Mid Mid }
)

func add(_ context.Context, s Sum, a Add) (struct{}, error) {
	*s.Total += a.N
	return struct{}{}, nil
}

func adder() registry.Registry[Sum] {
	return registry.New("bench",
		effect.Handle("Add a number.", func(ctx context.Context, call effect.Call[Sum], a Add) (struct{}, error) {
			return add(ctx, call.Ctx(), a)
		}),
		effect.Expand[Sum]("Add a number twice.", func(_ effect.NoState, t Twice) (effect.List, error) {
			return effect.List{Add{t.N}, Add{t.N}}, nil
		}))
}

func passSums(name string) effect.Item[Sum] {
	return effect.Interceptor[Sum]{Name: name, Effect: func(next effect.EffectFunc[Sum]) effect.EffectFunc[Sum] {
		return func(ctx context.Context, call effect.Call[Sum], item effect.Data) (any, error) {
			return next(ctx, call, item)
		}
	}}
}

// direct is called through a variable, so that it costs what a call costs.
var direct = add

// BenchmarkDispatch has a row for every way to run an effect, beside a direct
// call of the same function. x-direct is the ratio to that call, repeated as
// often as the row runs effects.
func BenchmarkDispatch(b *testing.B) {
	ctx := context.Background()
	var total int
	sum := Sum{&total}
	callDirect := func() { _, _ = direct(ctx, sum, Add{1}) }
	perCall := cost(callDirect)

	// What one writes without a dispatcher: handlers by name, and a panic that is an error.
	byName := map[string]func(context.Context, Sum, effect.Data) (any, error){
		"bench/add": func(ctx context.Context, s Sum, d effect.Data) (any, error) { return direct(ctx, s, d.(Add)) },
	}
	handWritten := func(items ...effect.Data) (out []any, err error) {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("panic: %v", p)
			}
		}()
		for _, d := range items {
			v, err := byName[d.EffectName()](ctx, sum, d)
			if err != nil {
				return out, err
			}
			out = append(out, v)
		}
		return out, nil
	}

	plain := dispatch.Must(dispatch.New(adder()))
	once := registry.Lift(adder(), func(m *Mid) *Sum { return &m.Sum })
	lifted := dispatch.Must(dispatch.New(once))
	twice := dispatch.Must(dispatch.New(registry.Lift(once, func(o *Out) *Mid { return &o.Mid })))
	wrapped := dispatch.Must(dispatch.New(adder(), registry.New("hooks", passSums("a"), passSums("b"), passSums("c"))))
	one := effect.List{Add{1}}
	var ten effect.List
	for i := range 10 {
		ten = append(ten, Add{i})
	}
	text, err := ten.MarshalJSON()
	if err != nil {
		b.Fatal(err)
	}

	for _, row := range []struct {
		name    string
		effects int
		run     func()
	}{
		{"direct", 1, callDirect},
		{"map-of-funcs", 1, func() { _, _ = handWritten(one...) }},
		{"one", 1, func() { plain.Dispatch(ctx, sum, one...) }},
		{"ten", 10, func() { plain.Dispatch(ctx, sum, ten...) }},
		{"lifted", 1, func() { lifted.Dispatch(ctx, Mid{sum}, one...) }},
		{"lifted-twice", 1, func() { twice.Dispatch(ctx, Out{Mid{sum}}, one...) }},
		{"three-interceptors", 1, func() { wrapped.Dispatch(ctx, sum, one...) }},
		{"action-to-two", 2, func() { plain.Dispatch(ctx, sum, Twice{1}) }},
		{"decode-ten", 10, func() {
			if _, err := plain.Decode(text); err != nil {
				b.Fatal(err)
			}
		}},
	} {
		b.Run(row.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				row.run()
			}
			each := float64(b.Elapsed().Nanoseconds()) / float64(b.N) / float64(row.effects)
			b.ReportMetric(each/perCall, "x-direct")
			b.ReportMetric(each, "ns/effect")
		})
	}
}

// cost measures one call of f in nanoseconds.
func cost(f func()) float64 {
	const n = 5_000_000
	began := time.Now()
	for range n {
		f()
	}
	return float64(time.Since(began).Nanoseconds()) / n
}

// BenchmarkParallel shows what the shared parts of a dispatcher cost.
func BenchmarkParallel(b *testing.B) {
	d := dispatch.Must(dispatch.New(adder()))
	ctx := context.Background()
	one := effect.List{Add{1}}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		var total int
		for pb.Next() {
			d.Dispatch(ctx, Sum{&total}, one...)
		}
	})
}

// The numbers of allocations are promises.
func TestAllocations(t *testing.T) {
	if testing.CoverMode() != "" || growth.Race {
		t.Skip("instrumented")
	}
	var total int
	ctx := context.Background()
	one, three := effect.List{Add{1}}, effect.List{Add{1}, Add{2}, Add{3}}
	d := dispatch.Must(dispatch.New(adder()))
	lifted := dispatch.Must(dispatch.New(registry.Lift(adder(), func(m *Mid) *Sum { return &m.Sum })))
	for _, row := range []struct {
		name string
		want float64
		run  func()
	}{
		{"one", 1, func() { d.Dispatch(ctx, Sum{&total}, one...) }},
		{"three", 2, func() { d.Dispatch(ctx, Sum{&total}, three...) }},
		{"lifted", 1, func() { lifted.Dispatch(ctx, Mid{Sum{&total}}, one...) }},
	} {
		if got := testing.AllocsPerRun(100, row.run); got > row.want {
			t.Errorf("%s: %v allocations, want %v", row.name, got, row.want)
		}
	}
}

// BenchmarkSerial shows what a key costs: beside the same list in a batch, and
// when everybody wants the same one.
func BenchmarkSerial(b *testing.B) {
	d := dispatch.Must(dispatch.New(adder()))
	ctx := context.Background()
	list := effect.List{Add{1}}
	for _, row := range []struct {
		name string
		item effect.Data
	}{
		{"batch", effect.Batch{Effects: list}},
		{"serial", serial("k", list...)},
		{"serial-in-serial", serial("k", serial("l", list...))},
	} {
		b.Run(row.name, func(b *testing.B) {
			var total int
			b.ReportAllocs()
			for b.Loop() {
				d.Dispatch(ctx, Sum{&total}, row.item)
			}
		})
	}
	b.Run("contended", func(b *testing.B) {
		var total int
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				d.Dispatch(ctx, Sum{&total}, serial("k", list...))
			}
		})
	})
}
