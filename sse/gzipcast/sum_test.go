package gzipcast

import (
	"hash/crc32"
	"math/rand/v2"
	"testing"
)

// The checksum that is put together is that of the whole.
func TestSum(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var all []byte
	var crc uint32
	for _, size := range []int{1, 2, 3, 7, 8, 100, 255, 256, 4097, 65_535, 1 << 20, 3, 1} {
		payload := make([]byte, size)
		for i := range payload {
			payload[i] = byte(rng.Uint32())
		}
		all = append(all, payload...)
		var s sum
		s.make(payload)
		crc = s.add(crc)
		if want := crc32.ChecksumIEEE(all); crc != want {
			t.Fatalf("after %d bytes more: %08x, want %08x", size, crc, want)
		}
	}
}

// BenchmarkSum is what the checksum costs per event and stream.
func BenchmarkSum(b *testing.B) {
	var s sum
	s.make([]byte("data: x\n\n"))
	crc := uint32(0)
	for b.Loop() {
		crc = s.add(crc)
	}
	if crc == 0 {
		b.Log("a checksum of zero")
	}
}
