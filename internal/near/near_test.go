package near

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNames(t *testing.T) {
	t.Parallel()
	known := []string{"app/notify", "app/notice", "mail/send", "twk/patch-elements", "twk/patch-signals"}
	for _, tt := range []struct {
		name   string
		want   []string
		reason string
	}{
		{"app/notify-", []string{"app/notify"}, "a slip"},
		{"App/Notice", []string{"app/notice", "app/notify"}, "case"},
		{"notify", []string{"app/notify"}, "the package is missing"},
		{"post/send", []string{"mail/send"}, "another package"},
		{"twk/patch-element", []string{"twk/patch-elements"}, "a long name may be further off"},
		{"weather/forecast", nil, "nothing like it"},
		{"", nil, "nothing at all"},
		{strings.Repeat("a", 201), nil, "too long to be looked at"},
	} {
		if diff := cmp.Diff(tt.want, Names(tt.name, slices.Values(known))); diff != "" {
			t.Errorf("%q (%s): -want +got\n%s", tt.name, tt.reason, diff)
		}
	}
	if got := Hint("post/notify", slices.Values(known)); got != ": did you mean app/notify?" {
		t.Errorf("hint %q", got)
	}
	if got := Hint("x", slices.Values(known)); got != "" {
		t.Errorf("hint %q", got)
	}
}
