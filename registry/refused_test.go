package registry_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/registry"
)

// Field functions that break their promise fail the effect, not the program.
func TestLiftWithABadField(t *testing.T) {
	type outer struct {
		Env Env
		Bad bool
	}
	d := dispatch.Must(dispatch.New(registry.Lift(registry.New("test", logs[A]("a")), func(o *outer) *Env {
		if o.Bad {
			return nil
		}
		return &o.Env
	})))
	res := d.Dispatch(t.Context(), outer{Bad: true}, A{})
	if _, ok := errors.AsType[*effect.PanicError](res.Err()); !ok {
		t.Errorf("got %v", res.Err())
	}
}

// A part of the Ctx that is not inside it would be shared by all dispatches, so that
// Call.With would change what others see.
func TestLiftThroughPointer(t *testing.T) {
	type (
		inner struct{ Env }
		outer struct {
			Env     *Env
			Inner   *inner
			Session inner
			Last    struct{}
		}
		single struct{ Env }
	)
	shared := &Env{}
	r := registry.New("test", logs[A]("a"))
	none := registry.New("test", effect.Do("Need nothing.", func(context.Context, effect.Call[struct{}], B) error { return nil }))
	for _, row := range []struct {
		lift   func() error
		want   string
		reason string
	}{
		{func() error { return registry.Lift(r, func(o *outer) *Env { return o.Env }).Err() }, "returns nil for a zero one", "a pointer"},
		{func() error { return registry.Lift(r, func(o *outer) *Env { return &o.Inner.Env }).Err() }, "panics on a zero one", "a field behind a pointer"},
		{func() error { return registry.Lift(r, func(o *outer) *Env { return shared }).Err() }, "would change for all", "a variable"},
		{func() error { return registry.Lift(r, func(o *outer) *Env { return new(Env) }).Err() }, "would change for all", "a new one each time"},
		{func() error { return registry.Lift(r, func(o *outer) *Env { e := o.Session.Env; return &e }).Err() }, "would change for all", "a copy"},
		{func() error { return registry.Lift(r, func(o *outer) *Env { return &o.Session.Env }).Err() }, "", "a field of a field"},
		{func() error { return registry.Lift(r, func(o *single) *Env { return &o.Env }).Err() }, "", "all of it"},
		{func() error { return registry.Lift(none, func(o *outer) *struct{} { return &o.Last }).Err() }, "", "an empty one at the end"},
	} {
		err := row.lift()
		switch {
		case row.want == "" && err != nil:
			t.Errorf("%s is refused: %v", row.reason, err)
		case row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want) || !strings.Contains(err.Error(), "refused_test.go:")):
			t.Errorf("%s: got %v, want %q and the place", row.reason, err, row.want)
		}
	}
}

// panicky has methods that panic on some values.
type panicky struct{ N int }

func (p panicky) EffectName() string {
	if p.N > 0 {
		panic("no name")
	}
	return "test/panicky"
}

// What is wrong with examples is an error, whatever their methods do.
func TestExamplesThatPanic(t *testing.T) {
	for _, row := range []struct {
		example effect.Data
		want    string
	}{
		{nil, "example 0 is nil"},
		{(*A)(nil), "example 0 is a nil *registry_test.A"},
		{(*panicky)(nil), "example 0 is a nil *registry_test.panicky"},
		{panicky{1}, "example 0 is not a registry_test.A"},
	} {
		r := registry.New("test", logs[A]("a").About(effect.About{Examples: []effect.Data{row.example}}))
		if err := r.Err(); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("got %v, want %q", err, row.want)
		}
		if _, err := dispatch.New(r); err == nil {
			t.Error("it builds")
		}
	}
	if err := registry.New("test", logs[panicky]("a").About(effect.About{Examples: []effect.Data{panicky{1}}})).Err(); err == nil {
		t.Error("a name that panics is accepted")
	}
}

// garbled has two fields that JSON takes for one.
type garbled struct {
	Base
	N int
}

// Base is a part of effects.
type Base struct{ N int }

func (garbled) EffectName() string { return "test/garbled" }

// A type that JSON would garble is an error of the registry, with the place of the
// item and the remedy.
func TestUnfitTypeIsABuildError(t *testing.T) {
	_, err := dispatch.New(registry.New("test", logs[garbled]("a")))
	want := `registry "test": item made at registry/registry_test.go:`
	if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(),
		`registry_test.garbled.Base.N and registry_test.garbled.N are both "N" in JSON, which leaves out one of them or both: give one another name`) {
		t.Errorf("got %v", err)
	}
}
