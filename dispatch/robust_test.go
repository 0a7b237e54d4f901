package dispatch_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/registry"
)

// oddError can be compared as far as its type tells, and panics when it is.
type oddError struct{ v any }

func (oddError) Error() string { return "odd" }

func passEffects(name string) effect.Item[Env] {
	return effect.Interceptor[Env]{Name: name, Effect: func(next effect.EffectFunc[Env]) effect.EffectFunc[Env] { return next }}
}

func TestErrorThatCannotBeCompared(t *testing.T) {
	fails := func(context.Context, call) (any, error) { return nil, oddError{[]int{1}} }
	d := tester(t, does(fails), passEffects("a"), passEffects("b"))
	res := d.Dispatch(t.Context(), newEnv(), Do{}, Note{"after"})
	wantSummary(t, res, summary{
		Outcomes: []string{"1 test/note = after"},
		Errors:   []string{"effect test/do at 0: odd"},
	})
}

func TestContinuationReportsWhileInterceptorReads(t *testing.T) {
	var wg sync.WaitGroup
	start := func(ctx context.Context, c call) (any, error) {
		for range 4 {
			wg.Go(func() {
				for range 50 {
					c.Dispatch(ctx, Fail{"late"})
				}
			})
		}
		return nil, nil
	}
	seen := 0
	d := tester(t, does(start), effect.Interceptor[Env]{
		Name: "reader",
		Dispatch: func(next effect.DispatchFunc[Env]) effect.DispatchFunc[Env] {
			return func(ctx context.Context, c call, items effect.List) *effect.Result {
				res := next(ctx, c, items)
				if c.Parent() == 0 {
					for range 100 {
						if res.Err() != nil {
							seen++
						}
					}
				}
				return res
			}
		},
	})
	res := d.Dispatch(t.Context(), newEnv(), Do{})
	before := len(res.Errors)
	wg.Wait()
	if len(res.Errors) != before {
		t.Errorf("result changed after the dispatch returned: %d errors, then %d", before, len(res.Errors))
	}
}

func TestInterceptorGivesUpOnNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func(context.Context, call) (any, error) {
			time.Sleep(time.Minute)
			return "late", nil
		}
		errTimeout := errors.New("timed out")
		type answer struct {
			v   any
			err error
		}
		d := tester(t, does(slow), effect.Interceptor[Env]{
			Name: "timeout",
			Effect: func(next effect.EffectFunc[Env]) effect.EffectFunc[Env] {
				return func(ctx context.Context, c call, item effect.Data) (any, error) {
					done := make(chan answer, 1)
					go func() {
						v, err := next(ctx, c, item)
						done <- answer{v, err}
					}()
					select {
					case a := <-done:
						return a.v, a.err
					case <-time.After(time.Second):
						return nil, errTimeout
					}
				}
			},
		}, passEffects("inner"))
		res := d.Dispatch(t.Context(), newEnv(), Do{}, Note{"after"})
		want := summary{
			Outcomes: []string{"1 test/note = after"},
			Errors:   []string{"interceptor test/do at 0 by timeout: timed out"},
		}
		wantSummary(t, res, want)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		wantSummary(t, res, want)
	})
}

func TestDispatchInterceptorRetries(t *testing.T) {
	var n atomic.Int64
	flaky := func(context.Context, call) (any, error) {
		if n.Add(1) == 1 {
			return nil, errFail
		}
		return "second", nil
	}
	d := tester(t, does(flaky), effect.Interceptor[Env]{
		Name: "retry",
		Dispatch: func(next effect.DispatchFunc[Env]) effect.DispatchFunc[Env] {
			return func(ctx context.Context, c call, items effect.List) *effect.Result {
				first := next(ctx, c, items)
				if first.Err() == nil {
					return first
				}
				second := next(ctx, c, items)
				if len(first.Errors) != 1 || len(first.Outcomes) != 0 {
					t.Errorf("second attempt changed the result of the first: %+v", summarize(first))
				}
				return second
			}
		},
	})
	wantSummary(t, d.Dispatch(t.Context(), newEnv(), Do{}), summary{Outcomes: []string{"0 test/do = second"}})
}

func TestDispatchInterceptorPanicsAfterAnswer(t *testing.T) {
	prepared := &effect.Result{Outcomes: []effect.Outcome{{Item: Note{"cached"}, Value: "cached"}}}
	d := tester(t,
		effect.Interceptor[Env]{
			Name: "outer",
			Dispatch: func(next effect.DispatchFunc[Env]) effect.DispatchFunc[Env] {
				return func(ctx context.Context, c call, items effect.List) *effect.Result {
					next(ctx, c, items)
					panic("observer broke")
				}
			},
		},
		effect.Interceptor[Env]{
			Name: "cache",
			Dispatch: func(effect.DispatchFunc[Env]) effect.DispatchFunc[Env] {
				return func(context.Context, call, effect.List) *effect.Result { return prepared }
			},
		})
	for range 2 {
		wantSummary(t, d.Dispatch(t.Context(), newEnv(), Note{"x"}), summary{
			Outcomes: []string{"0 test/note = cached"},
			Errors:   []string{"interceptor dispatch at 0 by outer: panic: observer broke"},
		})
	}
	if len(prepared.Errors) != 0 {
		t.Error("the interceptor's own result was changed")
	}
}

func TestCancelledWithCause(t *testing.T) {
	cause := errors.New("the server stops")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	res := tester(t).Dispatch(ctx, newEnv(), Note{"x"})
	for _, want := range []error{cause, context.Canceled} {
		if !errors.Is(res.Err(), want) {
			t.Errorf("errors.Is(%v, %v) is false", res.Err(), want)
		}
	}
}

func TestNilContext(t *testing.T) {
	env := newEnv()
	var none context.Context
	tester(t).Dispatch(none, env, Note{"x"})
	wantLog(t, env, "x")
}

func TestRewrittenItemIsValidated(t *testing.T) {
	o := &dispatch.Options{Validate: func(d effect.Data) error {
		if d == (Note{"bad"}) {
			return errors.New("bad note")
		}
		return nil
	}}
	env := newEnv()
	d := testerWith(t, o, effect.Interceptor[Env]{
		Name: "spoiler",
		Effect: func(next effect.EffectFunc[Env]) effect.EffectFunc[Env] {
			return func(ctx context.Context, c call, _ effect.Data) (any, error) { return next(ctx, c, Note{"bad"}) }
		},
	})
	wantSummary(t, d.Dispatch(t.Context(), env, Note{"good"}), summary{Errors: []string{"validate test/note at 0: bad note"}})
	if len(*env.Log) != 0 {
		t.Error("the handler ran")
	}
}

// Loop is a placeholder that asks for itself.
type Loop struct{ Copies int }

func (Loop) EffectName() string { return "test/loop" }

// Say logs a late text.
type Say struct {
	Text effect.Late[string] `json:"text"`
}

func (Say) EffectName() string { return "test/say" }

func handleSay() effect.Item[Env] {
	return effect.Handle("Log a late text.", func(_ context.Context, c call, s Say) (string, error) {
		c.Ctx().add("%s", s.Text.Value)
		return s.Text.Value, nil
	})
}

// Wrapped embeds a list, so that it seems to be one.
type Wrapped struct{ effect.List }

func (Wrapped) EffectName() string { return "test/wrapped" }

func TestDecodeOfEmbeddedList(t *testing.T) {
	d := tester(t, effect.Handle("Take a wrapped list.", func(context.Context, call, Wrapped) (int, error) { return 1, nil }))
	got, err := d.Decode([]byte(`[{"effect":"test/wrapped","args":[{"effect":"test/note","args":{"text":"x"}}]}]`))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(effect.List{Wrapped{effect.List{Note{"x"}}}}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestBuildErrorsOfInterceptors(t *testing.T) {
	for _, row := range []struct {
		hook   func(effect.EffectFunc[Env]) effect.EffectFunc[Env]
		want   string
		reason string
	}{
		{func(effect.EffectFunc[Env]) effect.EffectFunc[Env] { return nil }, "nil step", "it would panic at every effect"},
		{func(effect.EffectFunc[Env]) effect.EffectFunc[Env] { panic("oops") }, "oops", "New returns errors and does not panic"},
	} {
		_, err := dispatch.New(registry.New("test", handleNote(), effect.Interceptor[Env]{Name: "bad", Effect: row.hook}))
		if err == nil || !containsAll(err.Error(), "bad", row.want, "robust_test.go") {
			t.Errorf("%s: got %v", row.reason, err)
		}
	}
}
