package twktest

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Event is one item of a stream: a dispatched event, or a comment line. It is a
// value that shares nothing with the parser. Strings hold the bytes as sent,
// also those that are not UTF-8.
type Event struct {
	// Type is the last event field, empty if there was none.
	Type string
	// ID is the last id field.
	ID string
	// Retry is the last retry field, not yet converted to a number.
	Retry string
	// Data has one element for each data line, in order.
	Data []string
	// Unknown has the lines that the client drops: without a colon, or with
	// another field name. A correct writer produces none.
	Unknown []string
	// Comment is the text of a comment line, such as a heartbeat, without the
	// colon and one space. If it is not nil, all other fields are empty.
	Comment *string
}

// Acts reports whether the client does something with the event: it looks only
// at the start of the type.
func (e Event) Acts() bool { return strings.HasPrefix(e.Type, "datastar") }

// Fields folds the data lines as the client does: each line is a key, a space
// and a value, and the values of equal keys are joined with a newline. The
// result is a new map. Two oddities of the client are kept: empty lines in
// front of the data are dropped, and a line without a space becomes a value
// whose key is the line without its last character. [Event.Check] reports both
// the latter and the keys that make the client throw.
func (e Event) Fields() map[string]string {
	fields := make(map[string]string)
	for _, line := range e.dataLines() {
		key, value, ok := strings.Cut(line, " ")
		if !ok {
			_, size := utf8.DecodeLastRuneInString(line)
			key, value = line[:len(line)-size], line
		}
		if old, ok := fields[key]; ok {
			value = old + "\n" + value
		}
		fields[key] = value
	}
	return fields
}

func (e Event) dataLines() []string {
	lines := e.Data
	for len(lines) > 0 && lines[0] == "" {
		lines = lines[1:]
	}
	return lines
}

// inherited are the properties of every JavaScript object. The client collects
// the data lines in a plain object, finds one of these instead of nothing under
// such a key, throws, and reconnects without closing the old connection.
var inherited = map[string]bool{
	"constructor": true, "hasOwnProperty": true, "isPrototypeOf": true,
	"propertyIsEnumerable": true, "toLocaleString": true, "toString": true,
	"valueOf": true, "__proto__": true, "__defineGetter__": true,
	"__defineSetter__": true, "__lookupGetter__": true, "__lookupSetter__": true,
}

// Check reports what no correct writer sends although the client would accept
// it, would drop it without a word, or would break its connection over it. Each
// finding is one line of the error. A comment is always in order.
func (e Event) Check() error {
	var errs []error
	report := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("twktest: "+format, args...))
	}
	if e.Comment != nil {
		return nil
	}
	if !e.Acts() {
		report("event type %q is ignored by the client", e.Type)
	}
	for _, line := range e.Unknown {
		report("line %q is dropped by the client", line)
	}
	for _, r := range e.ID {
		if r < ' ' || r > '~' {
			report("id %q is not printable ASCII; the client cannot send it back", e.ID)
			break
		}
	}
	if strings.Trim(e.Retry, "0123456789") != "" {
		report("retry %q is not a number", e.Retry)
	}
	for _, line := range e.Data {
		key, _, ok := strings.Cut(line, " ")
		switch {
		case !ok:
			report("data line %q has no key", line)
		case inherited[key]:
			report("data key %q makes the client throw", key)
		case !utf8.ValidString(line):
			report("data line %q is not UTF-8", line)
		}
	}
	return errors.Join(errs...)
}
