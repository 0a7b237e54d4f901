package sfere_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere"
)

// Parts are levels, whatever they are made of.
func TestTopic(t *testing.T) {
	for _, tc := range []struct {
		name, reason string
		parts        []any
		want         sfere.Topic
	}{
		{"none", "an empty topic names nothing", nil, ""},
		{"usual", "what a program writes", []any{"board", 7}, "board/7"},
		{"level in a part", "a part is one level, also if a user has named it", []any{"board", "a/b"}, "board/a%2Fb"},
		{"escape in a part", "a%2Fb is not a/b", []any{"board", "a%2Fb"}, "board/a%252Fb"},
		{"at the ends", "no part is empty by it", []any{"/a%", "%/"}, "%2Fa%25/%25%2F"},
		{"other types", "they are written as fmt.Sprint does", []any{"t", true, sfere.Topic("x/y"), int8(-3)}, "t/true/x%2Fy/-3"},
		{"empty part", "it is a level as well", []any{"a", "", "b"}, "a//b"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, sfere.T(tc.parts...)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}
