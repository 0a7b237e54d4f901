package schema_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/growth"
	"github.com/sfere-go/sfere/registry"
	"github.com/sfere-go/sfere/schema"
)

type (
	// send has a field that may hold one value only.
	send struct {
		To  target `json:"to"`
		Any any    `json:"any,omitempty"`
	}
	target struct {
		Scope string `json:"scope,omitempty" jsonschema:"enum=mine"`
		ID    string `json:"id,omitempty"`
	}
	// sums holds many numbers.
	sums struct {
		N []int                `json:"n"`
		L []effect.Late[int]   `json:"l,omitempty"`
		M map[string]int       `json:"m,omitempty"`
		E map[string]struct{}  `json:"e,omitempty"`
		A effect.Late[any]     `json:"a,omitzero"`
		P effect.Late[place]   `json:"p,omitzero"`
		Q []effect.Late[[]int] `json:"q,omitempty"`
	}
)

func (send) EffectName() string { return "test/send" }
func (sums) EffectName() string { return "test/sums" }

func strictDispatcher(t testing.TB, o *dispatch.Options) *dispatch.Dispatcher[env] {
	t.Helper()
	d, err := dispatch.NewWith(o, items(), registry.New("more",
		effect.Handle("Send it.", func(context.Context, call, send) (int, error) { return 0, nil }),
		effect.Handle("Add up.", func(context.Context, call, sums) (int, error) { return 0, nil })))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// sources are a dispatcher and what only knows schemas: both read texts in one way.
func sources(t testing.TB) map[string]schema.Source {
	d := strictDispatcher(t, nil)
	return map[string]schema.Source{"dispatcher": d, "registry": registryOnly{d}}
}

// What is valid is what will be decoded: a name comes once.
func TestDuplicateKeysAreRefused(t *testing.T) {
	for kind, s := range sources(t) {
		c := schema.Of(s)
		for _, test := range []struct{ text, at, reason string }{
			{`[{"effect":"test/send","args":{"to":{"scope":"everyone"},"to":{"id":"a"}}}]`, "/0/args", "the second hides the first, or both are one"},
			{`[{"effect":"test/note","effect":"test/send","args":{}}]`, "/0", "the name of the item"},
			{`[{"effect":"test/send","args":{"to":{}}},{"effect":"test/send","args":{"to":{}},"args":{"to":{}}}]`, "/1", "the arguments"},
			{`[{"effect":"test/send","args":{"to":{},"any":{"x":{"y":1,"\u0079":2}}}}]`, "/0/args/any/x", "in a value of no type"},
			{`[{"effect":"test/sums","args":{"n":[],"m":{"a":1,"b":2,"a":1}}}]`, "/0/args/m", "in a map"},
			{`[{"effect":"test/sums","args":{"n":[],"a":{"$placeholder":"test/upper","$placeholder":"test/spot"}}}]`, "/0/args/a", "a reference"},
			{`[{"effect":"test/sums","args":{"n":[],"a":{"$placeholder":"test/upper","args":{"of":"a","of":"b"}}}}]`, "/0/args/a/args", "arguments of a placeholder"},
			{`[{"effect":"effect/batch","args":{"effects":[{"effect":"test/send","args":{"to":{"id":"a","id":"a"}}}]}}]`, "/0/args/effects/0/args/to", "a nested list"},
		} {
			invalid, ok := errors.AsType[*schema.Error](c.Validate(t.Context(), []byte(test.text)))
			if !ok || len(invalid.Problems) != 1 || invalid.Problems[0].Pointer != test.at || invalid.Problems[0].Keyword != "syntax" || !strings.Contains(invalid.Problems[0].Message, "given twice") {
				t.Errorf("%s, %s: got %v", kind, test.reason, invalid)
			}
		}
		for _, text := range []string{
			`[{"Effect":"test/send","args":{"to":{}}}]`, `[{"effect":"test/send","Args":{"to":{}}}]`, `[{"effect":"test/send","args":{"TO":{}}}]`,
			`[{"effect":"test/send","args":{"to":{"ID":"a"}}}]`, `[{"effect":"test/send","args":{"to":{},"To":{}}}]`,
		} {
			if err := c.Validate(t.Context(), []byte(text)); err == nil {
				t.Errorf("%s: %s is valid", kind, text)
			}
		}
	}
	c := schema.Of(strictDispatcher(t, nil))
	if err := c.ValidateReference([]byte(`{"$placeholder":"test/upper","args":{"of":"a","of":"b"}}`)); err == nil || !strings.Contains(err.Error(), "/args: the name") {
		t.Errorf("a reference: %v", err)
	}
}

// A number that costs more than its bytes is refused before it is looked at.
func TestHugeExponents(t *testing.T) {
	for kind, s := range sources(t) {
		c := schema.Of(s)
		for _, number := range []string{"1e999999", "1e-999999", "-1E400", strings.Repeat("9", 101)} {
			for _, text := range []string{
				`[{"effect":"test/sums","args":{"n":[` + number + `]}}]`, `[{"effect":"test/send","args":{"to":{},"any":[` + number + `]}}]`,
				`[{"effect":"test/note","args":{"channel":` + number + `}}]`, `[` + number + `]`,
			} {
				invalid, ok := errors.AsType[*schema.Error](c.Validate(t.Context(), []byte(text)))
				if !ok || len(invalid.Problems) != 1 || invalid.Problems[0].Keyword != "syntax" {
					t.Errorf("%s, %.80s: %v", kind, text, invalid)
				}
			}
		}
		if err := c.Validate(t.Context(), []byte(`[{"effect":"test/send","args":{"to":{},"any":[1e308,18446744073709551615,1e-400]}}]`)); err != nil {
			t.Errorf("%s: numbers that float64 and 64 bits hold: %v", kind, err)
		}
	}
	strict := schema.Of(strictDispatcher(t, nil)).Validator(schema.Strict, nil)
	if err := strict(send{Any: jsonNumber("1e999999")}); err == nil || !strings.Contains(err.Error(), "out of range") {
		t.Errorf("a number made in Go: %v", err)
	}
}

// jsonNumber writes itself as it is.
type jsonNumber string

func (n jsonNumber) MarshalJSON() ([]byte, error) { return []byte(n), nil }

// The work of validating grows with the length of the text, whatever is wrong with it.
func TestValidateGrowsLinearly(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	d := strictDispatcher(t, &dispatch.Options{MaxItems: 1 << 30, MaxWireBytes: 1 << 30, MaxWireDepth: 1000})
	c := schema.Of(d)
	sum := func(inside string) string { return `[{"effect":"test/sums","args":{` + inside + `}}]` }
	good := `{"effect":"test/send","args":{"to":{"id":"a"}}}`
	for name, text := range map[string]func(n int) string{
		"wrong numbers":      func(n int) string { return sum(`"n":[` + strings.Repeat("1.5,", n) + `1.5]`) },
		"good numbers":       func(n int) string { return sum(`"n":[` + strings.Repeat("1,", n) + `1]`) },
		"wrong late numbers": func(n int) string { return sum(`"n":[],"l":[` + strings.Repeat(`"x",`, n) + `"x"]`) },
		"wrong references": func(n int) string {
			return sum(`"n":[],"l":[` + strings.Repeat(`{"$placeholder":"test/spot"},`, n) + `1]`)
		},
		"unknown names": func(n int) string { return "[" + strings.Repeat(`{"effect":"test/nota"},`, n) + good + "]" },
		"good items":    func(n int) string { return "[" + strings.Repeat(good+",", n) + good + "]" },
		"bad items": func(n int) string {
			return "[" + strings.Repeat(`{"effect":"test/send","args":{"to":7}},`, n) + good + "]"
		},
		"cannot be decoded": func(n int) string {
			return "[" + strings.Repeat(`{"effect":"test/note","args":{"channel":"a","tags":[],"when":"x"}},`, n) + good + "]"
		},
		"additional properties": func(n int) string { return sum(`"n":[],` + numbered(`"x%d":1,`, n) + `"y":1`) },
		"a wide map":            func(n int) string { return sum(`"n":[],"m":{` + numbered(`"x%d":"",`, n) + `"y":1}`) },
		"nested lists": func(n int) string {
			deep := strings.Repeat(`{"effect":"test/twice","args":{"effects":[`, 15) + `{"effect":"test/none"}` + strings.Repeat(`]}}`, 15)
			return "[" + strings.Repeat(deep+",", n/10) + good + "]"
		},
		"lists in a list": func(n int) string {
			return `[{"effect":"test/twice","args":{"effects":[` + strings.Repeat(`{"effect":"test/twice","args":{"effects":[7]}},`, n) + good + `]}}]`
		},
	} {
		growth.Linear(t, name, 800, func(n int) func() {
			text := []byte(text(n))
			return func() { _ = c.Validate(t.Context(), text) }
		})
	}
}

func numbered(format string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// Lists that nest deep cost as much as their length, although many effects hold lists.
func TestValidateDeepLists(t *testing.T) {
	d := newDispatcher(t, &dispatch.Options{MaxWireDepth: 1000})
	deep := func(depth int) []byte {
		return []byte(strings.Repeat(`[{"effect":"test/twice","args":{"effects":`, depth) + `[{"effect":"test/none"}]` + strings.Repeat(`}}]`, depth))
	}
	for _, test := range []struct {
		source schema.Source
		depth  int
		want   string
		reason string
	}{
		{d, 20, "test/none", "the innermost item is not known"},
		{d, 300, "test/none", "also far inside"},
		{d, 3000, "over the limit", "a dispatcher limits the depth"},
		{registryOnly{d}, 1000, "over the limit", "so does a registry"},
		{registryOnly{d}, 20, "test/none", "which knows as much"},
	} {
		if err := schema.Of(test.source).Validate(t.Context(), deep(test.depth)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %.200v", test.reason, err)
		}
	}
	c := schema.Of(d)
	allocs := func(depth int) float64 {
		text := deep(depth)
		return growth.Allocs(func() { _ = c.Validate(t.Context(), text) })
	}
	if few, many := allocs(30), allocs(240); many > 12*few {
		t.Errorf("%.0f allocations at depth 30, %.0f at depth 240", few, many)
	}
}

// crowd is a source of many effects of one type.
type crowd int

func (n crowd) All() iter.Seq[effect.Info] {
	return func(yield func(effect.Info) bool) {
		for i := range int(n) {
			for kind, t := range map[schema.Kind]reflect.Type{schema.Effects: reflect.TypeFor[sums](), schema.Placeholders: reflect.TypeFor[userName]()} {
				if !yield(effect.Info{Kind: string(kind), Name: fmt.Sprintf("test/%s-%d", kind, i), Doc: "One of many.", Type: t, Result: reflect.TypeFor[int]()}) {
					return
				}
			}
		}
	}
}

// An item costs the same however many are registered.
func TestManyNamesCostNothing(t *testing.T) {
	allocs := func(names crowd, text string) float64 {
		c := schema.Of(names)
		return growth.Allocs(func() { _ = c.Validate(t.Context(), []byte("["+text+"{}]")) })
	}
	for _, test := range []struct{ text, reason string }{
		{strings.Repeat(`{"effect":"test/effect-7","args":{"n":[1]}},`, 100), "good items"},
		{strings.Repeat(`{"effect":"test/effect-7","args":{"n":[],"l":[{"$placeholder":"test/placeholder-7"}]}},`, 100), "good references"},
		{strings.Repeat(`{"effect":"test/effect-7","args":{"n":[],"l":[{"$placeholder":"nothing"}]}},`, 100), "bad references"},
		{strings.Repeat(`{"effect":"nothing/like-it","args":{"n":[1]}},`, 100), "unknown names"},
	} {
		if few, many := allocs(10, test.text), allocs(1000, test.text); many > 1.2*few+100 {
			t.Errorf("%s: %.0f allocations with 10 names, %.0f with 1000", test.reason, few, many)
		}
	}
}

// The first texts of many goroutines make the validators that they need, at once.
func TestValidateFromManyGoroutines(t *testing.T) {
	c := schema.Of(crowd(100))
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 100 {
				n := (i*7 + g*13) % 100
				good := fmt.Sprintf(`[{"effect":"test/effect-%d","args":{"n":[1],"l":[1,{"$placeholder":"test/placeholder-%d"}]}}]`, n, n)
				bad := fmt.Sprintf(`[{"effect":"test/effect-%d","args":{"n":[1.5]}},{"effect":"test/effect"}]`, n)
				if err := c.Validate(t.Context(), []byte(good)); err != nil {
					t.Error(err)
				}
				if invalid, ok := errors.AsType[*schema.Error](c.Validate(t.Context(), []byte(bad))); !ok || len(invalid.Problems) != 2 {
					t.Error(invalid)
				}
			}
		})
	}
	wg.Wait()
}

// However much is wrong, an error is one that people can read.
func TestProblemsAreBounded(t *testing.T) {
	long := strings.Repeat("é", 5000)
	for kind, s := range sources(t) {
		c := schema.Of(s)
		for _, test := range []struct {
			text   string
			more   string
			reason string
		}{
			{"[" + strings.Repeat(`{"effect":"test/nota"},`, 1000) + "7]", "... and 951 more", "unknown names"},
			{`[{"effect":"test/sums","args":{"n":[` + strings.Repeat("1.5,", 999) + `1.5]}}]`, "... and 950 more", "one item with much that is wrong"},
			{`[{"effect":"test/sums","args":{"n":[],"` + long + `":1}}]`, "", "a long name"},
			{`[{"effect":"` + long + `"}]`, "", "a long name of an item"},
			{`[{"effect":"test/note","args":{"channel":"a","tags":[],"when":null,"level":"` + long + `","code":"` + long + `"}}]`, "", "long values"},
			{`[{"effect":"test/sums","args":{"n":[],"m":{"` + long + `":"x"}}}]`, "", "a long pointer"},
		} {
			invalid, ok := errors.AsType[*schema.Error](c.Validate(t.Context(), []byte(test.text)))
			if !ok {
				t.Errorf("%s, %s: no error", kind, test.reason)
				continue
			}
			last := invalid.Problems[len(invalid.Problems)-1]
			if test.more != "" && (len(invalid.Problems) != 51 || last.Keyword != "more" || last.Message != test.more) {
				t.Errorf("%s, %s: %d problems, the last is %v", kind, test.reason, len(invalid.Problems), last)
			}
			hints := 0
			for _, p := range invalid.Problems {
				if len(p.Pointer) > 1010 || len(p.Message) > 600 || len(p.Name) > 200 {
					t.Errorf("%s, %s: a problem of %d, %d and %d bytes", kind, test.reason, len(p.Pointer), len(p.Message), len(p.Name))
				}
				hints += strings.Count(p.Message, "did you mean")
			}
			if text := invalid.Error(); hints > 3 || len(text) > 8000 || test.more != "" && !strings.Contains(text, "more") {
				t.Errorf("%s, %s: %d suggestions, a text of %d bytes: %.300s", kind, test.reason, hints, len(text), text)
			}
		}
	}
}

// The problems are those that come first, and in their order.
func TestProblemsAreInOrder(t *testing.T) {
	c := schema.Of(strictDispatcher(t, nil))
	invalid, _ := errors.AsType[*schema.Error](c.Validate(t.Context(), []byte(`[{"effect":"test/sums","args":{"n":[`+strings.Repeat("1.5,", 11)+`1.5],"m":{"b":"","a":""},"x":1}},{}]`)))
	var got []string
	for _, p := range invalid.Problems {
		got = append(got, p.Pointer)
	}
	want := []string{"/0/args", "/0/args/m/a", "/0/args/m/b"}
	for i := range 12 {
		want = append(want, fmt.Sprintf("/0/args/n/%d", i))
	}
	if diff := cmp.Diff(append(want, "/1"), got); diff != "" {
		t.Error(diff)
	}
}

// Whoever leaves is worked for no longer.
func TestSearchAndValidateEndWithTheContext(t *testing.T) {
	c := schema.Of(strictDispatcher(t, nil))
	gone := errors.New("the client has left")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	if err := c.Validate(ctx, []byte(`[{"effect":"test/send","args":{"to":{}}}]`)); !errors.Is(err, gone) {
		t.Errorf("Validate: %v", err)
	}
	for name, search := range map[string]func(context.Context, string) ([]schema.Match, error){"Grep": c.Grep, "GrepRegexp": c.GrepRegexp} {
		if found, err := search(ctx, "note"); !errors.Is(err, gone) || found != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// An expression costs what it is searched for in, times a constant.
func TestGrepRegexpIsBounded(t *testing.T) {
	c := schema.Of(newDispatcher(t, nil))
	for _, test := range []struct{ re, want, reason string }{
		{"(.?.?.?.?.?.?.?.?.?.?){100}!", "instructions when compiled, at most 1000", "a short one that is repeated"},
		{strings.Repeat("(a|b)", 41), "205 bytes, at most 200", "a long one"},
		{strings.Repeat("a{900}", 3), "instructions when compiled", "several that are short enough one by one"},
		{"((a{100}){100}){100}", "invalid repeat count", "what package regexp refuses"},
		{"(", "missing closing", "none at all"},
		{"\xff", "invalid UTF-8", "no text"},
	} {
		if _, err := c.GrepRegexp(t.Context(), test.re); !errors.Is(err, schema.ErrExpression) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.reason, err, test.want)
		}
	}
	if _, err := c.Grep(t.Context(), strings.Repeat("a", 201)); !errors.Is(err, schema.ErrExpression) {
		t.Errorf("a long text: %v", err)
	}
	for _, text := range []string{"\xff", "a\xffb", "(", `\`, "\x00", strings.Repeat("é", 100)} {
		if found, err := c.Grep(t.Context(), text); err != nil || len(found) > 0 && text != "(" && text != `\` {
			t.Errorf("%q: %d found, %v", text, len(found), err)
		}
	}
	if found, err := c.Grep(t.Context(), "NOTE to a CHANNEL"); err != nil || len(found) != 1 {
		t.Errorf("an ordinary search: %d found, %v", len(found), err)
	}
}
