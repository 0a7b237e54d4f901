package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode"
	"unicode/utf8"

	"github.com/sfere-go/sfere/internal/excerpt"
)

// screen is where everything goes that a person reads: no text that comes from
// the program gets past it to control the terminal, whoever prints it.
type screen struct{ w io.Writer }

func (s screen) Write(p []byte) (int, error) {
	if _, err := io.WriteString(s.w, harmless(string(p), "\n\t")); err != nil {
		return 0, err
	}
	return len(p), nil
}

// harmless returns text with everything as an escape that may control a terminal
// or hide what is there, but for the characters in keep.
func harmless(text, keep string) string {
	return escaped(text, func(r rune) bool { return controls(r) && !strings.ContainsRune(keep, r) }, func(r rune, _ bool) string {
		switch {
		case r == '\n':
			return `\n`
		case r == '\t':
			return `\t`
		case r == '\r':
			return `\r`
		case r < 0x100:
			return fmt.Sprintf(`\x%02x`, r)
		case r < 0x10000:
			return fmt.Sprintf(`\u%04x`, r)
		}
		return fmt.Sprintf(`\U%08x`, r)
	})
}

// escaped writes the runes of text that want it with by. Bytes that are no UTF-8
// are broken runes of their own value: some terminals read them as control
// characters.
func escaped(text string, want func(rune) bool, by func(r rune, broken bool) string) string {
	var b strings.Builder
	done := 0
	for i, n := 0, 0; i < len(text); i += n {
		var r rune
		r, n = utf8.DecodeRuneInString(text[i:])
		broken := r == utf8.RuneError && n == 1
		if broken {
			r = rune(text[i])
		} else if !want(r) {
			continue
		}
		b.WriteString(text[done:i])
		b.WriteString(by(r, broken))
		done = i + n
	}
	return b.String() + text[done:]
}

// controls reports whether r may do something else than show itself: move the
// cursor, turn the direction of text, break the line. The joiners that scripts
// and emoji need do nothing else.
func controls(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) && r != '\u200c' && r != '\u200d'
}

// line keeps text in one cell of one line.
func line(text string) string { return harmless(text, "") }

// rows prints rows in columns.
func (c *cli) rows(rows ...[]string) {
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		for i, cell := range r {
			if i > 0 {
				fmt.Fprint(w, "\t")
			}
			fmt.Fprint(w, line(cell))
		}
		fmt.Fprintln(w)
	}
	_ = w.Flush()
}

// printJSON prints JSON of the program, indented once: its own indentation is
// that of the document it was part of.
func (c *cli) printJSON(text []byte) error {
	_, err := io.WriteString(c.out, indented(text, "")+"\n")
	return err
}

// indented returns JSON in lines, those after the first with prefix. It still is
// the same JSON: what would control the terminal is an escape of JSON.
func indented(text []byte, prefix string) string {
	var b bytes.Buffer
	if json.Indent(&b, bytes.TrimSpace(text), prefix, "  ") != nil {
		return harmless(string(text), "\n")
	}
	return harmlessJSON(b.String())
}

// compact puts JSON on one line.
func compact(text json.RawMessage) string {
	var b bytes.Buffer
	if json.Compact(&b, text) != nil {
		return line(string(text))
	}
	return harmlessJSON(b.String())
}

// harmlessJSON is harmless for JSON whose only white space outside of texts is
// that of json.Indent.
func harmlessJSON(text string) string {
	return escaped(text, func(r rune) bool { return controls(r) && r != '\n' }, func(r rune, broken bool) string {
		if broken { // as everybody reads it who reads JSON
			return `\ufffd`
		}
		if r >= 0x10000 {
			hi, lo := (r-0x10000)>>10+0xd800, (r-0x10000)&0x3ff+0xdc00
			return fmt.Sprintf(`\u%04x\u%04x`, hi, lo)
		}
		return fmt.Sprintf(`\u%04x`, r)
	})
}

// cut shortens text to at most n bytes.
func cut(text string, n int) string { return excerpt.Of(text, n, "…") }
