package schema_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/schema"
)

// Whatever comes in, nothing panics. What is valid is decoded to items that are valid,
// and what is decoded comes back from its own wire form as what is written alike. A catalogue
// of a registry refuses nothing that one of a dispatcher accepts.
func FuzzValidate(f *testing.F) {
	d := strictDispatcher(f, nil)
	c, alone := schema.Of(d), schema.Of(registryOnly{d})
	strict := c.Validator(schema.Strict, nil)
	for _, i := range c.Describe(schema.Effects, schema.Actions) {
		samples, err := c.Sample(i.Name, 5, 1)
		if err != nil {
			f.Fatal(err)
		}
		for _, s := range samples {
			f.Add([]byte("[" + string(s) + "]"))
		}
	}
	deep := func(n int) string {
		return strings.Repeat(`[{"effect":"test/twice","args":{"effects":`, n) + "[]" + strings.Repeat("}}]", n)
	}
	for _, seed := range []string{
		`[{"effect":"test/send","args":{"to":{"scope":"everyone"},"to":{"id":"a"}}}]`, `[{"effect":"test/send","args":{"to":{"id":"a","ID":"b"}}}]`,
		`[{"effect":"test/send","args":{"to":{},"any":{"id":9007199254740993}}}]`, `[{"effect":"test/send","args":{"to":{},"any":[1e999999]}}]`,
		`[{"effect":"test/sums","args":{"n":[1.0,1e2,9223372036854775807,9223372036854775808]}}]`,
		`[{"effect":"test/sums","args":{"n":null,"a":{"$literal":{"$literal":1}},"p":{"$placeholder":"test/spot","args":["x"]}}}]`,
		`[{"effect":"test/sums","args":{"n":[` + strings.Repeat("1.5,", 200) + `1]}}]`,
		`[{"effect":"test/sums","args":{"n":[],"m":{` + numbered(`"x%d":1,`, 50) + `"x7":1}}}]`,
		"[" + strings.Repeat(`{"effect":"test/nota"},`, 100) + "{}]", deep(10), deep(30), strings.Repeat("[", 100), `[{"effect":"test/send","args":{"to":{"id":"\ud800"}}}]`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 1<<14 {
			return
		}
		list, undecoded := d.Decode(text)
		invalid := c.Validate(t.Context(), text)
		if invalid == nil && undecoded != nil {
			t.Fatalf("valid, and yet: %v", undecoded)
		}
		if invalid == nil {
			if err := alone.Validate(t.Context(), text); err != nil {
				t.Fatalf("valid for the dispatcher only: %v", err)
			}
		}
		if undecoded != nil {
			return
		}
		if invalid == nil {
			eachItem(list, func(item effect.Data) {
				if err := strict(item); err != nil {
					t.Fatalf("valid, and decoded to what is not: %s: %v", text, err)
				}
			})
		}
		wire, err := list.MarshalJSON()
		if err != nil {
			t.Fatalf("%s is decoded and cannot be written: %v", text, err)
		}
		again, err := d.Decode(wire)
		if err != nil && len(text) < 1000 {
			t.Fatalf("%s, written as %s: %v", text, wire, err)
		}
		if err != nil {
			return // longer than what it was made from, and over the limit
		}
		// What is empty may be left out, so that texts are compared and not values.
		if twice, err := again.MarshalJSON(); err != nil || !bytes.Equal(wire, twice) {
			t.Fatalf("%s, written as %s, is written as %s then (%v)", text, wire, twice, err)
		}
		if invalid == nil {
			if err := c.Validate(t.Context(), wire); err != nil {
				t.Fatalf("%s is valid, written as %s it is not: %v", text, wire, err)
			}
		}
	})
}

// eachItem calls do with every item at any depth.
func eachItem(l effect.List, do func(effect.Data)) {
	for _, item := range l {
		do(item)
		switch x := item.(type) {
		case effect.Batch:
			eachItem(x.Effects, do)
		case effect.Serial:
			eachItem(x.Effects, do)
		case twice:
			eachItem(x.Effects, do)
		case later:
			eachItem(x.Effects, do)
			for _, l := range x.Else {
				eachItem(l, do)
			}
		}
	}
}
