package dispatch_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
)

// wireTester knows all the effects of the scenarios.
func wireTester(t testing.TB, o *dispatch.Options) *dispatch.Dispatcher[Env] {
	items := append(lates(), handleCast())
	return testerWith(t, o, append(items, actions()...)...)
}

// literal is a list with everything that the wire form has a way to say.
func literal() effect.List {
	return effect.List{
		Note{"<b>&amp; \u2028 \"quotes\""},
		Two{},
		Say{effect.Now("lit")},
		Say{effect.Later[string](Upper{effect.Later[string](Upper{who()})})},
		Form{
			Title:   who(),
			Tags:    []effect.Late[string]{effect.Now("x"), who()},
			Fields:  map[string]effect.Late[string]{"a": who()},
			Pair:    [2]effect.Late[int]{effect.Now(1)},
			Section: &Section{Name: who(), Sub: []Section{{Name: effect.Now("s")}}},
			Any:     effect.Now[any](map[string]any{"$placeholder": "test/who"}),
			Flags:   effect.Now([]bool{true, false}),
		},
		Cast{To: []string{"Ann", "Bob"}, Except: []effect.Late[string]{who()}, Effects: effect.List{
			Say{who()},
			effect.Batch{Effects: effect.List{Greeting{who()}, effect.Batch{}}},
			Cast{To: []string{"Cy"}, Effects: effect.List{Say{who()}}},
		}},
		effect.Serial{Key: "board/7", Effects: effect.List{Say{who()}, effect.Serial{Key: "board/8"}}},
		Fail{"F"},
	}
}

func TestWireRoundTrip(t *testing.T) {
	d := wireTester(t, nil)
	text, err := json.Marshal(literal())
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := d.Decode(text)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(literal(), decoded); diff != "" {
		t.Errorf("decoded list is not the literal one (-want +got):\n%s", diff)
	}

	var raw effect.List
	if err := json.Unmarshal(text, &raw); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(raw)
	if err != nil || string(again) != string(text) {
		t.Errorf("items of unknown type do not pass through unchanged: %v\n%s\n%s", err, text, again)
	}

	ctx := user.With(t.Context(), "Bob")
	env := newEnv()
	want := summarize(d.Dispatch(ctx, env, literal()...))
	for name, list := range map[string]effect.List{"decoded": decoded, "raw": raw} {
		other := newEnv()
		if diff := cmp.Diff(want, summarize(d.Dispatch(ctx, other, list...))); diff != "" {
			t.Errorf("the %s list runs in another way (-literal +%s):\n%s", name, name, diff)
		}
		if diff := cmp.Diff(*env.Log, *other.Log); diff != "" {
			t.Errorf("log of the %s list (-literal +%s):\n%s", name, name, diff)
		}
	}
}

func TestDecodeForms(t *testing.T) {
	d := wireTester(t, nil)
	for _, row := range []struct {
		text   string
		want   effect.List
		reason string
	}{
		{`[]`, nil, "an empty list is nil, as the zero value of a field is"},
		{`null`, nil, "so is null"},
		{` [ {"effect" : "test/two"} ] `, effect.List{Two{}}, "args may be left out"},
		{`[{"effect":"test/two","args":null}]`, effect.List{Two{}}, "or be null"},
		{`[{"args":{"text":"x"},"effect":"test/note"}]`, effect.List{Note{"x"}}, "in any order"},
		{`[{"effect":"test/say","args":{"text":{"$placeholder":"test/upper","args":["bob"]}}}]`,
			effect.List{Say{effect.Later[string](Upper{effect.Now("bob")})}}, "a placeholder takes positional arguments"},
		{`[{"effect":"test/say","args":{"text":{"$placeholder":"test/upper","args":[{"$placeholder":"test/who"}]}}}]`,
			effect.List{Say{effect.Later[string](Upper{who()})}}, "which may be references"},
		{`[{"effect":"test/say","args":{"text":{"$placeholder":"test/who"}}}]`, effect.List{Say{who()}}, "or none"},
		{`[{"effect":"test/form","args":{"any":{"$literal":{"$placeholder":"test/who"}}}}]`,
			effect.List{Form{Any: effect.Now[any](map[string]any{"$placeholder": "test/who"})}}, "a literal that looks like a reference"},
		{`[{"effect":"test/cast","args":{"effects":[{"effect":"effect/batch","args":{"effects":[{"effect":"test/two"}]}}]}}]`,
			effect.List{Cast{Effects: effect.List{effect.Batch{Effects: effect.List{Two{}}}}}}, "nested lists"},
		{`[{"effect":"effect/serial","args":{"key":"k","effects":[{"effect":"test/two"}]}}]`,
			effect.List{effect.Serial{Key: "k", Effects: effect.List{Two{}}}}, "a serial"},
	} {
		got, err := d.Decode([]byte(row.text))
		if err != nil {
			t.Errorf("%s: %v", row.reason, err)
		}
		if diff := cmp.Diff(row.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", row.reason, diff)
		}
	}
}

func TestDecodeErrors(t *testing.T) {
	d := wireTester(t, &dispatch.Options{MaxItems: 5, MaxWireBytes: 2000, MaxWireDepth: 12})
	note := `{"effect":"test/note","args":{"text":"x"}}`
	for _, row := range []struct {
		text   string
		want   string
		is     error
		reason string
	}{
		{``, "unexpected end of JSON input", nil, "no text"},
		{`[`, "unexpected end of JSON input", nil, "half a text"},
		{`[] []`, "invalid character '['", nil, "two texts"},
		{`{}`, "reading a list", nil, "not a list"},
		{`["test/note"]`, `want {"effect": name, "args": {...}}`, nil, "not an item"},
		{`[{}]`, "the name is missing", nil, "no name"},
		{`[{"effect":"test/note","with":1}]`, `unknown field "with"`, nil, "an unknown field of the item"},
		{`[{"effect":"test/note","args":{"txt":"x"}}]`, `decode test/note at 0: reading the arguments of test/note: at /0/args: unknown field "txt": did you mean text?`, nil, "an unknown field of the arguments"},
		{`[{"effect":"test/note","args":["x"]}]`, "at /0/args: got array, want object", nil, "positional arguments are for placeholders"},
		{`[{"effect":"test/nite"}]`, `lookup test/nite at 0: unknown effect, action or placeholder "test/nite": did you mean test/note?`, dispatch.ErrUnknown, "near names"},
		{`[{"effect":"tests/note"}]`, `did you mean test/note?`, dispatch.ErrUnknown, "near names by the part after the slash"},
		{`[{"effect":"note"}]`, `did you mean test/note?`, dispatch.ErrUnknown, "or without the part before it"},
		{`[{"effect":"zzzzzzzzzzz"}]`, `unknown effect, action or placeholder "zzzzzzzzzzz"`, dispatch.ErrUnknown, "no near names"},
		{`[{"effect":"effect/batch","args":{"effects":[{"effect":"test/nite"}]}}]`, "did you mean test/note?", dispatch.ErrUnknown, "nested items too"},
		{`[{"effect":"test/say","args":{"text":{"$placeholder":"test/whx"}}}]`, "did you mean test/who?", dispatch.ErrUnknown, "references too"},
		{`[{"effect":"test/say","args":{"text":{"$placeholder":"test/note"}}}]`, "test/note is not a placeholder", nil, "a reference to another kind"},
		{`[{"effect":"test/say","args":{"text":{"$placeholder":"test/upper","args":[1,2]}}}]`, "2 arguments for 1 fields", nil, "too many positional arguments"},
		{`[{"effect":"test/say","args":{"text":{"$placeholder":"test/who","extra":1}}}]`, `unknown field "extra"`, nil, "an unknown field of a reference"},
		{`[{"effect":"test/form","args":{"section":{"name":"x","nam":"y"}}}]`, `unknown field "nam"`, nil, "an unknown field further in"},
		{"[" + strings.Repeat(note+",", 5) + note + "]", "wire form is over the limit: more than 5 items", dispatch.ErrTooLarge, "too many items"},
		{`[{"effect":"effect/batch","args":{"effects":[` + strings.Repeat(note+",", 4) + note + `]}}]`, "more than 5 items", dispatch.ErrTooLarge, "nested ones count"},
		{`[{"effect":"test/note","args":{"text":"` + strings.Repeat("x", 2000) + `"}}]`, "at most 2000", dispatch.ErrTooLarge, "too many bytes"},
		{`[{"effect":"test/form","args":{"any":` + strings.Repeat("[", 12) + strings.Repeat("]", 12) + `}}]`, "nest more than 12 deep", dispatch.ErrTooLarge, "too deep"},
	} {
		got, err := d.Decode([]byte(row.text))
		switch {
		case err == nil:
			t.Errorf("%s: accepted as %v", row.reason, got)
		case got != nil:
			t.Errorf("%s: an error and a list", row.reason)
		case !strings.Contains(err.Error(), row.want):
			t.Errorf("%s: got %q, want it to contain %q", row.reason, err, row.want)
		case row.is != nil && !errors.Is(err, row.is):
			t.Errorf("%s: errors.Is does not see %v", row.reason, row.is)
		}
	}
}

func TestDecodeReportsEveryItem(t *testing.T) {
	_, err := wireTester(t, nil).Decode([]byte(`[{"effect":"test/nite"},{"effect":"test/note"},{"effect":"test/fail","args":{"text":1}}]`))
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("got %T %v", err, err)
	}
	var got []string
	for _, e := range joined.Unwrap() {
		item, ok := e.(*effect.Error)
		if !ok {
			t.Fatalf("got %T", e)
		}
		got = append(got, fmt.Sprintf("%s %s %s", item.Phase, item.Name, item.Path))
	}
	if diff := cmp.Diff([]string{"lookup test/nite 0", "decode test/fail 2"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestRawItemOverTheLimits(t *testing.T) {
	d := wireTester(t, &dispatch.Options{MaxWireBytes: 50})
	res := d.Dispatch(t.Context(), newEnv(), effect.Raw{Effect: "test/note", Args: json.RawMessage(`{"text":"` + strings.Repeat("x", 60) + `"}`)})
	if !errors.Is(res.Err(), dispatch.ErrTooLarge) || res.Errors[0].Phase != dispatch.PhaseDecode {
		t.Errorf("got %v", res.Err())
	}
}

func TestMarshalListErrors(t *testing.T) {
	if _, err := json.Marshal(effect.List{Note{"x"}, nil}); err == nil || !strings.Contains(err.Error(), "item 1: item is nil") {
		t.Errorf("got %v", err)
	}
	text, err := effect.List{&Note{"<p>"}, effect.Raw{Effect: "test/two"}}.MarshalJSON()
	if want := `[{"effect":"test/note","args":{"text":"<p>"}},{"effect":"test/two","args":{}}]`; err != nil || string(text) != want {
		t.Errorf("got %s, %v; want %s", text, err, want)
	}
}

// FuzzDecode feeds text from outside: it never panics, and what is accepted is
// within the limits and comes back the same.
func FuzzDecode(f *testing.F) {
	text, err := json.Marshal(literal())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	for _, seed := range []string{
		`[]`, `null`, `[{"effect":"test/two","args":null}]`, `[{"effect":"test/note","args":{"text":"\ud800 \u0000"}}]`,
		`[{"effect":"test/form","args":{"any":{"$literal":{"$literal":1}},"pair":[1],"flags":[],"tags":null,"fields":{"":null}}}]`,
		`[{"effect":"test/form","args":{"any":1e300,"times":{"$placeholder":"test/value","args":[]}}}]`,
		`[{"effect":"test/say","args":{"text":{"$placeholder":"test/upper","args":[{"$placeholder":"test/who","args":{}}]}}}]`,
		`[{"effect":"test/cast","args":{"effects":[{"effect":"effect/batch","args":{"effects":[{"effect":"test/two"}]}}]}}]`,
		`[{"effect":"effect/serial","args":{"key":"\u00e9","effects":[{"effect":"effect/serial","args":{"key":"a","effects":[]}}]}}]`,
		`[{"effect":"test/later","args":{"value":{"a":[1,2,{"b":null}]},"effects":null}}]`,
		`[{"effect":"test/note","args":{"text":"a","TEXT":"b"}}]`, `[[[[[[[[`, `[{"effect":"test/wrapped","args":[]}]`,
		`[{"effect":"test/note","effect":"test/two"}]`, `[{"effect":"test/form","args":{"any":{"a":1,"\u0061":2}}}]`, `[{"Effect":"test/two"}]`,
		`[{"effect":"test/form","args":{"any":[1e999999,1e-999999,1e308,18446744073709551616,` + strings.Repeat("9", 100) + `]}}]`,
		`[{"effect":"test/form","args":{"any":{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1,"j":1,"a":1}}}]`,
		`[{"effect":"test/form","args":{"any":` + strings.Repeat("[", 21) + strings.Repeat("]", 21) + `}}]`,
		"[" + strings.Repeat(`{"effect":"effect/batch","args":{"effects":[`, 5) + strings.Repeat(`]}}`, 5) + "]",
		"[" + strings.Repeat(`{"effect":"test/two"},`, 19) + `{"effect":"test/two"}]`,
	} {
		f.Add([]byte(seed))
	}
	const maxItems, maxBytes, maxDepth = 20, 4096, 24
	d := wireTester(f, &dispatch.Options{MaxItems: maxItems, MaxWireBytes: maxBytes, MaxWireDepth: maxDepth})
	f.Fuzz(func(t *testing.T, text []byte) {
		list, err := d.Decode(text)
		if err != nil {
			if list != nil {
				t.Fatal("an error and a list")
			}
			return
		}
		if len(text) > maxBytes || len(list) > maxItems || countItems(list) > maxItems {
			t.Fatalf("over the limits: %d bytes, %d items", len(text), countItems(list))
		}
		encoded, err := list.MarshalJSON()
		if err != nil {
			t.Fatalf("accepted list cannot be encoded: %v", err)
		}
		wide := wireWide
		again, err := wide.Decode(encoded)
		if err != nil {
			t.Fatalf("own encoding is refused: %v\n%s", err, encoded)
		}
		if !reflect.DeepEqual(list, again) { // cmp takes exponential time on slices in slices
			t.Fatalf("not the same after encoding (-first +second):\n%s\n%s", cmp.Diff(list, again), encoded)
		}
	})
}

// wireWide decodes what an encoder made longer by spelling out zero fields.
var wireWide = wireTester(panicTB{}, nil)

// panicTB lets the helpers run outside a test.
type panicTB struct{ testing.TB }

func (panicTB) Helper()           {}
func (panicTB) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

func countItems(l effect.List) int {
	n := len(l)
	for _, item := range l {
		switch x := item.(type) {
		case effect.Batch:
			n += countItems(x.Effects)
		case effect.Serial:
			n += countItems(x.Effects)
		case Cast:
			n += countItems(x.Effects)
		}
	}
	return n
}

// FuzzRaw dispatches one item in wire form without decoding it first: whatever
// it is, it ends as an outcome, an error or a skip.
func FuzzRaw(f *testing.F) {
	f.Add("test/note", []byte(`{"text":"x"}`))
	f.Add("test/say", []byte(`{"text":{"$placeholder":"test/upper","args":["x"]}}`))
	f.Add("effect/batch", []byte(`{"effects":[{"effect":"test/note"}]}`))
	f.Add("effect/serial", []byte(`{"key":"k","effects":[{"effect":"effect/serial","args":{"key":"k","effects":[]}}]}`))
	f.Add("test/itself", []byte(`{"copies":2}`))
	f.Add("test/chain", []byte(`{"left":3}`))
	f.Add("", []byte(nil))
	f.Add("test/note", []byte(`{"text":"x","text":"y"}`))
	f.Add("test/note", []byte(`{"Text":"x"}`))
	f.Add("test/form", []byte(`{"any":[1e999999,9007199254740993]}`))
	f.Add("test/form", []byte(`{"any":`+strings.Repeat(`{"a":[`, 10)+strings.Repeat(`]}`, 10)+`}`))
	f.Add("effect/batch", []byte(`{"effects":[`+strings.Repeat(`{"effect":"test/two"},`, 50)+`{"effect":"test/nte"}]}`))
	d := wireTester(f, &dispatch.Options{MaxItems: 100, MaxWireBytes: 4096, MaxWireDepth: 24})
	f.Fuzz(func(t *testing.T, name string, args []byte) {
		if name == "test/itself" && len(args) > 14 {
			return // a million copies of nothing are no fault of ours
		}
		res := d.Dispatch(user.With(t.Context(), "Bob"), newEnv(), effect.Raw{Effect: name, Args: args})
		if _, known := d.Get(name); !known && name != "effect/batch" && name != "effect/serial" && res.Err() == nil {
			t.Errorf("unknown name %q is no error", name)
		}
		for _, e := range res.Errors {
			if p, ok := errors.AsType[*effect.PanicError](e); ok {
				t.Errorf("panic: %v\n%s", p.Value, p.Stack)
			}
		}
	})
}
