package gzipcast

import (
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestStreamForms(t *testing.T) {
	// Steps: "a" makes the next event of chain a (or b) and sends it; "-a"
	// makes one that the stream misses; "a0" makes an empty one and sends it;
	// "p" and "p0" send a private and an empty private event; "=" sends the
	// event made last once more; "r" resets the stream. Each sending step
	// yields the form chosen: W whole, S short, or "." for no bytes.
	tests := []struct {
		steps, want string
		reason      string
	}{
		{"a", "W", "the first event of a chain has no history"},
		{"a a a", "W S S", "each event follows its predecessor"},
		{"-a a a", "W S", "a late stream starts whole and then keeps up"},
		{"a -a a a", "W W S", "a stream that missed an event lacks the history"},
		{"a p a a", "W W W S", "a private event moved the history away"},
		{"p p", "W W", "private events have no history of their own"},
		{"p a", "W W", "a chain does not continue a private event"},
		{"a b a b", "W W W W", "chains alternate, so neither is last twice"},
		{"a b b a a", "W W S W S", "each chain has its own history"},
		{"a a = a", "W S W S", "a repeated event follows itself, not its predecessor, and is last again"},
		{"a = =", "W W W", "an event is not its own history"},
		{"a r a a", "W W S", "a reset stream trusts nothing, once"},
		{"r r a", "W", "resetting a fresh stream changes nothing"},
		{"a p0 a", "W . S", "an empty private event sends nothing, so the last bytes are unchanged"},
		{"a a0 a", "W . S", "an empty event is no event of its chain"},
		{"a0 a a", ". W S", "a chain may begin with an empty event"},
		{"a -a0 a", "W S", "missing an empty event is missing nothing"},
	}
	for _, test := range tests {
		t.Run(test.steps, func(t *testing.T) {
			if test.reason == "" {
				t.Fatal("row without a reason")
			}
			enc := NewEncoder(nil)
			chains := map[string]*Chain{"a": enc.NewChain(), "b": enc.NewChain()}
			payload := func(step string) []byte {
				if strings.HasSuffix(step, "0") {
					return nil
				}
				return []byte(strings.Repeat("data: "+step, 30))
			}
			r := mustReceiver(t)
			var made *Event
			var got []string
			for _, step := range strings.Fields(test.steps) {
				name := strings.Trim(step, "-0")
				switch name {
				case "r":
					r.stream.Reset()
					continue
				case "p":
					made = enc.Event(payload(step))
				case "a", "b":
					made = chains[name].Next(payload(step))
				}
				if strings.HasPrefix(step, "-") {
					continue
				}
				// A copy of the stream shows the choice; the original is decoded.
				probe := r.stream
				got = append(got, formOf(made, probe.Next(made)))
				if err := r.receive(made); err != nil {
					t.Fatalf("step %q: %v", step, err)
				}
			}
			if diff := cmp.Diff(test.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("%s: forms (-want +got):\n%s", test.reason, diff)
			}
			if err := r.close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func formOf(e *Event, sent []byte) string {
	switch {
	case len(sent) == 0:
		return "."
	case same(sent, e.short.wire):
		return "S"
	case same(sent, e.whole.wire):
		return "W"
	}
	return "?"
}

// same reports whether a and b are one slice, not merely equal.
func same(a, b []byte) bool {
	return len(a) > 0 && len(a) == len(b) && &a[0] == &b[0]
}

func TestStreamIsSmall(t *testing.T) {
	if got, want := reflect.TypeFor[Stream]().Size(), reflect.TypeFor[uintptr]().Size()+8; got != want {
		t.Errorf("Stream takes %d bytes, want %d", got, want)
	}
}

// Encoders share no state, so a stream may mix the events of several.
func TestStreamOfTwoEncoders(t *testing.T) {
	one, two := NewEncoder(nil).NewChain(), NewEncoder(nil).NewChain()
	r := mustReceiver(t)
	for range 5 {
		for _, chain := range []*Chain{one, two, two} {
			if err := r.receive(chain.Next([]byte(strings.Repeat("similar ", 40)))); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestNextAllocatesNothingOnceEncoded(t *testing.T) {
	chain := NewEncoder(nil).NewChain()
	first, second := chain.Next([]byte("first")), chain.Next([]byte("second"))
	allocs := testing.AllocsPerRun(100, func() {
		var s Stream
		s.Next(first)
		s.Next(second)
		s.Reset()
		s.Next(second)
	})
	if allocs != 0 {
		t.Errorf("got %v allocations, want 0", allocs)
	}
}
