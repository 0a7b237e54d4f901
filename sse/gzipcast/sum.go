package gzipcast

import (
	"hash/crc32"
	"sync"
)

// sum is what an event does to the checksum of a stream, made on first use. The
// checksum of two texts follows from those of both and the length of the second:
// crc(ab) = crc(a)·x^(8·len(b)) + crc(b), as polynomials over GF(2) modulo that
// of CRC-32. So a stream does not read again what was compressed once.
type sum struct {
	once sync.Once
	crc  uint32
	// by is x^(8·len) times every polynomial of less than four terms. As usual
	// the highest bit is the coefficient of x^0.
	by [16]uint32
}

// times4 is what the four terms that x^4 moves out of 32 bits come to.
var times4 = func() (t [16]uint32) {
	for i := range t {
		v := uint32(i)
		for range 4 {
			v = timesX(v)
		}
		t[i] = v
	}
	return t
}()

// squares are x^(2^i), which is the same again at i = 32.
var squares = func() (s [32]uint32) {
	s[0] = 1 << 30
	for i := 1; i < len(s); i++ {
		s[i] = multiply(s[i-1], s[i-1])
	}
	return s
}()

func timesX(v uint32) uint32 { return v>>1 ^ crc32.IEEE*(v&1) }

func multiply(a, b uint32) (p uint32) {
	for ; a != 0; a <<= 1 {
		p ^= b * (a >> 31)
		b = timesX(b)
	}
	return p
}

func (s *sum) make(payload []byte) {
	s.crc = crc32.ChecksumIEEE(payload)
	shift := uint32(1 << 31)
	for n, i := len(payload), 3; n != 0; n, i = n>>1, i+1 {
		if n&1 == 1 {
			shift = multiply(shift, squares[i%len(squares)])
		}
	}
	for bit := 8; bit > 0; bit >>= 1 {
		for i := bit; i < 16; i += 2 * bit {
			for k := range bit {
				s.by[i+k] ^= shift
			}
		}
		shift = timesX(shift)
	}
}

// add returns the checksum of a text with checksum crc and the payload after it.
func (s *sum) add(crc uint32) uint32 {
	v := s.by[crc&15]
	for range 7 {
		crc >>= 4
		v = v>>4 ^ times4[v&15] ^ s.by[crc&15]
	}
	return v ^ s.crc
}
