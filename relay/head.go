package relay

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"time"
)

// ID is one run of one program: it is made when a node joins, and never again.
type ID [16]byte

func newID() ID {
	var id ID
	rand.Read(id[:]) // never fails
	return id
}

// String returns id in hexadecimal.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// MarshalText writes what [ID.String] returns.
func (id ID) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, id[:]), nil }

// UnmarshalText reads what [ID.String] returns.
func (id *ID) UnmarshalText(text []byte) error {
	if len(text) != hex.EncodedLen(len(id)) {
		return fmt.Errorf("an id of a node has %d hexadecimal digits", hex.EncodedLen(len(id)))
	}
	_, err := hex.Decode(id[:], text)
	return err
}

// version is that of the body of a packet. The head is the same in every version,
// so that a node can tell what it has missed, and from whom, also of what it cannot
// read.
const version = 1

// head is the beginning of every packet.
type head struct {
	version byte
	signed  bool
	from    ID
	seq     uint64        // of what from sends, from 1
	prev    uint64        // the seq before this one with the same subject; 0: there was none, or not for long
	age     time.Duration // how long before this one that was sent
	sent    time.Time
}

// The layout of a head. Numbers are big-endian.
const (
	atVersion = 2
	atFlags   = 3
	atFrom    = 4
	atSeq     = 20
	atPrev    = 28
	atAge     = 36
	atSent    = 44
	atMAC     = 52
	headSize  = atMAC + sha256.Size

	flagSigned = 1
)

// put writes h to the beginning of p, which carries the subject, and signs p if
// there is a key.
func (h *head) put(p []byte, subject string, by seals) {
	copy(p, "sf")
	p[atVersion], p[atFlags] = h.version, 0
	copy(p[atFrom:], h.from[:])
	binary.BigEndian.PutUint64(p[atSeq:], h.seq)
	binary.BigEndian.PutUint64(p[atPrev:], h.prev)
	binary.BigEndian.PutUint64(p[atAge:], uint64(max(h.age, 0)))
	binary.BigEndian.PutUint64(p[atSent:], uint64(h.sent.UnixNano()))
	if len(by) == 0 {
		clear(p[atMAC:headSize])
		return
	}
	p[atFlags] = flagSigned
	by[0].sum(p, subject)
	copy(p[atMAC:], by[0].code)
}

// seals sign and check, one for each key. They belong to one goroutine.
type seals []*seal

// seal is one key at work; making a new hash for each packet would cost as much as the
// hashing.
type seal struct {
	hash hash.Hash
	code []byte
}

func newSeals(keys [][]byte) seals {
	var all seals
	for _, key := range keys {
		all = append(all, &seal{hash: hmac.New(sha256.New, key)})
	}
	return all
}

// sum finds the authentication code of p under a subject: of everything but the code
// itself.
func (s *seal) sum(p []byte, subject string) {
	m := s.hash
	m.Reset()
	s.code = binary.BigEndian.AppendUint32(s.code[:0], uint32(len(subject)))
	s.code = append(s.code, subject...)
	m.Write(s.code)
	m.Write(p[:atMAC])
	m.Write(p[headSize:])
	s.code = m.Sum(s.code[:0])
}

var (
	errNoHead    = errors.New("it is not a packet of a node")
	errUnsigned  = errors.New("it is not signed")
	errSigned    = errors.New("it is signed, and this node has no key")
	errForged    = errors.New("its signature is of another key, or it was changed on the way")
	errStale     = errors.New("it was sent too long ago or in the future: it is a repetition, or clocks differ")
	errLargeJSON = errors.New("its parts are longer than it is")
	errLate      = errors.New("its deadline is over")
	errSubject   = errors.New("it came by a subject that is not that of its address")
)

// readHead reads the head of p and checks the signature: with keys there must be one,
// of one of them, and without keys there must be none. Nothing of a head with an error
// may be believed.
func readHead(p Packet, by seals) (h head, err error) {
	b := p.Data
	if len(b) < headSize || string(b[:2]) != "sf" {
		return head{}, errNoHead
	}
	h = head{version: b[atVersion], signed: b[atFlags] == flagSigned}
	copy(h.from[:], b[atFrom:])
	h.seq = binary.BigEndian.Uint64(b[atSeq:])
	h.prev = binary.BigEndian.Uint64(b[atPrev:])
	age := binary.BigEndian.Uint64(b[atAge:])
	h.age = time.Duration(min(age, 1<<62))
	h.sent = time.Unix(0, int64(binary.BigEndian.Uint64(b[atSent:])))
	switch {
	case b[atFlags] > flagSigned, h.seq == 0, h.prev >= h.seq, h.from == ID{}:
		return head{}, errNoHead
	case !h.signed && len(by) > 0:
		return head{}, errUnsigned
	case h.signed && len(by) == 0:
		return head{}, errSigned
	case !h.signed:
		return h, nil
	}
	for _, s := range by {
		if s.sum(b, p.Subject); hmac.Equal(s.code, b[atMAC:headSize]) {
			return h, nil
		}
	}
	return head{}, errForged
}
