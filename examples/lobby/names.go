package main

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

const maxName = 40 // characters

// tidy returns a name as everybody sees it: in NFC, so that one name has one
// spelling, and with single spaces, because a page shows no others.
func tidy(name string) string { return strings.Join(strings.Fields(norm.NFC.String(name)), " ") }

// refusal says why a name that somebody typed cannot be used; "" means that it can.
// It looks at what was typed: tidy would hide a line break.
func refusal(typed string) string {
	name, marks := tidy(typed), 0
	for _, r := range typed {
		if unseen(r) {
			return fmt.Sprintf("A name cannot have characters that nobody sees, such as %U.", r)
		}
		if marks++; !unicode.Is(unicode.M, r) {
			marks = 0
		}
		if marks > 3 { // they would pile up over the lines above
			return "This name has too many accents."
		}
	}
	switch {
	case !utf8.ValidString(typed) || strings.ContainsRune(typed, utf8.RuneError):
		return "This name cannot be read." // decoding JSON replaces what is not UTF-8
	case name == "":
		return "Please choose a name."
	case utf8.RuneCountInString(name) > maxName:
		return fmt.Sprintf("A name has at most %d characters.", maxName)
	case mixed(name):
		return "Please write your name in one alphabet."
	case key(name).Validate() != nil || seat(name).Validate() != nil: // "*", or nothing but accents
		return "This name cannot be used."
	}
	return ""
}

// unseen reports whether r is a character that shows nothing, or changes how others
// are shown: control and format characters, among them zero-width, bidirectional
// and tag characters; variation selectors, fillers, and what is not assigned. This
// refuses emoji that are glued together from several, too.
func unseen(r rune) bool {
	return !unicode.IsGraphic(r) || r == '\u2800' || // a Braille cell without dots
		unicode.In(r, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}

// alphabets have letters in common to the eye.
var alphabets = []*unicode.RangeTable{unicode.Latin, unicode.Greek, unicode.Cyrillic, unicode.Armenian, unicode.Coptic, unicode.Cherokee}

// mixed reports whether a name has letters of two such alphabets: a Latin name with
// one Cyrillic letter in it is nobody's name, and looks like somebody else's.
func mixed(name string) bool {
	n := 0
	for _, a := range alphabets {
		if strings.ContainsFunc(norm.NFKC.String(name), func(r rune) bool { return unicode.Is(a, r) }) {
			n++
		}
	}
	return n > 1
}
