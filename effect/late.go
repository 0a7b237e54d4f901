package effect

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"github.com/sfere-go/sfere/internal/jsonread"
)

// Late is a field that holds a T or a reference to a placeholder which gives
// the T when the effect that holds the field runs. Handlers read Value and never
// see a reference.
//
// Make one with [Now] or [Later]. A resolved value is taken as it is, even if it
// is zero or looks like a reference; it is not resolved again. In JSON a literal
// is the T itself and a reference is {"$placeholder": name, "args": {...}}. A
// literal object that could be taken for one is wrapped as {"$literal": ...}.
type Late[T any] struct {
	Value T    // the literal, or the resolved value
	From  Data // the placeholder; nil for a literal
}

// Now returns a late value that is known already: the literal v.
func Now[T any](v T) Late[T] { return Late[T]{Value: v} }

// Later returns a late value that the placeholder p gives when the effect that
// holds it runs. The fields of p are its arguments; they may be late themselves.
// The placeholder must give a T; another value is an error of the effect.
func Later[T any](p Data) Late[T] { return Late[T]{From: p} }

// IsRef reports whether l waits for a placeholder.
func (l *Late[T]) IsRef() bool { return l.From != nil }

// Ref returns the placeholder data, nil for a literal.
func (l *Late[T]) Ref() any {
	if l.From == nil {
		return nil
	}
	return l.From
}

// SetRef replaces the placeholder data. A ref that is no Data makes l a literal.
func (l *Late[T]) SetRef(ref any) { l.From, _ = ref.(Data) }

// Set stores v as the value; nil is the nil of any T that has one. It returns an
// error if v is not a T.
func (l *Late[T]) Set(v any) error {
	t, ok := v.(T)
	if !ok && (v != nil || !nilable(reflect.TypeFor[T]().Kind())) {
		return fmt.Errorf("placeholder gave a %T, the field wants %s", v, reflect.TypeFor[T]())
	}
	l.Value, l.From = t, nil
	return nil
}

func nilable(k reflect.Kind) bool {
	return k == reflect.Interface || k == reflect.Pointer || k == reflect.Slice || k == reflect.Map
}

type wireRef struct {
	Placeholder string `json:"$placeholder"`
	Args        any    `json:"args"`
}

type wireRawRef struct {
	Placeholder string          `json:"$placeholder"`
	Args        json.RawMessage `json:"args"`
}

// MarshalJSON writes the literal or the reference. A panic of a method of either is
// an error.
func (l Late[T]) MarshalJSON() (text []byte, err error) {
	defer panics(&err, l)
	var b bytes.Buffer
	if l.From != nil {
		if v := reflect.ValueOf(l.From); v.Kind() == reflect.Pointer && v.IsNil() {
			return nil, fmt.Errorf("effect: the placeholder is a nil %T", l.From)
		}
		w := wireRef{l.From.EffectName(), l.From}
		if r, ok := l.From.(Raw); ok {
			w.Args = r.Args
			if len(r.Args) == 0 {
				w.Args = struct{}{}
			}
		}
		err := encode(&b, w)
		return b.Bytes(), err
	}
	if err := encode(&b, l.Value); err != nil {
		return nil, err
	}
	if reserved(b.Bytes()) {
		return fmt.Appendf(nil, `{"$literal":%s}`, b.Bytes()), nil
	}
	return b.Bytes(), nil
}

// reserved reports whether text is an object with a key that has a meaning in
// the wire form of a Late.
func reserved(text []byte) bool {
	text = bytes.TrimSpace(text)
	if len(text) == 0 || text[0] != '{' {
		return false
	}
	var keys map[string]json.RawMessage
	if json.Unmarshal(text, &keys) != nil {
		return false
	}
	_, ref := keys["$placeholder"]
	_, lit := keys["$literal"]
	return ref || lit
}

// UnmarshalJSON reads either form. A reference becomes a [Raw] that a dispatcher
// decodes. It refuses names that are given twice, or in another case than those of the
// fields of T; a number for an interface is read as a json.Number.
func (l *Late[T]) UnmarshalJSON(text []byte) error {
	*l = Late[T]{}
	v, err := jsonread.Parse(text, jsonread.Limits{})
	if err != nil {
		return err
	}
	if lit := v.Get("$literal"); !lit.IsZero() {
		if v.Len() != 1 {
			return errors.New(`effect: reading a late value: "$literal" stands alone`)
		}
		return jsonread.Read(lit, &l.Value)
	}
	if v.Get("$placeholder").IsZero() {
		return jsonread.Read(v, &l.Value)
	}
	var w wireRawRef
	if err := jsonread.Read(v, &w); err != nil {
		return fmt.Errorf("effect: reading a placeholder reference: %w", err)
	}
	args, err := compactArgs(w.Args)
	if err != nil {
		return fmt.Errorf("effect: reading a placeholder reference: %w", err)
	}
	l.From = Raw{Effect: w.Placeholder, Args: args}
	return nil
}

// decodeStrict reads one JSON value and refuses fields that v does not have.
func decodeStrict(text []byte, v any) error { return jsonread.Unmarshal(text, v) }

// compactArgs gives arguments in one spelling, so that lists compare equal
// whatever the white space was; null is the same as none.
func compactArgs(args json.RawMessage) (json.RawMessage, error) {
	if len(args) == 0 || bytes.Equal(args, []byte("null")) {
		return nil, nil
	}
	if isCompact(args) {
		return args, nil
	}
	var b bytes.Buffer
	err := json.Compact(&b, args)
	return b.Bytes(), err
}

// isCompact reports whether there is no white space outside strings.
func isCompact(text []byte) bool {
	quoted := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ' ' || c == '\t' || c == '\n' || c == '\r'):
			return false
		}
	}
	return true
}
