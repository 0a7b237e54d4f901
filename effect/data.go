package effect

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"
	"slices"
)

// Data is the value that describes something to be done: an effect, an action
// or a placeholder, as a plain struct with exported fields. A registry refuses types
// whose values JSON would not bring to another machine as they are.
//
// EffectName must return a constant of the type, "package/kebab-name", whatever
// the fields are. Implement it on the struct type and pass values; a dispatcher
// reads a pointer to effect data as its value. This module never changes effect
// data, so that values may be shared between goroutines.
type Data interface{ EffectName() string }

// List is a sequence of effect data. The nil list is empty, and an empty list in
// wire form is read as nil. A list must not contain itself.
//
// A List marshals itself as [{"effect": name, "args": {...}}, ...]. Unmarshalling
// needs no knowledge of the types: every item becomes a [Raw], which a
// dispatcher decodes (dispatch.Dispatcher.Decode) or runs as it is.
type List []Data

// IsEffectList marks a field type as a nested list, which is left alone until
// it is itself dispatched.
func (*List) IsEffectList() {}

// Raw is one item in wire form whose type is not known yet.
type Raw struct {
	Effect string          `json:"effect"`
	Args   json.RawMessage `json:"args,omitempty"`
}

// EffectName returns the name that the wire form carries. It is the one
// EffectName that is not a constant of its type.
func (r Raw) EffectName() string { return r.Effect }

type wireItem struct {
	Effect string `json:"effect"`
	Args   any    `json:"args"`
}

// MarshalJSON writes the wire form, without HTML escaping. A nil item, and a panic
// of a method of an item, are errors.
func (l List) MarshalJSON() ([]byte, error) {
	if l == nil {
		return []byte("[]"), nil
	}
	var b bytes.Buffer
	b.WriteByte('[')
	for i, item := range l {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := marshalItem(&b, item); err != nil {
			return nil, fmt.Errorf("effect: marshalling item %d: %w", i, err)
		}
	}
	b.WriteByte(']')
	return b.Bytes(), nil
}

func marshalItem(b *bytes.Buffer, item Data) (err error) {
	defer panics(&err, item)
	var w wireItem
	if v := reflect.ValueOf(item); v.Kind() == reflect.Pointer && v.IsNil() {
		return fmt.Errorf("item is a nil %T", item)
	}
	if raw, ok := item.(*Raw); ok {
		item = *raw
	}
	switch d := item.(type) {
	case nil:
		return errors.New("item is nil")
	case Raw:
		w = wireItem{d.Effect, d.Args}
		if len(d.Args) == 0 {
			w.Args = struct{}{}
		}
	default:
		w = wireItem{d.EffectName(), d}
	}
	return encode(b, w)
}

// panics makes a panic of a method of v the error.
func panics(err *error, v any) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("a method of %T, or of what is in it: %w", v, &PanicError{Value: p, Stack: debug.Stack()})
	}
}

// encode is json.Marshal without HTML escaping and without the final newline.
func encode(b *bytes.Buffer, v any) error {
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	b.Truncate(b.Len() - 1)
	return nil
}

// UnmarshalJSON reads the wire form into Raw items. It checks the shape only;
// names and arguments are checked when a dispatcher decodes the items.
func (l *List) UnmarshalJSON(text []byte) error {
	if bytes.Equal(bytes.TrimSpace(text), []byte("null")) {
		*l = nil
		return nil
	}
	// The usual way reads everything at once; only if something is wrong the items
	// are read one by one, to say which.
	var raws []Raw
	if err := decodeStrict(text, &raws); err != nil || slices.ContainsFunc(raws, func(r Raw) bool { return r.Effect == "" }) {
		return unmarshalError(text)
	}
	if len(raws) == 0 { // nil and empty are written alike; nil is the usual one
		*l = nil
		return nil
	}
	out := make(List, len(raws))
	for i, r := range raws {
		args, err := compactArgs(r.Args)
		if err != nil {
			return fmt.Errorf("effect: reading item %d: %w", i, err)
		}
		out[i] = Raw{r.Effect, args}
	}
	*l = out
	return nil
}

// unmarshalError finds what is wrong with text.
func unmarshalError(text []byte) error {
	var items []json.RawMessage
	if err := json.Unmarshal(text, &items); err != nil {
		return fmt.Errorf("effect: reading a list: %w", err)
	}
	for i, item := range items {
		var r Raw
		err := decodeStrict(item, &r)
		if err == nil && r.Effect == "" {
			err = errors.New("the name is missing")
		}
		if err != nil {
			return fmt.Errorf(`effect: reading item %d: want {"effect": name, "args": {...}}: %w`, i, err)
		}
	}
	return errors.New("effect: reading a list: it is not one")
}

// Batch runs its effects in two phases: first every action is expanded against
// one snapshot of the state, then all resulting effects run. Outside a Batch
// an action is expanded when its turn comes and sees what the effects before
// it did. Every dispatcher knows Batch; it needs no registration.
type Batch struct {
	Effects List `json:"effects" jsonschema:"description=what to run"`
}

// EffectName returns "effect/batch".
func (Batch) EffectName() string { return "effect/batch" }
