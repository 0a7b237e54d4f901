package jsonread

import (
	"fmt"
	"strconv"
	"strings"
)

const (
	maxNumber   = 100 // bytes of a number
	maxExponent = 400 // beyond float64 on either side
)

// number reads a number and refuses those that are costly, or that no Go type for
// numbers of JSON can hold.
func (p *parser) number() error {
	from := p.at
	if p.text[p.at] == '-' {
		p.at++
	}
	switch {
	case p.at < len(p.text) && p.text[p.at] == '0':
		p.at++
	case p.digits() == 0:
		return p.unexpected("in numeric literal")
	}
	if p.at < len(p.text) && p.text[p.at] == '.' {
		p.at++
		if p.digits() == 0 {
			return p.unexpected("after decimal point in numeric literal")
		}
	}
	if p.at < len(p.text) && (p.text[p.at] == 'e' || p.text[p.at] == 'E') {
		p.at++
		if p.at < len(p.text) && (p.text[p.at] == '+' || p.text[p.at] == '-') {
			p.at++
		}
		if p.digits() == 0 {
			return p.unexpected("in exponent of numeric literal")
		}
	}
	if err := checkNumber(p.text[from:p.at]); err != nil {
		return &Error{Err: err}
	}
	return nil
}

// digits reads digits and returns how many there were.
func (p *parser) digits() int {
	from := p.at
	for p.at < len(p.text) && '0' <= p.text[p.at] && p.text[p.at] <= '9' {
		p.at++
	}
	return p.at - from
}

// checkNumber refuses a number that is written well and is too long or too large.
func checkNumber(text []byte) error {
	if len(text) > maxNumber {
		return fmt.Errorf("a number of %d bytes, at most %d", len(text), maxNumber)
	}
	for i, c := range text {
		if c != 'e' && c != 'E' {
			continue
		}
		if n, err := strconv.Atoi(string(text[i+1:])); err != nil || n > maxExponent || n < -maxExponent {
			return fmt.Errorf("number %s is out of range", text)
		}
		if _, err := strconv.ParseFloat(string(text), 64); err != nil {
			return fmt.Errorf("number %s is out of range", text)
		}
		return nil
	}
	return nil // 100 digits are not beyond float64
}

// asNumber checks what a string must hold to be one of type json.Number.
func asNumber(s string) error {
	p := &parser{doc: doc{text: []byte(s)}}
	if s == "" || !strings.ContainsRune("-0123456789", rune(s[0])) || p.number() != nil || p.at < len(s) {
		return fmt.Errorf("%s is no number", Quote(s))
	}
	return nil
}
