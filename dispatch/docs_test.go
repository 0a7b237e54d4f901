package dispatch_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Every Go snippet of the guide is part of a file that the tests compile.
func TestGuideSnippetsAreCompiled(t *testing.T) {
	guide, err := os.ReadFile(filepath.Join("..", "docs", "effects.md"))
	if err != nil {
		t.Fatal(err)
	}
	var compiled strings.Builder
	for _, dir := range []string{".", "../effect", "../effect/effecttest", "../registry"} {
		files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			compiled.WriteString(spaces(string(text)))
			compiled.WriteString("\n")
		}
	}
	blocks := strings.Split(string(guide), "```go\n")[1:]
	if len(blocks) < 10 {
		t.Errorf("found only %d snippets", len(blocks))
	}
	for _, b := range blocks {
		snippet, _, _ := strings.Cut(b, "```")
		if !strings.Contains(compiled.String(), spaces(snippet)) {
			t.Errorf("this snippet of docs/effects.md is in no test file; copy it from an example:\n%s", snippet)
		}
	}
}

func spaces(s string) string { return strings.Join(strings.Fields(s), " ") }

// The three packages of the core import the standard library and this module
// only.
func TestDependencies(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", "../effect", "../registry", ".").Output()
	if err != nil {
		t.Skip("no go command:", err)
	}
	for _, path := range strings.Fields(string(out)) {
		if !strings.HasPrefix(path, "github.com/sfere-go/sfere/") {
			t.Errorf("dispatch depends on %s", path)
		}
	}
}
