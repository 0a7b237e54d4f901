package core

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"
)

// MaxText bounds the text of an error, in bytes, whatever it holds.
const MaxText = 4 << 10

// maxListed is how many errors of a list are in its text.
const maxListed = 8

// SafeText is what err says, at most MaxText bytes of it, whatever its method
// does. A nil err says "no error".
func SafeText(err error) string { return textWithin(err, MaxText) }

func textWithin(err error, limit int) (s string) {
	defer func() {
		if p := recover(); p != nil {
			s = Cut(broken(err, p), limit)
		}
	}()
	if err == nil {
		return "no error"
	}
	return Cut(err.Error(), limit)
}

// broken says what err is, whose method has panicked with p.
func broken(err error, p any) string {
	if v := reflect.ValueOf(err); v.Kind() == reflect.Pointer && v.IsNil() {
		return fmt.Sprintf("a nil %T, returned as an error", err)
	}
	return fmt.Sprintf("%T, whose Error method panics: %s", err, SafeValue(p))
}

// SafeValue is v as fmt prints it, at most MaxText bytes of it. A value that holds
// itself would end the process; such a one is only named.
func SafeValue(v any) (s string) {
	defer func() {
		if recover() != nil { // of a method; fmt lets through what panics when it is printed
			s = fmt.Sprintf("a %T, whose methods panic", v)
		}
	}()
	if nestsDeep(reflect.ValueOf(v), 0) {
		return fmt.Sprintf("a %T, which nests too deep to be shown", v)
	}
	return Cut(fmt.Sprint(v), MaxText)
}

// nestsDeep reports whether v nests deeper than what people write.
func nestsDeep(v reflect.Value, depth int) bool {
	if depth > 100 {
		return true
	}
	switch v.Kind() {
	case reflect.Interface:
		return nestsDeep(v.Elem(), depth+1)
	case reflect.Pointer:
		// fmt follows a pointer at the top only.
		return depth == 0 && nestsDeep(v.Elem(), depth+1)
	case reflect.Struct:
		for i := range v.NumField() {
			if nestsDeep(v.Field(i), depth+1) {
				return true
			}
		}
	case reflect.Slice, reflect.Array:
		if !holdsMore(v.Type().Elem().Kind()) {
			return false
		}
		for i := range v.Len() {
			if nestsDeep(v.Index(i), depth+1) {
				return true
			}
		}
	case reflect.Map:
		if !holdsMore(v.Type().Elem().Kind()) {
			return false
		}
		for it := v.MapRange(); it.Next(); {
			if nestsDeep(it.Value(), depth+1) {
				return true
			}
		}
	}
	return false
}

func holdsMore(k reflect.Kind) bool {
	switch k {
	case reflect.Interface, reflect.Struct, reflect.Slice, reflect.Array, reflect.Map:
		return true
	}
	return false
}

// SafeName is the name that item gives, or its type if its method panics, as one
// on a nil pointer does.
func SafeName(item interface{ EffectName() string }) (name string) {
	defer func() {
		if recover() != nil {
			name = reflect.TypeOf(item).String()
		}
	}()
	if item == nil {
		return "nil item"
	}
	return item.EffectName()
}

// Cut shortens s to limit bytes and shows that it did, without cutting a rune.
func Cut(s string, limit int) string {
	const dots = "..."
	if len(s) <= limit {
		return s
	}
	n := max(limit-len(dots), 0)
	for n > 0 && n > limit-len(dots)-utf8.UTFMax && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + dots
}

// maxQuoted is how much of a name from outside is in a message, in bytes.
const maxQuoted = 100

// Quote quotes a text from outside for a message, cut if it is long.
func Quote(s string) string {
	if len(s) <= maxQuoted {
		return strconv.Quote(s)
	}
	n := maxQuoted
	for n > maxQuoted-utf8.UTFMax && !utf8.RuneStart(s[n]) {
		n--
	}
	return strconv.Quote(s[:n]) + "..."
}

// ShowName is a name in a message: as it is if it looks like the name of an item,
// an interceptor or a type, otherwise quoted, so that a name from outside cannot
// pretend to be something else.
func ShowName(s string) string {
	if s == "nil item" {
		return s
	}
	if s == "" || len(s) > maxQuoted || strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_./*[]", r)
	}) {
		return Quote(s)
	}
	return s
}

// Joined is a list of errors whose text is bounded, whatever is in it.
type Joined struct{ errs []error }

// Join is errors.Join with a bounded text: that of a few, and how many more there
// are. It keeps errs.
func Join(errs []error) error {
	n := 0
	for _, err := range errs {
		if err != nil {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	if n < len(errs) {
		some := make([]error, 0, n)
		for _, err := range errs {
			if err != nil {
				some = append(some, err)
			}
		}
		errs = some
	}
	return &Joined{errs}
}

// Error returns the texts of the first errors, one a line. It has at most MaxText
// bytes.
func (j *Joined) Error() string {
	show := min(len(j.errs), maxListed)
	left := MaxText
	if show < len(j.errs) {
		left -= len("\n... and 9223372036854775807 more")
	}
	var b strings.Builder
	for i, err := range j.errs[:show] {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(textWithin(err, (left-b.Len())/(show-i)-1)) // 1 for the line break
	}
	if show < len(j.errs) {
		fmt.Fprintf(&b, "\n... and %d more", len(j.errs)-show)
	}
	return b.String()
}

// Unwrap returns the errors.
func (j *Joined) Unwrap() []error { return j.errs }
