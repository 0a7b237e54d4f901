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

// Env is the Ctx of most tests: a log of what ran, and a label that
// continuations change.
type Env struct {
	Log   *[]string
	Label string
}

func (e Env) add(format string, args ...any) { *e.Log = append(*e.Log, fmt.Sprintf(format, args...)) }

func newEnv() Env { return Env{Log: new([]string)} }

type call = effect.Call[Env]

// Note logs its text, Fail fails with it and Boom panics with it.
type (
	Note struct {
		Text string `json:"text"`
	}
	Fail struct {
		Text string `json:"text"`
	}
	Boom struct {
		How string `json:"how"`
	}
	// Do runs any function; tests hand it over by number, as effect data hold
	// values only.
	Do struct {
		N int `json:"n"`
	}
	// Nope has no handler.
	Nope struct{}
)

func (Note) EffectName() string { return "test/note" }
func (Fail) EffectName() string { return "test/fail" }
func (Boom) EffectName() string { return "test/boom" }
func (Do) EffectName() string   { return "test/do" }
func (Nope) EffectName() string { return "test/nope" }

var errFail = errors.New("failed on purpose")

func handleNote() effect.Item[Env] {
	return effect.Handle("Log a text.", func(_ context.Context, c call, n Note) (string, error) {
		c.Ctx().add("%s%s", c.Ctx().Label, n.Text)
		return n.Text, nil
	})
}

func handleFail() effect.Item[Env] {
	return effect.Handle("Fail.", func(_ context.Context, _ call, f Fail) (int, error) {
		return 0, fmt.Errorf("%s: %w", f.Text, errFail)
	})
}

func handleBoom() effect.Item[Env] {
	return effect.Handle("Panic.", func(_ context.Context, _ call, b Boom) (int, error) {
		switch b.How {
		case "error":
			panic(errFail)
		case "nil":
			panic(nil)
		case "runtime":
			var m map[string]int
			m["x"] = 1
		case "uncomparable":
			panic([]int{1})
		}
		panic(b.How)
	})
}

// does handles Do with one of fs.
func does(fs ...func(ctx context.Context, c call) (any, error)) effect.Item[Env] {
	return effect.Handle("Run a function of the test.", func(ctx context.Context, c call, d Do) (any, error) { return fs[d.N](ctx, c) })
}

// tester builds a dispatcher for the basic effects and more.
func tester(t testing.TB, items ...effect.Item[Env]) *dispatch.Dispatcher[Env] {
	t.Helper()
	return testerWith(t, nil, items...)
}

func testerWith(t testing.TB, o *dispatch.Options, items ...effect.Item[Env]) *dispatch.Dispatcher[Env] {
	t.Helper()
	base := []effect.Item[Env]{handleNote(), handleFail(), handleBoom()}
	d, err := dispatch.NewWith(o, registry.New("test", append(base, items...)...))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// summary is a Result in a form that tests write down.
type summary struct {
	Outcomes []string
	Errors   []string
	Skipped  []string
}

func summarize(r *effect.Result) summary {
	var s summary
	for _, o := range r.Outcomes {
		line := fmt.Sprintf("%s %s = %v", o.Path, o.Item.EffectName(), o.Value)
		if o.Answered {
			line += " (answered)"
		}
		s.Outcomes = append(s.Outcomes, line)
	}
	for _, e := range r.Errors {
		s.Errors = append(s.Errors, firstLine(e.Error()))
	}
	for _, k := range r.Skipped {
		name := "nil"
		if k.Item != nil {
			name = k.Item.EffectName()
		}
		line := fmt.Sprintf("%s %s", k.Path, name)
		if k.By != "" {
			line += " by " + k.By
		}
		s.Skipped = append(s.Skipped, line+": "+k.Reason.Error())
	}
	return s
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

func wantSummary(t *testing.T, res *effect.Result, want summary) {
	t.Helper()
	if diff := cmp.Diff(want, summarize(res)); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
}

func wantLog(t *testing.T, env Env, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, *env.Log); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

func containsAll(s string, parts ...string) bool {
	for _, p := range parts {
		if !strings.Contains(s, p) {
			return false
		}
	}
	return true
}
