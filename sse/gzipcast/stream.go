package gzipcast

import "encoding/binary"

// Header is the gzip header with which a stream begins. Send it once, before
// the first event.
const Header = "\x1f\x8b" + // gzip
	"\x08" + // DEFLATE
	"\x00" + // no name, comment or checksum follows
	"\x00\x00\x00\x00" + // no modification time
	"\x00" + // no hint about the level
	"\xff" // unknown system

// Stream is the state of one gzip stream: which event its last bytes were, and
// the checksum of all. The zero value is a stream on which only [Header] was
// sent. It is 16 bytes, keeps no event alive, and is not safe for concurrent use:
// the lock that orders the writes of the connection must also guard the stream.
type Stream struct {
	last *mark  // nil when the next event must be self-contained
	crc  uint32 // of all payloads
	size uint32 // of all payloads, modulo 2^32
}

// Next returns the bytes that send e as the next event of the stream, and
// records it as sent. The caller must write all of them before anything else
// reaches the connection. The bytes are shared with other streams and must not
// be modified. There are none if the payload is empty.
//
// Next encodes e if no stream has needed this form before, or waits for the
// stream that is encoding it. It does not fail: what cannot be compressed is
// sent stored.
func (s *Stream) Next(e *Event) []byte {
	if len(e.payload) == 0 {
		return nil
	}
	follows := e.after != nil && s.last == e.after
	s.last = e.self
	s.crc = e.check(s.crc)
	s.size += uint32(len(e.payload))
	if follows {
		return e.shortForm()
	}
	return e.wholeForm()
}

// Reset forgets the last event, so that the next one is self-contained, which
// is always valid on an event boundary. Call it if it is in doubt whether bytes
// that Next returned were sent at all. It cannot repair a stream on which an
// event was sent in part, and the trailer counts the event as sent: if it was
// not, the stream must end without.
func (s *Stream) Reset() { s.last = nil }

// AppendTrailer appends to b what ends the stream: an empty last block and the
// checksum and length of what was sent. Nothing may follow. Decoders report the
// end of a stream without it as an error, if they are strict.
func (s *Stream) AppendTrailer(b []byte) []byte {
	b = append(b, 0x03, 0x00)
	b = binary.LittleEndian.AppendUint32(b, s.crc)
	return binary.LittleEndian.AppendUint32(b, s.size)
}
