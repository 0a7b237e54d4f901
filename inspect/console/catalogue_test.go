package console_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/internal/consoletest"
	"github.com/sfere-go/sfere/schema"
)

// Everything in twk and sfere says what it is, and what each of its fields is.
func TestEverythingIsDocumented(t *testing.T) {
	p := consoletest.New(t, nil)
	if diff := cmp.Diff([]string{}, p.Console.Undocumented()); diff != "" {
		t.Errorf("places without a description (+):\n%s", diff)
	}
	if err := p.Console.Err(); err != nil {
		t.Error(err)
	}
}

func TestExamplesValidate(t *testing.T) {
	p := consoletest.New(t, nil)
	for _, i := range p.Console.Describe() {
		for _, x := range i.Examples {
			var err error
			if i.Kind == schema.Placeholders {
				err = p.Console.ValidateReference(x)
			} else {
				err = p.Console.Validate(t.Context(), []byte("["+string(x)+"]"))
			}
			if err != nil {
				t.Errorf("%s: %v\n%s", i.Name, err, x)
			}
		}
	}
}

// What the originals document as calls, in the wire form of this module.
func TestDocumentedCalls(t *testing.T) {
	p := consoletest.New(t, nil)
	for _, test := range []struct{ reason, text string }{
		{"a broadcast to a category", `[{"effect":"sfere/broadcast","args":{"to":{"scope":"*","category":"lobby","id":"*"},"effects":[{"effect":"twk/patch-signals","args":{"signals":{"n":1}}}]}}]`},
		{"with several items", `[{"effect":"sfere/broadcast","args":{"to":{"scope":"*","category":"*","id":"*"},"effects":[{"effect":"twk/patch-elements","args":{"elements":"<p id=\"a\"></p>"}},{"effect":"twk/close-sse"}]}}]`},
		{"leaving one key out, without a scope", `[{"effect":"sfere/broadcast","args":{"to":{"scope":"*","category":"lobby","id":"*"},"exclude":{"keys":[{"category":"lobby","id":"ann"}]},"effects":[]}}]`},
		{"leaving a pattern out", `[{"effect":"sfere/broadcast","args":{"to":{"scope":"*","category":"lobby","id":"*"},"exclude":{"matching":[{"scope":"*","category":"lobby","id":"ann"}]},"effects":[]}}]`},
		{"one connection", `[{"effect":"sfere/with-connection","args":{"key":{"scope":"default","category":"lobby","id":"ann"},"effects":[{"effect":"twk/close-sse","args":{"cause":"closed"}}]}}]`},
		{"a patch with everything", `[{"effect":"twk/patch-elements","args":{"elements":"<li>x</li>","selector":"#l","mode":"append","viewTransition":true,"eventId":"7","retryMillis":999}}]`},
	} {
		if err := p.Console.Validate(t.Context(), []byte(test.text)); err != nil {
			t.Errorf("%s: %v", test.reason, err)
		}
	}
}

// A thousand samples of everything fit their schemas, decode, and are the same
// after another round.
func TestSamplesRoundTrip(t *testing.T) {
	n := 1000
	if testing.Short() {
		n = 50
	}
	p := consoletest.New(t, nil)
	for _, i := range p.Console.Describe() {
		samples, err := p.Console.Sample(i.Name, n, 11)
		if err != nil {
			t.Errorf("%s: %v", i.Name, err)
			continue
		}
		for _, s := range samples {
			if i.Kind == schema.Placeholders {
				continue // checked when it was made
			}
			// An empty list and none are the same; the first round settles on one.
			once := again(t, p, again(t, p, append(append([]byte{'['}, s...), ']')))
			if twice := again(t, p, once); string(once) != string(twice) {
				t.Fatalf("%s changes on the way:\n%s\n%s", i.Name, once, twice)
			}
		}
	}
}

func again(t *testing.T, p *consoletest.Program, text []byte) []byte {
	t.Helper()
	if err := p.Console.Validate(t.Context(), text); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	l, err := p.Dispatcher.Decode(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	out, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
