package twk_test

import (
	"encoding/json"
	"math"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sfere-go/sfere/twk"
)

func TestJS(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason string
		v      any
		want   string
	}{
		{"nil is null", nil, "null"},
		{"letters, digits and harmless signs stay readable", "/a-b_c.d?e=1,2#%20 +~!:", "'/a-b_c.d?e=1,2#%20 +~!:'"},
		{"what means something does not", "'\"`\\<>&$@;(){}[]*|^\n\x00\u2028", `'\u0027\u0022\u0060\u005c\u003c\u003e\u0026\u0024\u0040\u003b\u0028\u0029\u007b\u007d\u005b\u005d\u002a\u007c\u005e\u000a\u0000\u2028'`},
		{"letters of other alphabets are escaped, and pairs of code units", "é\U0001f595", `'\u00e9\ud83d\udd95'`},
		{"objects and lists", map[string]any{"a": []any{1, -2.5, true, "x"}, "b": nil}, "{'a':[1,-2.5,true,'x'],'b':null}"},
		{"a key that would be the prototype is one of its own", map[string]int{"__proto__": 1}, "{['__proto__']:1}"},
		{"as a value it is a string", []string{"__proto__"}, "['__proto__']"},
		{"a quote inside a string does not end it", `a\"b`, `'a\u005c\u0022b'`},
		{"whatever marshals itself", json.RawMessage(`{ "a" : "\u0027" }`), `{'a':'\u0027'}`},
		{"what is not UTF-8 is replaced", "\xff", `'\ufffd'`},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, twk.JS(tt.v)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
		}
	}
	for _, v := range []any{math.NaN(), func() {}, make(chan int)} {
		func() {
			defer func() {
				if _, ok := recover().(*twk.Error); !ok {
					t.Errorf("JS(%T) does not panic with an Error", v)
				}
			}()
			twk.JS(v)
		}()
	}
}

var (
	jsString = regexp.MustCompile(`^'(?:[A-Za-z0-9 _.,:/?=#%+~!-]|\\u[0-9a-f]{4})*'$`)
	cssName  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)
)

// Whatever the text is, its literal is of harmless signs only.
func TestJSAlphabet(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		js := twk.JS(s)
		if !jsString.MatchString(js) {
			t.Fatalf("%q became %s", s, js)
		}
		var back string
		if err := json.Unmarshal([]byte(`"`+strings.Trim(js, "'")+`"`), &back); err != nil || back != s {
			t.Fatalf("%q came back as %q, %v", s, back, err)
		}
	})
}

func TestElementID(t *testing.T) {
	t.Parallel()
	tests := []struct{ reason, prefix, text, want string }{
		{"letters and digits stay", "person", "Ann1", "person-Ann1"},
		{"everything else is its bytes", "p", "a b_é", "p-a_20b_5F_C3_A9"},
		{"a hyphen in the text is not the one after the prefix", "p", "a-b", "p-a_-b"},
		{"a hyphen in the prefix stays", "p-a", "b", "p-a-b"},
		{"no prefix", "", "x", "id-x"},
		{"a digit cannot begin a selector", "1st", "x", "_31st-x"},
		{"a hyphen cannot either", "-p", "x", "_2Dp-x"},
		{"empty text", "p", "", "p-"},
	}
	for _, tt := range tests {
		if got := twk.ElementID(tt.prefix, tt.text); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.reason, got, tt.want)
		}
	}
	long, other := twk.ElementID("p", strings.Repeat("x", 101)), twk.ElementID("p", strings.Repeat("x", 102))
	if long == other || len(long) > 50 || len(twk.ElementID("p", strings.Repeat("x", 100))) != 102 {
		t.Errorf("long texts become %s and %s", long, other)
	}
}

// Different arguments have different ids, and all of them are names for CSS.
func TestElementIDInjective(t *testing.T) {
	t.Parallel()
	part := rapid.OneOf(rapid.StringOfN(rapid.SampledFrom([]rune("-_ab15F\x00é")), 0, 6, -1), rapid.String())
	rapid.Check(t, func(t *rapid.T) {
		p1, t1 := part.Draw(t, "p1"), part.Draw(t, "t1")
		p2, t2 := part.Draw(t, "p2"), part.Draw(t, "t2")
		a, b := twk.ElementID(p1, t1), twk.ElementID(p2, t2)
		same := t1 == t2 && (p1 == p2 || p1 == "id" && p2 == "" || p2 == "id" && p1 == "")
		if (a == b) != same {
			t.Fatalf("(%q, %q) is %s and (%q, %q) is %s", p1, t1, a, p2, t2, b)
		}
		if !cssName.MatchString(a) || twk.ByID(a) != "#"+a {
			t.Fatalf("%s needs escaping", a)
		}
	})
}

func TestByID(t *testing.T) {
	t.Parallel()
	tests := []struct{ reason, id, want string }{
		{"a name stays", "a-b_c1", "#a-b_c1"},
		{"an empty id has no # form", "", `[id=""]`},
		{"a digit in front", "1a", `#\31 a`},
		{"a digit after a hyphen", "-1", `#-\31 `},
		{"a lone hyphen", "-", `#\-`},
		{"signs", "a.b c", `#a\.b\ c`},
		{"line breaks leave no trace of their own", "a\r\nb", `#a\d \a b`},
		{"NUL", "\x00", "#\ufffd"},
		{"letters of other alphabets", "é", "#é"},
	}
	for _, tt := range tests {
		if got := twk.ByID(tt.id); got != tt.want {
			t.Errorf("%s: ByID(%q) is %s, want %s", tt.reason, tt.id, got, tt.want)
		}
	}
	if got, want := twk.ByAttr("data-name", "a\"]\\\n<"), `[data-name="a\"]\\\a \3c "]`; got != want {
		t.Errorf("ByAttr is %s, want %s", got, want)
	}
}
