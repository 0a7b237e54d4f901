package dispatch_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"strings"
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

// Tags is data that a step can change in place.
type Tags struct {
	Tags []string `json:"tags"`
}

func (Tags) EffectName() string { return "test/tags" }

// A rewritten item is validated again, also if it was changed in place. What cannot
// be changed in place is validated once.
func TestItemChangedInPlaceIsValidated(t *testing.T) {
	validated := map[string]int{}
	o := &dispatch.Options{Validate: func(d effect.Data) error {
		validated[d.EffectName()]++
		if tags, ok := d.(Tags); ok && tags.Tags[0] == "bad" {
			return errors.New("bad tag")
		}
		return nil
	}}
	ran := false
	d := testerWith(t, o, effect.Do("Tag.", func(context.Context, call, Tags) error { ran = true; return nil }),
		aroundEffect("spoiler", func(ctx context.Context, c call, item effect.Data, next effect.EffectFunc[Env]) (any, error) {
			if tags, ok := item.(Tags); ok {
				tags.Tags[0] = "bad"
			}
			return next(ctx, c, item)
		}))
	wantSummary(t, d.Dispatch(t.Context(), newEnv(), Tags{[]string{"good"}}, Note{"x"}), summary{
		Outcomes: []string{"1 test/note = x"},
		Errors:   []string{"validate test/tags at 0: bad tag"},
	})
	if ran {
		t.Error("the handler ran")
	}
	if diff := cmp.Diff(map[string]int{"test/tags": 2, "test/note": 1}, validated); diff != "" {
		t.Errorf("validations (-want +got):\n%s", diff)
	}
}

// rude has methods that panic, all of them.
type rude struct{ Of string }

func (r rude) EffectName() string {
	if r.Of == "name" {
		panic("no name")
	}
	return "test/rude"
}

func (r rude) MarshalJSON() ([]byte, error) { panic(r) }
func (r rude) PerRecipient() bool           { panic(r) }
func (r rude) String() string               { panic(r) }

// rudeError is an error whose methods panic, all of them.
type rudeError struct{ list []int }

func (rudeError) Error() string            { panic("no text") }
func (rudeError) Is(error) bool            { panic("no Is") }
func (rudeError) As(any) bool              { panic("no As") }
func (rudeError) Unwrap() error            { panic("no Unwrap") }
func (*rudeError) HTTPStatus() int         { panic("no status") }
func (r rudeError) Format(fmt.State, rune) { panic("no format") }

// Methods of the types of a program may panic: that is an entry of the result and no
// panic of the dispatch, and the result can be read.
func TestRudeMethods(t *testing.T) {
	var nilErr *fs.PathError
	loop := []any{nil}
	loop[0] = loop
	for _, row := range []struct {
		fails  func(ctx context.Context, c call) (any, error)
		want   string
		reason string
	}{
		{func(context.Context, call) (any, error) { return nil, rudeError{} }, "dispatch_test.rudeError, whose Error method panics: no text", "an error"},
		{func(context.Context, call) (any, error) { return nil, fmt.Errorf("w: %w", rudeError{}) }, "", "an error that is wrapped"},
		{func(context.Context, call) (any, error) { return nil, errors.Join(errFail, rudeError{}) }, "", "an error in a list"},
		{func(ctx context.Context, c call) (any, error) {
			return nil, errors.Join(c.Dispatch(ctx, Fail{"x"}).Err(), rudeError{})
		}, "", "an error beside that of a continuation"},
		{func(context.Context, call) (any, error) { return nil, nilErr }, "a nil *fs.PathError, returned as an error", "a typed nil"},
		{func(context.Context, call) (any, error) { panic(rudeError{}) }, "panic: ", "a panic value"},
		{func(context.Context, call) (any, error) { panic(nilErr) }, "panic: <nil>", "a nil panic value"},
		{func(context.Context, call) (any, error) { panic(rude{}) }, "panic: ", "a Stringer"},
		{func(context.Context, call) (any, error) { panic(loop) }, "nests too deep", "a panic value that holds itself"},
	} {
		d := tester(t, does(row.fails), passEffects("a"), passEffects("b"), dispatch.Log[Env](slog.New(slog.DiscardHandler)))
		res := d.Dispatch(t.Context(), newEnv(), Do{}, Note{"after"})
		if len(res.Outcomes) != 1 || len(res.Errors) == 0 || res.Errors[0].Err == nil {
			t.Fatalf("%s: %+v", row.reason, res)
		}
		if text := res.Err().Error(); !strings.Contains(text, row.want) {
			t.Errorf("%s: %q does not say %q", row.reason, text, row.want)
		}
		_ = res.Errors[0].In(0)
	}
}

// The same goes for the data.
func TestRudeData(t *testing.T) {
	d := tester(t, handleSay(), effect.Do("Be rude.", func(context.Context, call, rude) error { return nil }), passEffects("a"),
		dispatch.Log[Env](slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelDebug}))))
	for _, item := range []effect.Data{
		rude{}, rude{"name"}, &rude{"name"}, (*rude)(nil), (*Note)(nil), Say{effect.Later[string]((*Note)(nil))}, Say{effect.Later[string](rude{"name"})},
		effect.Batch{Effects: effect.List{(*rude)(nil), nil}},
	} {
		res := d.Dispatch(t.Context(), newEnv(), item, Note{"after"})
		if n := len(res.Outcomes); n == 0 || res.Outcomes[n-1].Item != (Note{"after"}) {
			t.Errorf("%T: %v", item, res.Err())
		}
		if res.Err() != nil {
			_ = res.Err().Error()
		}
		list, err := effect.List{item, nil}[:1].MarshalJSON()
		if err == nil {
			t.Errorf("%T is written as %s", item, list)
		}
		if _, err = json.Marshal(effect.List{item}); err == nil {
			t.Errorf("%T is written by encoding/json", item)
		}
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
