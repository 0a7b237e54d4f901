package relay

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Address is a key or pattern of streams on the wire. An empty place is open: it
// stands for every value. The zero Address is everybody.
type Address struct {
	Scope    string `json:"scope,omitempty"`
	Category string `json:"category,omitempty"`
	ID       string `json:"id,omitempty"`
}

// maxPlace bounds a place of an address, as keys are bounded.
const maxPlace = 1024 // bytes

func (a Address) check() error {
	for _, v := range [...]string{a.Scope, a.Category, a.ID} {
		switch {
		case len(v) > maxPlace:
			return fmt.Errorf("a place of its address has %d bytes, at most %d", len(v), maxPlace)
		case v == "*":
			return errors.New(`a place of its address is "*": an open place is empty`)
		case !utf8.ValidString(v):
			return errors.New("a place of its address is not UTF-8")
		}
	}
	return nil
}

// Carrier returns the address under which a travels: a itself if nodes subscribe to
// addresses of its form, and otherwise the next coarser one that they do subscribe to,
// which leaves the id open. Whoever receives it looks at the whole address.
func (a Address) Carrier() Address {
	if a.ID != "" && (a.Scope == "" || a.Category == "") {
		a.ID = ""
	}
	return a
}

// shape names what a carrier gives, as the first token of its subject.
func (a Address) shape() string {
	switch {
	case a.ID != "":
		return "key"
	case a.Scope != "" && a.Category != "":
		return "room"
	case a.Scope != "":
		return "scope"
	case a.Category != "":
		return "category"
	}
	return "every"
}

// subject returns the subject under which a travels, below a prefix.
func (a Address) subject(prefix string) string {
	a = a.Carrier()
	b := make([]byte, 0, 96)
	b = append(append(append(b, prefix...), '.'), a.shape()...)
	for _, v := range [...]string{a.Scope, a.Category, a.ID} {
		b = appendToken(append(b, '.'), v)
	}
	return string(b)
}

// maxToken is how long a token may be before it is hashed.
const maxToken = 64 // bytes

// appendToken appends one place of a subject. Letters, digits and "-" stand for
// themselves, everything else is =XX, and "_" is an open place. A token that would be
// long is the hash of the value instead: two values with one hash are received
// together and told apart by the envelope.
func appendToken(b []byte, v string) []byte {
	if v == "" {
		return append(b, '_')
	}
	const digits = "0123456789ABCDEF"
	start := len(b)
	for i := range len(v) {
		c := v[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-':
			b = append(b, c)
		default:
			b = append(b, '=', digits[c>>4], digits[c&15])
		}
		if len(b)-start > maxToken {
			sum := sha256.Sum256([]byte(v))
			return hex.AppendEncode(append(b[:start], "=~"...), sum[:16])
		}
	}
	return b
}

// checkPrefix refuses a prefix that is not tokens of letters, digits, "-" and "_".
func checkPrefix(prefix string) error {
	const maxPrefix = 64
	if len(prefix) > maxPrefix {
		return fmt.Errorf("the prefix has %d bytes, at most %d", len(prefix), maxPrefix)
	}
	for token := range strings.SplitSeq(prefix, ".") {
		if token == "" || strings.Trim(token, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
			return fmt.Errorf("the prefix %q is not letters, digits, - and _, with single dots between them", prefix)
		}
	}
	return nil
}
