package sfere

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// decodeFields reads the object that is the JSON form of both keys and
// patterns. It is stricter than a struct decoded by encoding/json, which takes
// "ID" for "id", the last of two equal names, and null for "".
func decodeFields(data []byte, pattern bool) (v [3]string, err error) {
	fail := func(field, value, reason string) ([3]string, error) {
		return v, &KeyError{Pattern: pattern, Field: beginning(field), Value: beginning(value), Reason: reason}
	}
	if !utf8.Valid(data) {
		return fail("", string(data), reasonUTF8)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	if t, err := dec.Token(); err != nil {
		return v, fmt.Errorf("sfere: decoding: %w", err)
	} else if t != json.Delim('{') {
		return fail("", string(data), "must be an object with scope, category and id")
	}
	var seen [3]bool
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return v, fmt.Errorf("sfere: decoding: %w", err)
		}
		name := t.(string) // the decoder refuses any other name
		i := 0
		for i < len(fieldNames) && fieldNames[i] != name {
			i++
		}
		if i == len(fieldNames) {
			return fail(name, "", "unknown (want scope, category and id)")
		}
		if seen[i] {
			return fail(name, "", "given twice")
		}
		seen[i] = true
		from := dec.InputOffset()
		if t, err = dec.Token(); err != nil {
			return v, fmt.Errorf("sfere: decoding: %w", err)
		}
		s, ok := t.(string)
		if !ok {
			return fail(name, fmt.Sprint(t), "must be a string")
		}
		if halfSurrogate(data[from:dec.InputOffset()]) {
			return fail(name, s, reasonHalf)
		}
		v[i] = s
	}
	if _, err := dec.Token(); err != nil { // the closing brace
		return v, fmt.Errorf("sfere: decoding: %w", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return fail("", string(data), "must be one object and nothing after it")
	}
	for i, ok := range seen {
		if !ok && i > 0 { // the scope may be left out
			return fail(fieldNames[i], "", "missing")
		}
	}
	if seen[0] && v[0] == "" {
		if pattern {
			return fail(fieldNames[0], "", reasonEmptyIs)
		}
		return fail(fieldNames[0], "", refusal(""))
	}
	return v, nil
}

// halfSurrogate reports whether a JSON string, with what comes before it, has an
// escape that is one half of a surrogate pair without the other. encoding/json
// reads all of them as U+FFFD, which would make one key of several.
func halfSurrogate(text []byte) bool {
	unit := func(at int) (u rune, ok bool) { // the escape at text[at:]
		if at+6 > len(text) || text[at] != '\\' || text[at+1] != 'u' {
			return 0, false
		}
		for _, c := range text[at+2 : at+6] {
			u = u<<4 | rune(unhex(c))
		}
		return u, true
	}
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		u, ok := unit(i)
		if !ok {
			i++ // what is escaped, such as another backslash
			continue
		}
		i += 5
		if !utf16.IsSurrogate(u) {
			continue
		}
		low, _ := unit(i + 1)
		if utf16.DecodeRune(u, low) == utf8.RuneError {
			return true
		}
		i += 6
	}
	return false
}
