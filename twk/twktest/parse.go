package twktest

import (
	"bytes"
	"errors"
	"io"
	"iter"
)

var (
	// ErrTruncated ends a stream whose last event has no blank line after it.
	// The client never sees that event.
	ErrTruncated = errors.New("twktest: the stream ends inside an event, which is lost")

	// ErrTooLong ends a stream with a line or an event above 32 MiB.
	ErrTooLong = errors.New("twktest: event longer than 32 MiB")
)

const maxEvent = 32 << 20

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
