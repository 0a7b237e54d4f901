package relay

import (
	"bytes"
	"testing"
	"time"

	"github.com/sfere-go/sfere/sse"
)

// BenchmarkCodec is what a node adds to a packet that a broadcast makes.
func BenchmarkCodec(b *testing.B) {
	f, err := sse.NewFrame(sse.Event{Type: "datastar-patch-elements", Data: []string{"elements <li>" + string(bytes.Repeat([]byte("hello "), 40)) + "</li>"}}, nil)
	if err != nil {
		b.Fatal(err)
	}
	c, key := newCodec(), newSeals([][]byte{bytes.Repeat([]byte{1}, 32)})
	e := Envelope{To: Address{Scope: "default", Category: "room"}, Body: Broadcast{Steps: []Step{{Frames: []*sse.Frame{f}}}}}
	p, err := c.encode(e)
	if err != nil {
		b.Fatal(err)
	}
	h := head{version: version, from: ID{1}, seq: 1, sent: time.Now()}
	h.put(p, "s", key)
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := c.encode(e); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("sign", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			h.put(p, "s", key)
		}
	})
	b.Run("check", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := readHead(Packet{"s", p}, key); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := c.decode(h, p); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("decode-known", func(b *testing.B) {
		b.ReportAllocs()
		r := newReader(c)
		for b.Loop() {
			if _, err := r.decode(h, p); err != nil {
				b.Fatal(err)
			}
		}
	})
}
