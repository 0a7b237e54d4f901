package excerpt

import "testing"

func TestOf(t *testing.T) {
	for _, tt := range []struct{ s, mark, want, reason string }{
		{"abc", "…", "abc", "what fits stays"},
		{"abcd", "…", "abcd", "to the last byte"},
		{"abcde", "…", "abcd…", "the mark is not counted"},
		{"abcde", "", "abcd", "or there is none"},
		{"abcé", "...", "abc...", "half a character is none"},
		{"a\xffcde", "…", "acd…", "what is no character at all goes as well"},
	} {
		if got := Of(tt.s, 4, tt.mark); got != tt.want {
			t.Errorf("Of(%q): %q, want %q: %s", tt.s, got, tt.want, tt.reason)
		}
	}
}
