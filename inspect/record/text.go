package record

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// HideText returns a text of JSON, markup or script, or the beginning of one, without
// the values that have the name of a secret ([Options].Secrets): name: value,
// name=value, a form field or a meta element of such a name, or of the type password.
// What was hidden is hidden elsewhere in the text as well, if it has four bytes. A nil
// Recorder has the default names. Not found is what has no name.
func (r *Recorder) HideText(text string) string {
	s := secretsOf(nil)
	if r != nil {
		s = r.secrets
	}
	var found finds
	text = s.afterNames(text, &found)
	text = s.inFields(text, &found)
	return found.cover(text)
}

// quotes are what texts are enclosed in: as they are, within another text, and in markup.
var quotes = []string{`"`, `'`, "`", `\"`, `\'`, "&quot;", "&#34;", "&#39;", "&apos;"}

// quoteAt returns the quote that text begins with, "" if there is none.
func quoteAt(text string) string {
	for _, q := range quotes {
		if strings.HasPrefix(text, q) {
			return q
		}
	}
	return ""
}

// afterNames hides what follows the names of secrets.
func (s *secrets) afterNames(text string, found *finds) string {
	var out strings.Builder
	done := 0
	for i := 0; i < len(text); {
		end := nameEnd(text, i)
		if end == i {
			_, n := utf8.DecodeRuneInString(text[i:])
			i += n
			continue
		}
		name := text[i:end]
		i = end
		from := valueOf(text, end)
		if from < 0 || !s.named(name) {
			continue
		}
		begin, stop, next := value(text, from)
		if word := text[begin:stop]; word != "" && word != "true" && word != "false" && word != "null" {
			out.WriteString(text[done:begin] + Hidden)
			found.add(word)
			done = stop
		}
		i = max(next, i)
	}
	return out.String() + text[done:]
}

// nameEnd returns the end of the name that begins at i.
func nameEnd(text string, i int) int {
	for j, r := range text[i:] {
		if !unicode.IsLetter(r) && r != '_' && r != '$' && (j == 0 || !unicode.IsDigit(r) && r != '-') {
			return i + j
		}
	}
	return len(text)
}

// valueOf returns where the value begins of a name that ends at i, or -1.
func valueOf(text string, i int) int {
	i += len(quoteAt(text[i:]))
	if i < len(text) && text[i] == ']' {
		i++
	}
	i = blank(text, i)
	if i >= len(text) || text[i] != ':' && text[i] != '=' {
		return -1
	}
	return blank(text, i+1)
}

// linePrefix begins the second and further lines of one text in an event.
var linePrefix = regexp.MustCompile(`^data: ?(?:[a-z]+ )?`)

// blank returns the end of the white space at i, beginnings of lines included.
func blank(text string, i int) int {
	for i < len(text) && strings.IndexByte(" \t\r\n", text[i]) >= 0 {
		i++
		if text[i-1] == '\n' {
			i += len(linePrefix.FindString(text[i:min(len(text), i+40)]))
		}
	}
	return i
}

// value returns where the value at from begins and ends, without its quotes, and where
// to go on. What is not closed goes to the end of the text.
func value(text string, from int) (begin, end, next int) {
	rest := text[from:]
	if q := quoteAt(rest); q != "" {
		begin = from + len(q)
		for i := begin; i < len(text); i++ {
			if strings.HasPrefix(text[i:], q) {
				return begin, i, i + len(q)
			}
			if text[i] == '\\' {
				i++
			}
		}
		return begin, len(text), len(text)
	}
	if rest != "" && (rest[0] == '{' || rest[0] == '[') {
		return from, from + nested(rest), from + nested(rest)
	}
	stops := ",;<>\"'`)}]&\n"
	if from > 0 && strings.HasSuffix(strings.TrimRight(text[:from], " \t"), "=") {
		stops += " \t"
	}
	if n := strings.IndexAny(rest, stops); n >= 0 {
		return from, from + n, from + n
	}
	return from, len(text), len(text)
}

// nested returns the length of the object or list that text begins with.
func nested(text string) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		case '"':
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		}
	}
	return len(text)
}

var (
	fieldName  = regexp.MustCompile(`(?is)[\s"'](?:name|id|type|property|autocomplete|data-bind)\s*=\s*["']?([^"'\s>]+)|data-bind:([\w.-]+)`)
	fieldValue = regexp.MustCompile(`(?is)[\s"'](?:value|content)\s*=\s*`)
)

// inFields hides the values of form fields and meta elements that are secrets.
func (s *secrets) inFields(text string, found *finds) string {
	var out strings.Builder
	for {
		at := strings.IndexByte(text, '<')
		if at < 0 {
			return out.String() + text
		}
		out.WriteString(text[:at])
		text = text[at:]
		n := tagEnd(text)
		tag, rest := text[:n], text[n:]
		if s.field(tag) {
			tag = hideValue(tag, found)
			if strings.HasPrefix(strings.ToLower(tag), "<textarea") {
				n := strings.IndexByte(rest, '<')
				if n < 0 {
					n = len(rest)
				}
				found.add(strings.TrimSpace(rest[:n]))
				tag, rest = tag+Hidden, rest[n:]
			}
		}
		out.WriteString(tag)
		text = rest
	}
}

// tagEnd returns the length of the tag that text begins with.
func tagEnd(text string) int {
	quote := byte(0)
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			return i + 1
		}
	}
	return len(text)
}

// field reports whether a tag is that of a secret.
func (s *secrets) field(tag string) bool {
	for _, m := range fieldName.FindAllStringSubmatch(tag, -1) {
		if s.named(m[1] + m[2]) {
			return true
		}
	}
	return false
}

func hideValue(tag string, found *finds) string {
	var out strings.Builder
	for {
		m := fieldValue.FindStringIndex(tag)
		if m == nil {
			return out.String() + tag
		}
		begin, end, _ := value(tag, m[1])
		word := tag[begin:end]
		out.WriteString(tag[:begin])
		if word != "" && word != Hidden {
			out.WriteString(Hidden)
			found.add(word)
		} else {
			out.WriteString(word)
		}
		tag = tag[end:]
	}
}
