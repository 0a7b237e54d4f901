package registry_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/registry"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// Env is the Ctx of the tests.
type Env struct{ Log *[]string }

func (e Env) add(text string) { *e.Log = append(*e.Log, text) }

type call = effect.Call[Env]

// A, B and C are effects that log; Act is an action, Hold a placeholder.
type (
	A    struct{ N int }
	B    struct{ N int }
	C    struct{ N int }
	Act  struct{}
	Hold struct{}
)

func (A) EffectName() string    { return "test/a" }
func (B) EffectName() string    { return "test/b" }
func (C) EffectName() string    { return "test/c" }
func (Act) EffectName() string  { return "test/act" }
func (Hold) EffectName() string { return "test/hold" }

func logs[E effect.Data](text string) effect.Effect[Env] {
	return effect.Handle("Log "+text+".", func(_ context.Context, c call, _ E) (string, error) {
		c.Ctx().add(text)
		return text, nil
	})
}

func hook(name string) effect.Item[Env] {
	return effect.Interceptor[Env]{Name: name, Effect: func(next effect.EffectFunc[Env]) effect.EffectFunc[Env] {
		return func(ctx context.Context, c call, item effect.Data) (any, error) {
			c.Ctx().add(name)
			return next(ctx, c, item)
		}
	}}
}

func run(t *testing.T, r registry.Registry[Env], items ...effect.Data) []string {
	t.Helper()
	d, err := dispatch.New(r)
	if err != nil {
		t.Fatal(err)
	}
	env := Env{new([]string)}
	if err := d.Dispatch(t.Context(), env, items...).Err(); err != nil {
		t.Error(err)
	}
	return *env.Log
}

func TestReplaceOnPurpose(t *testing.T) {
	base := registry.Join(registry.New("base", logs[A]("base a"), logs[B]("base b"), hook("h1")), registry.New("more", hook("h2")))
	t.Run("joining is an error that names both", func(t *testing.T) {
		err := registry.Join(base, registry.New("mine", logs[A]("my a"))).Err()
		if err == nil || !regexp.MustCompile(`test/a is registered twice, at \S+:\d+ \(registry "base"\) and at \S+:\d+ \(registry "mine"\): .*registry\.Replace`).MatchString(err.Error()) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("replacing wins and interceptors add up", func(t *testing.T) {
		r := registry.Replace(base, registry.New("mine", logs[A]("my a"), hook("h3")))
		if diff := cmp.Diff([]string{"h1", "h2", "h3", "my a", "h1", "h2", "h3", "base b"}, run(t, r, A{}, B{})); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"h1", "h2", "base a"}, run(t, base, A{})); diff != "" {
			t.Errorf("the base was changed: %s", diff)
		}
	})
	t.Run("replacing nothing is an error", func(t *testing.T) {
		err := registry.Replace(base, registry.New("mine", logs[C]("c"))).Err()
		if err == nil || !strings.Contains(err.Error(), "test/c at registry/registry_test.go:") || !strings.Contains(err.Error(), "use Join to add it") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("replacing in a lifted registry", func(t *testing.T) {
		type outer struct{ Env Env }
		r := registry.Lift(registry.Replace(base, registry.New("mine", logs[A]("my a"))), func(o *outer) *Env { return &o.Env })
		env := Env{new([]string)}
		dispatch.Must(dispatch.New(r)).Dispatch(t.Context(), outer{env}, A{})
		if diff := cmp.Diff([]string{"h1", "h2", "my a"}, *env.Log); diff != "" {
			t.Error(diff)
		}
	})
}

// Types that cannot be effect data.
type (
	badFunc     struct{ F func() }
	badChan     struct{ Deep []struct{ C chan int } }
	badHidden   struct{ hidden int }
	badName     struct{}
	badPanics   struct{ Names []string }
	badNumber   int
	builtInName struct{}
	otherA      struct{}
)

func (badFunc) EffectName() string     { return "test/func" }
func (badChan) EffectName() string     { return "test/chan" }
func (badHidden) EffectName() string   { return "test/hidden" }
func (badName) EffectName() string     { return "Bad Name" }
func (b badPanics) EffectName() string { return b.Names[0] }
func (badNumber) EffectName() string   { return "test/number" }
func (builtInName) EffectName() string { return "effect/batch" }
func (otherA) EffectName() string      { return "test/a" }

type pointer struct{}

func (*pointer) EffectName() string { return "test/pointer" }

func handle[E effect.Data]() effect.Item[Env] {
	return effect.Handle("Do nothing.", func(context.Context, call, E) (int, error) { return 0, nil })
}

func act[S any](f func(S, Act) (effect.List, error)) effect.Item[Env] {
	return effect.Expand[Env]("Expand.", f)
}

func state[S any]() effect.Item[Env] {
	return effect.State(func(context.Context, call) (S, error) { return *new(S), nil })
}

func TestBuildErrors(t *testing.T) {
	_ = badHidden{}.hidden
	nothing := func(effect.NoState, Act) (effect.List, error) { return nil, nil }
	var b strings.Builder
	for _, row := range []struct {
		name, reason string
		build        func() error
	}{
		{"no registry", "an empty dispatcher is a mistake", func() error { _, err := dispatch.New[Env](); return err }},
		{"zero registry", "so is one of an empty registry", func() error { _, err := dispatch.New(registry.Registry[Env]{}); return err }},
		{"no items", "a registry without items was forgotten", func() error { return registry.New[Env]("empty").Err() }},
		{"no name", "names are for messages like these", func() error { return registry.New("", logs[A]("a")).Err() }},
		{"nil item", "a nil item says which", func() error { return registry.New("test", logs[A]("a"), nil).Err() }},
		{"twice in one kind", "both sites are named", func() error { return registry.New("test", logs[A]("1"), logs[A]("2")).Err() }},
		{"twice across kinds", "all kinds share one name space", func() error {
			return registry.New("test", handle[A](), effect.Expand[Env]("Expand.", func(effect.NoState, otherA) (effect.List, error) { return nil, nil })).Err()
		}},
		{"no doc", "docs are part of an item", func() error {
			return registry.New("test", effect.Handle("", func(context.Context, call, A) (int, error) { return 0, nil })).Err()
		}},
		{"nil handler", "a handler is needed", func() error { return registry.New("test", effect.Handle[Env, A, int]("Do.", nil)).Err() }},
		{"nil expansion", "also for actions", func() error { return registry.New("test", effect.Expand[Env, effect.NoState, Act]("Do.", nil)).Err() }},
		{"nil resolver", "and placeholders", func() error { return registry.New("test", effect.Provide[Env, Hold, int]("Do.", nil)).Err() }},
		{"func field", "effect data are values", func() error { return registry.New("test", handle[badFunc]()).Err() }},
		{"chan field", "at any depth", func() error { return registry.New("test", handle[badChan]()).Err() }},
		{"hidden field", "hidden fields cannot be compared or sent", func() error { return registry.New("test", handle[badHidden]()).Err() }},
		{"no struct", "effect data are structs", func() error { return registry.New("test", handle[badNumber]()).Err() }},
		{"pointer type", "the value type is wanted", func() error { return registry.New("test", handle[*pointer]()).Err() }},
		{"name form", "names have one form", func() error { return registry.New("test", handle[badName]()).Err() }},
		{"name panics", "names are constants", func() error { return registry.New("test", handle[badPanics]()).Err() }},
		{"built-in name", "Batch is known to every dispatcher", func() error { _, err := dispatch.New(registry.New("test", handle[builtInName]())); return err }},
		{"other built-in type", "so is Serial", func() error { _, err := dispatch.New(registry.New("test", handle[effect.Serial]())); return err }},
		{"built-in type", "and cannot be replaced", func() error { _, err := dispatch.New(registry.New("test", handle[effect.Batch]())); return err }},
		{"two states", "a registry has one state", func() error { return registry.New("test", state[int](), state[string](), act(nothing)).Err() }},
		{"state type", "the state has to fit the action", func() error {
			return registry.New("test", state[int](), act(func(string, Act) (effect.List, error) { return nil, nil })).Err()
		}},
		{"nameless interceptor", "its name appears in errors", func() error {
			return registry.New("test", logs[A]("a"), effect.Interceptor[Env]{}).Err()
		}},
		{"pointer to an interceptor", "items are values", func() error {
			return registry.New("test", logs[A]("a"), effect.Item[Env](&effect.Interceptor[Env]{Name: "x"})).Err()
		}},
		{"zero effect", "a zero item was not made by its function", func() error {
			return registry.New("test", logs[A]("a"), effect.Effect[Env]{}.About(effect.About{})).Err()
		}},
		{"nil state function", "also for state functions", func() error {
			return registry.New("test", logs[A]("a"), effect.State[Env, int](nil)).Err()
		}},
		{"nil handler of Do", "and for handlers without a value", func() error { return registry.New("test", effect.Do[Env, A]("Do.", nil)).Err() }},
		{"example of another type", "examples are of the item", func() error {
			return registry.New("test", logs[A]("a").About(effect.About{Examples: []effect.Data{B{}}})).Err()
		}},
		{"nil lift", "Lift needs its function", func() error { return registry.Lift[struct{}](registry.New("test", logs[A]("a")), nil).Err() }},
		{"several", "everything that is wrong is said at once", func() error {
			_, err := dispatch.New(registry.New("one", handle[badName]()), registry.New("two", handle[badNumber]()))
			return err
		}},
	} {
		err := row.build()
		if err == nil {
			t.Errorf("%s: no error: %s", row.name, row.reason)
			continue
		}
		fmt.Fprintf(&b, "# %s: %s\n%s\n\n", row.name, row.reason, regexp.MustCompile(`\.go:\d+`).ReplaceAllString(err.Error(), ".go:N"))
	}
	file := filepath.Join("testdata", "build_errors.golden")
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("messages differ from %s; run with -update if that is right (-want +got):\n%s", file, diff)
	}
}

func TestEquivalentWaysToBuild(t *testing.T) {
	constructor := func() registry.Registry[Env] { return registry.New("test", logs[A]("a"), logs[B]("b")) }
	withArgument := func(text string) registry.Registry[Env] { return registry.New("test", logs[A](text), logs[B]("b")) }
	value := registry.New("test", logs[A]("a"), logs[B]("b"))
	for name, r := range map[string]registry.Registry[Env]{
		"value": value, "constructor": constructor(), "constructor with argument": withArgument("a"),
		"joined": registry.Join(registry.New("one", logs[B]("b")), registry.Registry[Env]{}, registry.New("two", logs[A]("a"))),
	} {
		if diff := cmp.Diff([]string{"a", "b", "a"}, run(t, r, A{}, B{}, A{})); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestJoinFlattens(t *testing.T) {
	a, b, c := registry.New("a", logs[A]("a"), hook("h1")), registry.New("b", logs[B]("b"), hook("h2")), registry.New("c", logs[C]("c"), hook("h3"))
	want := run(t, registry.Join(a, b, c), A{}, B{}, C{})
	for _, r := range []registry.Registry[Env]{
		registry.Join(registry.Join(a, b), c), registry.Join(a, registry.Join(b, c)), registry.Join(registry.Registry[Env]{}, a, registry.Join[Env](), b, c),
	} {
		if diff := cmp.Diff(want, run(t, r, A{}, B{}, C{})); diff != "" {
			t.Error(diff)
		}
	}
}

func TestRegistryIsImmutable(t *testing.T) {
	items := []effect.Item[Env]{logs[A]("a")}
	r := registry.New("test", items...)
	items[0] = logs[B]("b")
	if _, ok := r.Get("test/a"); !ok {
		t.Error("changing the slice changed the registry")
	}
	one, two := registry.Join(r), registry.Join(r, registry.New("b", logs[B]("b")))
	if _, ok := one.Get("test/b"); ok {
		t.Error("joins share their parts")
	}
	_ = two
	named := logs[C]("c")
	about := named.About(effect.About{Reach: effect.Pure})
	plain, _ := registry.New("p", named).Get("test/c")
	pure, _ := registry.New("p", about).Get("test/c")
	if plain.Reach != effect.External || pure.Reach != effect.Pure {
		t.Errorf("About changed its receiver: %v, %v", plain.Reach, pure.Reach)
	}
}

func TestAllIsSortedAndComplete(t *testing.T) {
	r := registry.Join(
		registry.New("z", logs[C]("c"), logs[A]("a").About(effect.About{Reach: effect.Local, Shared: true, Examples: []effect.Data{A{1}}, Meta: map[string]any{"k": "v"}})),
		registry.New("y", state[int](), act(func(int, Act) (effect.List, error) { return nil, nil }),
			effect.Provide("Hold.", func(context.Context, call, Hold) (bool, error) { return true, nil })))
	var got []string
	for i := range r.All() {
		line := fmt.Sprintf("%s %s %s %v %v %v %v %q", i.Kind, i.Name, i.Registry, i.Reach, i.Shared, i.Result, i.State, i.Doc)
		if !regexp.MustCompile(`^registry/registry_test\.go:\d+$`).MatchString(i.Site) {
			t.Errorf("%s was made at %q", i.Name, i.Site)
		}
		got = append(got, line)
	}
	want := []string{
		`effect test/a z local true string <nil> "Log a."`,
		`action test/act y external false <nil> int "Expand."`,
		`effect test/c z external false string <nil> "Log c."`,
		`placeholder test/hold y external false bool <nil> "Hold."`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	d := dispatch.Must(dispatch.New(r))
	var names []string
	for i := range d.All() {
		names = append(names, i.Name)
	}
	if !slices.IsSorted(names) || len(names) != 4 {
		t.Errorf("the dispatcher lists %q", names)
	}
	if _, ok := d.Get("effect/batch"); ok {
		t.Error("the built-in item is listed")
	}
	for range r.All() {
		break // leaving early is fine
	}
}

func TestMustPanicsWithTheError(t *testing.T) {
	defer func() {
		if err, ok := recover().(error); !ok || !strings.Contains(err.Error(), "no registry") {
			t.Errorf("panicked with %v", err)
		}
	}()
	dispatch.Must(dispatch.New[Env]())
}

func TestCatalogueCannotChangeTheRegistry(t *testing.T) {
	meta := map[string]any{"k": "v"}
	r := registry.New("test", logs[A]("a").About(effect.About{Meta: meta}))
	meta["k"] = "changed by the author"
	info, _ := r.Get("test/a")
	info.Meta["k"] = "changed by a reader"
	again, _ := r.Get("test/a")
	if diff := cmp.Diff(map[string]any{"k": "v"}, again.Meta); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
