package sfere

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var ann = Key{Scope: "default", Category: "lobby", ID: "ann"}

func TestID(t *testing.T) {
	t.Parallel()
	k := ID("lobby", "ann")
	if diff := cmp.Diff(Key{Category: "lobby", ID: "ann"}, k); diff != "" {
		t.Errorf("ID (-want +got):\n%s", diff)
	}
	if err := k.Validate(); err == nil {
		t.Error("a key without a scope is valid; the scope has to come from the request")
	}
	if diff := cmp.Diff(ann, k.In(DefaultScope)); diff != "" {
		t.Errorf("In (-want +got):\n%s", diff)
	}
	if k.Scope != "" {
		t.Error("In changed its receiver")
	}
	if err := k.In(DefaultScope).Validate(); err != nil {
		t.Error(err)
	}
}

// keyText is the text form, in both directions.
var keyText = []struct {
	key    Key
	text   string
	reason string
}{
	{ann, "default/lobby/ann", "ordinary names are left alone"},
	{Key{"a/b", "c%d", "e*"}, "a%2Fb/c%25d/e*", "the three characters with a meaning; * has one only alone"},
	{Key{"**", "?", "a b"}, "**/?/a%20b", "a space would end the key in a line of log"},
	{Key{"a\r\nb", "\x00", "\t"}, "a%0D%0Ab/%00/%09", "no text breaks out of its line"},
	{Key{"Zoë", "日本", "🙂"}, "Zoë/日本/🙂", "letters of all languages are readable"},
	{Key{"a\u202eb", "\u00a0", "\ufeff"}, "a%E2%80%AEb/%C2%A0/%EF%BB%BF", "invisible characters and changes of direction show"},
	{Key{"\ufffd", "a", "b"}, "\ufffd/a/b", "U+FFFD is a character; only broken bytes are not"},
	{Key{"..", ".", "=a"}, ".././=a", "no path or match syntax is special"},
}

func TestKeyText(t *testing.T) {
	t.Parallel()
	for _, tt := range keyText {
		if got := tt.key.String(); got != tt.text {
			t.Errorf("%+q.String() = %q, want %q (%s)", tt.key.fields(), got, tt.text, tt.reason)
		}
		got, err := ParseKey(tt.text)
		if err != nil {
			t.Errorf("ParseKey(%q): %v (%s)", tt.text, err, tt.reason)
		}
		if diff := cmp.Diff(tt.key, got); diff != "" {
			t.Errorf("ParseKey(%q) (-want +got):\n%s(%s)", tt.text, diff, tt.reason)
		}
	}
	for text, want := range map[string]Key{
		"a b/c\n/d":      {"a b", "c\n", "d"},
		"%61/%2f/%2A%2a": {"a", "/", "**"},
	} {
		if got, err := ParseKey(text); err != nil || got != want {
			t.Errorf("ParseKey(%q) = %v, %v, want %v: it reads more than String writes", text, got, err, want)
		}
	}
}

func TestKeyStringInvalid(t *testing.T) {
	t.Parallel()
	for _, k := range []Key{{}, ID("lobby", "ann"), {"a", "*", "b"}, {"a", "b", "\xff"}, {"a", "b", "\ufffd\xed\xa0\x80"}} {
		if got, err := ParseKey(k.String()); err == nil {
			t.Errorf("the text %q of an invalid key reads as %+q", k, got.fields())
		}
	}
}

func TestParseKeyErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ text, want, reason string }{
		{"", `sfere: key "": must be scope/category/id`, "nothing is not a key"},
		{"lobby/ann", `sfere: key "lobby/ann": must be scope/category/id`, "no part is filled in"},
		{"a/b/c/d", `sfere: key "a/b/c/d": must be scope/category/id`, "no part is ignored"},
		{"/lobby/ann", `sfere: key field "scope": must not be empty`, "an empty part is none"},
		{"a/b/*", `sfere: key field "id": must not be "*" (a wildcard; use a Pattern)`, "the wildcard is no key"},
		{"a/%2A/c", `sfere: key field "category": must not be "*" (a wildcard; use a Pattern)`, "an escape is no way round"},
		{"a/b/50%", `sfere: key field "id": must not contain "%" other than in an escape such as %2F`, "cut escape"},
		{"a/b/%2", `sfere: key field "id": must not contain "%" other than in an escape such as %2F`, "cut escape"},
		{"a/%zz/c", `sfere: key field "category": must not contain "%" other than in an escape such as %2F`, "no hexadecimal"},
		{"a/b/%FF", `sfere: key field "id": must be valid UTF-8`, "escaped broken byte"},
		{"a/b/\xff", `sfere: key field "id": must be valid UTF-8`, "broken byte"},
	} {
		k, err := ParseKey(tt.text)
		if _, ok := errors.AsType[*KeyError](err); !ok || err.Error() != tt.want {
			t.Errorf("ParseKey(%q): %v\nwant %s (%s)", tt.text, err, tt.want, tt.reason)
		}
		if k != (Key{}) {
			t.Errorf("ParseKey(%q) = %v with an error", tt.text, k)
		}
	}
}

func TestKeyErrorIsShort(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 1<<20)
	_, err := ParseKey(long)
	if n := len(err.Error()); n > 200 {
		t.Errorf("the message has %d bytes; a stranger can fill the log", n)
	}
	if e, _ := errors.AsType[*KeyError](err); !strings.HasPrefix(e.Value, "aaaa") || len(e.Value) > 300 {
		t.Errorf("the error keeps %d bytes of the value, want its beginning", len(e.Value))
	}
}

func TestKeyJSON(t *testing.T) {
	t.Parallel()
	b, err := json.Marshal(ann)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"scope":"default","category":"lobby","id":"ann"}`; string(b) != want {
		t.Errorf("got %s, want %s", b, want)
	}
	for _, tt := range keyText {
		checkKeyJSON(t, tt.key)
	}
	if b, err := json.Marshal(ID("a", "b")); err != nil || string(b) != `{"category":"a","id":"b"}` {
		t.Errorf("a key without a scope is written as %s, %v", b, err)
	}
	var open Key
	if err := json.Unmarshal([]byte(`{"category":"a","id":"b"}`), &open); err != nil || open != ID("a", "b") {
		t.Errorf("a key without a scope is read as %v, %v", open, err)
	}
	for _, k := range []Key{{}, {"*", "a", "b"}, {"a", "b", "\xff"}} {
		if b, err := json.Marshal(k); err == nil {
			t.Errorf("an invalid key is written as %s", b)
		} else if _, ok := errors.AsType[*KeyError](err); !ok {
			t.Errorf("%T is no *KeyError", err)
		}
	}
}

// fieldsJSON are the mistakes in JSON that keys and patterns have in common.
var fieldsJSON = []struct{ json, want, reason string }{
	{`null`, `%s "null": must be an object with scope, category and id`, "null is not the zero value"},
	{`"a/b/c"`, `%s "\"a/b/c\"": must be an object with scope, category and id`, "the text form is another"},
	{`["a","b","c"]`, `%s "[\"a\",\"b\",\"c\"]": must be an object with scope, category and id`, "so is that of the originals"},
	{`{"scope":"a"}`, `%s field "category": missing`, "no position is optional"},
	{`{"scope":"a","category":"b"}`, `%s field "id": missing`, "a forgotten field"},
	{`{"scope":"a","category":"b","id":"c","room":"d"}`, `%s field "room": unknown (want scope, category and id)`, "an unknown field"},
	{`{"scope":"a","category":"b","ID":"c"}`, `%s field "ID": unknown (want scope, category and id)`, "encoding/json would take it"},
	{`{"scope":"a","category":"b","id":"c","id":"d"}`, `%s field "id": given twice`, "readers would differ in which they take"},
	{`{"scope":"a","category":"b","id":1}`, `%s field "id": must be a string`, "1 is not \"1\""},
	{`{"scope":"a","category":"b","id":null}`, `%s field "id": must be a string`, "null is not a value"},
	{`{"scope":{"id":"x"},"category":"b","id":"c"}`, `%s field "scope": must be a string`, "nor is an object"},
	{`{"scope":null,"category":"b","id":"c"}`, `%s field "scope": must be a string`, "a scope is left out, not null"},
	{"{\"scope\":\"a\",\"category\":\"b\",\"id\":\"\xff\"}", "%s \"{\\\"scope\\\":\\\"a\\\",\\\"category\\\":\\\"b\\\",\\\"id\\\":\\\"\\xff\\\"}\": must be valid UTF-8", "encoding/json would replace it"},
}

func TestKeyJSONErrors(t *testing.T) {
	t.Parallel()
	tests := append(slices.Clone(fieldsJSON), []struct{ json, want, reason string }{
		{`{"scope":"","category":"b","id":"c"}`, `%s field "scope": must not be empty`, "an empty part is none"},
		{`{"scope":"*","category":"b","id":"c"}`, `%s field "scope": must not be "*" (a wildcard; use a Pattern)`, "the wildcard is no key"},
		{`{"scope":"a","category":"b","id":"\u002a"}`, `%s field "id": must not be "*" (a wildcard; use a Pattern)`, "an escape is no way round"},
	}...)
	for _, tt := range tests {
		got := ann
		err := json.Unmarshal([]byte(tt.json), &got)
		want := strings.Replace(tt.want, "%s", "sfere: key", 1)
		if _, ok := errors.AsType[*KeyError](err); !ok || err.Error() != want {
			t.Errorf("%s: %v\nwant %s (%s)", tt.json, err, want, tt.reason)
		}
		if got != ann {
			t.Errorf("%s: the key was changed to %v", tt.json, got)
		}
	}
	for _, broken := range []string{``, `{`, `{"scope"`, `{"scope":`, `{"scope":"a"`, `{"scope":"a",}`, `{} {}`, `{"scope":"a","category":"b","id":"c"}{}`} {
		var k Key
		if err := k.UnmarshalJSON([]byte(broken)); err == nil || k != (Key{}) {
			t.Errorf("UnmarshalJSON(%s) = %v, %v", broken, k, err)
		}
	}
}

// Half a surrogate pair, which encoding/json reads as U+FFFD, would make one key of
// several.
func TestSurrogatesInKeys(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		id, want string // the id in JSON, and as read; "" if it is refused
		reason   string
	}{
		{`\ud800`, "", "a high one alone"},
		{`\udfff`, "", "a low one alone"},
		{`\uDFFF\uD800`, "", "in the wrong order"},
		{`\ud83d\ud83d\ude42`, "", "one before a pair"},
		{`\ud83d\ude42\ude42`, "", "one after a pair"},
		{`\ud83dx\ude42`, "", "with something in between"},
		{`a\ud83d`, "", "at the end"},
		{`\\\ud83d`, "", "after a backslash"},
		{`\ud83d\\ude42`, "", "before a backslash and text that looks like the other half"},
		{`\ud83d\ude42`, "🙂", "a pair"},
		{`\\ud83d`, `\ud83d`, "a backslash and text"},
		{`\ufffd`, "\ufffd", "the replacement character itself"},
		{`\u0061\n\"`, "a\n\"", "other escapes"},
	} {
		for _, scope := range []string{"", `"scope":"s",`} {
			text := []byte(`{` + scope + `"category":"room","id": "` + tt.id + `"}`)
			var k Key
			var p Pattern
			errs := []error{json.Unmarshal(text, &k), json.Unmarshal(text, &p)}
			for _, err := range errs {
				e, ok := errors.AsType[*KeyError](err)
				if tt.want == "" && (!ok || e.Field != "id" || e.Reason != reasonHalf) || tt.want != "" && err != nil {
					t.Errorf("%s: %v (%s)", text, err, tt.reason)
				}
			}
			if v, _ := p.ID.Value(); k.ID != tt.want || v != tt.want {
				t.Errorf("%s is read as %+q and %+q, want %+q (%s)", text, k.ID, v, tt.want, tt.reason)
			}
		}
	}
}

// A client that may choose a part of its key cannot fill the memory, the pages of
// tools and the logs with it.
func TestHugeKey(t *testing.T) {
	t.Parallel()
	most, huge := strings.Repeat("k", 1024), strings.Repeat("ß/", 5<<20)
	if err := ID(most, most).In(most).Validate(); err != nil {
		t.Errorf("1024 bytes: %v", err)
	}
	if k := ID("room", most).In("s"); Exactly(k).Validate() != nil {
		t.Errorf("a pattern of 1024 bytes: %v", Exactly(k).Validate())
	}
	type validator interface{ Validate() error }
	for _, tt := range []struct {
		value validator
		field string
	}{
		{ID("room", "x").In(most + "k"), "scope"}, {ID(most+"k", "x").In("s"), "category"}, {ID("room", huge).In("s"), "id"},
		{Exactly(ID("room", huge)), "id"}, {Category(most + "k"), "category"}, {Everyone().In(huge), "scope"},
	} {
		err := tt.value.Validate()
		e, ok := errors.AsType[*KeyError](err)
		if !ok || e.Field != tt.field || e.Reason != reasonLong {
			t.Errorf("field %s: %v", tt.field, err)
			continue
		}
		if len(err.Error()) > 200 || len(e.Value) > 300 {
			t.Errorf("the error has %d bytes and keeps %d", len(err.Error()), len(e.Value))
		}
	}
	_, text := ParseKey("s/room/" + huge)
	_, escaped := ParsePattern("s/room/%zz" + strings.ReplaceAll(huge, "/", ""))
	var k Key
	for name, err := range map[string]error{
		"text": text, "pattern": escaped,
		"JSON":       json.Unmarshal([]byte(`{"category":"room","id":"`+huge+`"}`), &k),
		"JSON field": json.Unmarshal([]byte(`{"category":"room","`+huge+`":"x"}`), &k),
		"error":      &Error{Op: "holding", Key: ID(huge, huge).In(huge), Err: ErrTaken},
	} {
		if err == nil || len(err.Error()) > 3000 {
			t.Errorf("%s: the error has %d bytes", name, len(err.Error()))
		}
	}
	if k != (Key{}) {
		t.Error("the key was changed")
	}
}

// anyString draws strings with many of the awkward ones.
func anyString() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.StringOf(rapid.RuneFrom([]rune("ab*/%=!2A \r\n\"\\<\u2028\ufffd🙂"))),
		rapid.String(),
		rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
	)
}

func TestKeyProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		draw := func(name string) Key {
			return Key{anyString().Draw(rt, name+".scope"), anyString().Draw(rt, name+".category"), anyString().Draw(rt, name+".id")}
		}
		a, b := draw("a"), draw("b")
		checkKeyText(rt, a)
		if a.Validate() == nil {
			checkKeyJSON(rt, a)
		}
		if (a == b) != (a.String() == b.String()) {
			rt.Errorf("%+q and %+q are written as %q and %q", a, b, a.String(), b.String())
		}
		if (a == b) != (compareKeys(a, b) == 0) || compareKeys(a, b) != -compareKeys(b, a) {
			rt.Errorf("compareKeys(%+q, %+q) = %d", a, b, compareKeys(a, b))
		}
	})
}

func FuzzParseKey(f *testing.F) {
	for _, tt := range keyText {
		f.Add(tt.text)
	}
	f.Add("a/*/%2A")
	f.Add("a/b/%2")
	f.Fuzz(func(t *testing.T, text string) {
		k, err := ParseKey(text)
		if err != nil {
			if k != (Key{}) {
				t.Errorf("ParseKey(%q) = %v with an error", text, k)
			}
			return
		}
		checkKeyText(t, k)
		checkKeyJSON(t, k)
		if p, err := ParsePattern(text); err != nil || p != Exactly(k) {
			t.Errorf("ParsePattern(%q) = %v, %v, want Exactly(%v)", text, p, err, k)
		}
	})
}

func FuzzKeyJSON(f *testing.F) {
	for _, tt := range fieldsJSON {
		f.Add([]byte(tt.json))
	}
	f.Add([]byte(`{"scope":"default","category":"lobby","id":"ann"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var k Key
		if err := k.UnmarshalJSON(data); err != nil {
			if k != (Key{}) {
				t.Errorf("%s: key is %v with an error", data, k)
			}
			return
		}
		if !json.Valid(data) {
			t.Errorf("%q is read as %v", data, k)
		}
		checkKeyJSON(t, k)
		checkKeyText(t, k)
	})
}

type errorfer interface{ Errorf(string, ...any) }

// checkKeyText checks that the text of k is read as k if and only if k is
// valid, and that it is one printing line with two slashes.
func checkKeyText(t errorfer, k Key) {
	text := k.String()
	if strings.Count(text, "/") != 2 || !utf8.ValidString(text) || strings.ContainsAny(text, " \t\r\n\x00\u2028") {
		t.Errorf("%+q is written as %q", k.fields(), text)
	}
	got, err := ParseKey(text)
	switch valid := k.Validate() == nil; {
	case valid && (err != nil || got != k):
		t.Errorf("%q is read as %+q, %v, want %+q", text, got.fields(), err, k.fields())
	case !valid && err == nil:
		t.Errorf("%q of the invalid %+q is read as %+q", text, k.fields(), got.fields())
	}
}

func checkKeyJSON(t errorfer, k Key) {
	b, err := json.Marshal(k)
	if err != nil {
		t.Errorf("%+q: %v", k.fields(), err)
		return
	}
	var got Key
	if err := json.Unmarshal(b, &got); err != nil || got != k {
		t.Errorf("%s is read as %+q, %v, want %+q", b, got.fields(), err, k.fields())
	}
}

func TestReadable(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ id, want, reason string }{
		{"Ann Lee", "Ann Lee", "as people write it"},
		{"Jürgen 日本 50%", "Jürgen 日本 50%", "escapes are for texts"},
		{"a/b", `"a/b"`, "not two parts"},
		{"Ann  Lee", `"Ann  Lee"`, "pages show one space"},
		{" Ann", `" Ann"`, "which nobody sees"},
		{`"Ann"`, `"\"Ann\""`, "a quote begins a quoted part"},
		{"*", `"*"`, "no wildcard"},
		{"", `""`, "not nothing"},
		{"a\u202eb\n", `"a\u202eb\n"`, "what turns the text around"},
		{"a\u00a0b", `"a\u00a0b"`, "a space that is another"},
		{"\xff", `"\xff"`, "no UTF-8"},
	} {
		if got := (Key{"s", "c", tt.id}).Readable(); got != "s/c/"+tt.want {
			t.Errorf("%q: %s, want s/c/%s (%s)", tt.id, got, tt.want, tt.reason)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		part := rapid.StringMatching(`[ab/" *%\\\x{202e}]{0,4}`)
		draw := func() Key { return Key{part.Draw(rt, "scope"), part.Draw(rt, "category"), part.Draw(rt, "id")} }
		if a, b := draw(), draw(); a != b && a.Readable() == b.Readable() {
			rt.Fatalf("%q and %q both read %s", a, b, a.Readable())
		}
	})
}
