package record

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
	"sync"
	"unicode"
)

// Hidden takes the place of a secret.
const Hidden = "[hidden]"

// Secrets returns the default of [Options].Secrets. The slice belongs to the
// caller.
func Secrets() []string {
	return []string{
		"password", "passwd", "passphrase", "passcode", "secret", "token", "authorization", "cookie", "apikey", "accesskey", "privatekey",
		"credential", "sessionid", "csrf", "xsrf", "bearer", "cardnumber", "cvv", "ssn",
	}
}

// plain returns name without case and punctuation.
func plain(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, name)
}

// secrets tells what is one. It may be used from any goroutine.
type secrets struct {
	parts []string // of names, as plain leaves them
	types sync.Map // reflect.Type of a struct to []bool by field: whether it is a secret
}

func secretsOf(names []string) *secrets {
	if names == nil {
		names = Secrets()
	}
	s := &secrets{}
	for _, n := range names {
		if n = plain(n); n != "" {
			s.parts = append(s.parts, n)
		}
	}
	return s
}

// named reports whether name is that of a secret.
func (s *secrets) named(name string) bool {
	name = plain(name)
	return slices.ContainsFunc(s.parts, func(part string) bool { return strings.Contains(name, part) })
}

// fields tells of each field of a struct whether it is a secret.
func (s *secrets) fields(t reflect.Type) []bool {
	if known, ok := s.types.Load(t); ok {
		return known.([]bool)
	}
	out := make([]bool, t.NumField())
	for i := range out {
		out[i] = s.marked(t.Field(i))
	}
	s.types.Store(t, out)
	return out
}

// marked reports whether a field is a secret, by its tag or by one of its names. A
// bool that is none by its tag says something about a secret, and is none.
func (s *secrets) marked(f reflect.StructField) bool {
	if slices.Contains(strings.Split(f.Tag.Get("sfere"), ","), "secret") {
		return true
	}
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return f.Type.Kind() != reflect.Bool && (s.named(f.Name) || s.named(name))
}

// maxFound bounds the secrets of one tree that are looked for in its errors.
const maxFound = 500

// minFound is the length in bytes from which a secret is looked for elsewhere:
// shorter texts are parts of other words.
const minFound = 4

// finds are texts of secrets.
type finds struct {
	texts []string
	over  bool // there were more
}

// add notes a text, if it is worth looking for.
func (f *finds) add(text string) {
	switch {
	case len(text) < minFound || slices.Contains(f.texts, text):
	case len(f.texts) == maxFound:
		f.over = true
	default:
		f.texts = append(f.texts, strings.Clone(text))
	}
}

// learn adds those of o.
func (f *finds) learn(o finds) {
	f.over = f.over || o.over
	for _, text := range o.texts {
		f.add(text)
	}
}

// maxCovered bounds the text of an error in which secrets are looked for, in bytes.
const maxCovered = 64 << 10

// cover hides what is in text of f. A text that is too long to be looked through is
// cut, together with what may be the beginning of a secret.
func (f *finds) cover(text string) string {
	if f.over {
		return Hidden + ": it may tell one of very many secrets"
	}
	// A text before its own beginning: else the rest of it would stay.
	texts := slices.SortedFunc(slices.Values(f.texts), func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	cut := len(text) > maxCovered
	if cut {
		text = text[:maxCovered]
	}
	for _, s := range texts {
		text = strings.ReplaceAll(text, s, Hidden)
	}
	if cut && len(texts) > 0 {
		text = text[:max(0, len(text)-len(texts[0]))]
	}
	return text
}
