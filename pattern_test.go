package sfere

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestPatternTable(t *testing.T) {
	t.Parallel()
	const s = DefaultScope
	for _, tt := range []struct {
		pattern Pattern
		key     Key
		want    bool
		reason  string
	}{
		{Exactly(ann), ann, true, "exact"},
		{Pattern{Is(s), Is("lobby"), Is("ann")}, ann, true, "exact, spelled out"},
		{Pattern{Any, Is("lobby"), Is("ann")}, ann, true, "scope wildcard"},
		{Pattern{Any, Is("lobby"), Is("ann")}, ann.In("other"), true, "scope wildcard, any scope"},
		{Pattern{Any, Is("lobby"), Is("ann")}, Key{s, "lobby", "bob"}, false, "scope wildcard, wrong id"},
		{Pattern{Is(s), Any, Any}, ann, true, "whole-inner wildcard"},
		{Everyone().In(s), ann, true, "whole-inner wildcard, short"},
		{Pattern{Is(s), Any, Any}, ann.In("other"), false, "whole-inner wildcard, wrong scope"},
		{Pattern{Is(s), Any, Is("ann")}, ann, true, "category wildcard"},
		{Pattern{Is(s), Any, Is("ann")}, Key{s, "game", "ann"}, true, "category wildcard, any category"},
		{Pattern{Is(s), Any, Is("ann")}, Key{s, "lobby", "bob"}, false, "category wildcard, wrong id"},
		{Pattern{Is(s), Is("lobby"), Any}, ann, true, "id wildcard"},
		{Category("lobby").In(s), ann, true, "id wildcard, short"},
		{Pattern{Is(s), Is("lobby"), Any}, Key{s, "lobby", "bob"}, true, "id wildcard, any id"},
		{Pattern{Is(s), Is("lobby"), Any}, Key{s, "game", "ann"}, false, "id wildcard, wrong category"},
		{Category("lobby").AllScopes(), ann.In("other"), true, "scope and id wildcards"},
		{Category("lobby").AllScopes(), Key{s, "game", "ann"}, false, "scope and id wildcards, wrong category"},
		{Category("lobby"), ann, true, "no scope is the default one, as there is no dispatch"},
		{Category("lobby"), ann.In("other"), false, "no scope never crosses one"},
		{Exactly(ID("lobby", "ann")), ann, true, "one key without its scope"},
		{Exactly(ID("lobby", "ann")), ann.In("other"), false, "one key without its scope, in another"},
		{Pattern{Category: Any, ID: Any}, ann, true, "everyone in the scope"},
		{Pattern{Category: Any, ID: Any}, ann.In("other"), false, "everyone in the scope, another"},
		{ID("lobby", "ann").AllScopes(), ann.In("other"), true, "a key in all scopes"},
		{Pattern{Any, Any, Is("ann")}, Key{"x", "y", "ann"}, true, "scope and category wildcards"},
		{Pattern{Any, Any, Is("ann")}, Key{"ann", "ann", "x"}, false, "values do not match in other positions"},
		{Everyone(), ann, true, "all wildcards"},
		{Everyone(), Key{"x", "y", "z"}, true, "all wildcards, anything"},
		{Exactly(ann), ann.In("other"), false, "wrong scope"},
		{Exactly(ann), Key{s, "game", "ann"}, false, "wrong category"},
		{Exactly(ann), Key{s, "lobby", "bob"}, false, "wrong id"},
		{Pattern{Any, Any, Is("1")}, Key{s, "lobby", "01"}, false, "values are strings, not numbers; JSON refuses 1"},
		{Pattern{Any, Any, Is("Ann")}, ann, false, "case counts"},
		{Pattern{Any, Any, Is("\u00e9")}, Key{s, "lobby", "e\u0301"}, false, "bytes count, not how they look"},
		{Pattern{Any, Any, Is("an")}, ann, false, "no prefixes"},
		{Pattern{Any, Any, Is("a*")}, ann, false, "a star within a value is a star"},
		{Pattern{Any, Any, Is("**")}, Key{s, "lobby", "**"}, true, "a star within a value is a star"},
		{Pattern{}, ann, false, "the zero pattern never means everyone"},
		{Pattern{}, Key{}, false, "not even for the zero key"},
		{Pattern{Any, Any, ""}, ann, false, "a forgotten field never means everyone"},
		{Pattern{Any, Any, Is("*")}, ann, false, "a value that came from a user never means everyone"},
		{Pattern{Any, Any, Is("")}, Key{s, "lobby", ""}, false, "nobody has an empty id"},
		{Pattern{Any, Any, "ann"}, ann, false, "a conversion is no Is"},
	} {
		if got := tt.pattern.Matches(tt.key); got != tt.want {
			t.Errorf("%v.Matches(%v) = %v (%s)", tt.pattern, tt.key, got, tt.reason)
		}
		if tt.pattern.Scope == "" {
			continue
		}
		single := tt.pattern.Scope.Matches(tt.key.Scope) && tt.pattern.Category.Matches(tt.key.Category) && tt.pattern.ID.Matches(tt.key.ID)
		if single != tt.want {
			t.Errorf("the positions of %v match %v: %v (%s)", tt.pattern, tt.key, single, tt.reason)
		}
	}
}

func TestWildcardAndShape(t *testing.T) {
	t.Parallel()
	type validator interface{ Validate() error }
	for _, tt := range []struct {
		value  validator
		want   string // "" if valid
		reason string
	}{
		{ann, "", "a key"},
		{Key{"*", "b", "c"}, `sfere: key field "scope": must not be "*" (a wildcard; use a Pattern)`, "wildcard in a key"},
		{Key{"a", "*", "c"}, `sfere: key field "category": must not be "*" (a wildcard; use a Pattern)`, "wildcard in a key"},
		{Key{"a", "b", "*"}, `sfere: key field "id": must not be "*" (a wildcard; use a Pattern)`, "wildcard in a key"},
		{Key{"a", "b", string(Any)}, `sfere: key field "id": must not be "*" (a wildcard; use a Pattern)`, "not by this route either"},
		{Key{"a", "b", "**"}, "", "only the lone star is a wildcard"},
		{Key{}, `sfere: key field "scope": must not be empty`, "empty key"},
		{ID("b", "c"), `sfere: key field "scope": must not be empty`, "no scope"},
		{ID("b", "c").In(""), `sfere: key field "scope": must not be empty`, "empty scope"},
		{Key{"a", "", "c"}, `sfere: key field "category": must not be empty`, "no category"},
		{Key{"a", "b", ""}, `sfere: key field "id": must not be empty`, "no id"},
		{Key{"a", "b", "\xff"}, `sfere: key field "id": must be valid UTF-8`, "JSON would replace it"},

		{Everyone(), "", "everyone, said aloud"},
		{Exactly(ann), "", "one key"},
		{Category("lobby"), "", "one category"},
		{Pattern{}, `sfere: pattern field "category": not set (use sfere.Any or sfere.Is)`, "empty pattern"},
		{Pattern{Category: Is("b"), ID: Any}, "", "the scope of the dispatch"},
		{Pattern{Category: Is("b")}, `sfere: pattern field "id": not set (use sfere.Any or sfere.Is)`, "only the scope may be left out"},
		{Pattern{ID: Any}, `sfere: pattern field "category": not set (use sfere.Any or sfere.Is)`, "only the scope may be left out"},
		{Pattern{Scope: Any, ID: Any}, `sfere: pattern field "category": not set (use sfere.Any or sfere.Is)`, "forgotten category"},
		{Pattern{Scope: Any, Category: Any}, `sfere: pattern field "id": not set (use sfere.Any or sfere.Is)`, "forgotten id"},
		{Pattern{Any, Any, Is("")}, `sfere: pattern field "id": must not be empty (use sfere.Any to match everything)`, "empty value"},
		{Pattern{Any, Any, Is("*")}, `sfere: pattern field "id": must not be sfere.Is("*") (use sfere.Any to match everything)`, "wildcard from a user"},
		{Pattern{Any, Any, "ann"}, `sfere: pattern field "id": must be made with sfere.Any or sfere.Is`, "wrong shape: a bare value"},
		{Pattern{Any, Any, Is("\xff")}, `sfere: pattern field "id": must be valid UTF-8`, "no key has it"},
		{Exactly(ID("lobby", "ann")), "", "the key has no scope yet"},
		{Category("lobby").In(""), `sfere: pattern field "scope": must not be empty (use sfere.Any to match everything)`, "In takes a value"},
		{Exactly(Key{"a", "*", "c"}), `sfere: pattern field "category": must not be sfere.Is("*") (use sfere.Any to match everything)`, "the key is not valid"},
		{Everyone().In("*"), `sfere: pattern field "scope": must not be sfere.Is("*") (use sfere.Any to match everything)`, "In takes a value"},
		{Category(""), `sfere: pattern field "category": must not be empty (use sfere.Any to match everything)`, "an empty value is not everyone"},
	} {
		err := tt.value.Validate()
		switch {
		case tt.want == "":
			if err != nil {
				t.Errorf("%v: %v (%s)", tt.value, err, tt.reason)
			}
		case err == nil:
			t.Errorf("%v is valid, want: %s (%s)", tt.value, tt.want, tt.reason)
		default:
			e, ok := errors.AsType[*KeyError](err)
			if !ok || err.Error() != tt.want || e.Value == "=" || e.Value == "=*" {
				t.Errorf("%v: %#v\n%v\nwant %s (%s)", tt.value, err, err, tt.want, tt.reason)
			}
		}
	}
}

func TestMatchValue(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		m    Match
		want string
		ok   bool
	}{
		{Is("ann"), "ann", true}, {Is("="), "=", true}, {Is("=ann"), "=ann", true}, {Is("a*"), "a*", true},
		{Any, "", false}, {"", "", false}, {"ann", "", false}, {Is(""), "", false}, {Is("*"), "", false},
	} {
		if got, ok := tt.m.Value(); got != tt.want || ok != tt.ok {
			t.Errorf("%q.Value() = %q, %v", string(tt.m), got, ok)
		}
	}
}

func TestExactly(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(Pattern{Is("default"), Is("lobby"), Is("ann")}, Exactly(ann)); diff != "" {
		t.Errorf("Exactly (-want +got):\n%s", diff)
	}
	if k, ok := Exactly(ann).Exact(); !ok || k != ann {
		t.Errorf("Exact() = %v, %v", k, ok)
	}
	if k, ok := Exactly(ID("lobby", "ann")).Exact(); !ok || k != ID("lobby", "ann") {
		t.Errorf("without a scope: Exact() = %v, %v", k, ok)
	}
	for _, p := range []Pattern{{}, Everyone(), Category("lobby").In("default"), {Is("a"), Is("b"), Is("*")}, Exactly(Key{})} {
		if k, ok := p.Exact(); ok || k != (Key{}) {
			t.Errorf("%v.Exact() = %v, %v", p, k, ok)
		}
	}
}

// patternText is the text form, in both directions.
var patternText = []struct {
	pattern Pattern
	text    string
	reason  string
}{
	{Everyone(), "*/*/*", "everyone"},
	{Category("lobby").AllScopes(), "*/lobby/*", "one category"},
	{Exactly(ann), "default/lobby/ann", "an exact pattern is written as its key"},
	{Pattern{Is("a/b"), Is("=c"), Is("**")}, "a%2Fb/=c/**", "escapes as in keys"},
	{Pattern{Is("%2A"), Any, Is("%")}, "%252A/*/%25", "an escaped escape is no wildcard"},
}

func TestPatternText(t *testing.T) {
	t.Parallel()
	for _, tt := range patternText {
		if got := tt.pattern.String(); got != tt.text {
			t.Errorf("got %q, want %q (%s)", got, tt.text, tt.reason)
		}
		got, err := ParsePattern(tt.text)
		if err != nil {
			t.Errorf("ParsePattern(%q): %v (%s)", tt.text, err, tt.reason)
		}
		if diff := cmp.Diff(tt.pattern, got); diff != "" {
			t.Errorf("ParsePattern(%q) (-want +got):\n%s(%s)", tt.text, diff, tt.reason)
		}
	}
	for _, tt := range []struct{ text, want, reason string }{
		{"", `sfere: pattern "": must be scope/category/id`, "nothing is not everyone"},
		{"*", `sfere: pattern "*": must be scope/category/id`, "each position is said"},
		{"*/*", `sfere: pattern "*/*": must be scope/category/id`, "each position is said"},
		{"*/*/*/*", `sfere: pattern "*/*/*/*": must be scope/category/id`, "no part is ignored"},
		{"lobby/*", `sfere: pattern "lobby/*": must be scope/category/id`, "whoever writes text has no dispatch"},
		{"/lobby/*", `sfere: pattern field "scope": must not be empty (use sfere.Any to match everything)`, "whoever writes text has no dispatch"},
		{"*//*", `sfere: pattern field "category": must not be empty (use sfere.Any to match everything)`, "nothing is not everything"},
		{"*/*/%2A", `sfere: pattern field "id": must not be sfere.Is("*") (use sfere.Any to match everything)`, "an escape is a value"},
		{"*/*/%2", `sfere: pattern field "id": must not contain "%" other than in an escape such as %2F`, "cut escape"},
		{"%ff/*/*", `sfere: pattern field "scope": must be valid UTF-8`, "no key has it"},
	} {
		p, err := ParsePattern(tt.text)
		if _, ok := errors.AsType[*KeyError](err); !ok || err.Error() != tt.want {
			t.Errorf("ParsePattern(%q): %v\nwant %s (%s)", tt.text, err, tt.want, tt.reason)
		}
		if p != (Pattern{}) {
			t.Errorf("ParsePattern(%q) = %v with an error", tt.text, p)
		}
	}
}

func TestPatternJSON(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		pattern Pattern
		want    string
	}{
		{Category("lobby").AllScopes(), `{"scope":"*","category":"lobby","id":"*"}`},
		{Category("lobby"), `{"category":"lobby","id":"*"}`},
		{Exactly(ID("lobby", "ann")), `{"category":"lobby","id":"ann"}`},
	} {
		b, err := json.Marshal(tt.pattern)
		if err != nil || string(b) != tt.want {
			t.Errorf("got %s, %v, want %s", b, err, tt.want)
		}
		checkPattern(t, tt.pattern)
	}
	for _, tt := range patternText {
		checkPattern(t, tt.pattern)
	}
	tests := append(slices.Clone(fieldsJSON), []struct{ json, want, reason string }{
		{`{"scope":"","category":"b","id":"c"}`, `%s field "scope": must not be empty (use sfere.Any to match everything)`, "an empty scope is no wildcard"},
	}...)
	for _, tt := range tests {
		got := Everyone()
		err := json.Unmarshal([]byte(tt.json), &got)
		want := strings.Replace(tt.want, "%s", "sfere: pattern", 1)
		if _, ok := errors.AsType[*KeyError](err); !ok || err.Error() != want {
			t.Errorf("%s: %v\nwant %s (%s)", tt.json, err, want, tt.reason)
		}
		if got != Everyone() {
			t.Errorf("%s: the pattern was changed to %v", tt.json, got)
		}
	}
}

func TestMatchText(t *testing.T) {
	t.Parallel()
	for _, m := range []Match{Any, Is("ann"), Is("=x"), Is("%2A")} {
		b, err := json.Marshal(m)
		var got Match
		if err := errors.Join(err, json.Unmarshal(b, &got)); err != nil || got != m {
			t.Errorf("%s is read as %q, %v, want %q", b, string(got), err, string(m))
		}
	}
	for _, m := range []Match{"", "ann", Is(""), Is("*"), Is("\xff")} {
		if b, err := m.MarshalText(); err == nil {
			t.Errorf("the invalid %q is written as %s", string(m), b)
		}
	}
	for _, text := range []string{"", "\xff"} {
		got := Any
		if err := got.UnmarshalText([]byte(text)); err == nil || got != Any {
			t.Errorf("%q is read as %q, %v", text, string(got), err)
		}
	}
}

func drawMatch(rt *rapid.T, name string) Match {
	return rapid.OneOf(
		rapid.SampledFrom([]Match{Any, "", Is(""), Is("*"), Is("a")}),
		rapid.Map(anyString(), Is),
		rapid.Map(anyString(), func(s string) Match { return Match(s) }),
	).Draw(rt, name)
}

func TestPatternProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		checkPattern(rt, Pattern{drawMatch(rt, "scope"), drawMatch(rt, "category"), drawMatch(rt, "id")})
	})
}

func FuzzParsePattern(f *testing.F) {
	for _, tt := range patternText {
		f.Add(tt.text)
	}
	f.Add("*/%2A/%")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParsePattern(text)
		if err != nil {
			if p != (Pattern{}) {
				t.Errorf("ParsePattern(%q) = %v with an error", text, p)
			}
			return
		}
		checkPattern(t, p)
	})
}

func FuzzPatternJSON(f *testing.F) {
	for _, tt := range fieldsJSON {
		f.Add([]byte(tt.json))
	}
	f.Add([]byte(`{"scope":"*","category":"lobby","id":"*"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var p Pattern
		if err := p.UnmarshalJSON(data); err != nil {
			if p != (Pattern{}) {
				t.Errorf("%s: pattern is %v with an error", data, p)
			}
			return
		}
		checkPattern(t, p)
	})
}

// checkPattern checks that a valid pattern comes back from text, if it has a scope,
// and from JSON, and that others have no JSON and no text that means another.
func checkPattern(t errorfer, p Pattern) {
	valid := p.Validate() == nil
	text := p.String()
	got, err := ParsePattern(text)
	switch writes := valid && p.Scope != ""; {
	case writes && (err != nil || got != p):
		t.Errorf("%q is read as %+q, %v, want %+q", text, got.positions(), err, p.positions())
	case !writes && err == nil:
		t.Errorf("%q of the invalid %+q is read as %+q", text, p.positions(), got.positions())
	}
	b, err := json.Marshal(p)
	if (err == nil) != valid {
		t.Errorf("%+q: JSON %s, %v; valid %v", p.positions(), b, err, valid)
	}
	if err != nil {
		return
	}
	got = Pattern{}
	if err := json.Unmarshal(b, &got); err != nil || got != p {
		t.Errorf("%s is read as %+q, %v, want %+q", b, got.positions(), err, p.positions())
	}
}
