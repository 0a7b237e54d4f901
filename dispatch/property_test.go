package dispatch_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
)

type (
	// Group is an action that expands to its list.
	Group struct {
		Effects effect.List `json:"effects"`
	}
	// Again is an effect that continues with its list.
	Again struct {
		Effects effect.List `json:"effects"`
	}
)

func (Group) EffectName() string { return "test/group" }
func (Again) EffectName() string { return "test/again" }

func grouping() []effect.Item[Env] {
	return []effect.Item[Env]{
		effect.Expand[Env]("Run a list.", func(_ effect.NoState, g Group) (effect.List, error) { return g.Effects, nil }),
		effect.Handle("Continue with a list.", func(ctx context.Context, c call, a Again) (int, error) {
			return len(c.Dispatch(ctx, a.Effects...).Outcomes), nil
		}),
		handleSay(), handleWho(),
	}
}

func drawList(t *rapid.T, depth int) effect.List {
	n := rapid.IntRange(0, 4).Draw(t, "n")
	var out effect.List
	for range n {
		kinds := 4
		if depth > 0 {
			kinds = 8
		}
		switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
		case 0:
			out = append(out, Note{rapid.String().Draw(t, "text")})
		case 1:
			out = append(out, Fail{rapid.StringMatching(`[a-z]{0,3}`).Draw(t, "fail")})
		case 2:
			out = append(out, Say{who()})
		case 3:
			out = append(out, Nope{})
		case 4:
			out = append(out, Group{drawList(t, depth-1)})
		case 5:
			out = append(out, effect.Batch{Effects: drawList(t, depth-1)})
		case 6:
			out = append(out, Again{drawList(t, depth-1)})
		case 7: // keys in order, so that each may be taken
			out = append(out, serial(fmt.Sprint(9-depth), drawList(t, depth-1)...))
		}
	}
	return out
}

// model says what a list logs and how many errors it gives. In a batch the
// unknown items fail first, but the order of the effects is the same; a Serial is
// refused there.
func model(l effect.List, batch bool) (log []string, errors int) {
	for _, item := range l {
		var nested effect.List
		batch := batch
		switch x := item.(type) {
		case Note:
			log = append(log, x.Text)
		case Say:
			log = append(log, "Bob")
		case Fail, Nope:
			errors++
		case Group:
			nested = x.Effects
		case effect.Batch:
			nested, batch = x.Effects, true
		case Again:
			nested, batch = x.Effects, false
		case effect.Serial:
			if batch {
				errors++
			} else {
				nested = x.Effects
			}
		}
		more, n := model(nested, batch)
		log, errors = append(log, more...), errors+n
	}
	return log, errors
}

// Whatever the list: the order is that of the tree, every failure is reported,
// interceptors that do nothing change nothing, and the wire form runs the same.
func TestAnyListRunsInOrder(t *testing.T) {
	plain := tester(t, grouping()...)
	wrapped := tester(t, append(grouping(), passEffects("a"),
		aroundAction("b", func(ctx context.Context, c call, item effect.Data, next effect.ActionFunc[Env]) (effect.List, error) {
			return next(ctx, c, item)
		}),
		aroundDispatch("c", func(ctx context.Context, c call, items effect.List, next effect.DispatchFunc[Env]) *effect.Result {
			return next(ctx, c, items)
		}))...)
	decodes := tester(t, append(grouping(), effect.Handle("Be known.", func(context.Context, call, Nope) (int, error) { return 0, nil }))...)
	rapid.Check(t, func(rt *rapid.T) {
		list := drawList(rt, 3)
		wantLog, wantErrors := model(list, false)
		ctx := user.With(t.Context(), "Bob")
		var first summary
		text, err := list.MarshalJSON()
		if err != nil {
			rt.Fatal(err)
		}
		decoded, err := decodes.Decode(text)
		if err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(list, decoded); diff != "" {
			rt.Fatalf("round trip (-want +got):\n%s", diff)
		}
		for i, run := range []struct {
			d    *dispatch.Dispatcher[Env]
			list effect.List
		}{{plain, list}, {wrapped, list}, {plain, decoded}} {
			env := newEnv()
			res := run.d.Dispatch(ctx, env, run.list...)
			if diff := cmp.Diff(wantLog, *env.Log); diff != "" {
				rt.Fatalf("run %d: log (-want +got):\n%s", i, diff)
			}
			if len(res.Errors) != wantErrors || len(res.Skipped) != 0 {
				rt.Fatalf("run %d: %d errors, %d skipped; want %d and 0", i, len(res.Errors), len(res.Skipped), wantErrors)
			}
			s := summarize(res)
			if i == 0 {
				first = s
			}
			if diff := cmp.Diff(first, s); diff != "" {
				rt.Fatalf("run %d differs from the first:\n%s", i, diff)
			}
			seen := map[string]bool{}
			for _, o := range res.Outcomes {
				if p := o.Path.String(); seen[p] {
					rt.Fatal(fmt.Sprint("two outcomes at ", p))
				} else {
					seen[p] = true
				}
			}
		}
	})
}
