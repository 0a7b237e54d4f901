// Package ssetest reads a Server-Sent Events stream the way the Datastar client
// does, so that tests can check what a page would receive, injected events
// included. It shares no code with the writers it checks.
//
//	for ev, err := range ssetest.Parse(body) { … }
//
//	s := ssetest.Open(t, srv.Client(), req)
//	ev := s.Until(func(ev ssetest.Event) bool { return ev.Type == "datastar-patch-elements" })
//	fmt.Println(ev.Fields()["elements"])
//
// The rules are those of the WHATWG specification (section 9.2.6) except where
// the client v1.0.2 differs, because what it does is what an attacker gets:
//
//   - a line without a colon is dropped; the specification makes it a field
//     with an empty value
//   - a byte order mark is dropped in front of every field name and value, not
//     only at the start of the stream
//   - an event without data is dispatched
//   - an event without a type has none, and the client ignores it
//   - an id holds for the event that carries it, and may contain NUL
package ssetest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"unicode/utf8"
)

var (
	// ErrTruncated ends a stream whose last event has no blank line after it.
	// The client never sees that event.
	ErrTruncated = errors.New("ssetest: the stream ends inside an event, which is lost")

	// ErrTooLong ends a stream with a line or an event above 32 MiB.
	ErrTooLong = errors.New("ssetest: event longer than 32 MiB")
)

const maxEvent = 32 << 20

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
		errs = append(errs, fmt.Errorf("ssetest: "+format, args...))
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

// Parse returns the events and comments of r, each as soon as its last byte is
// there. It reads no further than the consumer ranges, keeps at most one event
// in memory, and closes nothing.
//
// The sequence ends without an error at the end of r. A read error, a lost last
// event ([ErrTruncated]) and an event above the bound ([ErrTooLong]) are
// yielded last, with an empty Event. The sequence can be used once.
func Parse(r io.Reader) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		var p parser
		buf := make([]byte, 4096)
		for {
			n, err := r.Read(buf)
			for _, c := range buf[:n] {
				ev, ok := p.next(c)
				if ok && !yield(ev, nil) {
					return
				}
				if p.size > maxEvent {
					yield(Event{}, ErrTooLong)
					return
				}
			}
			switch {
			case err == nil:
				continue
			case err == io.EOF && p.pending():
				yield(Event{}, ErrTruncated)
			case err != io.EOF:
				yield(Event{}, err)
			}
			return
		}
	}
}

// All returns the events of r without its comments, and the error that ended
// the stream early, if any. See [Parse].
func All(r io.Reader) ([]Event, error) {
	var events []Event
	for ev, err := range Parse(r) {
		if err != nil {
			return events, err
		}
		if ev.Comment == nil {
			events = append(events, ev)
		}
	}
	return events, nil
}

// parser is the state between two bytes. It works on single bytes, which makes
// the result independent of how a stream is cut into reads.
type parser struct {
	line  []byte
	event Event
	dirty bool // event has a field, or a line for Unknown
	sawCR bool // the last byte was a CR, which has ended its line already
	size  int  // bytes since the last dispatch
}

// next takes one byte and returns the item that it completes, if any.
func (p *parser) next(c byte) (Event, bool) {
	p.size++
	afterCR := p.sawCR
	p.sawCR = c == '\r'
	switch {
	case c == '\n' && afterCR:
		return Event{}, false // the second half of CR LF
	case c != '\n' && c != '\r':
		p.line = append(p.line, c)
		return Event{}, false
	}
	line := p.line
	p.line = p.line[:0]
	return p.endLine(line)
}

func (p *parser) endLine(line []byte) (Event, bool) {
	if len(line) == 0 {
		ev, ok := p.event, p.dirty
		p.event, p.dirty, p.size = Event{}, false, 0
		return ev, ok
	}
	name, value, hasColon := bytes.Cut(line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	if hasColon && len(name) == 0 {
		text := string(value)
		return Event{Comment: &text}, true
	}
	p.dirty = true
	text := string(trimBOM(value))
	switch field := string(trimBOM(name)); {
	case hasColon && field == "data":
		p.event.Data = append(p.event.Data, text)
	case hasColon && field == "event":
		p.event.Type = text
	case hasColon && field == "id":
		p.event.ID = text
	case hasColon && field == "retry":
		p.event.Retry = text
	default:
		p.event.Unknown = append(p.event.Unknown, string(line))
	}
	return Event{}, false
}

// pending reports whether the end of the stream would lose something. An
// unfinished comment is no loss.
func (p *parser) pending() bool {
	return p.dirty || len(p.line) > 0 && p.line[0] != ':'
}

func trimBOM(b []byte) []byte { return bytes.TrimPrefix(b, []byte("\ufeff")) }
