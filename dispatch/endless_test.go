package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
)

func TestEffectThatDispatchesItself(t *testing.T) {
	var n atomic.Int64
	for _, row := range []struct {
		copies int
		reason string
	}{
		{1, "a chain ends at the depth limit"},
		{2, "two copies per level would be 2^100 effects without a budget"},
		{30, "so would any other number"},
	} {
		t.Run(fmt.Sprint(row.copies), func(t *testing.T) {
			n.Store(0)
			self := func(ctx context.Context, c call) (any, error) {
				n.Add(1)
				for range row.copies {
					c.Dispatch(ctx, Do{})
				}
				return nil, nil
			}
			res := tester(t, does(self)).Dispatch(t.Context(), newEnv(), Do{})
			if !errors.Is(res.Err(), dispatch.ErrDepth) {
				t.Errorf("%s: no ErrDepth", row.reason)
			}
			if row.copies > 1 && !errors.Is(res.Err(), dispatch.ErrBudget) {
				t.Errorf("%s: no ErrBudget", row.reason)
			}
			if n.Load() > 1_000_000 {
				t.Errorf("%s: ran %d effects", row.reason, n.Load())
			}
		})
	}
}

func TestEffectThatSchedulesItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n int
		poll := func(ctx context.Context, c call) (any, error) {
			if n++; n < 500 {
				time.AfterFunc(time.Second, func() {
					if err := c.Dispatch(ctx, Do{}).Err(); err != nil {
						t.Error(err)
					}
				})
			}
			return nil, nil
		}
		tester(t, does(poll)).Dispatch(t.Context(), newEnv(), Do{})
		time.Sleep(time.Hour)
		synctest.Wait()
		if n != 500 {
			t.Errorf("polled %d times, want 500: continuations of returned dispatches do not nest", n)
		}
	})
}

// Ring can hold itself.
type Ring struct {
	Next *Ring
	Text effect.Late[string]
}

func (Ring) EffectName() string { return "test/ring" }

func TestValueThatHoldsItself(t *testing.T) {
	d := tester(t, effect.Handle("Take a ring.", func(context.Context, call, Ring) (int, error) { return 1, nil }))
	ring := &Ring{}
	ring.Next = ring
	res := d.Dispatch(t.Context(), newEnv(), ring, Note{"after"})
	if len(res.Errors) != 1 || !errors.Is(res.Err(), dispatch.ErrDepth) {
		t.Errorf("want ErrDepth, got %v", res.Err())
	}
	wantSummary(t, &effect.Result{Outcomes: res.Outcomes}, summary{Outcomes: []string{"1 test/note = after"}})
}

func TestBatchThatHoldsItself(t *testing.T) {
	list := effect.List{Note{"n"}, nil}
	list[1] = effect.Batch{Effects: list}
	res := tester(t).Dispatch(t.Context(), newEnv(), list...)
	if !errors.Is(res.Err(), dispatch.ErrDepth) || errors.Is(res.Err(), dispatch.ErrBudget) {
		t.Errorf("want ErrDepth only, got %v", res.Err())
	}
	if len(res.Outcomes) != 101 {
		t.Errorf("%d notes ran, want one at the top and one in each of 100 batches", len(res.Outcomes))
	}
}

func TestPlaceholderThatAsksItself(t *testing.T) {
	n := 0
	d := tester(t, handleSay(), effect.Provide("Ask again.", func(ctx context.Context, c call, l Loop) (string, error) {
		n++
		var text string
		var err error
		for range l.Copies {
			var s string
			s, err = effect.Resolve(ctx, c, effect.Later[string](l))
			text += s
		}
		return text, err
	}))
	for _, copies := range []int{1, 2} {
		res := d.Dispatch(t.Context(), newEnv(), Say{effect.Later[string](Loop{copies})}, Note{"after"})
		if len(res.Errors) != 1 || res.Errors[0].Phase != dispatch.PhasePlaceholder {
			t.Fatalf("want one placeholder error, got %v", res.Err())
		}
		if !errors.Is(res.Err(), dispatch.ErrDepth) && !errors.Is(res.Err(), dispatch.ErrBudget) {
			t.Errorf("want ErrDepth or ErrBudget, got %v", res.Err())
		}
		if len(res.Outcomes) != 1 {
			t.Errorf("the item after it did not run")
		}
	}
	if n > 100_000 {
		t.Errorf("asked %d times", n)
	}
}
