package sse_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Nothing is measured with the wall clock, which may be set while streams are
// open. A test cannot set it, so this one looks at the source.
func TestNoWallClock(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, wall := range []string{".Unix(", ".UnixNano(", ".UnixMilli(", ".UnixMicro(", ".Round(0)", ".Truncate(0)"} {
			if strings.Contains(strings.ReplaceAll(string(text), "time.Unix(1, 0)", "long ago"), wall) {
				t.Errorf("%s uses %s)", name, wall)
			}
		}
	}
}
