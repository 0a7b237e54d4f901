package relay_test

import (
	"os"
	"strings"
	"testing"
)

// The example of the package comment is a compiled one.
func TestSketchCompiles(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	squeeze := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	var sketch strings.Builder
	for line := range strings.Lines(string(doc)) {
		if code, ok := strings.CutPrefix(line, "//\t"); ok {
			sketch.WriteString(code)
		}
	}
	if text := squeeze(sketch.String()); text == "" || !strings.Contains(squeeze(string(source)), text) {
		t.Errorf("this is not in example_test.go:\n%s", sketch.String())
	}
}
