// Package excerpt shortens texts from outside for errors, logs and tools.
package excerpt

import "strings"

// Of returns s, or the beginning of it, limit bytes at most, with mark behind it if it
// is longer. It never ends within a character.
func Of(s string, limit int, mark string) string {
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + mark
}
