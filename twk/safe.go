package twk

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// JS returns v as a JavaScript literal for a Datastar expression or a script:
//
//	attr.On("click", "$name = "+twk.JS(user.Name))
//
// v becomes what encoding/json makes of it. Everything in its strings but
// ASCII letters, digits and a few harmless signs is written as \uXXXX, and they
// are in single quotes, so that the literal is the same after HTML escaping and
// fits as it is into a double-quoted attribute. JSON is not enough there: the
// client rewrites $name, @name( and a marker of its own inside strings too, and
// text that spells the marker gets out of its string.
//
// JS panics with an [*Error] if v cannot be marshalled: it holds a function, a
// channel, a cycle or NaN.
func JS(v any) string {
	s, err := literal(v)
	if err != nil {
		panic(&Error{Op: "writing a JavaScript value", Err: err})
	}
	return s
}

// literal is [JS] with an error.
func literal(v any) (string, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '"' {
			b.WriteByte(text[i])
			continue
		}
		end := i + 1
		for text[end] != '"' {
			if text[end] == '\\' {
				end++
			}
			end++
		}
		var s string
		_ = json.Unmarshal(text[i:end+1], &s) // it comes from Marshal
		if s == "__proto__" && end+1 < len(text) && text[end+1] == ':' {
			b.WriteString("['__proto__']") // a plain key would set the prototype
		} else {
			quote(&b, s)
		}
		i = end
	}
	return b.String(), nil
}

// quote writes s as a JavaScript string.
func quote(b *strings.Builder, s string) {
	b.WriteByte('\'')
	for _, r := range s {
		if plain(r) {
			b.WriteByte(byte(r))
		} else {
			for _, u := range utf16.AppendRune(nil, r) {
				fmt.Fprintf(b, `\u%04x`, u)
			}
		}
	}
	b.WriteByte('\'')
}

// plain reports whether r means nothing to HTML, to JavaScript strings and to
// the client's rewriting of expressions.
func plain(r rune) bool {
	switch r {
	case ' ', '-', '_', '.', ',', ':', '/', '?', '=', '#', '%', '+', '~', '!':
		return true
	}
	return alphanumeric(r)
}

func alphanumeric(r rune) bool {
	return '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
}

// ElementID returns an element id for text from anywhere, such as a name that a
// user chose: "prefix-text" with everything but ASCII letters and digits
// escaped. It needs no escaping in HTML, CSS or JavaScript: "#"+id is a selector.
// Different arguments give different ids, long texts by their hash. An empty
// prefix is "id".
func ElementID(prefix, text string) string {
	if prefix == "" {
		prefix = "id"
	}
	var p string
	if c := prefix[0]; alphanumeric(rune(c)) && (c < '0' || c > '9') {
		p = escapeID(prefix, "-")
	} else { // no selector begins with a digit
		p = fmt.Sprintf("_%02X", c) + escapeID(prefix[1:], "-")
	}
	t := escapeID(text, "_-") // so that the last bare hyphen ends the prefix
	if len(t) > maxIDText {
		sum := sha256.Sum256([]byte(text))
		t = "_h" + hex.EncodeToString(sum[:16])
	}
	return p + "-" + t
}

// maxIDText is the length beyond which ElementID hashes.
const maxIDText = 100

// escapeID is injective: letters and digits stand for themselves, other bytes
// are written as _XX and hyphens as given.
func escapeID(s, hyphen string) string {
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case alphanumeric(rune(c)):
			b.WriteByte(c)
		case c == '-':
			b.WriteString(hyphen)
		default:
			fmt.Fprintf(&b, "_%02X", c)
		}
	}
	return b.String()
}

// ByID returns the CSS selector of the element with that id, whatever is in it,
// escaped as CSS.escape of browsers does.
func ByID(id string) string {
	if id == "" {
		return `[id=""]` // "#" alone is an error in the page
	}
	return "#" + cssEscape(id)
}

// ByAttr returns the CSS selector of elements whose attribute has that value.
func ByAttr(name, value string) string {
	var b strings.Builder
	for _, r := range strings.ToValidUTF8(value, "\ufffd") {
		switch {
		case r == 0:
			b.WriteRune(utf8.RuneError)
		case r < 0x20 || r == 0x7f || r == '<':
			fmt.Fprintf(&b, `\%x `, r)
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
	}
	return "[" + cssEscape(name) + `="` + b.String() + `"]`
}

// cssEscape is CSS.escape of the CSS Object Model.
func cssEscape(s string) string {
	var b strings.Builder
	for i, r := range strings.ToValidUTF8(s, "\ufffd") {
		digit := '0' <= r && r <= '9'
		switch {
		case r == 0:
			b.WriteRune(utf8.RuneError)
		case r < 0x20 || r == 0x7f || digit && (i == 0 || i == 1 && s[0] == '-'):
			fmt.Fprintf(&b, `\%x `, r)
		case r == '-' && len(s) == 1:
			b.WriteString(`\-`)
		case r >= 0x80 || r == '-' || r == '_' || alphanumeric(r):
			b.WriteRune(r)
		default:
			b.WriteByte('\\')
			b.WriteRune(r)
		}
	}
	return b.String()
}
