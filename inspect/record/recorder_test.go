package record_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/inspect/record"
	"github.com/sfere-go/sfere/registry"
)

// Do is an effect that does what the context has for its name.
type Do struct {
	Name string `json:"name"`
}

func (Do) EffectName() string { return "test/do" }

// Twice is an action that gives two of something.
type Twice struct {
	Items effect.List `json:"items"`
}

func (Twice) EffectName() string { return "test/twice" }

// recorded returns a dispatcher whose dispatches rec sees. steps are further in.
func recorded(t *testing.T, rec *record.Recorder, steps ...effect.Interceptor[int]) *dispatch.Dispatcher[int] {
	t.Helper()
	rs := []registry.Registry[int]{registry.New("record", record.Interceptor[int](rec))}
	for i, s := range steps {
		rs = append(rs, registry.New(fmt.Sprint("step", i), s))
	}
	rs = append(rs, registry.New("test",
		effect.Handle("Do what the test says.", func(ctx context.Context, call effect.Call[int], d Do) (any, error) {
			f, ok := ctx.Value(doKey{}).(map[string]doer)
			if !ok || f[d.Name] == nil {
				return nil, nil
			}
			return f[d.Name](ctx, call)
		}),
		effect.Expand[int]("Give the items twice.", func(_ effect.NoState, a Twice) (effect.List, error) {
			return append(append(effect.List{}, a.Items...), a.Items...), nil
		}),
	))
	return dispatch.Must(dispatch.New(rs...))
}

type doKey struct{}

type doer func(context.Context, effect.Call[int]) (any, error)

// outline writes trees as indented lines: path, name, state, error.
func outline(ds []record.Dispatch, indent string) string {
	var b strings.Builder
	for _, d := range ds {
		fmt.Fprintf(&b, "%s[%s", indent, strings.Join(d.Names, " "))
		for label, on := range map[string]bool{" failed": d.Failed, " running": d.Running, " dry": d.Dry} {
			if on {
				b.WriteString(label)
			}
		}
		b.WriteString("]\n")
		for _, s := range d.Steps {
			fmt.Fprintf(&b, "%s%s %s %s", indent, s.Path, s.Name, s.State)
			if s.Error != nil { // the rest of the text is the wording of others
				short, _, _ := strings.Cut(s.Error.Error(), ": ")
				fmt.Fprintf(&b, ": %s %s", s.Phase, short)
			}
			b.WriteByte('\n')
			b.WriteString(outline(s.Nested, indent+"  "))
		}
		b.WriteString(outline(d.Nested, indent+"    "))
	}
	return b.String()
}

func TestRecorderTree(t *testing.T) {
	boom := errors.New("boom")
	fail := doer(func(context.Context, effect.Call[int]) (any, error) { return nil, boom })
	nest := func(names ...string) doer {
		return func(ctx context.Context, call effect.Call[int]) (any, error) {
			for _, n := range names {
				call.Dispatch(ctx, Do{Name: n})
			}
			return nil, nil
		}
	}
	skip := effect.Interceptor[int]{Name: "skipper", Effect: func(next effect.EffectFunc[int]) effect.EffectFunc[int] {
		return func(ctx context.Context, call effect.Call[int], item effect.Data) (any, error) {
			if d, ok := item.(Do); ok && d.Name == "skip" {
				return nil, effect.Skip("not today")
			}
			return next(ctx, call, item)
		}
	}}
	for _, tt := range []struct {
		reason string
		do     map[string]doer
		items  effect.List
		want   string
	}{
		{"one effect", nil, effect.List{Do{Name: "a"}}, `
[test/do]
0 test/do done
`},
		{"an action and what it gave", nil, effect.List{Twice{Items: effect.List{Do{Name: "a"}}}, Do{}}, `
[test/twice test/do]
0 test/twice done
0.0 test/do done
0.1 test/do done
1 test/do done
`},
		{"continuations belong to the step that started them", map[string]doer{"a": nest("b", "c"), "b": nest("c")}, effect.List{Do{Name: "a"}, Do{Name: "c"}}, `
[test/do test/do]
0 test/do done
  [test/do]
  0 test/do done
    [test/do]
    0 test/do done
  [test/do]
  0 test/do done
1 test/do done
`},
		{"a failed continuation is shown once and fails the whole", map[string]doer{"a": nest("b"), "b": fail}, effect.List{Do{Name: "a"}}, `
[test/do failed]
0 test/do done
  [test/do failed]
  0 test/do failed: effect boom
`},
		{"skipped by an interceptor", nil, effect.List{Do{Name: "skip"}}, `
[test/do]
0 test/do skipped:  not today
`},
		{"a name that nobody registered never runs", nil, effect.List{Do{}, effect.Raw{Effect: "test/gone"}, Do{}}, `
[test/do test/gone test/do failed]
0 test/do done
1 test/gone failed: lookup unknown effect, action or placeholder "test/gone"
2 test/do done
`},
		{"a continuation with a context of its own", map[string]doer{"a": func(_ context.Context, call effect.Call[int]) (any, error) {
			call.Dispatch(context.Background(), Do{Name: "b"})
			return nil, nil
		}}, effect.List{Do{Name: "a"}}, `
[test/do]
0 test/do done
    [test/do]
    0 test/do done
`},
		{"a panic", map[string]doer{"a": func(context.Context, effect.Call[int]) (any, error) { panic("oh") }}, effect.List{Do{Name: "a"}}, `
[test/do failed]
0 test/do failed: effect panic
`},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			rec := record.New(0)
			d := recorded(t, rec, skip)
			d.Dispatch(context.WithValue(t.Context(), doKey{}, tt.do), 0, tt.items...)
			if diff := cmp.Diff(strings.TrimPrefix(tt.want, "\n"), outline(rec.Recent(), "")); diff != "" {
				t.Errorf("the tree differs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRecorderKeepsTheLast(t *testing.T) {
	rec := record.New(3)
	d := recorded(t, rec)
	many := map[string]doer{"many": func(ctx context.Context, call effect.Call[int]) (any, error) {
		for range 2 * record.MaxEntries {
			call.Dispatch(ctx, Do{})
		}
		return nil, nil
	}}
	ctx := context.WithValue(t.Context(), doKey{}, many)
	for range 5 {
		d.Dispatch(ctx, 0, Do{Name: "many"})
	}
	d.Dispatch(ctx, 0) // of nothing: not shown
	recent := rec.Recent()
	if len(recent) != 3 {
		t.Fatalf("%d dispatches are kept, want 3", len(recent))
	}
	if recent[0].Seq <= recent[1].Seq {
		t.Error("the newest is not first")
	}
	n := strings.Count(outline(recent[:1], ""), "\n")
	if n > record.MaxEntries+1 {
		t.Errorf("a tree has %d entries, want at most %d", n, record.MaxEntries)
	}
	// 1 effect, and per continuation itself and its effect.
	if want := 1 + 4*record.MaxEntries - record.MaxEntries; recent[0].Omitted != want {
		t.Errorf("%d entries are said to be omitted, want %d", recent[0].Omitted, want)
	}
	if _, ok := rec.Get(recent[2].Seq); !ok {
		t.Error("a kept dispatch was not found")
	}
	if _, ok := rec.Get(1); ok {
		t.Error("a dispatch was found that is not kept any more")
	}
}

// A continuation may come when its dispatch has been pushed out.
func TestRecorderLateContinuation(t *testing.T) {
	rec := record.New(1)
	d := recorded(t, rec)
	var kept effect.Call[int]
	var keptCtx context.Context
	ctx := context.WithValue(t.Context(), doKey{}, map[string]doer{"keep": func(ctx context.Context, call effect.Call[int]) (any, error) {
		kept, keptCtx = call, ctx
		return nil, nil
	}})
	first := d.Dispatch(ctx, 0, Do{Name: "keep"})
	kept.Dispatch(keptCtx, Do{Name: "soon"})
	if got := outline(rec.Recent(), ""); !strings.Contains(got, "  [test/do]") {
		t.Errorf("the late continuation is not in the tree:\n%s", got)
	}
	d.Dispatch(t.Context(), 0, Do{})
	kept.Dispatch(keptCtx, Do{Name: "later"})
	recent := rec.Recent()
	if len(recent) != 1 || recent[0].Parent != first.ID {
		t.Errorf("kept: %+v, want one tree that says it continues %d", recent, first.ID)
	}
}

func TestRecorderShowsWhatRuns(t *testing.T) {
	rec := record.New(0)
	d := recorded(t, rec)
	ctx := context.WithValue(t.Context(), doKey{}, map[string]doer{"look": func(context.Context, effect.Call[int]) (any, error) {
		return outline(rec.Recent(), ""), nil
	}})
	during, _ := effect.Value[string](d.Dispatch(ctx, 0, Do{Name: "look"}))
	if want := "[test/do running]\n0 test/do running\n"; during != want {
		t.Errorf("while it ran the recorder had %q, want %q", during, want)
	}
	d.DryRun(t.Context(), 0, Do{})
	if got := rec.Recent()[0]; !got.Dry {
		t.Errorf("a dry run is not marked: %+v", got)
	}
}

// Values that somebody may still write to are not kept.
func TestRecorderValues(t *testing.T) {
	type receipt struct{ ID int }
	for _, tt := range []struct {
		value, want any
		reason      string
	}{
		{nil, nil, "nothing"},
		{3, 3, "a number"},
		{receipt{7}, receipt{7}, "a struct of numbers"},
		{&receipt{7}, "*record_test.receipt", "a pointer may be written to"},
		{map[string]int{}, "map[string]int", "reading a map that is written to ends the program"},
		{struct{ M map[string]int }{}, "struct { M map[string]int }", "a map inside"},
	} {
		rec := record.New(0)
		ctx := context.WithValue(t.Context(), doKey{}, map[string]doer{"v": func(context.Context, effect.Call[int]) (any, error) { return tt.value, nil }})
		recorded(t, rec).Dispatch(ctx, 0, Do{Name: "v"})
		if diff := cmp.Diff(tt.want, rec.Recent()[0].Steps[0].Value); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
		}
	}
}

// Several recorders see the same and do not get in each other's way.
func TestRecorders(t *testing.T) {
	one, two := record.New(0), record.New(0)
	d := dispatch.Must(dispatch.New(
		registry.New("one", record.Interceptor[int](one)),
		registry.New("two", record.Interceptor[int](two)),
		registry.New("test", effect.Handle("Nest.", func(ctx context.Context, call effect.Call[int], d Do) (any, error) {
			if d.Name != "" {
				call.Dispatch(ctx, Do{})
			}
			return nil, nil
		})),
	))
	d.Dispatch(t.Context(), 0, Do{Name: "outer"})
	want := "[test/do]\n0 test/do done\n  [test/do]\n  0 test/do done\n"
	for i, rec := range []*record.Recorder{one, two} {
		if diff := cmp.Diff(want, outline(rec.Recent(), "")); diff != "" {
			t.Errorf("recorder %d (-want +got):\n%s", i, diff)
		}
	}
}

func TestRecorderConcurrently(t *testing.T) {
	rec := record.New(500)
	d := recorded(t, rec)
	ctx := context.WithValue(t.Context(), doKey{}, map[string]doer{"fork": func(ctx context.Context, call effect.Call[int]) (any, error) {
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() { call.Dispatch(ctx, Do{}) })
		}
		wg.Wait()
		return nil, nil
	}})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				d.Dispatch(ctx, 0, Do{Name: "fork"})
				rec.Recent()
			}
		})
	}
	wg.Wait()
	for _, got := range rec.Recent() {
		if n := len(got.Steps[0].Nested); n != 4 || got.Running {
			t.Errorf("%d continuations, running %v; want 4, false", n, got.Running)
		}
	}
}

func BenchmarkRecord(b *testing.B) {
	rec := record.New(0)
	d := dispatch.Must(dispatch.New(
		registry.New("record", record.Interceptor[int](rec)),
		registry.New("test", effect.Handle("Nothing.", func(context.Context, effect.Call[int], Do) (any, error) { return nil, nil })),
	))
	b.ReportAllocs()
	for b.Loop() {
		d.Dispatch(b.Context(), 0, Do{})
	}
}

// What a page asks for that follows a recorder.
func TestRecorderStatsAndSummaries(t *testing.T) {
	rec := record.New(2)
	d := recorded(t, rec)
	ctx := context.WithValue(t.Context(), doKey{}, map[string]doer{
		"nest": func(ctx context.Context, call effect.Call[int]) (any, error) {
			return nil, call.Dispatch(ctx, Do{}).Err()
		},
		"fail": func(context.Context, effect.Call[int]) (any, error) { return nil, errors.New("boom") },
	})
	type state struct{ Kept, Total, Failed, Continuations int }
	var last record.Stats
	var first, newest *effect.Result
	for _, tt := range []struct {
		reason string
		do     func()
		want   state
		same   bool // the version
	}{
		{"at first nothing", func() {}, state{}, true},
		{"a dispatch with a continuation counts once", func() { first = d.Dispatch(ctx, 0, Do{Name: "nest"}) }, state{1, 1, 0, 1}, false},
		{"nothing has happened", func() {}, state{1, 1, 0, 1}, true},
		{"one that fails", func() { d.Dispatch(ctx, 0, Do{Name: "fail"}) }, state{2, 2, 1, 0}, false},
		{"what is no longer kept still counts", func() { newest = d.Dispatch(ctx, 0, Do{Name: "nest"}) }, state{2, 3, 1, 1}, false},
	} {
		tt.do()
		stats, recent := rec.Stats(), rec.Summaries()
		got := state{Kept: len(recent), Total: int(stats.Total), Failed: int(stats.Failed)}
		if len(recent) > 0 {
			got.Continuations = recent[0].Continuations
			if len(recent[0].Steps)+len(recent[0].Nested) > 0 {
				t.Errorf("%s: a summary has steps", tt.reason)
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
		}
		if same := stats.Version == last.Version; same != tt.same {
			t.Errorf("%s: the version is the same: %t, want %t", tt.reason, same, tt.same)
		}
		last = stats
	}
	if seq, ok := rec.SeqOf(newest.ID); !ok || seq != rec.Recent()[0].Seq {
		t.Errorf("the newest is number %d, %t", seq, ok)
	}
	if seq, ok := rec.SeqOf(first.ID); ok {
		t.Errorf("a dispatch that is not kept any more has number %d", seq)
	}
}
