package gzipcast

import (
	"bytes"
	"compress/gzip"
	"io"
	"runtime"
	"testing"
)

// BenchmarkEvent compares the forms of an event with a compressor per stream,
// on the bytes sent and the time to make them. The time of a form is spent once
// per event, that of the compressor once per event and stream.
func BenchmarkEvent(b *testing.B) {
	// Long enough that no corpus, begun again, is still in a compressor's window.
	const n = 1000
	corpora := []struct {
		name   string
		events [][]byte
	}{
		{"counter", counterEvents(n)},
		{"append", appendEvents(n)},
		{"morph", morphEvents(n)},
	}
	for _, corpus := range corpora {
		b.Run(corpus.name, func(b *testing.B) {
			b.Run("none", func(b *testing.B) {
				measure(b, corpus.events, func(payload []byte) int { return len(payload) })
			})
			b.Run("gzip-per-stream", func(b *testing.B) {
				var out bytes.Buffer
				zw, err := gzip.NewWriterLevel(&out, 6)
				if err != nil {
					b.Fatal(err)
				}
				measure(b, corpus.events, func(payload []byte) int {
					out.Reset()
					zw.Write(payload)
					zw.Flush()
					return out.Len()
				})
			})
			b.Run("whole", func(b *testing.B) {
				enc := NewEncoder(nil)
				var s Stream
				measure(b, corpus.events, func(payload []byte) int {
					return len(s.Next(enc.Event(payload)))
				})
			})
			b.Run("short", func(b *testing.B) {
				chain := NewEncoder(nil).NewChain()
				var s Stream
				measure(b, corpus.events, func(payload []byte) int {
					return len(s.Next(chain.Next(payload)))
				})
			})
		})
	}
}

// measure reports the time of send, and the bytes it returns per event.
func measure(b *testing.B, events [][]byte, send func(payload []byte) int) {
	b.ReportAllocs()
	wire, i := 0, 0
	for b.Loop() {
		wire += send(events[i%len(events)])
		i++
	}
	b.ReportMetric(float64(wire)/float64(i), "wire-B/event")
}

// BenchmarkNext is the cost of two events for each stream but the first.
func BenchmarkNext(b *testing.B) {
	chain := NewEncoder(nil).NewChain()
	first, second := chain.Next(appendEvents(2)[0]), chain.Next(appendEvents(2)[1])
	var s Stream
	s.Next(first)
	s.Next(second)
	b.ReportAllocs()
	for b.Loop() {
		s.Next(first)
		s.Next(second)
	}
}

// BenchmarkHeapPerStream reports what each open stream keeps on the heap once
// it has sent an event.
func BenchmarkHeapPerStream(b *testing.B) {
	const streams = 200
	payload := appendEvents(1)[0]
	b.Run("gzip-per-stream", func(b *testing.B) {
		heapOf(b, streams, func() any {
			zw := gzip.NewWriter(io.Discard)
			zw.Write(payload)
			zw.Flush()
			return zw
		})
	})
	b.Run("gzipcast", func(b *testing.B) {
		e := NewEncoder(nil).NewChain().Next(payload)
		new(Stream).Next(e) // what the process pays once is not a stream's
		heapOf(b, streams, func() any {
			s := new(Stream)
			s.Next(e)
			return s
		})
		runtime.KeepAlive(e)
	})
}

func heapOf(b *testing.B, n int, open func() any) {
	held := make([]any, n)
	var grown uint64
	for b.Loop() {
		clear(held)
		before := heap()
		for i := range held {
			held[i] = open()
		}
		grown = heap() - before
	}
	runtime.KeepAlive(held)
	b.ReportMetric(float64(grown)/float64(n), "heap-B/stream")
	b.ReportMetric(0, "ns/op") // garbage collection, mostly
}

func heap() uint64 {
	// Twice, because the first only moves pools to their victim caches.
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
