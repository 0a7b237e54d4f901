package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/effect"
)

// onion logs on the way in and out of every step.
func onion(name string) effect.Item[Env] {
	return effect.Interceptor[Env]{
		Name: name,
		Dispatch: func(next effect.DispatchFunc[Env]) effect.DispatchFunc[Env] {
			return func(ctx context.Context, c call, items effect.List) *effect.Result {
				c.Ctx().add("%s> dispatch", name)
				defer c.Ctx().add("%s< dispatch", name)
				return next(ctx, c, items)
			}
		},
		Action: func(next effect.ActionFunc[Env]) effect.ActionFunc[Env] {
			return func(ctx context.Context, c call, item effect.Data) (effect.List, error) {
				c.Ctx().add("%s> %s", name, item.EffectName())
				defer c.Ctx().add("%s< %s", name, item.EffectName())
				return next(ctx, c, item)
			}
		},
		Effect: func(next effect.EffectFunc[Env]) effect.EffectFunc[Env] {
			return func(ctx context.Context, c call, item effect.Data) (any, error) {
				c.Ctx().add("%s> %s", name, item.EffectName())
				defer c.Ctx().add("%s< %s", name, item.EffectName())
				return next(ctx, c, item)
			}
		},
	}
}

// around makes an interceptor from one hook.
func aroundEffect(name string, f func(ctx context.Context, c call, item effect.Data, next effect.EffectFunc[Env]) (any, error)) effect.Item[Env] {
	return effect.Interceptor[Env]{Name: name, Effect: func(next effect.EffectFunc[Env]) effect.EffectFunc[Env] {
		return func(ctx context.Context, c call, item effect.Data) (any, error) { return f(ctx, c, item, next) }
	}}
}

func aroundAction(name string, f func(ctx context.Context, c call, item effect.Data, next effect.ActionFunc[Env]) (effect.List, error)) effect.Item[Env] {
	return effect.Interceptor[Env]{Name: name, Action: func(next effect.ActionFunc[Env]) effect.ActionFunc[Env] {
		return func(ctx context.Context, c call, item effect.Data) (effect.List, error) {
			return f(ctx, c, item, next)
		}
	}}
}

func aroundDispatch(name string, f func(ctx context.Context, c call, items effect.List, next effect.DispatchFunc[Env]) *effect.Result) effect.Item[Env] {
	return effect.Interceptor[Env]{Name: name, Dispatch: func(next effect.DispatchFunc[Env]) effect.DispatchFunc[Env] {
		return func(ctx context.Context, c call, items effect.List) *effect.Result { return f(ctx, c, items, next) }
	}}
}

func TestOnionOrder(t *testing.T) {
	env := newEnv()
	tester(t, append(actions(), onion("a"), onion("b"), onion("c"))...).Dispatch(t.Context(), env, Two{})
	wantLog(t, env,
		"a> dispatch", "b> dispatch", "c> dispatch",
		"a> test/two", "b> test/two", "c> test/two", "c< test/two", "b< test/two", "a< test/two",
		"a> test/note", "b> test/note", "c> test/note", "E1", "c< test/note", "b< test/note", "a< test/note",
		"a> test/note", "b> test/note", "c> test/note", "E2", "c< test/note", "b< test/note", "a< test/note",
		"c< dispatch", "b< dispatch", "a< dispatch")
}

var user = effect.NewContextKey[string]("user")

// Who is a placeholder for the user.
type Who struct{}

func (Who) EffectName() string { return "test/who" }

func handleWho() effect.Item[Env] {
	return effect.Provide("The user.", func(ctx context.Context, _ call, _ Who) (string, error) {
		name, ok := user.From(ctx)
		if !ok {
			return "", errors.New("no user")
		}
		return name, nil
	})
}

func TestDataOfADispatch(t *testing.T) {
	env := newEnv()
	on := true
	reads := func(ctx context.Context, c call) (any, error) {
		name, _ := user.From(ctx)
		c.Dispatch(ctx, Say{effect.Later[string](Who{})})
		return name, nil
	}
	d := tester(t, handleWho(), handleSay(), does(reads),
		aroundDispatch("login", func(ctx context.Context, c call, items effect.List, next effect.DispatchFunc[Env]) *effect.Result {
			if on && c.Parent() == 0 {
				ctx = user.With(ctx, "Bob")
			}
			return next(ctx, c, items)
		}),
		aroundEffect("reader", func(ctx context.Context, c call, item effect.Data, next effect.EffectFunc[Env]) (any, error) {
			name, _ := user.From(ctx)
			c.Ctx().add("hook sees %s", name)
			return next(ctx, c, item)
		}))
	res := d.Dispatch(t.Context(), env, Say{effect.Later[string](Who{})}, Do{})
	wantSummary(t, res, summary{Outcomes: []string{"0 test/say = Bob", "1 test/do = Bob"}})
	wantLog(t, env, "hook sees Bob", "Bob", "hook sees Bob", "hook sees Bob", "Bob")
	on = false
	if err := d.Dispatch(t.Context(), env, Say{effect.Later[string](Who{})}).Err(); err == nil {
		t.Error("data leaked into the next dispatch")
	}
}

func TestCounterOverEffects(t *testing.T) {
	// Data are values that nobody changes, so what grows during a dispatch is
	// a cell that the dispatch hook puts there.
	cell := effect.NewContextKey[*int]("cell")
	count := effect.NewContextKey[int]("count")
	reads := func(ctx context.Context, _ call) (any, error) {
		n, _ := count.From(ctx)
		return n, nil
	}
	d := tester(t, does(reads), effect.Interceptor[Env]{
		Name: "counter",
		Dispatch: func(next effect.DispatchFunc[Env]) effect.DispatchFunc[Env] {
			return func(ctx context.Context, c call, items effect.List) *effect.Result {
				return next(cell.With(ctx, new(int)), c, items)
			}
		},
		Effect: func(next effect.EffectFunc[Env]) effect.EffectFunc[Env] {
			return func(ctx context.Context, c call, item effect.Data) (any, error) {
				n, _ := cell.From(ctx)
				*n++
				return next(count.With(ctx, *n), c, item)
			}
		},
	})
	for range 2 {
		wantSummary(t, d.Dispatch(t.Context(), newEnv(), Do{}, Do{}, Do{}),
			summary{Outcomes: []string{"0 test/do = 1", "1 test/do = 2", "2 test/do = 3"}})
	}
}

func TestActionHookAddsAudit(t *testing.T) {
	env := newEnv()
	d := tester(t, append(actions(), aroundAction("audit", func(ctx context.Context, c call, item effect.Data, next effect.ActionFunc[Env]) (effect.List, error) {
		list, err := next(ctx, c, item)
		return append(list[:len(list):len(list)], Note{"audit " + item.EffectName()}), err
	}))...)
	d.Dispatch(t.Context(), env, Two{}, Note{"last"})
	wantLog(t, env, "E1", "E2", "audit test/two", "last")
}

// TestEffectInterceptors has a row for everything an effect interceptor can
// do to one effect.
func TestEffectInterceptors(t *testing.T) {
	type step = func(ctx context.Context, c call, item effect.Data, next effect.EffectFunc[Env]) (any, error)
	attempts := 0
	for _, row := range []struct {
		name   string
		step   step
		items  effect.List
		want   summary
		log    []string
		reason string
	}{
		{"guard fails", func(context.Context, call, effect.Data, effect.EffectFunc[Env]) (any, error) { return nil, errFail },
			effect.List{Note{"x"}},
			summary{Errors: []string{"interceptor test/note at 0 by hook: failed on purpose"}}, nil,
			"a failing guard blocks, and is named with the item"},
		{"guard panics", func(context.Context, call, effect.Data, effect.EffectFunc[Env]) (any, error) { panic("no") },
			effect.List{Note{"x"}},
			summary{Errors: []string{"interceptor test/note at 0 by hook: panic: no"}}, nil,
			"so does one that panics"},
		{"observer fails", func(ctx context.Context, c call, item effect.Data, next effect.EffectFunc[Env]) (any, error) {
			v, _ := next(ctx, c, item)
			return v, errFail
		}, effect.List{Note{"x"}},
			summary{Outcomes: []string{"0 test/note = x"}, Errors: []string{"interceptor test/note at 0 by hook: failed on purpose"}}, []string{"x"},
			"what was done stays done"},
		{"observer panics", func(ctx context.Context, c call, item effect.Data, next effect.EffectFunc[Env]) (any, error) {
			_, _ = next(ctx, c, item)
			panic("after")
		}, effect.List{Note{"x"}},
			summary{Outcomes: []string{"0 test/note = x"}, Errors: []string{"interceptor test/note at 0 by hook: panic: after"}}, []string{"x"},
			"also after a panic"},
		{"skips", func(context.Context, call, effect.Data, effect.EffectFunc[Env]) (any, error) {
			return nil, effect.Skip("not today")
		},
			effect.List{Note{"x"}},
			summary{Skipped: []string{"0 test/note by hook: not today"}}, nil,
			"a skip is no error and is listed"},
		{"forgets next", func(context.Context, call, effect.Data, effect.EffectFunc[Env]) (any, error) { return nil, nil },
			effect.List{Note{"x"}},
			summary{Skipped: []string{"0 test/note by hook: interceptor did not call next"}}, nil,
			"silence is a skip"},
		{"answers", func(context.Context, call, effect.Data, effect.EffectFunc[Env]) (any, error) { return "cached", nil },
			effect.List{Note{"x"}},
			summary{Outcomes: []string{"0 test/note = cached (answered)"}}, nil,
			"a value stands in for the handler"},
		{"replaces", func(ctx context.Context, c call, item effect.Data, next effect.EffectFunc[Env]) (any, error) {
			v, err := next(ctx, c, item)
			return fmt.Sprint(v, "?"), err
		}, effect.List{Note{"x"}},
			summary{Outcomes: []string{"0 test/note = x?"}}, []string{"x"},
			"the value on its way out may change"},
		{"rewrites", func(ctx context.Context, c call, item effect.Data, next effect.EffectFunc[Env]) (any, error) {
			return next(ctx, c, Note{"new"})
		}, effect.List{Note{"x"}},
			summary{Outcomes: []string{"0 test/note = new"}}, []string{"new"},
			"the item may change, and the outcome shows what ran"},
		{"rewrites to wire form", func(ctx context.Context, c call, item effect.Data, next effect.EffectFunc[Env]) (any, error) {
			return next(ctx, c, effect.Raw{Effect: "test/note", Args: []byte(`{"text":"raw"}`)})
		}, effect.List{Note{"x"}},
			summary{Outcomes: []string{"0 test/note = raw"}}, []string{"raw"},
			"any form of item will do"},
		{"rewrites to an action", func(ctx context.Context, c call, item effect.Data, next effect.EffectFunc[Env]) (any, error) {
			return next(ctx, c, Two{})
		}, effect.List{Note{"x"}},
			summary{Errors: []string{"lookup test/two at 0: test/two is not an effect: an interceptor cannot put it in the place of one"}}, nil,
			"but not any kind"},
		{"rewrites to nil", func(ctx context.Context, c call, item effect.Data, next effect.EffectFunc[Env]) (any, error) {
			return next(ctx, c, nil)
		}, effect.List{Note{"x"}},
			summary{Errors: []string{"lookup nil item at 0: item is nil"}}, nil,
			"nil is an error"},
		{"changes Ctx", func(ctx context.Context, c call, item effect.Data, next effect.EffectFunc[Env]) (any, error) {
			return next(ctx, c.With(func(e *Env) { e.Label = "L:" }), item)
		}, effect.List{Note{"x"}, Note{"y"}},
			summary{Outcomes: []string{"0 test/note = x", "1 test/note = y"}}, []string{"L:x", "L:y"},
			"a changed Ctx is seen by the handler"},
		{"recovers", func(ctx context.Context, c call, item effect.Data, next effect.EffectFunc[Env]) (any, error) {
			v, err := next(ctx, c, item)
			if errors.Is(err, errFail) {
				return "instead", nil
			}
			return v, err
		}, effect.List{Fail{"x"}},
			summary{Outcomes: []string{"0 test/fail = instead (answered)"}}, nil,
			"an error may be answered"},
		{"wraps the error", func(ctx context.Context, c call, item effect.Data, next effect.EffectFunc[Env]) (any, error) {
			v, err := next(ctx, c, item)
			if err != nil {
				err = fmt.Errorf("while testing: %w", err)
			}
			return v, err
		}, effect.List{Fail{"x"}},
			summary{Errors: []string{"effect test/fail at 0: while testing: x: failed on purpose"}}, nil,
			"a wrapped error is still the effect's"},
		{"replaces the error", func(ctx context.Context, c call, item effect.Data, next effect.EffectFunc[Env]) (any, error) {
			_, _ = next(ctx, c, item)
			return nil, errors.New("something else")
		}, effect.List{Fail{"x"}},
			summary{Errors: []string{"interceptor test/fail at 0 by hook: something else"}}, nil,
			"another error is the interceptor's"},
		{"retries", func(ctx context.Context, c call, item effect.Data, next effect.EffectFunc[Env]) (any, error) {
			v, err := next(ctx, c, item)
			if err != nil {
				attempts++
				return next(ctx, c, Note{"retry"})
			}
			return v, err
		}, effect.List{Fail{"x"}},
			summary{Outcomes: []string{"0 test/note = retry"}}, []string{"retry"},
			"the last attempt counts"},
		{"retries in vain", func(ctx context.Context, c call, item effect.Data, next effect.EffectFunc[Env]) (any, error) {
			_, _ = next(ctx, c, Note{"first"})
			return next(ctx, c, item)
		}, effect.List{Fail{"x"}},
			summary{Errors: []string{"effect test/fail at 0: x: failed on purpose"}}, []string{"first"},
			"also if it fails"},
	} {
		t.Run(row.name, func(t *testing.T) {
			env := newEnv()
			d := tester(t, append(actions(), passEffects("outer"), aroundEffect("hook", row.step), passEffects("inner"))...)
			res := d.Dispatch(t.Context(), env, row.items...)
			if diff := cmp.Diff(row.want, summarize(res)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", row.reason, diff)
			}
			if diff := cmp.Diff(row.log, *env.Log); diff != "" {
				t.Errorf("%s: log (-want +got):\n%s", row.reason, diff)
			}
		})
	}
}

func TestActionInterceptors(t *testing.T) {
	type step = func(ctx context.Context, c call, item effect.Data, next effect.ActionFunc[Env]) (effect.List, error)
	for _, row := range []struct {
		name   string
		step   step
		item   effect.Data
		want   summary
		reason string
	}{
		{"guard fails", func(context.Context, call, effect.Data, effect.ActionFunc[Env]) (effect.List, error) {
			return nil, errFail
		},
			Two{}, summary{Errors: []string{"interceptor test/two at 0 by hook: failed on purpose"}}, "a failing guard blocks its action"},
		{"answers", func(context.Context, call, effect.Data, effect.ActionFunc[Env]) (effect.List, error) {
			return effect.List{Note{"mine"}}, nil
		}, Two{}, summary{Outcomes: []string{"0.0 test/note = mine"}}, "a list stands in for the expansion"},
		{"answers with nothing to do", func(context.Context, call, effect.Data, effect.ActionFunc[Env]) (effect.List, error) {
			return effect.List{}, nil
		},
			Two{}, summary{}, "an empty list that is not nil is an answer"},
		{"forgets next", func(context.Context, call, effect.Data, effect.ActionFunc[Env]) (effect.List, error) { return nil, nil },
			Two{}, summary{Skipped: []string{"0 test/two by hook: interceptor did not call next"}}, "nil is silence"},
		{"skips", func(context.Context, call, effect.Data, effect.ActionFunc[Env]) (effect.List, error) {
			return nil, effect.Skip("no")
		},
			Two{}, summary{Skipped: []string{"0 test/two by hook: no"}}, "a skip is listed"},
		{"rewrites", func(ctx context.Context, c call, _ effect.Data, next effect.ActionFunc[Env]) (effect.List, error) {
			return next(ctx, c, Chain{0, "chain"})
		}, Two{}, summary{Outcomes: []string{"0.0 test/note = chain"}}, "the action may change"},
		{"rewrites to an effect", func(ctx context.Context, c call, _ effect.Data, next effect.ActionFunc[Env]) (effect.List, error) {
			return next(ctx, c, Note{"x"})
		}, Two{}, summary{Errors: []string{"lookup test/note at 0: test/note is not an action: an interceptor cannot put it in the place of one"}}, "but not its kind"},
		{"action fails", func(ctx context.Context, c call, item effect.Data, next effect.ActionFunc[Env]) (effect.List, error) {
			return next(ctx, c, item)
		},
			Broken{}, summary{Errors: []string{"expand test/broken at 0: failed on purpose"}}, "a failure keeps its phase"},
		{"observer fails", func(ctx context.Context, c call, item effect.Data, next effect.ActionFunc[Env]) (effect.List, error) {
			list, _ := next(ctx, c, item)
			return list, errFail
		}, Two{}, summary{
			Outcomes: []string{"0.0 test/note = E1", "0.1 test/note = E2"},
			Errors:   []string{"interceptor test/two at 0 by hook: failed on purpose"},
		}, "the expansion is kept"},
	} {
		t.Run(row.name, func(t *testing.T) {
			d := tester(t, append(actions(), aroundAction("hook", row.step))...)
			if diff := cmp.Diff(row.want, summarize(d.Dispatch(t.Context(), newEnv(), row.item))); diff != "" {
				t.Errorf("%s (-want +got):\n%s", row.reason, diff)
			}
		})
	}
}

func TestHandlerAndContinuationAgree(t *testing.T) {
	env := newEnv()
	nested := func(ctx context.Context, c call) (any, error) {
		name, _ := user.From(ctx)
		c.Ctx().add("handler %s%s", c.Ctx().Label, name)
		c.Dispatch(ctx, Do{1})
		return nil, nil
	}
	inner := func(ctx context.Context, c call) (any, error) {
		name, _ := user.From(ctx)
		c.Ctx().add("continuation %s%s", c.Ctx().Label, name)
		return nil, nil
	}
	d := tester(t, does(nested, inner), aroundEffect("edit", func(ctx context.Context, c call, item effect.Data, next effect.EffectFunc[Env]) (any, error) {
		if c.Parent() == 0 {
			ctx, c = user.With(ctx, "Bob"), c.With(func(e *Env) { e.Label = "dear " })
		}
		return next(ctx, c, item)
	}))
	d.Dispatch(t.Context(), env, Do{})
	wantLog(t, env, "handler dear Bob", "continuation dear Bob")
}
