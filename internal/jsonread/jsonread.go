// Package jsonread is the one reader of JSON from outside: what decodes and what
// validates the wire form see the same value. It is stricter than encoding/json.
//
//   - A name that is given twice in one object, and a name in another case than that of
//     the field, are errors.
//   - Numbers keep all their digits. Those beyond float64, and those of more than 100
//     bytes, are errors.
//   - Bytes that are not UTF-8, and halves of surrogate pairs, are errors, because
//     several texts would become one.
//   - An array that is longer than the Go array for it is an error.
//
// [Parse] reads every byte once and finds all of these but the case of names. The work
// and the memory of everything here is bounded by the length of the text, times a
// constant. Nothing here is safe for text that changes meanwhile.
package jsonread

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/sfere-go/sfere/internal/excerpt"
)

// ErrTooLarge is the cause of errors about text over the limits.
var ErrTooLarge = errors.New("wire form is over the limit")

// Limits bound what [Parse] accepts. Zero fields mean the defaults.
type Limits struct {
	Bytes int // of the text; default and most 2 GiB
	Depth int // how deep values nest; default 10 000
}

// Error says what is wrong with a text, and where.
type Error struct {
	Pointer string // JSON pointer of the place; "" is the whole text
	Err     error
}

// Error names the place and the cause.
func (e *Error) Error() string {
	if e.Pointer == "" {
		return e.Err.Error()
	}
	return "at " + Excerpt(e.Pointer) + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// maxExcerpt is how much of a text from outside an error repeats, in bytes.
const maxExcerpt = 100

// Excerpt returns the beginning of s, fit for the text of an error.
func Excerpt(s string) string { return excerpt.Of(s, maxExcerpt, "...") }

// Quote is [Excerpt] in quotes.
func Quote(s string) string { return fmt.Sprintf("%q", Excerpt(s)) }

// escaper makes a name part of a JSON pointer.
var escaper = strings.NewReplacer("~", "~0", "/", "~1")

// Kind is the kind of a JSON value.
type Kind uint8

// The kinds.
const (
	Null Kind = iota
	Bool
	Number
	String
	Array
	Object
)

// String returns the name of the kind as JSON Schema has it.
func (k Kind) String() string {
	return [...]string{"null", "boolean", "number", "string", "array", "object"}[k]
}

// node is one value or name of a text, in the order of the text.
type node struct {
	from, to int32 // in the text
	next     int32 // the node after this one and everything in it
	count    int32 // of elements or members
	kind     Kind
	escaped  bool // a string with a backslash in it
}

// doc is a text that has been parsed.
type doc struct {
	text  []byte
	nodes []node
}

// Value is one value of a text that has been parsed. The zero Value is none.
type Value struct {
	d *doc
	i int32
}

// IsZero reports whether v is no value at all.
func (v Value) IsZero() bool { return v.d == nil }

// Kind returns the kind of v.
func (v Value) Kind() Kind { return v.d.nodes[v.i].kind }

// Len returns the number of elements of an array, or of members of an object.
func (v Value) Len() int { return int(v.d.nodes[v.i].count) }

// Raw returns v as it is written. It is part of the text, which must not be changed.
func (v Value) Raw() []byte {
	n := &v.d.nodes[v.i]
	return v.d.text[n.from:n.to:n.to]
}

// Text returns what a string says.
func (v Value) Text() string { return string(v.inner()) }

func (v Value) inner() []byte {
	n := &v.d.nodes[v.i]
	inner := v.d.text[n.from+1 : n.to-1]
	if n.escaped {
		return unescape(inner)
	}
	return inner
}

// Elements iterates over an array.
func (v Value) Elements() iter.Seq2[int, Value] {
	return func(yield func(int, Value) bool) {
		n := &v.d.nodes[v.i]
		for i, at := 0, v.i+1; at < n.next; i, at = i+1, v.d.nodes[at].next {
			if !yield(i, Value{v.d, at}) {
				return
			}
		}
	}
}

// members iterates over an object. The names are strings.
func (v Value) members() iter.Seq2[Value, Value] {
	return func(yield func(name, value Value) bool) {
		n := &v.d.nodes[v.i]
		for at := v.i + 1; at < n.next; at = v.d.nodes[at+1].next {
			if !yield(Value{v.d, at}, Value{v.d, at + 1}) {
				return
			}
		}
	}
}

// Members iterates over an object. No name comes twice.
func (v Value) Members() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		for name, value := range v.members() {
			if !yield(name.Text(), value) {
				return
			}
		}
	}
}

// Get returns the member of an object, the zero Value if there is none or v is no object.
func (v Value) Get(name string) Value {
	if v.d == nil || v.Kind() != Object {
		return Value{}
	}
	for n, value := range v.members() {
		if string(n.inner()) == name {
			return value
		}
	}
	return Value{}
}

// Any returns v as encoding/json gives it, with a json.Number for every number.
func (v Value) Any() any {
	switch v.Kind() {
	case Bool:
		return v.Raw()[0] == 't'
	case Number:
		return json.Number(v.Raw())
	case String:
		return v.Text()
	case Array:
		out := make([]any, 0, v.Len())
		for _, e := range v.Elements() {
			out = append(out, e.Any())
		}
		return out
	case Object:
		out := make(map[string]any, v.Len())
		for name, value := range v.Members() {
			out[name] = value.Any()
		}
		return out
	}
	return nil
}
