package sse

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A frame can be made again elsewhere from its bytes and its options.
func TestFrameOptionsComeBack(t *testing.T) {
	for _, o := range []FrameOptions{{}, {Coalesce: "k"}, {Coalesce: "k", Overflow: DropOldest, Version: 7}} {
		f, err := NewFrame(Event{Data: []string{"x"}}, &o)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(o, f.Options()); diff != "" {
			t.Errorf("options (-want +got):\n%s", diff)
		}
	}
}
