// Package weburl reads URLs as browsers do.
package weburl

import "strings"

// Scheme returns the scheme of u in lower case, by the URL standard of browsers,
// which is wider than RFC 3986 in what may follow. ok is false if there is none.
// What browsers leave out of a URL first is the business of the caller.
func Scheme(u string) (scheme string, ok bool) {
	for i := range len(u) {
		switch c := u[i]; {
		case c == ':':
			return strings.ToLower(u[:i]), i > 0
		case 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z':
		case i > 0 && ('0' <= c && c <= '9' || c == '+' || c == '-' || c == '.'):
		default:
			return "", false
		}
	}
	return "", false
}
