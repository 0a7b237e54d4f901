package gzipcast

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"

	"github.com/klauspost/compress/flate"
)

const (
	// windowSize is how far back DEFLATE can refer.
	windowSize = 32 << 10

	// smallEvent is the payload size below which flate.Writer at its faster
	// levels ignores history altogether, while the stateless encoder uses it:
	// a chained patch of one counter takes 16 bytes instead of 82.
	smallEvent = 128

	// keptOutput bounds the output buffer that an idle compressor keeps.
	keptOutput = 256 << 10

	// maxStored is the most that one stored block can hold.
	maxStored = 1<<16 - 1
)

// syncMarker is an empty stored block. The padding in front of it ends the
// event on a byte boundary, and decoders deliver all before it on reading it.
const syncMarker = "\x00\x00\xff\xff"

var errNoMarker = errors.New("event does not end with a sync marker")

// compressor is what one encoding needs, reused by the next one.
type compressor struct {
	w       *flate.Writer
	history []byte
	out     bytes.Buffer
}

func newCompressor(level int) *compressor {
	w, err := flate.NewWriter(io.Discard, level)
	if err != nil {
		panic(err) // NewEncoder has checked the level
	}
	return &compressor{w: w}
}

// compress returns payload in a slice of its own. It retains neither payload
// nor history.
func (c *compressor) compress(payload, history []byte) ([]byte, error) {
	c.out.Reset()
	// The writer keeps the dictionary it is given. Giving it a copy means that
	// an idle compressor pins no event.
	c.history = append(c.history[:0], history...)

	if err := c.deflate(payload); err != nil {
		return nil, err
	}
	if !bytes.HasSuffix(c.out.Bytes(), []byte(syncMarker)) {
		return nil, errNoMarker
	}
	wire := bytes.Clone(c.out.Bytes())
	if c.out.Cap() > keptOutput {
		c.out = bytes.Buffer{}
	}
	return wire, nil
}

func (c *compressor) deflate(payload []byte) error {
	if len(payload) < smallEvent {
		return flate.StatelessDeflate(&c.out, payload, false, c.history)
	}
	c.w.ResetDict(&c.out, c.history)
	if _, err := c.w.Write(payload); err != nil {
		return err
	}
	return c.w.Flush()
}

// storedSize returns the length of what stored returns for n bytes.
func storedSize(n int) int {
	const header = 5
	blocks := (n + maxStored - 1) / maxStored
	return n + header*(blocks+1)
}

// stored returns payload uncompressed, as DEFLATE that ends with a sync flush.
// It needs no compressor and so cannot fail.
func stored(payload []byte) []byte {
	wire := make([]byte, 0, storedSize(len(payload)))
	for len(payload) > 0 {
		n := min(len(payload), maxStored)
		wire = append(wire, 0) // not the final block, type stored, padding
		wire = binary.LittleEndian.AppendUint16(wire, uint16(n))
		wire = binary.LittleEndian.AppendUint16(wire, ^uint16(n))
		wire = append(wire, payload[:n]...)
		payload = payload[n:]
	}
	// Without the marker some decoders wait for the next block's header before
	// they deliver this one.
	wire = append(wire, 0)
	return append(wire, syncMarker...)
}
