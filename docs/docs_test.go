package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every ```go block of the README and the guides stands in some Go file of this
// module, white space aside, so that it compiles and stays true.
func TestSnippetsCompile(t *testing.T) {
	t.Parallel()
	var source strings.Builder
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		b, err := os.ReadFile(path)
		source.WriteString(squeeze(string(b)))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	guides, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	all := source.String()
	for _, guide := range append(guides, "../README.md") {
		b, err := os.ReadFile(guide)
		if err != nil {
			t.Fatal(err)
		}
		for i, block := range strings.Split(string(b), "\n```go\n")[1:] {
			block, _, _ = strings.Cut(block, "\n```")
			if !strings.Contains(all, squeeze(block)) {
				t.Errorf("%s: block %d is in no Go file:\n%s", guide, i+1, block)
			}
		}
	}
}

// squeeze drops what gofmt decides: white space, and trailing commas of lists
// that are broken over lines.
func squeeze(s string) string { return strings.Join(strings.Fields(s), "") }

var code = regexp.MustCompile("(?s)\n```.*?\n```|`[^`\n]*`")

// Links between the documents lead somewhere.
func TestLinks(t *testing.T) {
	t.Parallel()
	guides, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, guide := range append(guides, "../README.md", "../AGENTS.md") {
		b, err := os.ReadFile(guide)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range strings.Split(code.ReplaceAllString(string(b), ""), "](")[1:] {
			target, _, _ := strings.Cut(part, ")")
			target, _, _ = strings.Cut(target, "#")
			if target == "" || strings.Contains(target, "://") || strings.ContainsAny(target, " \n") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(guide), target)); err != nil {
				t.Errorf("%s links to %s: %v", guide, target, err)
			}
		}
	}
}
