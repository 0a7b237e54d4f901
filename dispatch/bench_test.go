package dispatch_test

import (
	"context"
	"testing"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/registry"
)

type Add struct{ N int }

func (Add) EffectName() string { return "bench/add" }

type Sum struct{ Total *int }
type Mid struct{ Sum Sum }
type Out struct{ Mid Mid }

func adder() registry.Registry[Sum] {
	return registry.New("bench", effect.Handle("Add a number.", func(_ context.Context, call *effect.Call[Sum], a Add) (struct{}, error) {
		*call.Ctx().Total += a.N
		return struct{}{}, nil
	}))
}

func BenchmarkOne(b *testing.B) {
	ctx := context.Background()
	items := effect.List{Add{1}}
	var total int
	direct := func(_ context.Context, s Sum, a Add) (struct{}, error) { *s.Total += a.N; return struct{}{}, nil }
	b.Run("direct", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = direct(ctx, Sum{&total}, Add{1})
		}
	})
	d0 := dispatch.Must(dispatch.New(adder()))
	b.Run("one", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			d0.Dispatch(ctx, Sum{&total}, items...)
		}
	})
	lift1 := registry.Lift(adder(), func(m *Mid) *Sum { return &m.Sum })
	d1 := dispatch.Must(dispatch.New(lift1))
	b.Run("lifted", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			d1.Dispatch(ctx, Mid{Sum{&total}}, items...)
		}
	})
	d2 := dispatch.Must(dispatch.New(registry.Lift(lift1, func(o *Out) *Mid { return &o.Mid })))
	b.Run("lifted twice", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			d2.Dispatch(ctx, Out{Mid{Sum{&total}}}, items...)
		}
	})
}
