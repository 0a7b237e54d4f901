package gzipcast

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
)

func TestFormsAreLazy(t *testing.T) {
	chain := NewEncoder(nil).NewChain()
	first, second := chain.Next([]byte("first")), chain.Next([]byte("second"))
	if first.whole.wire != nil || second.whole.wire != nil || second.short.wire != nil {
		t.Error("making an event encoded it")
	}
	var s Stream
	s.Next(first)
	if first.whole.wire == nil || first.short.wire != nil {
		t.Error("the first event of a chain has other forms than the whole one")
	}
	s.Next(second)
	if second.short.wire == nil || second.whole.wire != nil {
		t.Error("a stream that keeps up made other forms than the short one")
	}
	if second.history != nil {
		t.Error("history outlived the form made from it")
	}
}

// Many streams ask for both forms at once. Each form is encoded once, and every
// stream decodes.
func TestConcurrentStreams(t *testing.T) {
	const streams, events = 16, 60
	enc := NewEncoder(nil)
	a, b := enc.NewChain(), enc.NewChain()
	var cast []*Event
	for i := range events {
		chain := a
		if i%10 == 9 {
			chain = b
		}
		cast = append(cast, chain.Next(fmt.Appendf(nil, "data: <p id=\"p%d\">%s</p>\n\n", i, bytes.Repeat([]byte("text "), i*10))))
	}

	type sent struct{ whole, short []byte }
	got := make([][]sent, streams)
	var wg sync.WaitGroup
	for i := range streams {
		r := mustReceiver(t)
		rng := rand.New(rand.NewPCG(uint64(i), 1))
		got[i] = make([]sent, events)
		wg.Go(func() {
			for n, e := range cast {
				switch rng.IntN(8) {
				case 0:
					continue
				case 1:
					if err := r.receive(enc.Event([]byte(": private\n\n"))); err != nil {
						t.Errorf("stream %d: private event before %d: %v", i, n, err)
						return
					}
				}
				probe := r.stream
				follows := e.after != nil && probe.last == e.after
				if wire := probe.Next(e); follows {
					got[i][n].short = wire
				} else {
					got[i][n].whole = wire
				}
				if err := r.receive(e); err != nil {
					t.Errorf("stream %d: event %d: %v", i, n, err)
					return
				}
			}
			if err := r.close(); err != nil {
				t.Errorf("stream %d: %v", i, err)
			}
		})
	}
	wg.Wait()

	both := 0
	for n, e := range cast {
		if e.whole.wire != nil && e.short.wire != nil {
			both++
		}
		for i := range streams {
			if s := got[i][n]; s.whole != nil && !same(s.whole, e.whole.wire) || s.short != nil && !same(s.short, e.short.wire) {
				t.Errorf("stream %d got its own encoding of event %d", i, n)
			}
		}
	}
	if both == 0 {
		t.Error("no event was needed in both forms: the test tests little")
	}
}
