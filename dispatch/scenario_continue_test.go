package dispatch_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/registry"
)

var lang = effect.NewContextKey[string]("lang")

func TestChildDataWin(t *testing.T) {
	env := newEnv()
	parent := func(ctx context.Context, c call) (any, error) {
		c.Dispatch(lang.With(ctx, "de"), Do{1})
		l, _ := lang.From(ctx)
		c.Ctx().add("parent %s", l)
		return nil, nil
	}
	child := func(ctx context.Context, c call) (any, error) {
		l, _ := lang.From(ctx)
		u, _ := user.From(ctx)
		c.Ctx().add("child %s %s", l, u)
		return nil, nil
	}
	tester(t, does(parent, child)).Dispatch(user.With(lang.With(t.Context(), "en"), "Bob"), env, Do{})
	wantLog(t, env, "child de Bob", "parent en")
}

// Wide is a Ctx with several things in it, to see what a change touches.
type Wide struct {
	Env    Env
	Stream string
	User   string
}

type Show struct{}

func (Show) EffectName() string { return "test/show" }

func show() effect.Item[Wide] {
	return effect.Handle("Log the Ctx.", func(_ context.Context, c effect.Call[Wide], _ Show) (int, error) {
		x := c.Ctx()
		x.Env.add("%s %s %s", x.Env.Label, x.Stream, x.User)
		return 0, nil
	})
}

// Redirect continues with another stream.
type Redirect struct {
	Stream  string
	Effects effect.List
}

func (Redirect) EffectName() string { return "test/redirect" }

func redirect() effect.Item[Wide] {
	return effect.Handle("Continue with another stream.", func(ctx context.Context, c effect.Call[Wide], r Redirect) (int, error) {
		c.DispatchWith(ctx, func(w *Wide) { w.Stream = r.Stream }, r.Effects...)
		c.Ctx().Env.add("parent keeps %s", c.Ctx().Stream)
		return 0, nil
	})
}

func TestChangeOfOneField(t *testing.T) {
	env := newEnv()
	env.Label = "L"
	d := dispatch.Must(dispatch.New(registry.New("wide", show(), redirect())))
	d.Dispatch(t.Context(), Wide{env, "S", "Bob"}, Redirect{"X", effect.List{Show{}}}, Show{})
	wantLog(t, env, "L X Bob", "parent keeps S", "L S Bob")
}

// Relabel continues with another label, from a registry that knows Env only.
type Relabel struct {
	Label   string
	Effects effect.List
}

func (Relabel) EffectName() string { return "test/relabel" }

func relabel() effect.Item[Env] {
	return effect.Handle("Continue with another label.", func(ctx context.Context, c call, r Relabel) (int, error) {
		c.DispatchWith(ctx, func(e *Env) { e.Label = r.Label }, r.Effects...)
		return 0, nil
	})
}

func TestChangesAccumulateAcrossLiftedRegistries(t *testing.T) {
	type outermost struct{ Wide Wide }
	env := newEnv()
	inWide := registry.Join(
		registry.New("wide", show(), redirect()),
		registry.Lift(registry.New("env", relabel()), func(w *Wide) *Env { return &w.Env }))
	want := []string{"one X Bob", "two Y Bob", "parent keeps X", "parent keeps S", "L S Bob"}
	items := effect.List{
		Redirect{"X", effect.List{Relabel{"one", effect.List{Show{}, Redirect{"Y", effect.List{Relabel{"two", effect.List{Show{}}}}}}}}},
		Show{},
	}
	t.Run("lifted once", func(t *testing.T) {
		env.Label = "L"
		dispatch.Must(dispatch.New(inWide)).Dispatch(t.Context(), Wide{env, "S", "Bob"}, items...)
		wantLog(t, env, want...)
	})
	t.Run("lifted twice", func(t *testing.T) {
		*env.Log = nil
		d := dispatch.Must(dispatch.New(registry.Lift(inWide, func(o *outermost) *Wide { return &o.Wide })))
		d.Dispatch(t.Context(), outermost{Wide{env, "S", "Bob"}}, items...)
		wantLog(t, env, want...)
	})
}

func TestContinuationAfterTheParentReturned(t *testing.T) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	results := make(chan *effect.Result, 8)
	begin := func(ctx context.Context, c call) (any, error) {
		for range cap(results) {
			wg.Go(func() {
				<-start
				results <- c.DispatchWith(ctx, func(e *Env) { e.Log = new([]string) }, Note{"late"}, Fail{"late"})
			})
		}
		return nil, nil
	}
	d := tester(t, does(begin), onion("i"))
	res := d.Dispatch(t.Context(), newEnv(), Do{})
	close(start)
	wg.Wait()
	close(results)
	ids := map[uint64]bool{}
	for r := range results {
		wantSummary(t, r, summary{Outcomes: []string{"0 test/note = late"}, Errors: []string{"effect test/fail at 1: late: failed on purpose"}})
		if r.Parent != res.ID || r.Errors[0].Parent != res.ID || r.Errors[0].Dispatch != r.ID {
			t.Errorf("not linked to the parent %d: %+v", res.ID, r)
		}
		ids[r.ID] = true
	}
	if len(ids) != 8 {
		t.Errorf("%d different ids, want 8", len(ids))
	}
	wantSummary(t, res, summary{Outcomes: []string{"0 test/do = <nil>"}})
}

func TestContinuationsWhileTheParentRuns(t *testing.T) {
	fan := func(ctx context.Context, c call) (any, error) {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 20 {
					c.DispatchWith(ctx, func(e *Env) { e.Log = new([]string) }, Note{"x"}, Fail{"x"})
					_ = c.Failed()
				}
			})
		}
		wg.Wait()
		return nil, nil
	}
	res := tester(t, does(fan)).Dispatch(t.Context(), newEnv(), Do{}, Note{"after"})
	if len(res.Errors) != 160 {
		t.Errorf("%d errors rolled up, want 160", len(res.Errors))
	}
}

func TestErrorsOfContinuations(t *testing.T) {
	for _, row := range []struct {
		detach bool
		want   []string
		reason string
	}{
		{false, []string{`lookup test/nope at 0: unknown effect, action or placeholder "test/nope": did you mean test/note?`}, "rolled up to the caller"},
		{true, nil, "kept to itself"},
	} {
		var inner *effect.Result
		nested := func(ctx context.Context, c call) (any, error) {
			if row.detach {
				c = c.Detached()
			}
			inner = c.Dispatch(ctx, Nope{})
			return nil, nil
		}
		res := tester(t, does(nested)).Dispatch(t.Context(), newEnv(), Note{"first"}, Do{})
		if diff := cmp.Diff(row.want, summarize(res).Errors); diff != "" {
			t.Errorf("%s (-want +got):\n%s", row.reason, diff)
		}
		if inner == nil || len(inner.Errors) != 1 || !errors.Is(inner.Err(), dispatch.ErrUnknown) {
			t.Fatalf("the handler got %v", inner.Err())
		}
		if e := inner.Errors[0]; e.Parent != res.ID || e.Dispatch != inner.ID || inner.Parent != res.ID || e.Dispatch == e.Parent {
			t.Errorf("%s: ids do not lead to the parent: %+v", row.reason, e)
		}
	}
}

func TestRollUpThroughLevels(t *testing.T) {
	outer := func(ctx context.Context, c call) (any, error) { c.Dispatch(ctx, Do{1}); return nil, nil }
	middle := func(ctx context.Context, c call) (any, error) {
		c.Detached().With(func(*Env) {}).Dispatch(ctx, Fail{"hidden"})
		c.With(func(*Env) {}).Detached().Dispatch(ctx, Fail{"hidden"})
		c.Dispatch(ctx, Fail{"seen"})
		return nil, nil
	}
	res := tester(t, does(outer, middle)).Dispatch(t.Context(), newEnv(), Do{}, Fail{"own"})
	wantSummary(t, res, summary{
		Outcomes: []string{"0 test/do = <nil>"},
		Errors:   []string{"effect test/fail at 0: seen: failed on purpose", "effect test/fail at 1: own: failed on purpose"},
	})
}

func TestContinuationIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var inner *effect.Result
		wait := func(ctx context.Context, c call) (any, error) {
			go func() {
				time.Sleep(time.Hour)
				inner = c.Dispatch(ctx, Note{"too late"})
			}()
			return nil, nil
		}
		env := newEnv()
		tester(t, does(wait)).Dispatch(ctx, env, Do{})
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		wantSummary(t, inner, summary{
			Errors:  []string{"cancel test/note at 0: context deadline exceeded"},
			Skipped: []string{"0 test/note: context deadline exceeded"},
		})
		wantLog(t, env)
	})
}

func TestContinuationDepth(t *testing.T) {
	n := 0
	self := func(ctx context.Context, c call) (any, error) { n++; c.Dispatch(ctx, Do{}); return nil, nil }
	res := testerWith(t, &dispatch.Options{MaxDepth: 5}, does(self)).Dispatch(t.Context(), newEnv(), Do{})
	wantSummary(t, res, summary{
		Outcomes: []string{"0 test/do = <nil>"},
		Errors:   []string{"limit test/do at 0: too deep: it expands or continues without end: 5 continuations deep"},
	})
	if n != 6 {
		t.Errorf("ran %d times, want 6: itself and five continuations", n)
	}
}

func TestCallTellsItsPlace(t *testing.T) {
	env := newEnv()
	place := func(ctx context.Context, c call) (any, error) {
		c.Ctx().add("%d %d %s %q", c.ID(), c.Parent(), c.Path(), c.Path().Chain())
		if c.Parent() == 0 {
			c.Dispatch(ctx, Note{"x"}, effect.Batch{Effects: effect.List{Do{}}})
		}
		return nil, nil
	}
	tester(t, does(place)).Dispatch(t.Context(), env, Note{"x"}, Do{})
	wantLog(t, env, "x", "1 0 1 []", "x", `2 1 1.0 ["effect/batch"]`)
}
