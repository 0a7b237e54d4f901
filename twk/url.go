package twk

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sfere-go/sfere/internal/weburl"
)

// checkURL refuses URLs that a browser would run, and those whose scheme is not
// one of schemes. Relative URLs always pass.
func checkURL(field, u string, schemes ...string) error {
	switch {
	case u == "":
		return fieldError(field, errors.New("is empty"))
	case !utf8.ValidString(u):
		return fieldError(field, errUTF8)
	}
	// Browsers strip control characters and spaces before they look for the
	// scheme. No URL needs them, so none gets that far.
	if i := strings.IndexFunc(u, func(r rune) bool { return r <= 0x20 || 0x7f <= r && r <= 0x9f }); i >= 0 {
		return fieldError(field, fmt.Errorf("has %q at byte %d: a URL has neither spaces nor control characters, escape them", u[i], i))
	}
	scheme, ok := weburl.Scheme(u)
	if ok && !slices.Contains(schemes, scheme) {
		return fieldError(field, fmt.Errorf("has the scheme %q: use %s or a relative URL", scheme, strings.Join(schemes, ", ")))
	}
	return nil
}
