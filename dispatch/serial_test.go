package dispatch_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
)

func serial(key string, items ...effect.Data) effect.Serial {
	return effect.Serial{Key: key, Effects: items}
}

// Via dispatches its list from a handler, in one of the ways there are.
type Via struct {
	How     string      `json:"how"`
	Effects effect.List `json:"effects"`
}

func (Via) EffectName() string { return "test/via" }

// handleVia returns the handler of Via. The dispatcher is known only later.
func handleVia(d **dispatch.Dispatcher[Env]) effect.Item[Env] {
	return effect.Handle("Continue in some way.", func(ctx context.Context, c call, v Via) (res *effect.Result, err error) {
		elsewhere := func(ctx context.Context) {
			var wg sync.WaitGroup
			wg.Go(func() { res = c.Dispatch(ctx, v.Effects...) })
			wg.Wait()
		}
		switch v.How {
		case "call":
			res = c.Dispatch(ctx, v.Effects...)
		case "background":
			res = c.Dispatch(context.Background(), v.Effects...)
		case "goroutine":
			elsewhere(ctx)
		case "goroutine, background":
			elsewhere(context.Background())
		case "detached":
			res = c.Detached().Dispatch(context.Background(), v.Effects...)
		case "with":
			res = c.DispatchWith(context.Background(), func(e *Env) { e.Label = "with " }, v.Effects...)
		case "dispatcher":
			res = (*d).Dispatch(ctx, c.Ctx(), v.Effects...)
		case "dispatcher, then background":
			res = (*d).Dispatch(ctx, c.Ctx(), Via{"background", v.Effects})
		case "background, then dispatcher":
			res = c.Dispatch(context.Background(), Via{"dispatcher", v.Effects})
		case "shared":
			end := func(_ int, item effect.Data, each bool) {
				if each {
					c.Dispatch(ctx, item)
				}
			}
			res, _ = c.DispatchShared(ctx, track{func(int) {}, end}, v.Effects...)
		default:
			return nil, fmt.Errorf("no such way: %q", v.How)
		}
		return res, nil
	})
}

func serialTester(t testing.TB, o *dispatch.Options, items ...effect.Item[Env]) (d *dispatch.Dispatcher[Env]) {
	t.Helper()
	d = testerWith(t, o, append(append(actions(), items...), handleVia(&d),
		effect.Expand[Env]("Run a list.", func(_ effect.NoState, g Group) (effect.List, error) { return g.Effects, nil }))...)
	return d
}

func wantNoKeys(t *testing.T, d *dispatch.Dispatcher[Env]) {
	t.Helper()
	if held, _ := dispatch.KeysHeld(d); held != 0 {
		t.Errorf("%d keys are still held", held)
	}
}

// Changing the state and saying so is one step: what is published comes in the
// order of the changes, and the race detector sees nothing unguarded.
func TestSerialIsOneStep(t *testing.T) {
	counter, published := 0, []int(nil)
	d := serialTester(t, nil, does(
		func(context.Context, call) (any, error) { counter++; runtime.Gosched(); return nil, nil },
		func(context.Context, call) (any, error) { published = append(published, counter); return nil, nil },
	))
	const n = 64
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			if err := d.Dispatch(t.Context(), newEnv(), serial("counter", Do{0}, Do{1})).Err(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	var want []int
	for i := range n {
		want = append(want, i+1)
	}
	if diff := cmp.Diff(want, published); diff != "" {
		t.Errorf("published (-want +got):\n%s", diff)
	}
	wantNoKeys(t, d)
}

func TestSerialNestingIsAnError(t *testing.T) {
	same := `key "b" is held by a Serial around this one, which would wait for itself: put these effects into the list of the outer one without a Serial of their own, or dispatch them after it`
	order := `key "a" is wanted while "b" is held, and a dispatch that takes them the other way round would wait for this one for ever: keys are taken in the order of their bytes, so take "a" first and "b" inside it`
	in := func(how string, items ...effect.Data) Via { return Via{how, items} }
	for _, row := range []struct {
		name   string
		item   effect.Data
		log    []string
		want   []string // errors
		reason string
	}{
		{"same key", serial("b", Note{"1"}, serial("b", Note{"x"}), Note{"2"}), []string{"1", "2"},
			[]string{"serial effect/serial at 0.1 (via effect/serial): " + same}, "it would wait for itself; the others run"},
		{"expansion", serial("b", Group{effect.List{serial("b", Note{"x"})}}), nil,
			[]string{"serial effect/serial at 0.0.0 (via effect/serial > test/group): " + same}, "what an action expands to is inside"},
		{"batch", serial("b", effect.Batch{Effects: effect.List{Note{"1"}}}), []string{"1"}, nil, "a batch inside is fine"},
		{"in a batch", effect.Batch{Effects: effect.List{Note{"1"}, serial("b", Note{"x"})}}, []string{"1"},
			[]string{`serial effect/serial at 0.1 (via effect/batch): key "b" is wanted inside an effect.Batch, whose actions are expanded before the key could be held: put the Batch into the list of the Serial instead`}, "the expansions would see a state that others may still change"},
		{"call", serial("b", in("call", serial("b", Note{"x"}))), nil, []string{"serial effect/serial at 0: " + same}, "a continuation is inside"},
		{"twice", serial("b", in("call", in("call", serial("b", Note{"x"})))), nil, []string{"serial effect/serial at 0: " + same}, "at any depth"},
		{"background", serial("b", in("background", serial("b", Note{"x"}))), nil, []string{"serial effect/serial at 0: " + same}, "the call knows it, whatever the context"},
		{"background twice", serial("b", in("background", in("background", serial("b")))), nil, []string{"serial effect/serial at 0: " + same}, "at any depth"},
		{"goroutine", serial("b", in("goroutine", serial("b", Note{"x"}))), nil, []string{"serial effect/serial at 0: " + same}, "another goroutine that is waited for"},
		{"goroutine, background", serial("b", in("goroutine, background", serial("b", Note{"x"}))), nil, []string{"serial effect/serial at 0: " + same}, "with another context, too"},
		{"with", serial("b", in("with", serial("b", Note{"x"}))), nil, []string{"serial effect/serial at 0: " + same}, "with another Ctx"},
		{"shared", serial("b", in("shared", serial("b", Note{"x"}))), nil, []string{"serial effect/serial at 0: " + same}, "for many recipients"},
		{"from an action in it", serial("b", Group{effect.List{in("background", serial("b", Note{"x"}))}}), nil, []string{"serial effect/serial at 0: " + same}, "the calls below an expansion know it"},
		{"order", serial("b", serial("a", Note{"x"})), nil,
			[]string{"serial effect/serial at 0.0 (via effect/serial): " + order}, "another dispatch may take them the other way round"},
		{"order of a continuation", serial("b", in("background", serial("a", Note{"x"}))), nil, []string{"serial effect/serial at 0: " + order}, "wherever it is taken"},
		{"good order", serial("a", Note{"1"}, serial("b", Note{"2"}, in("background", serial("c", Note{"3"})))), []string{"1", "2", "3"}, nil, "in the order of the bytes"},
		{"the outer of two", serial("a", serial("b", in("call", serial("a", Note{"x"})))), nil,
			[]string{"serial effect/serial at 0: " + strings.ReplaceAll(same, `"b"`, `"a"`)}, "every key around counts, not only the last"},
		{"one after the other", Group{effect.List{serial("b", Note{"1"}), serial("a", Note{"2"}), serial("b", Note{"3"})}}, []string{"1", "2", "3"}, nil, "what is free again is not around"},
		{"pointer", serial("b", &effect.Serial{Key: "b"}), nil, []string{"serial effect/serial at 0.0 (via effect/serial): " + same}, "a pointer is read as its value, and an empty list is checked as well"},
		{"wire form", serial("b", effect.Raw{Effect: "effect/serial", Args: json.RawMessage(`{"key":"b"}`)}), nil, []string{"serial effect/serial at 0.0 (via effect/serial): " + same}, "so is wire form"},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // a deadlock is a failure here
				for name, d := range map[string]*dispatch.Dispatcher[Env]{
					"plain": serialTester(t, nil),
					"intercepted": serialTester(t, nil, passEffects("a"), aroundDispatch("b",
						func(ctx context.Context, c call, items effect.List, next effect.DispatchFunc[Env]) *effect.Result {
							return next(context.WithoutCancel(ctx), c.With(func(*Env) {}), items)
						})),
				} {
					env := newEnv()
					res := d.Dispatch(t.Context(), env, row.item)
					if diff := cmp.Diff(row.want, summarize(res).Errors); diff != "" {
						t.Errorf("%s: %s: errors (-want +got):\n%s", name, row.reason, diff)
					}
					for _, e := range res.Errors {
						if e.Phase != dispatch.PhaseSerial {
							t.Errorf("%s: phase %s", name, e.Phase)
						}
					}
					wantLog(t, env, row.log...)
					wantNoKeys(t, d)
				}
			})
		})
	}
}

// What comes from outside is inside by its context alone; its errors are its own.
func TestSerialKnowsTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, how := range []string{"dispatcher", "dispatcher, then background", "detached"} {
			d := serialTester(t, nil)
			res := d.Dispatch(t.Context(), newEnv(), serial("b", Via{how, effect.List{serial("b", Note{"x"})}}))
			inner, ok := effect.Value[*effect.Result](res)
			if err := inner.Err(); res.Err() != nil || !ok || err == nil || !strings.Contains(err.Error(), `key "b" is held`) {
				t.Errorf("%s: inner %v, outer %v", how, err, res.Err())
			}
			wantNoKeys(t, d)
		}
	})
}

// Each dispatcher has its own keys, and two of them do not deadlock.
func TestSerialOfTwoDispatchers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var first, second *dispatch.Dispatcher[Env]
		to := does(
			func(ctx context.Context, c call) (any, error) {
				return 0, first.Dispatch(ctx, c.Ctx(), serial("k", Note{"first"})).Err()
			},
			func(ctx context.Context, c call) (any, error) {
				return 0, second.Dispatch(ctx, c.Ctx(), serial("k", Note{"second"})).Err()
			},
		)
		first, second = serialTester(t, nil, to), serialTester(t, nil, to)
		env := newEnv()
		if err := first.Dispatch(t.Context(), env, serial("k", Do{1})).Err(); err != nil {
			t.Error(err)
		}
		err := second.Dispatch(t.Context(), env, serial("k", Do{0})).Err()
		if err == nil || !strings.Contains(err.Error(), "take the key of the older dispatcher first") {
			t.Errorf("got %v", err)
		}
		wantLog(t, env, "second")
	})
}

func TestSerialKeys(t *testing.T) {
	long := strings.Repeat("é", 513)
	for _, row := range []struct {
		key, want, reason string
	}{
		{"k", "", "any text"},
		{strings.Repeat("k", 1024), "", "the longest key"},
		{"", `the key is empty: name what is changed, as in "board/7"`, "an empty key is a forgotten one"},
		{long, "the key has 1026 bytes, more than 1024: name what is changed, do not spell it out", "bounded"},
		{"\xff", `key "\xff" is not valid UTF-8, which JSON could not carry: encode it`, "two keys would become one on their way"},
		{"a" + strings.Repeat("é", 99) + "\xff", `key "a` + strings.Repeat("é", 49) + `"... is not valid UTF-8, which JSON could not carry: encode it`, "messages are bounded"},
	} {
		d := serialTester(t, nil)
		want := []string(nil)
		if row.want != "" {
			want = []string{"serial effect/serial at 0: " + row.want}
		}
		got := summarize(d.Dispatch(t.Context(), newEnv(), serial(row.key, Note{"1"}))).Errors
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", row.reason, diff)
		}
	}
}

// holder handles Do 0 by holding on until the returned function is called.
func holder() (effect.Item[Env], func()) {
	release := make(chan struct{})
	return does(func(context.Context, call) (any, error) { <-release; return nil, nil }), func() { close(release) }
}

func TestSerialEndsWithItsContext(t *testing.T) {
	cause := errors.New("the client left")
	for _, row := range []struct {
		name   string
		ctx    func(context.Context) (context.Context, context.CancelFunc)
		want   string
		reason string
	}{
		{"deadline", func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, time.Second)
		},
			"context deadline exceeded", "a deadline passes"},
		{"cancel", func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancelCause(ctx)
			stop := time.AfterFunc(time.Second, func() { cancel(cause) })
			return ctx, func() { stop.Stop(); cancel(nil) }
		}, "context canceled: the client left", "the program gives a cause"},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				hold, release := holder()
				d := serialTester(t, nil, hold)
				var wg sync.WaitGroup
				wg.Go(func() { d.Dispatch(t.Context(), newEnv(), serial("board/7", Do{0})) })
				synctest.Wait()
				ctx, cancel := row.ctx(t.Context())
				defer cancel()
				env := newEnv()
				res := d.Dispatch(ctx, env, Note{"before"}, serial("board/7", Note{"in"}, serial("z", Note{"deep"})), Note{"after"})
				reason := `waiting for key "board/7": ` + row.want
				wantSummary(t, res, summary{
					Outcomes: []string{"0 test/note = before"},
					Errors:   []string{"cancel effect/serial at 1: " + reason},
					Skipped:  []string{"1.0 test/note: " + reason, "1.1 effect/serial: " + reason, "2 test/note: " + reason},
				})
				if err := res.Err(); !errors.Is(err, ctx.Err()) {
					t.Errorf("%v is not %v", err, ctx.Err())
				}
				release()
				wg.Wait()
				wantLog(t, env, "before")
				wantNoKeys(t, d)
			})
		})
	}
}

// Whoever comes first gets the key first; who leaves the queue is passed over.
func TestSerialIsFair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold, release := holder()
		d := serialTester(t, nil, hold)
		env := newEnv()
		var wg sync.WaitGroup
		wg.Go(func() { d.Dispatch(t.Context(), env, serial("k", Do{0})) })
		synctest.Wait()
		leaves, leave := context.WithCancel(t.Context())
		for i := range 5 {
			ctx := t.Context()
			if i == 2 {
				ctx = leaves
			}
			wg.Go(func() { d.Dispatch(ctx, env, serial("k", Note{fmt.Sprint(i)})) })
			synctest.Wait()
		}
		wg.Go(func() { d.Dispatch(t.Context(), newEnv(), serial("other", Note{"x"})) }) // not held up
		leave()
		synctest.Wait()
		release()
		wg.Wait()
		wantLog(t, env, "0", "1", "3", "4")
		wantNoKeys(t, d)
	})
}
