package dispatch_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/registry"
)

func TestDispatchHookReplacesOrAnswers(t *testing.T) {
	prepared := &effect.Result{Outcomes: []effect.Outcome{{Item: Note{"cached"}, Value: "cached"}}}
	t.Run("replaces", func(t *testing.T) {
		env := newEnv()
		d := tester(t, aroundDispatch("replace", func(ctx context.Context, c call, items effect.List, next effect.DispatchFunc[Env]) *effect.Result {
			next(ctx, c, items)
			return prepared
		}))
		wantSummary(t, d.Dispatch(t.Context(), env, Fail{"x"}, Note{"ran"}), summary{Outcomes: []string{"0 test/note = cached"}})
		wantLog(t, env, "ran")
	})
	t.Run("edits", func(t *testing.T) {
		d := tester(t, aroundDispatch("edit", func(ctx context.Context, c call, items effect.List, next effect.DispatchFunc[Env]) *effect.Result {
			res := next(ctx, c, items)
			res.Errors = nil
			res.Outcomes = append(res.Outcomes, effect.Outcome{Item: Note{"extra"}, Value: "extra"})
			return res
		}))
		wantSummary(t, d.Dispatch(t.Context(), newEnv(), Fail{"x"}), summary{Outcomes: []string{"0 test/note = extra"}})
	})
	t.Run("answers", func(t *testing.T) {
		env := newEnv()
		d := tester(t, onion("outer"), aroundDispatch("cache", func(context.Context, call, effect.List, effect.DispatchFunc[Env]) *effect.Result {
			return prepared
		}), onion("inner"))
		wantSummary(t, d.Dispatch(t.Context(), env, Note{"x"}), summary{Outcomes: []string{"0 test/note = cached"}})
		wantLog(t, env, "outer> dispatch", "outer< dispatch")
	})
	t.Run("rewrites the list and the Ctx", func(t *testing.T) {
		env := newEnv()
		d := tester(t, aroundDispatch("rewrite", func(ctx context.Context, c call, items effect.List, next effect.DispatchFunc[Env]) *effect.Result {
			return next(ctx, c.With(func(e *Env) { e.Label = "new " }), effect.List{Note{"list"}})
		}))
		d.Dispatch(t.Context(), env, Note{"x"}, Note{"y"})
		wantLog(t, env, "new list")
	})
	t.Run("forgets next and result", func(t *testing.T) {
		d := tester(t, aroundDispatch("mute", func(context.Context, call, effect.List, effect.DispatchFunc[Env]) *effect.Result { return nil }))
		wantSummary(t, d.Dispatch(t.Context(), newEnv(), Note{"x"}), summary{Skipped: []string{"0 test/note by mute: interceptor did not call next"}})
	})
	t.Run("forgets the result", func(t *testing.T) {
		d := tester(t, aroundDispatch("mute", func(ctx context.Context, c call, items effect.List, next effect.DispatchFunc[Env]) *effect.Result {
			next(ctx, c, items)
			return nil
		}))
		wantSummary(t, d.Dispatch(t.Context(), newEnv(), Note{"x"}), summary{
			Outcomes: []string{"0 test/note = x"},
			Errors:   []string{"interceptor dispatch at 0 by mute: it returned no result: return what next returned, or a new effect.Result"},
		})
	})
	t.Run("panics before", func(t *testing.T) {
		env := newEnv()
		d := tester(t, aroundDispatch("guard", func(context.Context, call, effect.List, effect.DispatchFunc[Env]) *effect.Result { panic(errFail) }))
		res := d.Dispatch(t.Context(), env, Note{"x"})
		wantSummary(t, res, summary{
			Errors:  []string{"interceptor dispatch at 0 by guard: panic: failed on purpose"},
			Skipped: []string{"0 test/note by guard: interceptor did not call next"},
		})
		if !errors.Is(res.Err(), errFail) || len(*env.Log) != 0 {
			t.Error("a failing guard has to block and to name the cause")
		}
	})
}

func TestFailFast(t *testing.T) {
	for _, row := range []struct {
		name   string
		items  effect.List
		want   summary
		reason string
	}{
		{"effect fails", effect.List{Note{"1"}, Fail{"F"}, Note{"2"}}, summary{
			Outcomes: []string{"0 test/note = 1"},
			Errors:   []string{"effect test/fail at 1: F: failed on purpose"},
			Skipped:  []string{"2 test/note by dispatch/fail-fast: an earlier item failed"},
		}, "only what came before the failure ran"},
		{"action fails", effect.List{Note{"E"}, Broken{}, Note{"2"}, Two{}}, summary{
			Outcomes: []string{"0 test/note = E"},
			Errors:   []string{"expand test/broken at 1: failed on purpose"},
			Skipped: []string{"2 test/note by dispatch/fail-fast: an earlier item failed",
				"3 test/two by dispatch/fail-fast: an earlier item failed"},
		}, "an effect listed before a failing action runs (upstream: no), the rest is listed"},
		{"action in a batch fails", effect.List{effect.Batch{Effects: effect.List{Note{"E"}, Broken{}, Note{"2"}}}}, summary{
			Errors: []string{"expand test/broken at 0.1 (via effect/batch): failed on purpose"},
			Skipped: []string{"0.0 test/note by dispatch/fail-fast: an earlier item failed",
				"0.2 test/note by dispatch/fail-fast: an earlier item failed"},
		}, "a batch gives upstream's answer: a failing action prevents all effects"},
	} {
		t.Run(row.name, func(t *testing.T) {
			d := tester(t, append(actions(), dispatch.FailFast[Env]())...)
			if diff := cmp.Diff(row.want, summarize(d.Dispatch(t.Context(), newEnv(), row.items...))); diff != "" {
				t.Errorf("%s (-want +got):\n%s", row.reason, diff)
			}
		})
	}
}

func TestFailFastSeesContinuations(t *testing.T) {
	nested := func(ctx context.Context, c call) (any, error) { c.Dispatch(ctx, Fail{"inner"}); return nil, nil }
	detached := func(ctx context.Context, c call) (any, error) {
		c.Detached().Dispatch(ctx, Fail{"inner"})
		return nil, nil
	}
	d := tester(t, does(nested, detached), dispatch.FailFast[Env]())
	if res := d.Dispatch(t.Context(), newEnv(), Do{0}, Note{"x"}); len(res.Skipped) != 1 {
		t.Errorf("a failed continuation is a failure of its parent: %+v", summarize(res))
	}
	if res := d.Dispatch(t.Context(), newEnv(), Do{1}, Note{"x"}); len(res.Skipped) != 0 || res.Err() != nil {
		t.Errorf("a detached one is not: %+v", summarize(res))
	}
}

func TestNextAfterReturn(t *testing.T) {
	var kept effect.EffectFunc[Env]
	var keptCall call
	env := newEnv()
	d := tester(t, aroundEffect("hoarder", func(ctx context.Context, c call, item effect.Data, next effect.EffectFunc[Env]) (any, error) {
		kept, keptCall = next, c
		return "answer", nil
	}))
	d.Dispatch(t.Context(), env, Note{"x"})
	if _, err := kept(t.Context(), keptCall, Note{"late"}); !errors.Is(err, effect.ErrReturned) {
		t.Errorf("got %v, want ErrReturned", err)
	}
	wantLog(t, env)
}

// Calls that belong to no dispatch, or to another one, are the interceptor's
// failure and nobody else's.
func TestInterceptorPassesAForeignCall(t *testing.T) {
	var foreign call
	changed := foreign.With(func(e *Env) { e.Log = new([]string) })
	for _, row := range []struct {
		call   call
		reason string
	}{{foreign, "the zero Call"}, {changed, "one made from it"}} {
		for _, inner := range []effect.Item[Env]{passEffects("inner"), onion("inner")} {
			env := newEnv()
			d := tester(t, append(actions(), aroundEffect("forger", func(ctx context.Context, _ call, item effect.Data, next effect.EffectFunc[Env]) (any, error) {
				return next(ctx, row.call, item)
			}))...)
			res := d.Dispatch(t.Context(), env, Note{"x"})
			if len(res.Errors) != 1 || res.Errors[0].By != "forger" || !strings.Contains(res.Err().Error(), "a Call of no dispatch") {
				t.Errorf("%s: effect hook: got %v", row.reason, res.Err())
			}
			d = tester(t, append(actions(), aroundAction("forger", func(ctx context.Context, _ call, item effect.Data, next effect.ActionFunc[Env]) (effect.List, error) {
				return next(ctx, row.call, item)
			}), passEffects("inner"))...)
			if res := d.Dispatch(t.Context(), env, Two{}); len(res.Errors) != 1 || !strings.Contains(res.Err().Error(), "a Call of no dispatch") {
				t.Errorf("%s: action hook: got %v", row.reason, res.Err())
			}
			for _, items := range [][]effect.Item[Env]{{}, {inner}} {
				d = tester(t, append([]effect.Item[Env]{aroundDispatch("forger", func(ctx context.Context, _ call, items effect.List, next effect.DispatchFunc[Env]) *effect.Result {
					return next(ctx, row.call, items)
				})}, items...)...)
				res := d.Dispatch(t.Context(), env, Note{"x"}, Note{"y"})
				if len(res.Errors) != 1 || len(res.Skipped) != 2 || !strings.Contains(res.Err().Error(), "a Call of no dispatch") {
					t.Errorf("%s: dispatch hook: got %+v", row.reason, summarize(res))
				}
			}
			if len(*env.Log) != 0 {
				t.Errorf("%s: something ran: %q", row.reason, *env.Log)
			}
		}
	}
}

// An interceptor of a lifted registry wraps everything and sees its own part of
// the Ctx.
func TestLiftedInterceptor(t *testing.T) {
	type outer struct {
		Env  Env
		Name string
	}
	place := func(o *outer) *Env { return &o.Env }
	env := newEnv()
	d := dispatch.Must(dispatch.New(
		registry.Lift(registry.New("inner", handleNote(), onion("i"), aroundEffect("relabel",
			func(ctx context.Context, c call, item effect.Data, next effect.EffectFunc[Env]) (any, error) {
				return next(ctx, c.With(func(e *Env) { e.Label = "lifted " }), item)
			})), place),
		registry.New("outer", effect.Handle("Set.", func(_ context.Context, c effect.Call[outer], s Set) (string, error) {
			return c.Ctx().Env.Label + c.Ctx().Name, nil
		})),
	))
	res := d.Dispatch(t.Context(), outer{env, "kept"}, Set{1}, Note{"n"})
	wantSummary(t, res, summary{Outcomes: []string{"0 test/set = lifted kept", "1 test/note = n"}})
	wantLog(t, env, "i> dispatch", "i> test/set", "i< test/set", "i> test/note", "lifted n", "i< test/note", "i< dispatch")
}

func TestLogInterceptor(t *testing.T) {
	var b bytes.Buffer
	l := slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "took" {
			return slog.Attr{}
		}
		return a
	}}))
	tester(t, dispatch.Log[Env](l)).Dispatch(t.Context(), newEnv(), Note{"secret"}, Fail{"F"})
	want := strings.Join([]string{
		`level=DEBUG msg=effect name=test/note dispatch=1 path=0 error=<nil>`,
		`level=DEBUG msg=effect name=test/fail dispatch=1 path=1 error="F: failed on purpose"`,
		`level=ERROR msg="dispatch failed" dispatch=1 parent=0 ran=1 skipped=0 error="effect test/fail at 1: F: failed on purpose"`, ""}, "\n")
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
