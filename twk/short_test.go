package twk_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
)

func TestShortForms(t *testing.T) {
	h := twk.HTML("<p>x</p>")
	for _, tt := range []struct {
		got, want effect.Data
		reason    string
	}{
		{twk.Patch(h), twk.PatchElements{Elements: h}, "the ids of the elements are the targets"},
		{twk.Append("#a", h), twk.PatchElements{Selector: "#a", Mode: twk.ModeAppend, Elements: h}, "behind"},
		{twk.Prepend("#a", h), twk.PatchElements{Selector: "#a", Mode: twk.ModePrepend, Elements: h}, "in front"},
		{twk.Inner("#a", h), twk.PatchElements{Selector: "#a", Mode: twk.ModeInner, Elements: h}, "inside"},
		{twk.Replace("#a", h), twk.PatchElements{Selector: "#a", Mode: twk.ModeReplace, Elements: h}, "in its place"},
		{twk.Remove("#a"), twk.RemoveElement{Selector: "#a"}, "away"},
		{twk.Signals("a", 1, "b", nil), twk.PatchSignals{Signals: map[string]any{"a": 1, "b": nil}}, "names and values in turn"},
		{twk.Signals(), twk.PatchSignals{Signals: map[string]any{}}, "nothing is an empty object"},
		{twk.Inner("#a", h).Latest("k"), twk.PatchElements{Selector: "#a", Mode: twk.ModeInner, Elements: h, EventOptions: twk.EventOptions{Coalesce: "k", Overflow: sse.DropOldest}}, "only the latest matters"},
		{twk.Signals("a", 1).Latest("k"), twk.PatchSignals{Signals: map[string]any{"a": 1}, EventOptions: twk.EventOptions{Coalesce: "k", Overflow: sse.DropOldest}}, "signals as well"},
	} {
		if diff := cmp.Diff(tt.want, tt.got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.reason, diff)
		}
	}
	for _, bad := range [][]any{{"a"}, {1, 2}, {"a", 1, "b"}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Signals(%v) does not panic", bad)
				}
			}()
			twk.Signals(bad...)
		}()
	}
}
