package effect_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/effect"
)

// A handler can be called in a test without any dispatcher.
func TestZeroCall(t *testing.T) {
	var zero effect.Call[App]
	if diff := cmp.Diff(App{}, zero.Ctx()); diff != "" {
		t.Errorf("Ctx (-want +got):\n%s", diff)
	}
	ann := zero.With(func(a *App) { a.User = "ann" })
	bob := ann.With(func(a *App) { a.User += " and bob" }).Detached()
	got := []string{zero.Ctx().User, ann.Ctx().User, bob.Ctx().User, zero.Detached().Ctx().User}
	if diff := cmp.Diff([]string{"", "ann", "ann and bob", ""}, got); diff != "" {
		t.Errorf("users (-want +got):\n%s", diff)
	}
	for _, row := range []struct {
		call   effect.Call[App]
		reason string
	}{{zero, "the zero Call"}, {ann, "with a Ctx"}, {bob, "changed twice and detached"}} {
		for _, res := range []*effect.Result{
			row.call.Dispatch(t.Context(), Notify{}),
			row.call.DispatchWith(t.Context(), func(*App) {}, Notify{}),
			first(row.call.DispatchShared(t.Context(), nil, Notify{})),
			row.call.DispatchPrepared(t.Context(), func(context.Context, int) (bool, error) { return true, nil }, Notify{}),
		} {
			if len(res.Errors) != 1 || len(res.Outcomes) != 0 {
				t.Errorf("%s: dispatching gave %+v", row.reason, res)
			}
		}
		if row.call.Failed() || row.call.ID() != 0 || row.call.Parent() != 0 || row.call.Path().String() != "0" {
			t.Errorf("%s: it claims to belong to a dispatch", row.reason)
		}
		if _, err := effect.Resolve(t.Context(), row.call, effect.Later[string](Recipient{})); err == nil {
			t.Errorf("%s: it resolves", row.reason)
		}
		if v, err := effect.Resolve(context.Background(), row.call, effect.Now("x")); v != "x" || err != nil {
			t.Errorf("%s: a literal needs no dispatch: %q, %v", row.reason, v, err)
		}
	}
}

func first[A, B any](a A, _ B) A { return a }
