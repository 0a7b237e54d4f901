package house

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The layers that AGENTS.md shows are those that TestImportDirection checks, in
// the same order.
func TestAgentsShowsTheLayers(t *testing.T) {
	text, err := os.ReadFile("../../AGENTS.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "## Layers")
	table, _, _ = strings.Cut(table, "\n## ")
	name := regexp.MustCompile("`([^`]+)`")
	var got []string
	for line := range strings.Lines(table) {
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		packages, _, _ := strings.Cut(line[1:], "|")
		for _, m := range name.FindAllStringSubmatch(packages, -1) {
			if m[1] != "sfere" { // the name of the package at the root
				got = append(got, m[1])
			}
		}
	}
	if diff := cmp.Diff(order, got); diff != "" {
		t.Errorf("layers (-imports_test.go +AGENTS.md):\n%s", diff)
	}
}
