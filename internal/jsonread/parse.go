package jsonread

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Parse reads a text that is one JSON value. The error is an *[Error]; it wraps
// [ErrTooLarge] if the text is over the limits, which is found before anything is done
// with it. The caller must not change text while it uses the Value.
func Parse(text []byte, l Limits) (Value, error) {
	if most := cmp.Or(l.Bytes, math.MaxInt32); len(text) > min(most, math.MaxInt32) {
		return Value{}, &Error{Err: fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(text), most)}
	}
	p := &parser{doc: doc{text: text, nodes: make([]node, 0, len(text)/16+min(16, len(text)/4+1))}, depth: cmp.Or(l.Depth, 10_000)}
	if err := p.value(0); err != nil {
		return Value{}, err
	}
	if p.space(); p.at < len(text) {
		return Value{}, p.unexpected("after the value")
	}
	return Value{&p.doc, 0}, nil
}

// parser fills a doc from the beginning of the text to its end.
type parser struct {
	doc
	at    int      // the next byte
	depth int      // how deep values may nest
	names [][]byte // of the objects that are open
}

var errEnd = errors.New("unexpected end of JSON input")

func (p *parser) space() {
	for p.at < len(p.text) {
		switch p.text[p.at] {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return
		}
	}
}

// peek returns the next byte that is no space, 0 at the end.
func (p *parser) peek() byte {
	if p.space(); p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

// unexpected says what is wrong with the next byte.
func (p *parser) unexpected(where string) error {
	if p.at >= len(p.text) {
		return &Error{Err: errEnd}
	}
	r, _ := utf8.DecodeRune(p.text[p.at:])
	return &Error{Err: fmt.Errorf("byte %d: invalid character %q %s", p.at, r, where)}
}

// within adds the outer part of the way to the place of an error.
func within(err error, step string) error {
	e := err.(*Error)
	e.Pointer = "/" + escaper.Replace(step) + e.Pointer
	return e
}

// value reads one value at the given depth.
func (p *parser) value(depth int) error {
	c := p.peek()
	i := len(p.nodes)
	p.nodes = append(p.nodes, node{from: int32(p.at)})
	var kind Kind
	var err error
	switch {
	case c == '{':
		kind, err = Object, p.object(i, depth+1)
	case c == '[':
		kind, err = Array, p.array(i, depth+1)
	case c == '"':
		kind = String
		p.nodes[i].escaped, err = p.str()
	case c == '-' || '0' <= c && c <= '9':
		kind, err = Number, p.number()
	case c == 't':
		kind, err = Bool, p.word("true")
	case c == 'f':
		kind, err = Bool, p.word("false")
	case c == 'n':
		kind, err = Null, p.word("null")
	default:
		err = p.unexpected("looking for beginning of value")
	}
	if err != nil {
		return err
	}
	n := &p.nodes[i]
	n.kind, n.to, n.next = kind, int32(p.at), int32(len(p.nodes))
	return nil
}

func (p *parser) word(w string) error {
	for i := range w {
		if p.at >= len(p.text) || p.text[p.at] != w[i] {
			return p.unexpected("in literal " + w)
		}
		p.at++
	}
	return nil
}

func (p *parser) deeper(depth int) error {
	if depth > p.depth {
		return &Error{Err: fmt.Errorf("%w: values nest more than %d deep", ErrTooLarge, p.depth)}
	}
	return nil
}

func (p *parser) array(i, depth int) error {
	if err := p.deeper(depth); err != nil {
		return err
	}
	p.at++
	if p.peek() == ']' {
		p.at++
		return nil
	}
	for count := int32(0); ; {
		if err := p.value(depth); err != nil {
			return within(err, strconv.Itoa(int(count)))
		}
		count++
		switch p.peek() {
		case ',':
			p.at++
		case ']':
			p.at++
			p.nodes[i].count = count
			return nil
		default:
			return p.unexpected("after array element")
		}
	}
}

func (p *parser) object(i, depth int) error {
	if err := p.deeper(depth); err != nil {
		return err
	}
	p.at++
	if p.peek() == '}' {
		p.at++
		return nil
	}
	if p.names == nil {
		p.names = make([][]byte, 0, fewNames)
	}
	own := names{first: len(p.names)}
	for count := int32(0); ; {
		if p.peek() != '"' {
			return p.unexpected("looking for beginning of object key string")
		}
		name, err := p.name()
		if err != nil {
			return err
		}
		if own.twice(p, name) {
			return &Error{Err: fmt.Errorf("the name %s is given twice", Quote(string(name)))}
		}
		if p.peek() != ':' {
			return p.unexpected("after object key")
		}
		p.at++
		if err := p.value(depth); err != nil {
			return within(err, string(name))
		}
		count++
		switch p.peek() {
		case ',':
			p.at++
		case '}':
			p.at++
			p.nodes[i].count = count
			p.names = p.names[:own.first]
			return nil
		default:
			return p.unexpected("after object key:value pair")
		}
	}
}

// name reads the name of a member.
func (p *parser) name() ([]byte, error) {
	i, from := len(p.nodes), p.at
	p.nodes = append(p.nodes, node{from: int32(from), next: int32(i) + 1, kind: String})
	escaped, err := p.str()
	if err != nil {
		return nil, err
	}
	p.nodes[i].to, p.nodes[i].escaped = int32(p.at), escaped
	name := p.text[from+1 : p.at-1]
	if escaped {
		name = unescape(name)
	}
	return name, nil
}

// names are those of one object: a few are compared one by one, many are looked up.
type names struct {
	first int // in parser.names
	many  map[string]bool
}

const fewNames = 8

// twice adds name and reports whether it was there.
func (n *names) twice(p *parser, name []byte) bool {
	if n.many != nil {
		if n.many[string(name)] {
			return true
		}
		n.many[string(name)] = true
		return false
	}
	few := p.names[n.first:]
	for _, other := range few {
		if bytes.Equal(other, name) {
			return true
		}
	}
	if len(few) < fewNames {
		p.names = append(p.names, name)
		return false
	}
	n.many = map[string]bool{string(name): true}
	for _, other := range few {
		n.many[string(other)] = true
	}
	return false
}

// str reads a string and reports whether it has escapes.
func (p *parser) str() (escaped bool, err error) {
	p.at++
	for p.at < len(p.text) {
		switch c := p.text[p.at]; {
		case c == '"':
			p.at++
			return escaped, nil
		case c == '\\':
			escaped = true
			if err := p.escape(); err != nil {
				return escaped, err
			}
		case c < ' ':
			return escaped, p.unexpected("in string literal")
		case c < utf8.RuneSelf:
			p.at++
		default:
			r, size := utf8.DecodeRune(p.text[p.at:])
			if r == utf8.RuneError && size == 1 {
				return escaped, &Error{Err: fmt.Errorf("byte %d: not UTF-8", p.at)}
			}
			p.at += size
		}
	}
	return escaped, p.unexpected("")
}

// escape reads one escape, or two that are the halves of one character.
func (p *parser) escape() error {
	if p.at+1 >= len(p.text) {
		p.at = len(p.text)
		return p.unexpected("")
	}
	switch p.text[p.at+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		p.at += 2
		return nil
	case 'u':
	default:
		p.at++
		return p.unexpected("in string escape code")
	}
	u, ok := unit(p.text[p.at:])
	if !ok {
		return &Error{Err: fmt.Errorf(`byte %d: \u wants four hexadecimal digits`, p.at)}
	}
	if utf16.IsSurrogate(u) {
		low, _ := unit(p.text[p.at+6:])
		if utf16.DecodeRune(u, low) == utf8.RuneError {
			return &Error{Err: fmt.Errorf("byte %d: half a surrogate pair", p.at)}
		}
		p.at += 6
	}
	p.at += 6
	return nil
}

// unit reads the \uXXXX that text begins with.
func unit(text []byte) (u rune, ok bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	for _, c := range text[2:6] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		u = u<<4 | rune(c)
	}
	return u, true
}

// unescape returns what the inside of a valid string says.
func unescape(inner []byte) []byte {
	out := make([]byte, 0, len(inner))
	for i := 0; i < len(inner); i++ {
		c := inner[i]
		if c != '\\' {
			out = append(out, c)
			continue
		}
		i++
		switch c = inner[i]; c {
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			u, _ := unit(inner[i-1:])
			i += 4
			if utf16.IsSurrogate(u) {
				low, _ := unit(inner[i+1:])
				u = utf16.DecodeRune(u, low)
				i += 6
			}
			out = utf8.AppendRune(out, u)
			continue
		}
		out = append(out, c)
	}
	return out
}
