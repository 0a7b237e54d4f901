package dispatch_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
)

// However a list ends, its key is free again.
func TestSerialFreesItsKey(t *testing.T) {
	for _, row := range []struct {
		reason string
		item   effect.Data
	}{
		{"a handler fails", Fail{"x"}},
		{"a handler panics", Boom{"x"}},
		{"a handler panics with nil", Boom{"nil"}},
		{"an item is unknown", Nope{}},
		{"an item is nil", nil},
		{"a handler ends its goroutine", Do{0}},
		{"an action never ends", Itself{1}},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := serialTester(t, nil, does(func(context.Context, call) (any, error) { runtime.Goexit(); return nil, nil }))
			var wg sync.WaitGroup
			wg.Go(func() { d.Dispatch(t.Context(), newEnv(), serial("k", row.item)) })
			wg.Wait()
			env := newEnv()
			if err := d.Dispatch(t.Context(), env, serial("k", Note{"next"})).Err(); err != nil {
				t.Errorf("%s: %v", row.reason, err)
			}
			wantLog(t, env, "next")
			wantNoKeys(t, d)
		})
	}
}

// A goroutine that outlives the list may take the key after it, with the context
// and the call that it got inside.
func TestSerialIsOverWhenItsListIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		later := make(chan func() *effect.Result, 1)
		d := serialTester(t, nil, does(func(ctx context.Context, c call) (any, error) {
			later <- func() *effect.Result { return c.Dispatch(ctx, serial("k", Note{"later"}, serial("l", Note{"deep"}))) }
			return nil, nil
		}))
		env := newEnv()
		d.Dispatch(t.Context(), env, serial("k", serial("l", Do{0})))
		if err := (<-later)().Err(); err != nil {
			t.Error(err)
		}
		wantLog(t, env, "later", "deep")
	})
}

// A handler from before the Serial, of the same dispatch, is not inside of it: it
// waits like everybody else.
func TestSerialIsNotItsNeighbour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var background sync.WaitGroup
		release := make(chan struct{})
		d := serialTester(t, nil, does(
			func(_ context.Context, c call) (any, error) {
				background.Go(func() {
					<-release
					if err := c.Dispatch(context.Background(), serial("k", Note{"second"})).Err(); err != nil {
						t.Error(err)
					}
				})
				return nil, nil
			},
			func(context.Context, call) (any, error) { close(release); synctest.Wait(); return nil, nil },
		))
		env := newEnv()
		d.Dispatch(t.Context(), env, Do{0}, serial("k", Do{1}, Note{"first"}))
		background.Wait()
		wantLog(t, env, "first", "second")
	})
}

func TestSerialRunsLikeAnyList(t *testing.T) {
	fast := dispatch.FailFast[Env]()
	spy := aroundEffect("spy", func(ctx context.Context, c call, item effect.Data, next effect.EffectFunc[Env]) (any, error) {
		c.Ctx().add("%s at %s", item.EffectName(), c.Path())
		return next(ctx, c, item)
	})
	deep := effect.Data(Note{"deep"})
	for i := range 5 {
		deep = serial(fmt.Sprint(9-i), deep)
	}
	for _, row := range []struct {
		reason string
		opts   dispatch.Options
		with   []effect.Item[Env]
		items  effect.List
		want   summary
		log    []string
	}{
		{"paths are those of a batch, and the order is that of the list", dispatch.Options{}, nil,
			effect.List{Note{"0"}, serial("k", Note{"1"}, Two{}, Fail{"2"}), Note{"3"}},
			summary{
				Outcomes: []string{"0 test/note = 0", "1.0 test/note = 1", "1.1.0 test/note = E1", "1.1.1 test/note = E2", "2 test/note = 3"},
				Errors:   []string{"effect test/fail at 1.2 (via effect/serial): 2: failed on purpose"},
			}, []string{"0", "1", "E1", "E2", "3"}},
		{"interceptors see the items", dispatch.Options{}, []effect.Item[Env]{spy}, effect.List{serial("k", Note{"1"})},
			summary{Outcomes: []string{"0.0 test/note = 1"}}, []string{"test/note at 0.0", "1"}},
		{"the first failure ends it, if that is asked for", dispatch.Options{}, []effect.Item[Env]{fast},
			effect.List{serial("k", Fail{"1"}, Note{"2"}), Note{"3"}},
			summary{
				Errors: []string{"effect test/fail at 0.0 (via effect/serial): 1: failed on purpose"},
				Skipped: []string{"0.1 test/note by dispatch/fail-fast: an earlier item failed",
					"1 test/note by dispatch/fail-fast: an earlier item failed"},
			}, nil},
		{"an empty list does nothing", dispatch.Options{}, nil, effect.List{serial("k"), serial("k", effect.List(nil)...)}, summary{}, nil},
		{"depth is limited", dispatch.Options{MaxDepth: 3}, nil, effect.List{deep},
			summary{Errors: []string{"limit effect/serial at 0.0.0.0 (via effect/serial > effect/serial > effect/serial): too deep: it expands or continues without end: 3 actions deep"}}, nil},
		{"so are items, and the Serial is one", dispatch.Options{MaxItems: 3}, nil, effect.List{serial("k", Note{"1"}, Note{"2"}, Note{"3"}), Note{"4"}},
			summary{
				Outcomes: []string{"0.0 test/note = 1", "0.1 test/note = 2"},
				Errors:   []string{"limit test/note at 0.2 (via effect/serial): too many items in one dispatch: more than 3"},
				Skipped: []string{"0.2 test/note: too many items in one dispatch: more than 3",
					"1 test/note: too many items in one dispatch: more than 3"},
			}, []string{"1", "2"}},
	} {
		d := serialTester(t, &row.opts, row.with...)
		env := newEnv()
		got := summarize(d.Dispatch(t.Context(), env, row.items...))
		if diff := cmp.Diff(row.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", row.reason, diff)
		}
		wantLog(t, env, row.log...)
		wantNoKeys(t, d)
	}
}

// A retry of a whole dispatch is inside what the first attempt was inside of.
func TestSerialAndRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := serialTester(t, nil, aroundDispatch("twice",
			func(ctx context.Context, c call, items effect.List, next effect.DispatchFunc[Env]) *effect.Result {
				if next(ctx, c, items).Err() == nil {
					return next(context.Background(), c, items)
				}
				return next(context.Background(), c, items)
			}))
		env := newEnv()
		res := d.Dispatch(t.Context(), env, serial("k", Note{"1"}))
		if err := res.Err(); err != nil {
			t.Error(err)
		}
		wantLog(t, env, "1", "1")
		res = d.Dispatch(t.Context(), newEnv(), serial("k", Via{"background", effect.List{serial("k", Note{"x"})}}))
		if res.Err() == nil {
			t.Error("a retried continuation took the key of its parent")
		}
		wantNoKeys(t, d)
	})
}

// A dry run takes the key as well: what it looks at may be guarded by nothing
// else.
func TestSerialInADryRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold, release := holder()
		d := serialTester(t, nil, hold)
		env := newEnv()
		var wg sync.WaitGroup
		wg.Go(func() { d.Dispatch(t.Context(), env, serial("k", Do{0}, Note{"first"})) })
		synctest.Wait()
		var dry *dispatch.Rehearsal
		wg.Go(func() { dry = d.DryRun(t.Context(), env, serial("k", Two{}, serial("k"))) })
		synctest.Wait()
		if dry != nil {
			t.Error("it did not wait")
		}
		release()
		wg.Wait()
		wantLog(t, env, "first")
		var plan []string
		for _, p := range dry.Plan {
			plan = append(plan, fmt.Sprint(p.Path, " ", p.Item))
		}
		if diff := cmp.Diff([]string{"0.0.0 {E1}", "0.0.1 {E2}"}, plan); diff != "" || len(dry.Result.Errors) != 1 {
			t.Errorf("%v; plan (-want +got):\n%s", dry.Result.Err(), diff)
		}
		wantNoKeys(t, d)
	})
}

// Where a list is run for many recipients, a Serial is for each of them as a whole.
func TestSerialIsForEach(t *testing.T) {
	var each []string
	d := serialTester(t, nil, does(func(ctx context.Context, c call) (any, error) {
		end := func(i int, item effect.Data, e bool) {
			each = append(each, fmt.Sprint(i, " ", item.EffectName(), " ", e))
		}
		res, _ := c.DispatchShared(ctx, track{func(int) {}, end}, serial("k", Note{"1"}), Two{})
		return nil, res.Err()
	}))
	if err := d.Dispatch(t.Context(), newEnv(), serial("k", Do{0})).Err(); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"0 effect/serial true", "1 test/two true"}, each); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Keys take no memory when nobody holds them, also after many were held at once.
func TestSerialForgetsItsKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold, release := holder()
		d := serialTester(t, nil, hold)
		var wg sync.WaitGroup
		for i := range 5000 {
			wg.Go(func() { d.Dispatch(t.Context(), newEnv(), serial(fmt.Sprint(i), Do{0})) })
		}
		synctest.Wait()
		if held, _ := dispatch.KeysHeld(d); held != 5000 {
			t.Errorf("%d keys are held", held)
		}
		release()
		wg.Wait()
		if held, room := dispatch.KeysHeld(d); held != 0 || room > 64 {
			t.Errorf("%d keys are left, with room for %d", held, room)
		}
	})
}

// A key that is given to somebody who leaves at that moment goes on to the next.
func TestSerialIsNotLostOnTheWay(t *testing.T) {
	d := serialTester(t, nil)
	var wg sync.WaitGroup
	for i := range 400 {
		wg.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			wg.Go(cancel)
			res := d.Dispatch(ctx, newEnv(), serial(fmt.Sprint(i%3), Two{}, Note{"x"}))
			if len(res.Errors) > 1 || len(res.Errors) == 1 && res.Errors[0].Phase != dispatch.PhaseCancel {
				t.Errorf("got %v", res.Err())
			}
		})
	}
	wg.Wait()
	wantNoKeys(t, d)
}
