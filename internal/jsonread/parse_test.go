package jsonread

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/internal/growth"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		text, want string
		reason     string
	}{
		{` {"a":[1,-0.5e+2,{"b":null}],"c":"\u00e9\ud83d\ude00\"\\\/\b\f\n\r\t","":true, "f":false} `, "", "one of everything"},
		{`"é漢😀"`, "", "a text that is not ASCII"},
		{`18446744073709551615`, "", "64 bits"},
		{`123456789012345678901`, "", "1e20, as Go writes a float64"},
		{`1e400`, "number 1e400 is out of range", "beyond float64"},
		{`1e-401`, "number 1e-401 is out of range", "a tiny number is as costly"},
		{`1e-400`, "", "it is zero, and cheap"},
		{`-1e308`, "", "the largest"},
		{`1e999999999999999999999`, "out of range", "an exponent of its own size"},
		{`[1,1` + strings.Repeat("0", 100) + `]`, "at /1: a number of 101 bytes, at most 100", "a long number"},
		{`{"a":1,"b":{"x":{},"c":[{"k":1,"k":2}]}}`, `at /b/c/0: the name "k" is given twice`, "a name twice, deep inside"},
		{`{"a":1,"\u0061":2}`, `the name "a" is given twice`, "written in another way"},
		{`{"a":1,"A":2}`, "", "another name; only a type can tell more"},
		{`{"a/b~":{"":[0,+1]}}`, `at /a~1b~0//1: byte 15: invalid character '+'`, "a pointer is escaped"},
		{`"` + "\xff" + `"`, "byte 1: not UTF-8", "bytes that are no text"},
		{`"\ud800"`, "byte 1: half a surrogate pair", "half a character"},
		{`"\udc00\ud800"`, "half a surrogate pair", "the halves in the wrong order"},
		{`"\u00zz"`, `byte 1: \u wants four`, "no number"},
		{`"\u00`, `\u wants four`, "half an escape"},
		{`"\x"`, "invalid character 'x' in string escape code", "no such escape"},
		{`"\`, "unexpected end of JSON input", "half an escape"},
		{"\"\n\"", "in string literal", "a line break in a string"},
		{`"`, "unexpected end of JSON input", "half a string"},
		{``, "unexpected end of JSON input", "nothing"},
		{`[`, "unexpected end of JSON input", "half an array"},
		{`[1 2]`, "after array element", "no comma"},
		{`[1,]`, "looking for beginning of value", "a comma too many"},
		{`{"a":1,}`, "looking for beginning of object key string", "a comma too many"},
		{`{"a" 1}`, "after object key", "no colon"},
		{`{"a":1 "b"}`, "after object key:value pair", "no comma"},
		{`{a:1}`, "looking for beginning of object key string", "no quotes"},
		{`[] []`, "byte 3: invalid character '[' after the value", "two values"},
		{`01`, "after the value", "a leading zero"},
		{`1.x`, "after decimal point", "no digits"},
		{`1e`, "unexpected end", "no digits"},
		{`-`, "unexpected end", "no digits"},
		{`tru`, "unexpected end", "half a word"},
		{`nul1`, "in literal null", "another word"},
	} {
		v, err := Parse([]byte(row.text), Limits{})
		if row.want == "" && err != nil || row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)) {
			t.Errorf("%s: %.60s: got %v, want %q", row.reason, row.text, err, row.want)
		}
		if err == nil {
			sameAsJSON(t, v, []byte(row.text))
		}
	}
}

// sameAsJSON checks that encoding/json sees the same value.
func sameAsJSON(t *testing.T, v Value, text []byte) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var want any
	if err := dec.Decode(&want); err != nil {
		t.Fatalf("encoding/json refuses %.100s: %v", text, err)
	}
	if got := v.Any(); !reflect.DeepEqual(want, got) { // cmp takes exponential time on slices in slices
		t.Errorf("%.100s (-encoding/json +got):\n%s", text, cmp.Diff(want, got))
	}
}

func TestParseLimits(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		text   string
		limits Limits
		over   bool
		reason string
	}{
		{`[[1]]`, Limits{Depth: 2}, false, "as deep as may be"},
		{`[[[1]]]`, Limits{Depth: 2}, true, "deeper"},
		{`{"a":{"b":{}}}`, Limits{Depth: 2}, true, "objects count as well"},
		{`"["`, Limits{Depth: 1}, false, "a bracket in a string"},
		{`[[],[],[]]`, Limits{Depth: 2}, false, "siblings are not deep"},
		{`12345`, Limits{Bytes: 5}, false, "as long as may be"},
		{`123456`, Limits{Bytes: 5}, true, "longer"},
		{strings.Repeat("[", 10_001), Limits{}, true, "there is a default"},
	} {
		if _, err := Parse([]byte(row.text), row.limits); errors.Is(err, ErrTooLarge) != row.over {
			t.Errorf("%s: %v", row.reason, err)
		}
	}
}

func TestTextsOfErrorsAreShort(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 10_000)
	for _, text := range []string{
		`{"` + long + `":1,"` + long + `":2}`, `{"` + long + `":+}`, strings.Repeat(`{"aaaaaaaaaa":`, 5000) + "+",
		`[` + strings.Repeat("1", 10_000) + `]`,
	} {
		if _, err := Parse([]byte(text), Limits{}); err == nil || len(err.Error()) > 500 {
			t.Errorf("an error of %d bytes", len(fmt.Sprint(err)))
		}
	}
}

// Texts of every shape are read in proportion to their length.
func TestParseGrowsLinearly(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	wide := func(n int) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(`"name` + strconv.Itoa(i) + `":0,`)
		}
		return "{" + b.String() + `"":0}`
	}
	for name, text := range map[string]func(n int) string{
		"wide object":  wide,
		"wide array":   func(n int) string { return "[" + strings.Repeat("1.5e3,", n) + "1]" },
		"deep":         func(n int) string { return strings.Repeat(`{"a":[`, n/16) + "1" + strings.Repeat(`]}`, n/16) },
		"objects":      func(n int) string { return "[" + strings.Repeat(`{"a":1,"b":2,"c":{}},`, n) + "1]" },
		"string":       func(n int) string { return `"` + strings.Repeat(`\u00e9é`, n) + `"` },
		"escaped keys": func(n int) string { return "[" + strings.Repeat(`{"\u0061":1,"\u0062":1,"\u0063":1},`, n) + "1]" },
	} {
		growth.Linear(t, name, 8_000, func(n int) func() {
			text := []byte(text(n))
			return func() {
				if v, err := Parse(text, Limits{Depth: 1 << 20}); err == nil {
					_ = v.Any()
				}
			}
		})
	}
}

// What is accepted is JSON and means what encoding/json takes it for; what is refused
// although it is JSON has a fault that encoding/json overlooks.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,-0.5e+2,{"b":null}],"c":"\u00e9\ud83d\ude00\"\\\/\b\f\n\r\t","":true}`, `{"a":1,"a":2}`, `{"A":1,"a":2}`,
		`1e999999`, `[1e-400,1E+308,123456789012345678901234567890]`, `"\ud800"`, "\"\xff\"", `[[[[[[[[[[]]]]]]]]]]`, ` 0 `, `01`, `nul`,
		`{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1,"j":1,"b":1}`, `{"a":{"a":{"a":[{"a":1},{"a":2}]}}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := Parse(text, Limits{Depth: 100})
		if err == nil {
			sameAsJSON(t, v, text)
			again, err := json.Marshal(v.Any())
			if err != nil {
				t.Fatal(err)
			}
			w, err := Parse(again, Limits{})
			if err != nil {
				t.Fatalf("%s, written again as %s: %v", text, again, err)
			}
			if !reflect.DeepEqual(v.Any(), w.Any()) {
				t.Fatalf("%s, written again as %s, is another value", text, again)
			}
			return
		}
		if !json.Valid(text) {
			return
		}
		for _, why := range []string{"given twice", "out of range", "a number of", "surrogate", "not UTF-8", "nest more"} {
			if strings.Contains(err.Error(), why) {
				return
			}
		}
		t.Fatalf("%s is JSON: %v", text, err)
	})
}
