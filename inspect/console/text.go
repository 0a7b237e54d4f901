package console

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
	"github.com/sfere-go/sfere/internal/plainjson"
)

// nameOf returns the name of d, empty if there is none.
func nameOf(d effect.Data) string {
	if d == nil {
		return ""
	}
	return core.SafeName(d)
}

// itemJSON is the wire form of d, nil if it has none.
func itemJSON(d effect.Data) (text json.RawMessage) {
	if d == nil {
		return nil
	}
	defer func() {
		if recover() != nil { // a method of the type
			text = nil
		}
	}()
	text, err := plainjson.Marshal(effect.List{d})
	if err != nil {
		return nil
	}
	return bytes.TrimSuffix(bytes.TrimPrefix(text, []byte("[")), []byte("]"))
}

// valueJSON is v in JSON, or its text if it has no such form.
func valueJSON(v any) (text json.RawMessage) {
	defer func() {
		if p := recover(); p != nil {
			text, _ = plainjson.Marshal(fmt.Sprintf("%T", v))
		}
	}()
	text, err := plainjson.Marshal(v)
	if err != nil {
		text, _ = plainjson.Marshal(fmt.Sprintf("%T", v))
	}
	return text
}
