package dispatch_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
)

// The worlds of the effects in dry runs.
type (
	outside struct{}
	within  struct{ N int }
	pure    struct{}
	nesting struct{ Effects effect.List }
)

func (outside) EffectName() string { return "test/outside" }
func (within) EffectName() string  { return "test/within" }
func (pure) EffectName() string    { return "test/pure" }
func (nesting) EffectName() string { return "test/nesting" }

func dryTester(t *testing.T, more ...effect.Item[Env]) *dispatch.Dispatcher[Env] {
	t.Helper()
	return tester(t, append([]effect.Item[Env]{
		effect.Handle("Touch the world.", func(_ context.Context, c call, _ outside) (int, error) {
			c.Ctx().add("outside")
			return 1, nil
		}),
		effect.Handle("Know of dry runs.", func(ctx context.Context, c call, w within) (int, error) {
			if effect.IsDry(ctx) {
				effect.WouldDo(ctx, fmt.Sprintf("change %d", w.N))
				return 2, nil
			}
			c.Ctx().add("within")
			return 3, nil
		}).About(effect.About{Reach: effect.Local, Dry: true}),
		effect.Handle("Change nothing.", func(ctx context.Context, c call, _ pure) (bool, error) {
			c.Ctx().add("pure")
			return effect.IsDry(ctx), nil
		}).About(effect.About{Reach: effect.Pure}),
		// It drops its ctx, and yet what it dispatches stays dry.
		effect.Handle("Dispatch more.", func(_ context.Context, c call, n nesting) (int, error) {
			return len(c.Dispatch(context.Background(), n.Effects...).Errors), nil
		}).About(effect.About{Reach: effect.Pure}),
	}, more...)...)
}

func planOf(r *dispatch.Rehearsal) []string {
	var out []string
	for _, p := range r.Plan {
		out = append(out, fmt.Sprintf("%s %s %s rehearsed=%t %v", p.Path, p.Item.EffectName(), p.Reach, p.Rehearsed, p.Would))
	}
	return out
}

func TestDryRun(t *testing.T) {
	d := dryTester(t)
	env := newEnv()
	r := d.DryRun(t.Context(), env, outside{}, within{7}, pure{}, Fail{}, Nope{}, nesting{effect.List{outside{}, within{8}}})
	if diff := cmp.Diff([]string{
		"0 test/outside external rehearsed=false []",
		"1 test/within local rehearsed=true [change 7]",
		"3 test/fail external rehearsed=false []",
		"0 test/outside external rehearsed=false []",
		"1 test/within local rehearsed=true [change 8]",
	}, planOf(r)); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
	wantLog(t, env, "pure")
	wantSummary(t, r.Result, summary{
		Outcomes: []string{"0 test/outside = <nil>", "1 test/within = 2", "2 test/pure = true", "3 test/fail = <nil>", "5 test/nesting = 0"},
		Errors:   []string{`lookup test/nope at 4: unknown effect, action or placeholder "test/nope": did you mean test/note?`},
	})
	if p := r.Plan[3]; p.Parent != r.Result.ID || p.Dispatch == r.Result.ID {
		t.Errorf("the nested entry is of dispatch %d under %d, the dry run is %d", p.Dispatch, p.Parent, r.Result.ID)
	}
	if d.Dispatch(t.Context(), env, within{1}); (*env.Log)[1] != "within" {
		t.Errorf("after the dry run, a real one logs %q", *env.Log)
	}
}

func TestDryRunInterceptorsSeeIt(t *testing.T) {
	var seen []bool
	d := dryTester(t, effect.Interceptor[Env]{
		Name: "test/look",
		Dispatch: func(next effect.DispatchFunc[Env]) effect.DispatchFunc[Env] {
			return func(ctx context.Context, c call, items effect.List) *effect.Result {
				seen = append(seen, effect.IsDry(ctx))
				next(ctx, c, items) // the last attempt counts
				return next(ctx, c, items)
			}
		},
		Effect: func(next effect.EffectFunc[Env]) effect.EffectFunc[Env] {
			return func(ctx context.Context, c call, item effect.Data) (any, error) {
				seen = append(seen, effect.IsDry(ctx))
				effect.WouldDo(ctx, "an interceptor has no plan")
				return next(ctx, c, item)
			}
		},
	})
	env := newEnv()
	r := d.DryRun(t.Context(), env, outside{})
	if diff := cmp.Diff([]string{"0 test/outside external rehearsed=false []", "0 test/outside external rehearsed=false []"}, planOf(r)); diff != "" {
		t.Errorf("plan, once for each attempt (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]bool{true, true, true}, seen); diff != "" {
		t.Errorf("what interceptors see (-want +got):\n%s", diff)
	}
	wantSummary(t, r.Result, summary{Outcomes: []string{"0 test/outside = <nil>"}})
	wantLog(t, env)
}

// What a handler leaves behind stays dry and does not change the plan.
func TestDryRunLeftBehind(t *testing.T) {
	var later sync.WaitGroup
	release := make(chan struct{})
	d := dryTester(t, does(func(ctx context.Context, c call) (any, error) {
		later.Go(func() {
			<-release
			effect.WouldDo(ctx, "too late")
			c.Dispatch(context.Background(), outside{}, within{9})
		})
		return nil, nil
	}).(effect.Effect[Env]).About(effect.About{Reach: effect.Local, Dry: true}))
	env := newEnv()
	r := d.DryRun(t.Context(), env, Do{})
	close(release)
	later.Wait()
	if diff := cmp.Diff([]string{"0 test/do local rehearsed=true []"}, planOf(r)); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
	wantLog(t, env)
}
