package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/registry"
)

// Pair is a stateless action.
type Pair struct{}

func (Pair) EffectName() string { return "test/pair" }

// Shy panics whenever it is asked something.
type Shy struct{}

func (Shy) EffectName() string { return "test/shy" }
func (Shy) PerRecipient() bool { panic("do not ask") }

// tried is what became of the items of a shared list, as text.
type tried struct {
	items []string
	all   bool
	res   *effect.Result
}

// track is what DispatchShared tells of each item, in two functions.
type track struct {
	begin func(index int)
	end   func(index int, item effect.Data, each bool)
}

func (track) SetUp(*Env) {}

func (t track) Begin(index int) { t.begin(index) }

func (t track) End(index int, item any, each bool) {
	data, _ := item.(effect.Data)
	t.end(index, data, each)
}

// try runs items once for many, with what more registers, from inside a handler.
func try(t *testing.T, env Env, more []effect.Item[Env], items ...effect.Data) (out tried) {
	t.Helper()
	shares := func(ctx context.Context, c call) (any, error) {
		at := -1
		begin := func(i int) { at = i }
		end := func(i int, item effect.Data, each bool) {
			if i != at {
				t.Errorf("end of item %d, begun was %d", i, at)
			}
			how := "together"
			if each {
				how = "each"
			}
			name := "nil"
			if item != nil {
				name = item.EffectName()
			}
			out.items = append(out.items, fmt.Sprintf("%d %s %s", i, strings.TrimPrefix(name, "test/"), how))
		}
		out.res, out.all = c.DispatchShared(ctx, track{begin, end}, items...)
		return nil, nil
	}
	d, err := dispatch.New(registry.New("test", append([]effect.Item[Env]{handleNote(), handleWho(), does(shares)}, more...)...))
	if err != nil {
		t.Fatal(err)
	}
	d.Dispatch(t.Context(), env, Do{})
	return out
}

// say logs through log and not through its Ctx, which is nobody's while it runs for
// many.
func say(log *[]string) effect.Item[Env] {
	return effect.Handle("Log a late text.", func(_ context.Context, _ call, s Say) (string, error) {
		*log = append(*log, s.Text.Value)
		return s.Text.Value, nil
	}).About(effect.About{Shared: true})
}

func TestDispatchShared(t *testing.T) {
	now := func(s string) Say { return Say{effect.Now(s)} }
	asks := effect.Provide("Look at the Ctx.", func(_ context.Context, c call, _ Who) (string, error) { c.Ctx(); return "asked", nil })
	quiet := effect.Provide("Look at nothing.", func(context.Context, call, Who) (string, error) { return "quiet", nil })
	state := effect.State(func(context.Context, call) (int, error) { return 7, nil })
	asking := effect.State(func(_ context.Context, c call) (int, error) { c.Ctx(); return 7, nil })
	showState := effect.Expand[Env]("Show the state.", func(n int, _ Increment) (effect.List, error) {
		return effect.List{now(fmt.Sprint(n))}, nil
	})
	goOn := effect.Do("Go on with an action.", func(ctx context.Context, c call, _ Pair) error {
		c.Dispatch(ctx, Increment{})
		return nil
	}).About(effect.About{Shared: true})
	for _, tt := range []struct {
		name, reason string
		with         []effect.Item[Env]
		items        effect.List
		want         []string
		log          []string
		all          bool
	}{
		{"effects", "what is marked as shared runs once, the rest for each", nil,
			effect.List{now("1"), Note{"2"}, now("3")}, []string{"0 say together", "1 note each", "2 say together"}, []string{"1", "3"}, false},
		{"wire form", "a raw item is what it stands for", nil,
			effect.List{effect.Raw{Effect: "test/say", Args: []byte(`{"text":"raw"}`)}, &Say{effect.Now("pointer")}}, []string{"0 say together", "1 say together"}, []string{"raw", "pointer"}, false},
		{"quiet placeholder", "a placeholder that asks nothing gives the same for all", []effect.Item[Env]{quiet},
			effect.List{Say{effect.Later[string](Who{})}}, []string{"0 say together"}, []string{"quiet"}, false},
		{"placeholder that asks", "one that looks at its Ctx is asked again for each", []effect.Item[Env]{asks},
			effect.List{Say{effect.Later[string](Who{})}}, []string{"0 say each"}, []string{"asked"}, false},
		{"placeholder after each", "behind an effect for each it may see what that one did", []effect.Item[Env]{quiet},
			effect.List{Note{"x"}, Say{effect.Later[string](Who{})}, now("z")}, []string{"0 note each", "1 say each", "2 say together"}, []string{"z"}, false},
		{"state", "an action is expanded once if its state is for nobody", []effect.Item[Env]{state, showState},
			effect.List{Increment{}}, []string{"0 increment together"}, []string{"7"}, false},
		{"state below", "a continuation is expanded once as well", []effect.Item[Env]{state, showState, goOn},
			effect.List{Pair{}}, []string{"0 pair together"}, []string{"7"}, false},
		{"state below after each", "but not behind an effect for each", []effect.Item[Env]{state, showState, goOn},
			effect.List{Note{"x"}, Pair{}}, []string{"0 note each", "1 pair each"}, nil, false},
		{"state that asks", "and for each if its state asks", []effect.Item[Env]{asking, showState},
			effect.List{Increment{}}, []string{"0 increment each"}, []string{"7"}, false},
		{"batch", "a batch is for each as a whole", nil,
			effect.List{effect.Batch{Effects: effect.List{now("x")}}}, []string{"0 effect/batch each"}, nil, false},
		{"cannot say", "an item that cannot say is for each", []effect.Item[Env]{effect.Do("Be shy.", func(context.Context, call, Shy) error { return nil }).About(effect.About{Shared: true})},
			effect.List{Shy{}}, []string{"0 shy each"}, nil, false},
		{"interceptor that asks", "a guard that looks at the Ctx decides for each", []effect.Item[Env]{effect.Interceptor[Env]{Name: "guard", Effect: func(next effect.EffectFunc[Env]) effect.EffectFunc[Env] {
			return func(ctx context.Context, c call, item effect.Data) (any, error) {
				if s, ok := item.(Say); ok && s.Text.Value == "guarded" {
					c.Ctx()
				}
				return next(ctx, c, item)
			}
		}}}, effect.List{now("guarded"), now("open")}, []string{"0 say each", "1 say together"}, []string{"guarded", "open"}, false},
		{"dispatch hook that asks", "one around the list decides for the list", []effect.Item[Env]{effect.Interceptor[Env]{Name: "guard", Dispatch: func(next effect.DispatchFunc[Env]) effect.DispatchFunc[Env] {
			return func(ctx context.Context, c call, items effect.List) *effect.Result {
				if c.Parent() != 0 {
					c.Ctx()
				}
				return next(ctx, c, items)
			}
		}}}, effect.List{now("a")}, []string{"0 say together"}, []string{"a"}, true},
		{"action with both", "an action that holds one effect for each is for each as a whole", []effect.Item[Env]{effect.Expand[Env]("Two things.", func(effect.NoState, Pair) (effect.List, error) {
			return effect.List{now("0.0"), Note{"0.1"}}, nil
		})}, effect.List{Pair{}, now("1")}, []string{"0 pair each", "1 say together"}, []string{"0.0", "1"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var log []string
			has := func(n string) bool { return strings.Contains(tt.name, n) }
			with := append([]effect.Item[Env]{say(&log)}, tt.with...)
			if has("placeholder") { // its own instead of that of the kit
				got := tryWho(t, with, tt.items...)
				check(t, tt.reason, tt.want, tt.log, tt.all, got, log)
				return
			}
			check(t, tt.reason, tt.want, tt.log, tt.all, try(t, newEnv(), with, tt.items...), log)
		})
	}
}

func check(t *testing.T, reason string, want, wantLog []string, all bool, got tried, log []string) {
	t.Helper()
	if diff := cmp.Diff(want, got.items); diff != "" {
		t.Errorf("%s (-want +got):\n%s", reason, diff)
	}
	if diff := cmp.Diff(wantLog, log); diff != "" {
		t.Errorf("%s: what ran (-want +got):\n%s", reason, diff)
	}
	if got.all != all {
		t.Errorf("%s: all %v, want %v", reason, got.all, all)
	}
	if err := got.res.Err(); err != nil {
		t.Errorf("%s: %v", reason, err)
	}
}

// tryWho is try with a placeholder of the test's own.
func tryWho(t *testing.T, with []effect.Item[Env], items ...effect.Data) (out tried) {
	t.Helper()
	shares := func(ctx context.Context, c call) (any, error) {
		end := func(i int, item effect.Data, each bool) {
			how := map[bool]string{true: "each", false: "together"}[each]
			out.items = append(out.items, fmt.Sprintf("%d %s %s", i, strings.TrimPrefix(item.EffectName(), "test/"), how))
		}
		out.res, out.all = c.DispatchShared(ctx, track{func(int) {}, end}, items...)
		return nil, nil
	}
	d, err := dispatch.New(registry.New("test", append([]effect.Item[Env]{handleNote(), does(shares)}, with...)...))
	if err != nil {
		t.Fatal(err)
	}
	d.Dispatch(t.Context(), newEnv(), Do{})
	return out
}

// What has to run for each leaves nothing of its attempt behind.
func TestSharedAttemptLeavesNoTrace(t *testing.T) {
	var log []string
	fails := effect.Do("Fail.", func(context.Context, call, Pair) error { return errors.New("not for many") }).About(effect.About{Shared: true})
	guard := effect.Interceptor[Env]{Name: "guard", Effect: func(next effect.EffectFunc[Env]) effect.EffectFunc[Env] {
		return func(ctx context.Context, c call, item effect.Data) (any, error) {
			v, err := next(ctx, c, item)
			if _, ok := item.(Pair); ok {
				c.Ctx()
			}
			return v, err
		}
	}}
	got := try(t, newEnv(), []effect.Item[Env]{say(&log), fails, guard}, Pair{}, Say{effect.Now("x")})
	if len(got.res.Errors) != 0 || len(got.res.Outcomes) != 1 {
		t.Errorf("errors %v, outcomes %+v", got.res.Errors, got.res.Outcomes)
	}
	if diff := cmp.Diff([]string{"0 pair each", "1 say together"}, got.items); diff != "" {
		t.Error(diff)
	}
}

// Nothing of the sender reaches what runs for many: neither its Ctx nor the data
// of its context.
func TestSharedSeesNothingOfTheSender(t *testing.T) {
	secret := effect.NewContextKey[string]("secret")
	var saw []string
	h := effect.Do("Look around.", func(ctx context.Context, c call, _ Pair) error {
		v, _ := secret.From(ctx)
		saw = append(saw, fmt.Sprintf("%q %v", v, c.Ctx() == (Env{})))
		return nil
	}).About(effect.About{Shared: true})
	shares := func(ctx context.Context, c call) (any, error) {
		c.DispatchShared(secret.With(ctx, "of the sender"), track{func(int) {}, func(_ int, _ effect.Data, each bool) {
			if each {
				t.Error("an effect marked as shared may look at the Ctx, which is nobody's")
			}
		}}, Pair{})
		return nil, nil
	}
	res := tester(t, does(shares), h).Dispatch(t.Context(), newEnv(), Do{})
	if res.Err() != nil {
		t.Fatal(res.Err())
	}
	if diff := cmp.Diff([]string{`"" true`}, saw); diff != "" {
		t.Error(diff)
	}
}

// A panic of the functions of the caller is an error of its item.
func TestSharePanics(t *testing.T) {
	shares := func(ctx context.Context, c call) (any, error) {
		c.DispatchShared(ctx, track{func(int) { panic("no room") }, func(int, effect.Data, bool) {}}, Note{"a"}, Note{"b"})
		return "done", nil
	}
	res := tester(t, does(shares)).Dispatch(t.Context(), newEnv(), Do{})
	wantSummary(t, res, summary{
		Outcomes: []string{"0 test/do = done"},
		Errors:   []string{"effect test/note at 0 by share: panic: no room", "effect test/note at 1 by share: panic: no room"},
	})
}

// Prepared items are run by the caller's function, under their interceptors and in
// their place in the list.
func TestDispatchPrepared(t *testing.T) {
	var seen []string
	watch := effect.Interceptor[Env]{Name: "watch", Effect: func(next effect.EffectFunc[Env]) effect.EffectFunc[Env] {
		return func(ctx context.Context, c call, item effect.Data) (any, error) {
			if c.Parent() != 0 {
				seen = append(seen, c.Path().String()+" "+item.EffectName())
			}
			return next(ctx, c, item)
		}
	}}
	pair := effect.Expand[Env]("Two things.", func(effect.NoState, Pair) (effect.List, error) { return effect.List{Note{"x"}}, nil })
	var ran []int
	var inner *effect.Result
	each := func(ctx context.Context, c call) (any, error) {
		inner = c.Detached().DispatchPrepared(ctx, func(_ context.Context, i int) (bool, error) {
			if i == 1 {
				return false, nil
			}
			ran = append(ran, i)
			if i == 3 {
				return true, errors.New("full")
			}
			return true, nil
		}, Note{"0"}, Note{"1"}, Pair{}, Note{"3"}, Note{"4"})
		return nil, nil
	}
	env := newEnv()
	res := tester(t, does(each), watch, pair, dispatch.FailFast[Env]()).Dispatch(t.Context(), env, Do{})
	if res.Err() != nil {
		t.Errorf("a detached continuation keeps its errors: %v", res.Err())
	}
	wantLog(t, env, "1")
	if diff := cmp.Diff([]int{0, 2, 3}, ran); diff != "" {
		t.Errorf("prepared items, the last skipped by FailFast (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"0 test/note", "1 test/note", "3 test/note", "4 test/note"}, seen); diff != "" {
		t.Errorf("interceptors (-want +got):\n%s", diff)
	}
	if len(inner.Errors) != 1 || inner.Errors[0].Path.String() != "3" || len(inner.Skipped) != 1 {
		t.Errorf("%+v", inner)
	}
}

func TestAgainstAndAdopt(t *testing.T) {
	d := tester(t, does(func(context.Context, call) (any, error) { return nil, errors.New("broken") }))
	var kept call
	keep := tester(t, does(func(_ context.Context, c call) (any, error) { kept = c.Kept(); return nil, nil }))
	ann := newEnv()
	keep.Dispatch(t.Context(), ann, Do{})
	run := tester(t, does(func(ctx context.Context, c call) (any, error) {
		own, ok := c.Against(kept)
		if !ok || own.ID() != c.ID() {
			t.Errorf("ok %v, dispatch %d of %d", ok, own.ID(), c.ID())
		}
		own.Dispatch(ctx, Note{"for ann"})
		if _, ok := c.Against(call{}); ok {
			t.Error("the zero Call has no Ctx to run against")
		}
		c.Adopt(d.Dispatch(ctx, newEnv(), Do{}))
		return nil, nil
	}))
	bob := newEnv()
	res := run.Dispatch(t.Context(), bob, Do{})
	wantLog(t, ann, "for ann")
	wantLog(t, bob)
	if len(res.Errors) != 1 {
		t.Errorf("adopted errors: %v", res.Errors)
	}
	if root, ok := effect.Root[Env](kept); !ok || root != ann {
		t.Errorf("%v %v", root, ok)
	}
	if _, ok := effect.Root[int](kept); ok {
		t.Error("the Ctx is no int")
	}
}

// What is kept beyond its dispatch runs in dispatches from outside, with its own Ctx.
func TestKeptRunsFromOutside(t *testing.T) {
	var kept call
	d := tester(t, does(func(_ context.Context, c call) (any, error) { kept = c.Kept(); return nil, nil }))
	ann := newEnv()
	d.Dispatch(t.Context(), ann, Do{})
	own := kept.With(func(*Env) {})
	res := own.Detached().Dispatch(t.Context(), Note{"for ann"}, effect.Raw{Effect: "test/unknown"})
	wantLog(t, ann, "for ann")
	if res.ID == 0 || res.Parent != 0 || len(res.Errors) != 1 {
		t.Errorf("dispatch %d of %d, errors %v", res.ID, res.Parent, res.Errors)
	}
	if own.ID() != 0 || own.Parent() != 0 || own.Failed() {
		t.Error("a kept call belongs to a dispatch")
	}
	if _, ok := own.Gather("key", func() (any, func()) { return nil, nil }); ok {
		t.Error("nothing ends at which what is gathered could be done")
	}
	own.Adopt(res)
	list, err := own.Decode([]byte(`[{"effect": "test/note", "args": {"text": "read"}}]`))
	if err != nil || len(list) != 1 {
		t.Fatalf("decoding: %v, %v", list, err)
	}
	if _, ok := list[0].(Note); !ok {
		t.Errorf("it is a %T", list[0])
	}
	if _, err := own.Decode([]byte(`[{"effect": "test/unknown"}]`)); err == nil {
		t.Error("an unknown effect was read")
	}
	if _, err := (call{}).Decode([]byte(`[]`)); err == nil {
		t.Error("the zero Call reads nothing")
	}
	if res := kept.Kept().Dispatch(t.Context(), Note{"again"}); res.Err() != nil {
		t.Error(res.Err())
	}
	wantLog(t, ann, "for ann", "again")
}
