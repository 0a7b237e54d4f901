package record

import (
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
const maxFound = 32

// minFound is the length in bytes from which a secret is looked for elsewhere:
// shorter texts are parts of other words.
const minFound = 4

// cover hides what is in texts of found.
func cover(text string, found []string) string {
	for _, f := range found {
		text = strings.ReplaceAll(text, f, Hidden)
	}
	return text
}
