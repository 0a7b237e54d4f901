package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
)

// A Dispatch hook may dispatch. Where a limit is reached its own dispatches do not
// begin, hooks included: a stack that overflows ends the process.
func TestDispatchHookThatDispatchesEnds(t *testing.T) {
	for _, row := range []struct {
		before, after int // dispatches around next
		list          effect.List
		reason        string
	}{
		{0, 1, effect.List{Note{"audited"}}, "an audit after the fact ends at MaxDepth"},
		{1, 0, effect.List{Note{"audited"}}, "so does one before"},
		{2, 0, effect.List{Note{"audited"}}, "two for each are 2^100 without a budget"},
		{0, 2, nil, "continuations without items count too"},
	} {
		hooks := 0
		d := tester(t, aroundDispatch("audit", func(ctx context.Context, c call, items effect.List, next effect.DispatchFunc[Env]) *effect.Result {
			hooks++
			for range row.before {
				c.Dispatch(ctx, row.list...)
			}
			res := next(ctx, c, items)
			for range row.after {
				c.Dispatch(ctx, row.list...)
			}
			return res
		}))
		res := d.Dispatch(t.Context(), newEnv(), Note{"a"})
		if !errors.Is(res.Err(), dispatch.ErrDepth) {
			t.Errorf("%s: no ErrDepth in %v", row.reason, res.Err())
		}
		if row.before+row.after == 1 && (hooks != 101 || len(res.Errors) != 1) {
			t.Errorf("%s: the hook ran %d times with %d errors, want one for the dispatch and one for each of 100 continuations", row.reason, hooks, len(res.Errors))
		}
		if row.before+row.after > 1 && (!errors.Is(res.Err(), dispatch.ErrBudget) || hooks > 30_000) {
			t.Errorf("%s: the hook ran %d times: %v", row.reason, hooks, res.Err())
		}
	}
}

// Each runs its effects a number of times, as a broadcast does for its recipients.
type Each struct {
	Times   int         `json:"times"`
	Effects effect.List `json:"effects"`
}

func (Each) EffectName() string { return "test/each" }

// fanOut returns a list of nested Each, and what handles it and counts.
func fanOut(depth int) (effect.List, effect.Item[Env], *atomic.Int64) {
	var n atomic.Int64
	items := effect.List{Each{}}
	for range depth {
		items = effect.List{Each{20, items}}
	}
	return items, effect.Handle("Run effects again and again.", func(ctx context.Context, c call, e Each) (any, error) {
		n.Add(1)
		for range e.Times {
			c.Dispatch(ctx, e.Effects...)
		}
		return nil, nil
	}), &n
}

// A short list whose items run many times each costs no more than Options.MaxTotal,
// although no part of it is over another limit: 20^9 here.
func TestFanOutIsBounded(t *testing.T) {
	for _, row := range []struct {
		total, want int
		reason      string
	}{
		{1000, 1000, "the limit of the options"},
		{0, 1_000_000, "the default"},
	} {
		if testing.Short() && row.want > 1000 {
			continue
		}
		items, handler, n := fanOut(9)
		d := testerWith(t, &dispatch.Options{MaxTotal: row.total}, handler)
		res := d.Dispatch(t.Context(), newEnv(), append(items, Note{"never"})...)
		if !errors.Is(res.Err(), dispatch.ErrBudget) {
			t.Errorf("%s: no ErrBudget: %v", row.reason, res.Err())
		}
		if got := int(n.Load()); got < row.want*9/10 || got > row.want+1 {
			t.Errorf("%s: %d items ran, want about %d", row.reason, got, row.want)
		}
		if len(res.Errors) > 12 {
			t.Errorf("%s: %d errors, want at most one for each level", row.reason, len(res.Errors))
		}
		if len(res.Skipped) != 1 || len(res.Outcomes) != 1 {
			t.Errorf("%s: the dispatch from outside goes on: %+v", row.reason, summarize(res))
		}
	}
}

// All attempts of an interceptor that calls next again have one budget.
func TestRetriesShareTheBudget(t *testing.T) {
	items, handler, n := fanOut(9)
	d := testerWith(t, &dispatch.Options{MaxTotal: 1000}, handler,
		aroundDispatch("retry", func(ctx context.Context, c call, items effect.List, next effect.DispatchFunc[Env]) (res *effect.Result) {
			for range 3 {
				res = next(ctx, c, items)
			}
			return res
		}))
	d.Dispatch(t.Context(), newEnv(), items...)
	if n.Load() > 1100 {
		t.Errorf("%d items ran", n.Load())
	}
}

// wrapped is an error type of a program.
type wrapped struct {
	level int
	err   error
}

func (w *wrapped) Error() string { return fmt.Sprintf("level %d: %v", w.level, w.err) }
func (w *wrapped) Unwrap() error { return w.err }

// chain dispatches itself d.N times, and then fails; how makes the error of each level.
func chain(how func(n int, err error) error) effect.Item[Env] {
	return effect.Handle("Go on.", func(ctx context.Context, c call, d Do) (any, error) {
		if d.N == 0 {
			return nil, errFail
		}
		return nil, how(d.N, c.Dispatch(ctx, Do{d.N - 1}).Err())
	})
}

// A handler that returns the error of its continuation has not failed once more:
// one failure is one entry. It tells who failed of it, and nothing that a handler
// has put around it is lost.
func TestOneFailureIsReportedOnce(t *testing.T) {
	for _, row := range []struct {
		how    func(n int, err error) error
		text   string
		reason string
	}{
		{func(_ int, err error) error { return err }, "effect test/do at 0: failed on purpose", "the error as it is"},
		{func(_ int, err error) error { return errors.Join(err, nil) }, "effect test/do at 0: failed on purpose", "joined with nothing"},
		{func(n int, err error) error { return fmt.Errorf("level %d: %w", n, err) },
			"effect test/do at 0: failed on purpose (test/do at 0: level 1) (test/do at 0: level 2) (test/do at 0: level 3)", "with a text of its own"},
		{func(n int, err error) error { return &wrapped{n, err} },
			"effect test/do at 0: failed on purpose (test/do at 0: level 1) (test/do at 0: level 2) (test/do at 0: level 3)", "with a type of its own"},
	} {
		for depth := range 4 {
			res := tester(t, chain(row.how)).Dispatch(t.Context(), newEnv(), Do{depth})
			if len(res.Errors) != 1 || !errors.Is(res.Err(), errFail) || len(res.Outcomes) != 0 {
				t.Fatalf("%s, %d deep: %+v", row.reason, depth, summarize(res))
			}
			e := res.Errors[0]
			if text := e.Error(); depth == 3 && text != row.text {
				t.Errorf("%s: got text %q, want %q", row.reason, text, row.text)
			}
			if len(e.Outer) != depth {
				t.Fatalf("%s, %d deep: %d items failed of it", row.reason, depth, len(e.Outer))
			}
			if own := e.In(res.ID); own == nil || own.Item != (Do{depth}) || own.Phase != dispatch.PhaseEffect || !own.Path.Equal(effect.NewPath(0)) {
				t.Errorf("%s, %d deep: the item of the dispatch is %+v", row.reason, depth, own)
			}
			w, ok := errors.AsType[*wrapped](res.Err())
			if _, typed := row.how(1, errFail).(*wrapped); ok != (typed && depth > 0) || ok && w.level != depth {
				t.Errorf("%s, %d deep: AsType gives %v, %v", row.reason, depth, w, ok)
			}
			if ok && !errors.Is(res.Err(), w) {
				t.Errorf("%s, %d deep: Is does not find what AsType has found", row.reason, depth)
			}
		}
	}
}

// What a handler adds to the error of its continuation is a failure of its own, and
// holds that of the continuation no second time.
func TestFailureBesideThatOfAContinuation(t *testing.T) {
	errOwn := errors.New("own")
	visited := 0
	d := tester(t, chain(func(n int, err error) error { return errors.Join(err, fmt.Errorf("own %d: %w", n, errOwn)) }))
	res := d.Dispatch(t.Context(), newEnv(), Do{12})
	if len(res.Errors) != 13 || !errors.Is(res.Err(), errOwn) || !errors.Is(res.Err(), errFail) {
		t.Errorf("got %d errors, want 1 and one more for each level: %v", len(res.Errors), res.Err())
	}
	var walk func(err error)
	walk = func(err error) {
		visited++
		switch x := err.(type) {
		case interface{ Unwrap() error }:
			if err := x.Unwrap(); err != nil {
				walk(err)
			}
		case interface{ Unwrap() []error }:
			for _, err := range x.Unwrap() {
				walk(err)
			}
		}
	}
	if walk(res.Err()); visited > 100 {
		t.Errorf("errors.Is has to look at %d errors for 13 failures", visited)
	}
}

// A handler that passes on errors that are reported elsewhere has failed itself.
func TestErrorsOfOthersAreFailures(t *testing.T) {
	var kept error
	keeps := func(ctx context.Context, c call) (any, error) {
		kept = c.Dispatch(ctx, Fail{"kept"}).Err()
		return nil, nil
	}
	for _, row := range []struct {
		fails  func(ctx context.Context, c call) (any, error)
		reason string
	}{
		{func(context.Context, call) (any, error) { return nil, kept }, "the error of another item"},
		{func(ctx context.Context, c call) (any, error) {
			return nil, c.Detached().Dispatch(ctx, Fail{"x"}).Err()
		}, "the error of a detached continuation"},
		{func(ctx context.Context, c call) (any, error) { panic(c.Detached().Dispatch(ctx, Fail{"x"}).Err()) }, "a panic"},
	} {
		res := tester(t, does(keeps, row.fails)).Dispatch(t.Context(), newEnv(), Do{0}, Do{1})
		if len(res.Errors) != 2 || res.Errors[1].Path.Index() != 1 || res.Errors[1].Dispatch != res.ID || !errors.Is(res.Errors[1], errFail) {
			t.Errorf("%s: %+v", row.reason, summarize(res))
		}
	}
}

// The text of an error is bounded, whatever it holds.
func TestErrorTextIsBounded(t *testing.T) {
	const most = 4 << 10
	check := func(reason string, err error) {
		t.Helper()
		if n := len(err.Error()); n > most {
			t.Errorf("%s: a text of %d bytes", reason, n)
		}
	}
	for _, row := range []struct {
		how    func(n int, err error) error
		reason string
	}{
		{func(_ int, err error) error { return err }, "a runaway that returns the error of its continuation"},
		{func(n int, err error) error { return &wrapped{n, err} }, "one that puts something around it"},
		{func(n int, err error) error { return errors.Join(err, fmt.Errorf("own %d", n)) }, "one that adds to it"},
		{func(n int, err error) error { return errors.Join(err, err) }, "one that has it twice"},
	} {
		d := tester(t, chain(row.how))
		res := d.Dispatch(t.Context(), newEnv(), Do{1000})
		check(row.reason, res.Err())
		for _, e := range res.Errors {
			check(row.reason, e)
		}
		if !errors.Is(res.Err(), dispatch.ErrDepth) {
			t.Errorf("%s: no ErrDepth", row.reason)
		}
	}
	d := tester(t, does(func(ctx context.Context, c call) (any, error) {
		return nil, errors.Join(c.Detached().Dispatch(ctx, Do{}).Err(), c.Detached().Dispatch(ctx, Fail{"x"}).Err())
	}))
	check("a runaway with detached continuations", d.Dispatch(t.Context(), newEnv(), Do{}).Err())
	check("a long text", tester(t).Dispatch(t.Context(), newEnv(), Fail{strings.Repeat("x", 1<<20)}).Err())
	check("a panic with a long text", tester(t).Dispatch(t.Context(), newEnv(), Boom{strings.Repeat("ü", 1<<19)}).Err())
	var many effect.List
	for i := range 10_000 {
		many = append(many, effect.Raw{Effect: fmt.Sprintf("test/nte%d", i)})
	}
	res := tester(t).Dispatch(t.Context(), newEnv(), many...)
	check("many unknown names", res.Err())
	if text := res.Err().Error(); !strings.HasSuffix(text, "\n... and 9992 more") || strings.Count(text, "\n") != 8 {
		t.Errorf("the text does not say how many more there are: %q", text)
	}
	deep := effect.Data(Note{"x"})
	for range 90 {
		deep = effect.Batch{Effects: effect.List{deep, Fail{"x"}}}
	}
	check("long paths", tester(t).Dispatch(t.Context(), newEnv(), deep).Err())
}

// A runaway that a limit ends can be logged. Its text would double with each of
// 100 levels if errors held each other.
func TestRunawayIsLogged(t *testing.T) {
	var b strings.Builder
	log := slog.New(slog.NewTextHandler(io.MultiWriter(io.Discard, &b), nil))
	res := tester(t, dispatch.Log[Env](log), does(func(ctx context.Context, c call) (any, error) {
		return nil, c.Dispatch(ctx, Do{}).Err()
	})).Dispatch(t.Context(), newEnv(), Do{})
	if len(res.Errors) != 1 || len(res.Errors[0].Outer) != 101 {
		t.Errorf("got %+v", summarize(res))
	}
	if n := strings.Count(b.String(), "\n"); n != 101 || b.Len() > n*5<<10 {
		t.Errorf("%d records with %d bytes, want one for each of 101 dispatches", n, b.Len())
	}
}

// A name from outside cannot pretend to be something else in the text of an error,
// and its length is not that of the text.
func TestErrorTextOfHostileName(t *testing.T) {
	d := tester(t, handleSay())
	quoted := regexp.MustCompile(`"[^"]*"`)
	for _, name := range []string{
		"a\n2026-01-01 ERROR forged line", "test/note at 0: ok", "\x1b[31mred", strings.Repeat("x", 1<<20), "\xff", "a\u2028b",
	} {
		for _, item := range []effect.Data{effect.Raw{Effect: name}, Say{effect.Later[string](effect.Raw{Effect: name})}} {
			text := d.Dispatch(t.Context(), newEnv(), item).Err().Error()
			if strings.Contains(quoted.ReplaceAllString(text, ""), name) || strings.ContainsAny(text, "\n\x1b\u2028") || len(text) > 1000 {
				t.Errorf("%.50q gives %.200q", name, text)
			}
		}
	}
	res := d.Dispatch(t.Context(), newEnv(), effect.Raw{Effect: "a\nb"})
	if diff := cmp.Diff("a\nb", res.Errors[0].Name); diff != "" {
		t.Errorf("the entry has the name as it is (-want +got):\n%s", diff)
	}
}
