package inspect

import "testing"

func TestReadable(t *testing.T) {
	for _, tt := range []struct{ text, want, reason string }{
		{"default/shop/till%202", "default/shop/till 2", "a key"},
		{"*/shop/*", "*/shop/*", "a pattern"},
		{"/shop/till%202", "/shop/till 2", "without a scope"},
		{"default/shop/%2A", "default/shop/%2A", "which no key is"},
		{"default/shop/a%2Fb", `default/shop/"a/b"`, "a slash in a part"},
		{"default/shop/%", "default/shop/%", "no key"},
		{"every stream", "every stream", "neither"},
	} {
		if got := readable(tt.text); got != tt.want {
			t.Errorf("%s: %s is shown as %s, want %s", tt.reason, tt.text, got, tt.want)
		}
	}
}
