package record

import (
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/twk"
)

// once fails a test in which it is rendered.
type once struct{ t *testing.T }

func (o once) Render(context.Context, io.Writer) error {
	o.t.Error("content was rendered to be shown")
	return nil
}

// shown is the JSON form of an item, or why it has none.
func shown(item effect.Data) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(New(0).kept(item).item); err != nil {
		return err.Error()
	}
	return b.String()
}

func TestStepShown(t *testing.T) {
	patch := twk.PatchElements{Elements: once{t}, Selector: "#a"}
	deep := effect.List{patch}
	for range 2 * maxDeep {
		deep = effect.List{effect.Batch{Effects: deep}}
	}
	for _, tt := range []struct {
		item         effect.Data
		want, reason string
	}{
		{patch, "rendered by a record.once", "a template"},
		{&patch, "#a", "a pointer is read as its value"},
		{twk.PatchElements{Elements: twk.HTML("<p>")}, "<p>", "markup that is there already"},
		{twk.PatchElements{Selector: "#a", Mode: twk.ModeRemove}, "#a", "no markup"},
		{twk.PatchElementsSeq{Elements: []twk.Content{twk.HTML("<i>"), once{t}}}, "<i>", "several"},
		{sfere.Broadcast{To: sfere.Everyone(), Effects: effect.List{patch, effect.Batch{Effects: effect.List{&patch}}}}, "effect/batch", "nested lists"},
		{effect.Batch{Effects: effect.List{nil}}, "item is nil", "what has no wire form says why"},
		{deep[0], "effect/batch", "deeply nested lists"},
		{nil, "null", "nothing"},
		{(*twk.PatchElements)(nil), "null", "a nil pointer"},
	} {
		if got := shown(tt.item); !strings.Contains(got, tt.want) {
			t.Errorf("%s: shown as %s, want %q in it", tt.reason, got, tt.want)
		}
	}
	if patch.Elements != (once{t}) || deep[0].(effect.Batch).Effects[0] == nil {
		t.Error("an item was changed")
	}
}
