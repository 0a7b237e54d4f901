package sfere

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// DefaultScope is the scope of every connection in a program that does not
// separate its users or tenants. It is a scope like any other: a key or a
// pattern may spell it.
const DefaultScope = "default"

// wildcard is the one string that can never be part of a key, so that text and
// JSON forms of a Pattern need no quoting to tell "anything" from a value.
const wildcard = "*"

// Key names a live connection: who may see it (Scope), what it is for
// (Category) and which one it is (ID).
//
// Each field is a non-empty string of valid UTF-8 other than "*", of at most 1024
// bytes; apart from that any string will do, and two keys are the same when
// their bytes are (no case folding, no Unicode normalisation). A Key is a
// comparable value, usable as a map key and with go-cmp. The zero Key is not
// valid.
//
// An effect may leave the scope of a key out: it then means the scope of its
// dispatch, see [Options].Scope.
//
// Its JSON form is {"scope":"default","category":"lobby","id":"ann"}; a key without
// a scope has no "scope". The other fields are needed, unknown, repeated or
// differently spelled ones are refused, and so is half a surrogate pair, which
// encoding/json reads as U+FFFD. A key that is otherwise not valid can be
// neither written nor read.
type Key struct {
	Scope    string `json:"scope" jsonschema:"minLength=1,maxLength=1024,description=who may see the connection"`
	Category string `json:"category" jsonschema:"minLength=1,maxLength=1024,description=what the connection is for"`
	ID       string `json:"id" jsonschema:"minLength=1,maxLength=1024,description=which connection of that category"`
}

// ID returns a key without a scope. It is what a handler writes: the scope is
// that of the dispatch. Use [Key.In] to choose another, and [Key.AllScopes] for
// the connections of all of them.
func ID(category, id string) Key {
	return Key{Category: category, ID: id}
}

// In returns the same key in another scope. It does not change k.
func (k Key) In(scope string) Key {
	k.Scope = scope
	return k
}

// Validate returns a *[KeyError] for the first field that is empty, too long, "*"
// or not valid UTF-8, and nil for a key that can be registered. A key without a
// scope cannot: the scope is filled in first.
//
// Invalid UTF-8 is refused because encoding/json would replace it, and with
// that turn two keys into one on the way to another node.
func (k Key) Validate() error {
	for i, v := range k.fields() {
		if reason := refusal(v); reason != "" {
			return &KeyError{Field: fieldNames[i], Value: beginning(v), Reason: reason}
		}
	}
	return nil
}

// String returns the text form scope/category/id, which [ParseKey] reads back.
// In each part "/", "%", spaces, everything that does not print and a lone "*"
// are written as percent escapes, so that the form is one line, has exactly two
// slashes, and differs for different keys, valid or not.
func (k Key) String() string {
	return escape(k.Scope) + "/" + escape(k.Category) + "/" + escape(k.ID)
}

// Readable returns k for people: scope/category/id in which spaces and most other
// characters stand for themselves, as in default/room/Ann Lee. A part that would
// be misread is in double quotes, as in Go: one with a slash, a quote, a lone "*",
// spaces at an end or in a row, or what does not print. So different keys read
// differently. [ParseKey] does not read it; use [Key.String] for that.
func (k Key) Readable() string {
	return readable(k.Scope) + "/" + readable(k.Category) + "/" + readable(k.ID)
}

// readable returns one part of a key for people.
func readable(v string) string {
	plain := v != "" && v != wildcard && utf8.ValidString(v) && strings.TrimSpace(v) == v && !strings.Contains(v, "  ") &&
		strings.IndexFunc(v, func(r rune) bool { return r == '/' || r == '"' || !unicode.IsPrint(r) }) < 0
	if plain {
		return v
	}
	return strconv.Quote(v)
}

// ParseKey reads the text form of a key. It also accepts characters that
// [Key.String] would have escaped, and escapes it would not have used. The error is a
// *[KeyError]; the key is then the zero Key.
func ParseKey(s string) (Key, error) {
	parts, err := splitText(s, false)
	if err != nil {
		return Key{}, err
	}
	for i, p := range parts {
		v, ok := unescape(p)
		if !ok {
			return Key{}, &KeyError{Field: fieldNames[i], Value: beginning(p), Reason: reasonEscape}
		}
		parts[i] = v
	}
	k := Key{parts[0], parts[1], parts[2]}
	if err := k.Validate(); err != nil {
		return Key{}, err
	}
	return k, nil
}

// MarshalJSON implements [json.Marshaler]. The error is that of [Key.Validate],
// except that the scope may be empty.
func (k Key) MarshalJSON() ([]byte, error) {
	if err := k.validateOpen(); err != nil {
		return nil, err
	}
	return json.Marshal(struct {
		Scope    string `json:"scope,omitempty"`
		Category string `json:"category"`
		ID       string `json:"id"`
	}(k))
}

// validateOpen is Validate for a key whose scope may be still to come.
func (k Key) validateOpen() error {
	if k.Scope == "" {
		k.Scope = DefaultScope
	}
	return k.Validate()
}

// UnmarshalJSON implements [json.Unmarshaler]. The error is a *[KeyError] for
// everything but broken JSON; k is then left alone.
func (k *Key) UnmarshalJSON(data []byte) error {
	v, err := decodeFields(data, false)
	if err != nil {
		return err
	}
	got := Key{v[0], v[1], v[2]}
	if err := got.validateOpen(); err != nil {
		return err
	}
	*k = got
	return nil
}

func (k Key) fields() [3]string { return [3]string{k.Scope, k.Category, k.ID} }

// compareKeys orders keys by scope, category and id, for sorted snapshots.
func compareKeys(a, b Key) int {
	return cmp.Or(
		strings.Compare(a.Scope, b.Scope),
		strings.Compare(a.Category, b.Category),
		strings.Compare(a.ID, b.ID),
	)
}

// KeyError says what is wrong with a [Key] or a [Pattern], or with its text or
// JSON form.
type KeyError struct {
	Pattern bool   // it is about a Pattern, not about a Key
	Field   string // "scope", "category" or "id", the name of an unknown field, or "" for the whole
	Value   string // what was found there; of a long text only the beginning
	Reason  string // what is wrong with it, and often what to do instead
}

// Error returns a line such as
//
//	sfere: key field "id": must not be "*" (a wildcard; use a Pattern)
//
// It shows the value only where no field is to blame, and only the beginning
// of a long one, since values tend to come from strangers.
func (e *KeyError) Error() string {
	noun := "key"
	if e.Pattern {
		noun = "pattern"
	}
	if e.Field != "" {
		return fmt.Sprintf("sfere: %s field %s: %s", noun, quoteShort(e.Field), e.Reason)
	}
	return fmt.Sprintf("sfere: %s %s: %s", noun, quoteShort(e.Value), e.Reason)
}

var fieldNames = [3]string{"scope", "category", "id"}

const (
	reasonEscape = `must not contain "%" other than in an escape such as %2F`
	reasonUTF8   = "must be valid UTF-8"
	reasonLong   = "must have at most 1024 bytes"
	reasonHalf   = `must not have half of a surrogate pair, such as \ud800: it stands for no character`
)

// maxField bounds each field of a key in bytes. A key is kept as long as its
// stream, and shown by every tool.
const maxField = 1024

// refusal says why v cannot be a field of a key; "" means that it can.
func refusal(v string) string {
	switch {
	case v == "":
		return "must not be empty"
	case v == wildcard:
		return `must not be "*" (a wildcard; use a Pattern)`
	case len(v) > maxField:
		return reasonLong
	case !utf8.ValidString(v):
		return reasonUTF8
	}
	return ""
}

// beginning returns what an error keeps of v: it may outlive the request that
// brought it.
func beginning(v string) string {
	const limit = 256
	if len(v) <= limit {
		return v
	}
	return strings.Clone(v[:limit]) + "..."
}

// shortKey is the text of k for a line of a log: it has at most some 600 bytes,
// whatever is in k.
func shortKey(k Key) string {
	const limit = 64
	for _, f := range []*string{&k.Scope, &k.Category, &k.ID} {
		if len(*f) > limit {
			*f = (*f)[:limit] + "..."
		}
	}
	return k.String()
}

func quoteShort(s string) string {
	const limit = 64
	if len(s) > limit {
		return strconv.Quote(s[:limit]) + "..."
	}
	return strconv.Quote(s)
}

func splitText(s string, pattern bool) (parts [3]string, err error) {
	// A fourth part is refused rather than ignored, so that no text means a
	// shorter key than it shows.
	if got := strings.SplitN(s, "/", 4); len(got) == 3 {
		return [3]string(got), nil
	}
	return parts, &KeyError{Pattern: pattern, Value: beginning(s), Reason: "must be scope/category/id"}
}

// escape writes v so that it holds no slash, prints on one line, and is never
// the lone "*" of a pattern.
func escape(v string) string {
	if v == wildcard {
		return "%2A"
	}
	const hex = "0123456789ABCDEF"
	var b []byte
	done := 0 // v[:done] is in b, once there is a b
	for i := 0; i < len(v); {
		r, n := utf8.DecodeRuneInString(v[i:])
		// Of the spaces, only U+0020 prints. A broken byte decodes as U+FFFD
		// of length 1 and must not come out as the real U+FFFD.
		keep := unicode.IsPrint(r) && r != ' ' && r != '/' && r != '%' && (r != utf8.RuneError || n > 1)
		if !keep {
			b = append(b, v[done:i]...)
			for _, c := range []byte(v[i : i+n]) {
				b = append(b, '%', hex[c>>4], hex[c&15])
			}
			done = i + n
		}
		i += n
	}
	if done == 0 {
		return v
	}
	return string(append(b, v[done:]...))
}

// unescape reports false if a "%" is not followed by two hexadecimal digits.
func unescape(s string) (string, bool) {
	at := strings.IndexByte(s, '%')
	if at < 0 {
		return s, true
	}
	b := append(make([]byte, 0, len(s)), s[:at]...)
	for i := at; i < len(s); i++ {
		if s[i] != '%' {
			b = append(b, s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", false
		}
		hi, lo := unhex(s[i+1]), unhex(s[i+2])
		if hi < 0 || lo < 0 {
			return "", false
		}
		b = append(b, byte(hi<<4|lo))
		i += 2
	}
	return string(b), true
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	}
	return -1
}

// AllScopes returns the pattern of every key with the category and id of k,
// whatever its scope. [Exactly] is the pattern of the one in the scope of the
// dispatch.
func (k Key) AllScopes() Pattern {
	return Pattern{Scope: Any, Category: Is(k.Category), ID: Is(k.ID)}
}
