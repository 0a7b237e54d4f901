package dispatch_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
)

type (
	// Target is where a Send goes.
	Target struct {
		Scope string `json:"scope,omitempty"`
		ID    string `json:"id,omitempty"`
	}
	// Send has a struct in it, and everything that JSON can carry.
	Send struct {
		To   Target            `json:"to"`
		Tags map[string]Target `json:"tags,omitempty"`
		Any  any               `json:"any,omitempty"`
		N    int64             `json:"n,omitempty"`
		U    uint64            `json:"u,omitempty"`
		F    float64           `json:"f,omitempty"`
		Bits [2]int            `json:"bits"`
		Key  effect.Late[Code] `json:"key,omitzero"`
	}
	// Code reads itself, with encoding/json.
	Code struct{ A, B string }
	// Room is embedded.
	Room struct {
		Room string `json:"room"`
	}
	// Guest is a placeholder with an embedded struct.
	Guest struct {
		Room
		*Target
		Nick effect.Late[string] `json:"nick"`
		Dash int                 `json:"-,"`
	}
	// HowMany is a placeholder that gives a number.
	HowMany struct{}
	// Anything is a placeholder that gives what nobody knows.
	Anything struct{}
)

func (Send) EffectName() string     { return "test/send" }
func (Guest) EffectName() string    { return "test/guest" }
func (HowMany) EffectName() string  { return "test/count" }
func (Anything) EffectName() string { return "test/anything" }

// UnmarshalJSON takes what encoding/json takes.
func (c *Code) UnmarshalJSON(text []byte) error {
	type plain Code
	return json.Unmarshal(text, (*plain)(c))
}

func strictTester(t testing.TB) *dispatch.Dispatcher[Env] {
	items := append(lates(), handleCast(), takes[Send](),
		effect.Provide("A guest.", func(_ context.Context, _ call, g Guest) (string, error) { return g.Room.Room + g.Nick.Value, nil }),
		effect.Provide("How many.", func(context.Context, call, HowMany) (int, error) { return 7, nil }),
		effect.Provide("Anything.", func(context.Context, call, Anything) (any, error) { return "x", nil }))
	return testerWith(t, nil, items...)
}

// Two readers of one text must not see two values: a name comes once, and in its case.
func TestDuplicateKeysAreRefused(t *testing.T) {
	d := strictTester(t)
	for _, row := range []struct{ text, want, reason string }{
		{`[{"effect":"test/note","effect":"test/send"}]`, `at /0: the name "effect" is given twice`, "the name of the effect"},
		{`[{"effect":"test/note","args":{},"args":{}}]`, `at /0: the name "args" is given twice`, "the arguments"},
		{`[{"effect":"test/send","args":{"to":{"scope":"everyone"},"to":{"id":"a"}}}]`, `at /0/args: the name "to" is given twice`, "a field"},
		{`[{"effect":"test/send","args":{"to":{"id":"a","\u0069d":"b"}}}]`, `at /0/args/to: the name "id" is given twice`, "a field written with an escape"},
		{`[{"effect":"test/send","args":{"tags":{"a":{},"b":{"id":"1","id":"2"}}}}]`, `at /0/args/tags/b`, "in a map"},
		{`[{"effect":"test/send","args":{"tags":{"a":{},"a":{}}}}]`, `at /0/args/tags`, "the key of a map"},
		{`[{"effect":"test/send","args":{"any":[{"x":1,"x":1}]}}]`, `at /0/args/any/0`, "in a value of no type"},
		{`[{"effect":"test/send","args":{"key":{"A":"1","A":"2"}}}]`, `at /0/args/key`, "in a type that reads itself"},
		{`[{"effect":"test/say","args":{"text":{"$placeholder":"test/who","$placeholder":"test/upper"}}}]`, `at /0/args/text`, "the name of a placeholder"},
		{`[{"effect":"test/say","args":{"text":{"$placeholder":"test/upper","args":{"text":"a","text":"b"}}}}]`, `at /0/args/text/args`, "the arguments of a placeholder"},
		{`[{"effect":"effect/batch","args":{"effects":[{"effect":"test/note","args":{"text":"a","text":"b"}}]}}]`, `at /0/args/effects/0/args`, "a nested list"},
		{`[{"Effect":"test/note"}]`, `unknown field "Effect": did you mean effect?`, "the name of the effect in another case"},
		{`[{"effect":"test/note","Args":{"text":"a"}}]`, `unknown field "Args": did you mean args?`, "the arguments in another case"},
		{`[{"effect":"test/note","Effect":"test/send"}]`, `unknown field "Effect"`, "in both cases"},
		{`[{"effect":"test/note","args":{"TEXT":"b"}}]`, `at /0/args: unknown field "TEXT": did you mean text?`, "a field in another case"},
		{`[{"effect":"test/note","args":{"text":"a","Text":"b"}}]`, `unknown field "Text"`, "in both cases"},
		{`[{"effect":"test/send","args":{"to":{"ID":"a"}}}]`, `at /0/args/to: unknown field "ID": did you mean id?`, "a field of a field"},
		{`[{"effect":"test/say","args":{"text":{"$placeholder":"test/who","ARGS":{}}}}]`, `at /0/args/text: unknown field "ARGS"`, "in a reference"},
		{`[{"effect":"test/say","args":{"text":{"$Placeholder":"test/who"}}}]`, `at /0/args/text: got object, want string`, "a reference in another case is none"},
		{`[{"effect":"test/say","args":{"text":{"$placeholder":"test/guest","args":{"ROOM":"a"}}}}]`, `at /0/args/text/args: unknown field "ROOM"`, "in an embedded struct"},
	} {
		list, err := d.Decode([]byte(row.text))
		if err == nil || !strings.Contains(err.Error(), row.want) || list != nil {
			t.Errorf("%s: got %v, %v; want %q", row.reason, list, err, row.want)
		}
		if r, err := rawOf(row.text); err == nil { // what json.Unmarshal lets pass is found when it runs
			if res := d.Dispatch(t.Context(), newEnv(), r...); res.Err() == nil {
				t.Errorf("%s: read by json.Unmarshal, it runs", row.reason)
			}
		}
	}
}

func rawOf(text string) (l effect.List, err error) {
	err = json.Unmarshal([]byte(text), &l)
	return l, err
}

// Numbers are numbers that Go has, and cost nothing to look at.
func TestHugeExponents(t *testing.T) {
	d := strictTester(t)
	for _, row := range []struct{ number, want, reason string }{
		{"1e999999", "number 1e999999 is out of range", "to be made an integer of a million digits"},
		{"1e-999999", "out of range", "or a fraction"},
		{"-1E+400", "out of range", "beyond float64"},
		{"1e99999999999999999999", "out of range", "an exponent beyond 64 bits"},
		{strings.Repeat("9", 101), "a number of 101 bytes, at most 100", "long"},
		{"0." + strings.Repeat("0", 1000), "a number of 1002 bytes", "long and small"},
	} {
		for _, field := range []string{"any", "n", "f", "key"} {
			_, err := d.Decode([]byte(`[{"effect":"test/send","args":{"` + field + `":` + row.number + `}}]`))
			if err == nil || !strings.Contains(err.Error(), "at /0/args/"+field+": ") || !strings.Contains(err.Error(), row.want) {
				t.Errorf("%s in %s: %v", row.reason, field, err)
			}
		}
	}
}

// A number is the same after it was read and written again.
func TestNumbersKeepTheirDigits(t *testing.T) {
	d := strictTester(t)
	for _, row := range []struct{ args, reason string }{
		{`{"to":{},"any":{"id":9007199254740993},"bits":[0,0]}`, "an integer beyond 53 bits in a field of type any"},
		{`{"to":{},"any":[18446744073709551615,-9223372036854775808],"bits":[0,0]}`, "64 bits"},
		{`{"to":{},"any":0.1000000000000000055511151231257827,"bits":[0,0]}`, "a fraction"},
		{`{"to":{},"n":-9223372036854775808,"u":18446744073709551615,"f":1e+300,"bits":[1,2]}`, "typed fields"},
	} {
		text := `[{"effect":"test/send","args":` + row.args + `}]`
		list, err := d.Decode([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", row.reason, err)
			continue
		}
		back, err := list.MarshalJSON()
		if err != nil || string(back) != text {
			t.Errorf("%s: %s is written as %s (%v)", row.reason, text, back, err)
		}
	}
	for _, row := range []struct{ args, want, reason string }{
		{`{"n":9223372036854775808}`, "at /0/args/n: number 9223372036854775808 does not fit int64", "one more than fits"},
		{`{"n":1.0}`, "number 1.0 does not fit int64", "a fraction in an integer"},
		{`{"u":-1}`, "number -1 does not fit uint64", "below zero"},
		{`{"bits":[1,2,3]}`, "at /0/args/bits: 3 elements for [2]int", "encoding/json would drop the third"},
	} {
		if _, err := d.Decode([]byte(`[{"effect":"test/send","args":` + row.args + `}]`)); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v", row.reason, err)
		}
	}
}

// Arguments in order go to the fields as encoding/json has them.
func TestPositionalEmbedded(t *testing.T) {
	d := strictTester(t)
	for _, row := range []struct {
		args   string
		want   Guest
		reason string
	}{
		{`["lobby"]`, Guest{Room: Room{"lobby"}}, "an embedded struct"},
		{`["lobby","all","a"]`, Guest{Room: Room{"lobby"}, Target: &Target{"all", "a"}}, "an embedded pointer"},
		{`["lobby","all","a",{"$placeholder":"test/upper","args":["ann"]},4]`,
			Guest{Room{"lobby"}, &Target{"all", "a"}, effect.Later[string](Upper{effect.Now("ann")}), 4}, "fields after them, one of them named -"},
		{`{"room":"lobby","id":"a","-":4}`, Guest{Room: Room{"lobby"}, Target: &Target{ID: "a"}, Dash: 4}, "by name"},
		{`[]`, Guest{}, "none"},
	} {
		got, err := d.Decode([]byte(`[{"effect":"test/say","args":{"text":{"$placeholder":"test/guest","args":` + row.args + `}}}]`))
		if err != nil {
			t.Errorf("%s: %v", row.reason, err)
		}
		if diff := cmp.Diff(effect.List{Say{effect.Later[string](row.want)}}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", row.reason, diff)
		}
	}
}

// A placeholder that cannot give what the field wants is found before it runs.
func TestReferenceOfWrongType(t *testing.T) {
	d := strictTester(t)
	for _, row := range []struct{ text, want, reason string }{
		{`{"effect":"test/say","args":{"text":{"$placeholder":"test/count"}}}`, "at /0/args/text: test/count gives int, the field wants string", "a number for a text"},
		{`{"effect":"test/say","args":{"text":{"$placeholder":"test/upper","args":[{"$placeholder":"test/count"}]}}}`, "at /0/args/text/args/0: test/count gives", "in the arguments of another"},
		{`{"effect":"test/cast","args":{"effects":[{"effect":"test/say","args":{"text":{"$placeholder":"test/count"}}}]}}`, "at /0/args/effects/0/args/text: test/count gives", "in a nested list"},
		{`{"effect":"test/say","args":{"text":{"$placeholder":"test/anything"}}}`, "", "what is in an interface is known when it runs"},
		{`{"effect":"test/form","args":{"any":{"$placeholder":"test/count"}}}`, "", "an interface takes anything"},
		{`{"effect":"test/form","args":{"pair":[{"$placeholder":"test/count"}]}}`, "", "the right type"},
	} {
		_, err := d.Decode([]byte("[" + row.text + "]"))
		if (err == nil) != (row.want == "") || err != nil && !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v", row.reason, err)
		}
	}
}

// A reference made in Go is checked before the placeholder is asked.
func TestPlaceholderOfWrongTypeIsNotAsked(t *testing.T) {
	asked := 0
	d := testerWith(t, nil, append(lates(), effect.Provide("How many.", func(context.Context, call, HowMany) (int, error) {
		asked++
		return 7, nil
	}))...)
	for _, item := range []effect.Data{
		Say{effect.Later[string](HowMany{})}, Say{effect.Later[string](Upper{effect.Later[string](HowMany{})})},
		Say{effect.Later[string](effect.Raw{Effect: "test/count"})},
	} {
		res := d.Dispatch(t.Context(), newEnv(), item)
		if err := res.Err(); err == nil || !strings.Contains(err.Error(), "test/count gives int, the field wants string") || res.Errors[0].Phase != dispatch.PhasePlaceholder {
			t.Errorf("%v: %v", item, err)
		}
	}
	if asked != 0 {
		t.Errorf("it was asked %d times", asked)
	}
}

// Bytes that several texts could stand for are refused.
func TestTextIsUTF8(t *testing.T) {
	d := strictTester(t)
	for _, inside := range []string{"\xff", `\ud800`, `\udfff\ud800`, "\xed\xa0\x80"} {
		if _, err := d.Decode([]byte(`[{"effect":"test/note","args":{"text":"` + inside + `"}}]`)); err == nil || !strings.Contains(err.Error(), "at /0/args/text: byte 39: ") {
			t.Errorf("%q: %v", inside, err)
		}
	}
	got, err := d.Decode([]byte(`[{"effect":"test/note","args":{"text":"\ud83d\ude00"}}]`))
	if diff := cmp.Diff(effect.List{Note{"😀"}}, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

// boxes reads its list itself.
type boxes struct {
	Effects effect.List `json:"effects"`
	Name    effect.Late[string]
}

func (boxes) EffectName() string { return "test/boxes" }

func (b *boxes) UnmarshalJSON(text []byte) error {
	type plain boxes
	return json.Unmarshal(text, (*plain)(b))
}

// A type that reads itself leaves wire form behind, which is decoded as well.
func TestDecodeOfTypesThatReadThemselves(t *testing.T) {
	d := testerWith(t, &dispatch.Options{MaxItems: 4}, append(lates(), takes[boxes]())...)
	got, err := d.Decode([]byte(`[{"effect":"test/boxes","args":{"effects":[{"effect":"test/note","args":{"text":"x"}}],"Name":{"$placeholder":"test/who"}}}]`))
	if diff := cmp.Diff(effect.List{boxes{effect.List{Note{"x"}}, who()}}, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	note := `{"effect":"test/note","args":{"text":"x"}}`
	for _, row := range []struct {
		args   string
		is     error
		reason string
	}{
		{`{"effects":[` + strings.Repeat(note+",", 3) + note + `]}`, dispatch.ErrTooLarge, "its items count"},
		{`{"effects":[{"effect":"test/nite"}]}`, dispatch.ErrUnknown, "unknown names"},
		{`{"Name":{"$placeholder":"test/nite"}}`, dispatch.ErrUnknown, "unknown placeholders"},
	} {
		if _, err := d.Decode([]byte(`[{"effect":"test/boxes","args":` + row.args + `}]`)); !errors.Is(err, row.is) {
			t.Errorf("%s: %v", row.reason, err)
		}
	}
}
