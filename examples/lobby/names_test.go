package main

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestNames(t *testing.T) {
	for _, tt := range []struct{ typed, shown, refused, reason string }{
		{"Ann O'Neil", "Ann O'Neil", "", "quote and space"},
		{"<b>&amp;", "<b>&amp;", "", "markup is text"},
		{"%2F/..", "%2F/..", "", "characters of the text form of keys"},
		{"Jose\u0301", "Jos\u00e9", "", "one spelling: NFC"},
		{"\u212bsa", "\u00c5sa", "", "a sign that is a letter in NFC"},
		{" Ann \u00a0\u2003 Lee ", "Ann Lee", "", "spaces are one kind"},
		{"Zoë 🙂 名前", "Zoë 🙂 名前", "", "Latin beside scripts that do not look like it"},
		{"Мария", "Мария", "", "Cyrillic alone"},
		{"Ελένη", "Ελένη", "", "Greek alone"},
		{"दीपिका", "दीपिका", "", "marks that are a part of the script"},
		{"שָׁלוֹם", "שָׁלוֹם", "", "right to left, with points"},
		{strings.Repeat("é", 40), strings.Repeat("é", 40), "", "characters are counted, not bytes"},
		{strings.Repeat("e\u0301", 40), strings.Repeat("é", 40), "", "characters are counted in NFC"},
		{strings.Repeat("é", 41), "", "at most 40", "too long"},
		{"", "", "choose", "empty"},
		{" \u3000 ", "", "choose", "blank"},
		{"*", "", "cannot be used", "not a key"},
		{"\u00b4", "", "cannot be used", "nothing but an accent"},
		{"\u0301", "", "cannot be used", "nothing but a mark"},
		{"A" + strings.Repeat("\u0337", 4), "", "accents", "marks that pile up"},
		{strings.Repeat("\ufdfa", 40), "", "cannot be used", "its folded form is too long for a key"},
		{"a\xffb", "", "cannot be", "not UTF-8"},
		{"a\ufffdb", "", "read", "was not UTF-8 in the request"},
		{"a\rb", "", "sees", "line break"},
		{"Ann\n", "", "sees", "line break at the end"},
		{"a\tb", "", "sees", "tab"},
		{"a\x00b", "", "sees", "NUL"},
		{"a\u0085b", "", "sees", "control character of Latin-1"},
		{"a\u2028b", "", "sees", "line separator"},
		{"a\u200bb", "", "U+200B", "zero-width space"},
		{"a\u200db", "", "sees", "zero-width joiner"},
		{"a\u2060b", "", "sees", "word joiner"},
		{"a\ufeffb", "", "sees", "byte order mark"},
		{"a\u00adb", "", "sees", "soft hyphen"},
		{"a\u034fb", "", "sees", "grapheme joiner"},
		{"a\ufe0fb", "", "sees", "variation selector"},
		{"a\U000e0100b", "", "sees", "variation selector of the supplement"},
		{"a\U000e0041b", "", "sees", "tag character"},
		{"a\u3164b", "", "sees", "Hangul filler"},
		{"a\u2800b", "", "sees", "empty Braille cell"},
		{"a\u202eb", "", "sees", "override of the direction"},
		{"a\u2066b", "", "sees", "isolate"},
		{"a\u200eb", "", "sees", "mark of direction"},
		{"a\u061cb", "", "sees", "Arabic mark of direction"},
		{"a\ue000b", "", "sees", "private use"},
		{"B\u043eb", "", "alphabet", "Cyrillic o in a Latin name"},
		{"B\u03bfb", "", "alphabet", "Greek o in a Latin name"},
		{"Иv\u0430н", "", "alphabet", "Latin v in a Cyrillic name"},
		{"\U0001d6fcnn", "", "alphabet", "a Greek letter of mathematics in a Latin name"},
	} {
		got := refusal(tt.typed)
		if tt.refused == "" && (got != "" || tidy(tt.typed) != tt.shown) {
			t.Errorf("%+q (%s) is %+q, refused %q; want %+q", tt.typed, tt.reason, tidy(tt.typed), got, tt.shown)
		}
		if tt.refused != "" && !strings.Contains(got, tt.refused) {
			t.Errorf("%+q (%s): %q, want a refusal with %q", tt.typed, tt.reason, got, tt.refused)
		}
	}
}

func TestLooks(t *testing.T) {
	for _, tt := range []struct {
		a, b   string
		same   bool
		reason string
	}{
		{"Ann", "ANN", true, "case"},
		{"straße", "STRASSE", true, "case with two letters"},
		{"Σίσυφος", "ΣΊΣΥΦΟΣ", true, "final sigma"},
		{"José", "jose", true, "accent"},
		{"İpek", "ipek", true, "dot of a capital"},
		{"ılgaz", "ilgaz", true, "letter without its dot"},
		{"Jørgen", "jorgen", true, "accent that is a part of the letter"},
		{"Việt", "viet", true, "two accents"},
		{"Ａｎｎ", "Ann", true, "full width"},
		{"𝐀𝐧𝐧", "Ann", true, "letters of mathematics"},
		{"\ufb01n", "fin", true, "ligature"},
		{"Ann Lee", "ann\u2003lee", true, "white space"},
		{"coco", "сосо", true, "Cyrillic that looks like Latin"},
		{"BETA", "ΒΕΤΑ", true, "Greek capitals that look like Latin"},
		{"Ann", "Anna", false, "other names"},
		{"AnnLee", "Ann Lee", false, "a space is seen"},
		{"かき", "がき", false, "Kana with another sound"},
		{"ดี", "ดา", false, "Thai vowels"},
		{"Ann 🙂", "Ann 🙃", false, "other pictures"},
	} {
		if look(tt.a) == look(tt.b) != tt.same {
			t.Errorf("%s: %q and %q are %q and %q, want the same: %v", tt.reason, tt.a, tt.b, look(tt.a), look(tt.b), tt.same)
		}
	}
}

// Whatever is let in is a name that stays as it is, and can be claimed.
func FuzzNames(f *testing.F) {
	for _, s := range []string{"Ann", "Jose\u0301", "İ", "ﷺ", "\u0344", "ΐ", "a\u0337\u0301"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		if refusal(typed) != "" {
			return
		}
		name := tidy(typed)
		if tidy(name) != name || refusal(name) != "" {
			t.Errorf("%+q becomes %+q, and that %+q (%s)", typed, name, tidy(name), refusal(name))
		}
		if l := look(name); l == "" || !utf8.ValidString(l) || look(l) != l {
			t.Errorf("%+q looks like %+q, and that like %+q", name, l, look(l))
		}
	})
}
