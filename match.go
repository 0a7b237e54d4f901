package sfere

import (
	"strings"
	"unicode/utf8"
)

// Match is one position of a [Pattern]: either [Any] or [Is] of one value. The
// zero Match is neither. It is an error for the category and the id of a
// pattern, so that a forgotten field never means everyone; for the scope it
// means that of the dispatch.
//
// In text and JSON a Match is "*" for Any and otherwise the value itself.
//
// Always write Any or Is, never a conversion: Match(v) is the wildcard if v
// happens to be "*", while Is(v) never is.
//
// A string rather than a struct, because then Any is a constant which nobody
// can reassign, and a Match compares, prints in a diff and reflects into a
// schema with no further code. Values carry a leading "=", so that Is("*") is
// not Any, and that Match("ann") is invalid, which makes a forgotten Is fail on
// its first ordinary value. The price is that Is may allocate.
type Match string

// Any matches every value. It is the only wildcard there is.
const Any Match = wildcard

const isPrefix = "="

// Is matches exactly v, byte for byte. This is the way for values that come
// from outside: Is("*") does not match everything, it makes the pattern
// invalid, as does Is("").
func Is(v string) Match {
	return Match(isPrefix + v)
}

// Value returns the v of Is(v). It returns false for Any and for a Match that is
// not valid.
func (m Match) Value() (v string, ok bool) {
	v, ok = strings.CutPrefix(string(m), isPrefix)
	if !ok || v == "" || v == wildcard {
		return "", false
	}
	return v, true
}

// Matches reports whether m accepts v. A Match that is not valid accepts
// nothing.
func (m Match) Matches(v string) bool {
	if m == Any {
		return true
	}
	want, ok := m.Value()
	return ok && want == v
}

// String returns the form m has in the text of a pattern: "*" or the escaped
// value. For a Match that is not valid it returns text that [ParsePattern]
// refuses.
func (m Match) String() string {
	v, ok := strings.CutPrefix(string(m), isPrefix)
	switch {
	case m == Any:
		return wildcard
	case ok || m == "":
		return escape(v)
	}
	return "%!" + escape(string(m)) // "%!" is no escape
}

// MarshalText implements [encoding.TextMarshaler]; with it a Match is a string
// in JSON. A Match that is not valid gives a *[KeyError].
func (m Match) MarshalText() ([]byte, error) {
	if reason := m.refusal(); reason != "" {
		return nil, &KeyError{Pattern: true, Value: beginning(strings.TrimPrefix(string(m), isPrefix)), Reason: reason}
	}
	if m == Any {
		return []byte(wildcard), nil
	}
	return []byte(m[len(isPrefix):]), nil
}

// UnmarshalText implements [encoding.TextUnmarshaler]: "*" is Any, and all else
// Is. Text that gives no valid Match is a *[KeyError] and leaves m alone.
//
// This is for patterns written by programs and operators. Do not decode a
// pattern that an untrusted user may write; build one with Is.
func (m *Match) UnmarshalText(text []byte) error {
	got := matchOf(string(text))
	if reason := got.refusal(); reason != "" {
		return &KeyError{Pattern: true, Value: beginning(string(text)), Reason: reason}
	}
	*m = got
	return nil
}

// matchOf reads the unescaped form of a Match.
func matchOf(v string) Match {
	if v == wildcard {
		return Any
	}
	return Is(v)
}

// refusal says why m cannot be part of a pattern; "" means that it can.
func (m Match) refusal() string {
	v, ok := strings.CutPrefix(string(m), isPrefix)
	switch {
	case m == Any:
		return ""
	case m == "":
		return "not set (use sfere.Any or sfere.Is)"
	case !ok:
		return "must be made with sfere.Any or sfere.Is"
	case v == "":
		return reasonEmptyIs
	case v == wildcard:
		return `must not be sfere.Is("*") (use sfere.Any to match everything)`
	case len(v) > maxField:
		return reasonLong
	case !utf8.ValidString(v):
		return reasonUTF8
	}
	return ""
}

const reasonEmptyIs = "must not be empty (use sfere.Any to match everything)"
