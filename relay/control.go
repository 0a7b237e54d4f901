package relay

import (
	"encoding/binary"
	"encoding/json"
	"hash/fnv"
	"time"
)

// What nodes say to each other for themselves.

// beat says that a node is there.
type beat struct {
	Name     string        `json:"name"`
	Started  time.Time     `json:"started"`
	Every    time.Duration `json:"every"`
	Draining bool          `json:"draining,omitempty"`
	Presence PresenceMark  `json:"presence,omitzero"`
}

// PresenceMark says which state of its presence a node is at, so that others notice
// that they have missed some.
type PresenceMark struct {
	Seq  uint64 `json:"seq"`
	Hash uint64 `json:"hash"`
}

// hello asks everybody for a beat.
type hello struct{}

// leave says that a node ends.
type leave struct{}

// tails are the last numbers under which a node has sent with subjects of late, so
// that the loss of the last message of a subject is noticed: entries of a hash, a
// number and an age.
type tails struct {
	Tails []byte `json:"tails"`
}

const (
	tailSize = 24
	maxTails = 1000 // of one packet
)

func appendTail(b []byte, subject string, seq uint64, age time.Duration) []byte {
	b = binary.BigEndian.AppendUint64(b, hashOf(subject))
	b = binary.BigEndian.AppendUint64(b, seq)
	return binary.BigEndian.AppendUint64(b, uint64(max(age, 0)))
}

// tail is one entry of tails.
type tail struct {
	hash, seq uint64
	age       time.Duration
}

func (t tails) all(yield func(tail) bool) {
	for b := t.Tails; len(b) >= tailSize; b = b[tailSize:] {
		age := time.Duration(min(binary.BigEndian.Uint64(b[16:]), 1<<62))
		if !yield(tail{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:]), age}) {
			return
		}
	}
}

// hashOf is short for a subject. Two subjects with one hash make a gap that was none.
func hashOf(subject string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(subject))
	return h.Sum64()
}

// question asks what became of a message, or something of the program's.
type question struct {
	ID   uint64          `json:"id"`
	To   Address         `json:"to,omitzero"`
	Seq  uint64          `json:"seq,omitempty"` // 0: not about a message
	Age  time.Duration   `json:"age,omitempty"` // of the message
	Data json.RawMessage `json:"data,omitempty"`
}

// reply is the answer of one node.
type reply struct {
	ID     uint64          `json:"id"`
	Fate   Fate            `json:"fate"`
	Reason string          `json:"reason,omitempty"`
	Data   json.RawMessage `json:"data,omitempty"`
}

func (beat) kind() string     { return "beat" }
func (hello) kind() string    { return "hello" }
func (leave) kind() string    { return "leave" }
func (tails) kind() string    { return "tails" }
func (question) kind() string { return "ask" }
func (reply) kind() string    { return "answer" }

// ours reports whether b is for the node and not for the program.
func ours(b Body) bool {
	switch b.(type) {
	case beat, hello, leave, tails, question, reply:
		return true
	}
	return false
}
