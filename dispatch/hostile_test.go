package dispatch_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/growth"
)

// Text is read in proportion to its length, however it is made.
func TestDecodeGrowsLinearly(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	d := wireTester(t, &dispatch.Options{MaxItems: 1 << 30, MaxWireBytes: 1 << 30, MaxWireDepth: 1000})
	note := `{"effect":"test/note","args":{"text":"x"}}`
	numbered := func(format string, n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	for name, text := range map[string]func(n int) string{
		"good items":    func(n int) string { return "[" + strings.Repeat(note+",", n) + note + "]" },
		"unknown names": func(n int) string { return "[" + numbered(`{"effect":"test/nte%d"},`, n) + note + "]" },
		"wrong fields": func(n int) string {
			return "[" + strings.Repeat(`{"effect":"test/note","args":{"txet":1}},`, n) + note + "]"
		},
		"deep": func(n int) string {
			text := strings.Repeat(note+",", n) + note
			for range 15 {
				text = `{"effect":"effect/batch","args":{"effects":[` + text + `]}}`
			}
			return "[" + text + "]"
		},
		"late values": func(n int) string {
			return `[{"effect":"test/form","args":{"tags":[` + strings.Repeat(`{"$placeholder":"test/upper","args":["x"]},`, n) + `"x"]}}]`
		},
		"one long string": func(n int) string {
			return `[{"effect":"test/note","args":{"text":"` + strings.Repeat(`\u0041`, n) + `"}}]`
		},
		"many names": func(n int) string {
			return `[{"effect":"test/form","args":{"any":{` + numbered(`"name%d":{},`, n) + `"b":{}}}}]`
		},
	} {
		growth.Linear(t, name, 1000, func(n int) func() {
			text := []byte(text(n))
			return func() { _, _ = d.Decode(text) }
		})
	}
}

// Lists inside lists are read where they stand: the work is the same however deep they are.
func TestDecodeDeepCostsAsMuchAsFlat(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	d := wireTester(t, &dispatch.Options{MaxWireDepth: 1000})
	note := strings.Repeat(`{"effect":"test/note","args":{"text":"x"}},`, 5000) + `{"effect":"test/two"}`
	allocs := func(depth int) float64 {
		text := []byte(strings.Repeat(`[{"effect":"effect/batch","args":{"effects":`, depth) + "[" + note + "]" + strings.Repeat(`}}]`, depth))
		return growth.Allocs(func() {
			if _, err := d.Decode(text); err != nil {
				t.Fatal(err)
			}
		})
	}
	if flat, deep := allocs(1), allocs(300); deep > flat+300*20 {
		t.Errorf("%.0f allocations at depth 1, %.0f at depth 300", flat, deep)
	}
}

// Everything is wrong with a text: the error is one that people can read, and only the
// first few items get suggestions.
func TestErrorsOfDecodeAreBounded(t *testing.T) {
	d := wireTester(t, nil)
	long := strings.Repeat("x", 10_000)
	for _, row := range []struct{ text, reason string }{
		{strings.Repeat(`{"effect":"test/nte"},`, 5_000), "unknown names"},
		{strings.Repeat(`{"effect":"test/note","args":{"txt":1}},`, 5_000), "unknown fields"},
		{strings.Repeat(`{"effect":"test/note","args":{"`+long+`":1}},`, 90), "long names of fields"},
		{strings.Repeat(`{"effect":"test/form","args":{"any":[{"$placeholder":"test/who"}]}},`, 10) + strings.Repeat(`{"effect":"test/say","args":{"text":{"$placeholder":"test/whx"}}},`, 500), "references"},
		{`{"effect":"effect/batch","args":{"effects":[` + strings.Repeat(`{"effect":"test/nte"},`, 5_000) + `7]}},`, "nested items"},
	} {
		_, err := d.Decode([]byte("[" + row.text + `{"effect":"test/two"}]`))
		if err == nil {
			t.Errorf("%s: no error", row.reason)
			continue
		}
		if text := err.Error(); len(text) > 30_000 || !strings.Contains(text, "more") || strings.Count(text, "did you mean") > 3 {
			t.Errorf("%s: an error of %d bytes with %d suggestions: %.300s", row.reason, len(text), strings.Count(text, "did you mean"), text)
		}
	}
}

// The number of wrong items is told, also of those that are not listed.
func TestDecodeCountsWhatItLeavesOut(t *testing.T) {
	text := "[" + strings.Repeat(`{"effect":"effect/batch","args":{"effects":[{"effect":"test/two"},{"effect":7}]}},`, 120) + "{}]"
	_, err := wireTester(t, nil).Decode([]byte(text))
	if err == nil || !strings.HasSuffix(err.Error(), "\n... and "+strconv.Itoa(121-50)+" more") {
		t.Errorf("got %v", err)
	}
	joined := err.(interface{ Unwrap() []error }).Unwrap()
	last, ok := joined[49].(*effect.Error)
	if !ok || last.Path.String() != "49" || len(joined) != 51 {
		t.Errorf("got %d errors, the last listed is %v", len(joined), last)
	}
}

// Unknown names are compared with all that are registered, which must not be done for
// each item of a text.
func TestSuggestionsAreFew(t *testing.T) {
	looked := 0
	d := wireTester(t, nil)
	text := "[" + strings.Repeat(`{"effect":"test/nte"},`, 200) + `{"effect":"test/nte"}]`
	_, err := d.Decode([]byte(text))
	for _, e := range err.(interface{ Unwrap() []error }).Unwrap() {
		if strings.Contains(e.Error(), "did you mean") {
			looked++
		}
	}
	if looked != 3 {
		t.Errorf("%d of 201 unknown names were looked for, want 3", looked)
	}
}

func takes[E effect.Data]() effect.Item[Env] {
	return effect.Handle("Take a value.", func(context.Context, call, E) (int, error) { return 1, nil })
}
