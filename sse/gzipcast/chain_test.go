package gzipcast

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"weak"
)

// A held event must keep its predecessor's bytes at most, and those only until
// its short form is made.
func TestChainRetainsNoPredecessors(t *testing.T) {
	const events = 200
	for _, size := range []int{600, windowSize + 5000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			chain := NewEncoder(nil).NewChain()
			var made []weak.Pointer[Event]
			var payloads []weak.Pointer[byte]
			var stream Stream
			var last *Event
			for i := range events {
				payload := bytes.Repeat([]byte{byte(i)}, size)
				last = chain.Next(payload)
				made = append(made, weak.Make(last))
				payloads = append(payloads, weak.Make(&payload[0]))
				if i < events-1 {
					stream.Next(last)
				}
			}

			runtime.GC()
			if n := alive(made); n != 1 {
				t.Errorf("%d events alive, want only the last", n)
			}
			// A payload that fits the window is the history itself, without a copy.
			want := 1
			if size <= windowSize {
				want = 2
			}
			if n := alive(payloads); n != want {
				t.Errorf("%d payloads alive before the short form is made, want %d", n, want)
			}

			stream.Next(last)
			runtime.GC()
			if n := alive(payloads); n != 1 {
				t.Errorf("%d payloads alive after the short form is made, want only the last", n)
			}
			runtime.KeepAlive(last)
			runtime.KeepAlive(chain)

			last = nil
			runtime.GC()
			if n := alive(made); n != 0 {
				t.Errorf("%d events kept alive by chain and stream", n)
			}
			runtime.KeepAlive(chain)
			runtime.KeepAlive(&stream)
		})
	}
}

func alive[T any](ps []weak.Pointer[T]) int {
	n := 0
	for _, p := range ps {
		if p.Value() != nil {
			n++
		}
	}
	return n
}

// Every event made by concurrent calls follows a different one.
func TestChainConcurrentNext(t *testing.T) {
	const callers, each = 8, 50
	chain := NewEncoder(nil).NewChain()
	made := make([][]*Event, callers)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			for n := range each {
				made[i] = append(made[i], chain.Next(fmt.Appendf(nil, "caller %d, event %d", i, n)))
			}
		})
	}
	wg.Wait()

	next := make(map[*mark]*Event)
	for _, events := range made {
		for _, e := range events {
			if other, ok := next[e.after]; ok {
				t.Fatalf("events %q and %q follow the same one", other.payload, e.payload)
			}
			next[e.after] = e
		}
	}
	r := mustReceiver(t)
	n := 0
	for e := next[nil]; e != nil; e = next[e.self] {
		if err := r.receive(e); err != nil {
			t.Fatal(err)
		}
		n++
	}
	if want := callers * each; n != want {
		t.Errorf("chain has %d events, want %d", n, want)
	}
}

// What a chain is for: similar events become several times shorter.
func TestChainedEventsAreShort(t *testing.T) {
	tests := []struct {
		name   string
		events [][]byte
		most   int // bytes on average
	}{
		{"counter", counterEvents(50), 25},
		{"append", appendEvents(50), 110},
		{"morph", morphEvents(50), 180},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			chain := NewEncoder(nil).NewChain()
			var s Stream
			s.Next(chain.Next(test.events[0]))
			total := 0
			for _, payload := range test.events[1:] {
				total += len(s.Next(chain.Next(payload)))
			}
			if got := total / (len(test.events) - 1); got > test.most {
				t.Errorf("%d bytes per event, want at most %d", got, test.most)
			}
		})
	}
}

// The history ends where DEFLATE's window does, counted from the end.
func TestChainOfLongEvents(t *testing.T) {
	chain := NewEncoder(nil).NewChain()
	head := strings.Repeat("an event much longer than the window\n", 3000)
	r := mustReceiver(t)
	for i := range 5 {
		if err := r.receive(chain.Next(fmt.Appendf(nil, "%s%d", head, i))); err != nil {
			t.Fatal(err)
		}
		if got := len(chain.tail); got != windowSize {
			t.Errorf("chain keeps %d bytes, want %d", got, windowSize)
		}
	}
}
