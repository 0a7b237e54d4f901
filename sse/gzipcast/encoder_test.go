package gzipcast

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestNewEncoderPanicsOnLevel(t *testing.T) {
	for _, level := range []int{-2, -1, 10} {
		t.Run(fmt.Sprint(level), func(t *testing.T) {
			defer func() {
				r := recover()
				if text, ok := r.(string); !ok || !strings.Contains(text, "use 1 to 9") {
					t.Errorf("got panic %v, want one that names the remedy", r)
				}
			}()
			NewEncoder(&Options{Level: level})
		})
	}
}

func TestStored(t *testing.T) {
	for _, size := range []int{1, 2, maxStored - 1, maxStored, maxStored + 1, 3*maxStored + 7} {
		payload := bytes.Repeat([]byte("x"), size)
		wire := stored(payload)
		if len(wire) != storedSize(size) {
			t.Errorf("%d bytes: stored in %d, storedSize says %d", size, len(wire), storedSize(size))
		}
		// The event takes the place of one that was compressed.
		enc := NewEncoder(nil)
		e := enc.Event(payload)
		e.whole.once.Do(func() { e.whole.wire = wire })
		r := mustReceiver(t)
		for _, e := range []*Event{e, enc.Event([]byte("next")), e} {
			if err := r.receive(e); err != nil {
				t.Errorf("%d bytes: %v", size, err)
			}
		}
	}
}

// An event costs at most the stored form, though some levels would take more.
func TestIncompressibleIsStored(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{1, 5, 100, 1000, 66_000, 130_000} {
		payload := make([]byte, size)
		for i := range payload {
			payload[i] = byte(rng.Uint32())
		}
		for _, level := range []int{1, defaultLevel, 9} {
			enc := NewEncoder(&Options{Level: level})
			if got, most := len(enc.encode(payload, nil)), storedSize(size); got > most {
				t.Errorf("level %d: %d bytes encoded in %d, more than the %d of the stored form", level, size, got, most)
			}
		}
	}
}

// Whatever a compressor does, the event is sent and the slot comes back.
func TestFailingCompressor(t *testing.T) {
	tests := []struct {
		name   string
		new    func() any
		reason string
	}{
		{"panic", func() any { return &compressor{} }, "a nil writer panics"},
		{"wrong type", func() any { return nil }, "even the pool may not break a stream"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			enc := NewEncoder(nil)
			enc.pool.New = test.new
			chain := enc.NewChain()
			r := mustReceiver(t)
			for i := range cap(enc.slots) + 2 {
				payload := bytes.Repeat([]byte{byte(i)}, 500)
				if err := r.receive(chain.Next(payload)); err != nil {
					t.Fatalf("%s: %v", test.reason, err)
				}
			}
		})
	}
}
