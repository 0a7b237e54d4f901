package main

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// look returns what names that are taken for one another have in common, which is
// what the lobby claims for a person. It leaves out case, accents, the width and
// the style of letters, and the alphabet of letters that look like Latin ones. So
// "José", "jose" and "ＪＯＳＥ" are one, and so are Latin "coco" and Cyrillic "сосо".
//
// It is no complete list of what can be confused: that is in Unicode's UTS 39. A
// name that is refused without need costs little; "rn" beside "m" is let through.
func look(name string) string {
	name = cases.Fold().String(norm.NFKD.String(name))
	name = strings.Map(func(r rune) rune {
		if accent(r) {
			return -1
		}
		return r
	}, norm.NFD.String(name))
	return strings.Join(strings.Fields(alike.Replace(name)), " ")
}

// accent reports whether r is a mark that Latin, Greek and Cyrillic letters have.
// Those that tell apart letters of other scripts, such as Kana and Thai, stay.
func accent(r rune) bool {
	return unicode.Is(unicode.Mn, r) && unicode.Is(unicode.Inherited, r) && r < '\u3000'
}

// alike replaces letters that look like Latin ones, small or capital, and Latin
// ones whose accent is a part of them.
var alike = pairs(
	"øołlđdðdħhŧtıi",                             // Latin
	"αaβbεeζzηhιiκkμmνnοoρpτtυyχxϲcϳj",           // Greek
	"аaвbеeкkмmнhоoрpсcтtуyхxіiјjѕsԁdһhԛqԝwӏlєe", // Cyrillic
)

// pairs makes a replacer of strings in which each letter is followed by its
// replacement.
func pairs(tables ...string) *strings.Replacer {
	return strings.NewReplacer(strings.Split(strings.Join(tables, ""), "")...)
}
