package dispatch_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/registry"
)

// Plan is an action with a late argument, PlanToo one of another registry.
type (
	Plan struct {
		Of effect.Late[string] `json:"of"`
	}
	PlanToo struct{}
	// Stock is the state of both.
	Stock int
)

func (Plan) EffectName() string    { return "test/plan" }
func (PlanToo) EffectName() string { return "test/plan-too" }

func expandPlan() effect.Item[Env] {
	return effect.Expand[Env]("Note the stock.", func(s Stock, _ Plan) (effect.List, error) { return effect.List{Note{"plan"}}, nil })
}

// An interceptor may give up on an expansion inside a batch. What it has left
// running looks neither at the batch that has ended nor at the next one.
func TestGivenUpExpansionInBatchDoesNotRace(t *testing.T) {
	var background sync.WaitGroup
	var mu sync.Mutex // guards asked
	asked := 0
	d := tester(t, expandPlan(),
		effect.State(func(context.Context, call) (Stock, error) {
			mu.Lock()
			defer mu.Unlock()
			asked++
			return Stock(asked), nil
		}),
		effect.Provide("Take time.", func(context.Context, call, Loop) (string, error) {
			for range 100 {
				runtime.Gosched()
			}
			return "late", nil
		}),
		effect.Interceptor[Env]{
			Name: "timeout",
			Action: func(next effect.ActionFunc[Env]) effect.ActionFunc[Env] {
				return func(ctx context.Context, c call, item effect.Data) (effect.List, error) {
					background.Go(func() { _, _ = next(ctx, c, Plan{effect.Later[string](Loop{})}) })
					runtime.Gosched()
					return nil, errors.New("timed out")
				}
			},
		})
	for range 50 {
		d.Dispatch(t.Context(), newEnv(), effect.Batch{Effects: effect.List{Plan{}}}, effect.Batch{Effects: effect.List{Plan{}}}, Note{"after"})
	}
	background.Wait()
}

// A state function that hangs inside a batch holds up nobody but the actions of its
// own registry, and those no longer than their context.
func TestStateThatHangsInABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		asked := 0
		env := newEnv()
		var background sync.WaitGroup
		// It gives up on each action after a second.
		timeout := effect.Interceptor[Env]{Name: "timeout", Action: func(next effect.ActionFunc[Env]) effect.ActionFunc[Env] {
			return func(ctx context.Context, c call, item effect.Data) (effect.List, error) {
				type answer struct {
					list effect.List
					err  error
				}
				ctx, cancel := context.WithTimeout(ctx, time.Second)
				got := make(chan answer, 1)
				background.Go(func() {
					defer cancel()
					list, err := next(ctx, c, item)
					got <- answer{list, err}
				})
				select {
				case a := <-got:
					return a.list, a.err
				case <-ctx.Done():
					return nil, errors.New("timed out")
				}
			}
		}}
		d := dispatch.Must(dispatch.New(
			registry.New("slow", expandPlan(), handleNote(), timeout, effect.State(func(context.Context, call) (Stock, error) {
				asked++
				<-release
				return 1, nil
			})),
			registry.New("quick",
				effect.Expand[Env]("Note the stock.", func(s Stock, _ PlanToo) (effect.List, error) { return effect.List{Note{"too"}}, nil }),
				effect.State(func(context.Context, call) (Stock, error) { return 1, nil })),
		))
		res := d.Dispatch(t.Context(), env, effect.Batch{Effects: effect.List{Plan{}, PlanToo{}, Plan{}}})
		close(release)
		background.Wait()
		wantSummary(t, res, summary{
			Outcomes: []string{"0.1.0 test/note = too"},
			Errors: []string{
				"interceptor test/plan at 0.0 by timeout (via effect/batch): timed out",
				"interceptor test/plan at 0.2 by timeout (via effect/batch): timed out",
			},
		})
		if asked != 1 {
			t.Errorf("the state was asked for %d times in one batch", asked)
		}
	})
}

// The state of a batch is asked for again if it could not be had.
func TestStateThatFailsInABatch(t *testing.T) {
	asked := 0
	d := tester(t, expandPlan(), effect.State(func(context.Context, call) (Stock, error) {
		if asked++; asked == 1 {
			return 0, errFail
		}
		return 1, nil
	}))
	res := d.Dispatch(t.Context(), newEnv(), effect.Batch{Effects: effect.List{Plan{}, Plan{}, Plan{}}})
	if asked != 2 || len(res.Errors) != 1 || len(res.Outcomes) != 2 {
		t.Errorf("asked %d times: %+v", asked, summarize(res))
	}
}

// runtime.Goexit in a handler, as by t.FailNow, ends the goroutine that dispatches:
// nobody can keep it from that. What the dispatch held is free.
func TestGoexitInHandler(t *testing.T) {
	d := tester(t, does(func(context.Context, call) (any, error) { runtime.Goexit(); return nil, nil }))
	returned := false
	var gone sync.WaitGroup
	gone.Go(func() {
		d.Dispatch(context.Background(), newEnv(), serial("k", Do{}))
		returned = true
	})
	gone.Wait()
	if returned {
		t.Error("Dispatch has returned: docs/effects.md says otherwise")
	}
	if held, _ := dispatch.KeysHeld(d); held != 0 {
		t.Errorf("%d keys are held", held)
	}
	if res := d.Dispatch(t.Context(), newEnv(), serial("k", Note{"x"})); res.Err() != nil {
		t.Error(res.Err())
	}
}
