package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// documents returns every Markdown file of the module.
func documents(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"*.md", "../*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, found...)
	}
	if len(all) < 10 {
		t.Fatalf("only %d documents: %q", len(all), all)
	}
	return all
}

// sources calls f with the path and the text of every Go file of the module
// whose name has the suffix.
func sources(t *testing.T, suffix string, f func(path, text string)) {
	t.Helper()
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, suffix) {
			return err
		}
		b, err := os.ReadFile(path)
		f(path, string(b))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// goBlocks returns the Go blocks of a document.
func goBlocks(text string) []string {
	var blocks []string
	for _, m := range goBlock.FindAllStringSubmatch(text, -1) {
		blocks = append(blocks, m[1])
	}
	return blocks
}

// Every Go block of every document stands in some Go file of this module, white
// space aside, so that it compiles and stays true.
func TestSnippetsCompile(t *testing.T) {
	t.Parallel()
	var source strings.Builder
	sources(t, ".go", func(_, text string) { source.WriteString(squeeze(text)) })
	all := source.String()
	for _, document := range documents(t) {
		for i, block := range goBlocks(read(t, document)) {
			if !strings.Contains(all, squeeze(block)) {
				t.Errorf("%s: block %d is in no Go file:\n%s", document, i+1, block)
			}
		}
	}
}

// The first program of the README is a whole one that can be copied and run: the
// chat, to the byte.
func TestReadmeStartsWithTheChat(t *testing.T) {
	t.Parallel()
	const longest = 30 // lines, imports and all
	want := strings.TrimSuffix(read(t, "../examples/chat/main.go"), "\n")
	blocks := goBlocks(read(t, "../README.md"))
	if len(blocks) == 0 || blocks[0] != want {
		t.Error("the first Go block of README.md is not examples/chat/main.go")
	}
	if n := strings.Count(want, "\n") + 1; n > longest {
		t.Errorf("the chat has %d lines, want at most %d", n, longest)
	}
}

// A document that cites a test as evidence cites one that there is.
func TestDocsNameExistingTests(t *testing.T) {
	t.Parallel()
	exists := map[string]bool{}
	sources(t, "_test.go", func(_, text string) {
		for _, m := range testFunc.FindAllStringSubmatch(text, -1) {
			exists[m[1]] = true
		}
	})
	if len(exists) < 100 {
		t.Fatalf("only %d tests found", len(exists))
	}
	for _, document := range documents(t) {
		for _, m := range testName.FindAllString(read(t, document), -1) {
			if !exists[m] {
				t.Errorf("%s cites %s, which is no test of this module", document, m)
			}
		}
	}
}

var (
	goBlock  = regexp.MustCompile("(?s)\n[ \t]*```go\n(.*?)\n[ \t]*```")
	testFunc = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	testName = regexp.MustCompile(`\b(?:Test|Fuzz)[A-Z]\w*`)
)

// squeeze drops what gofmt decides: white space, and trailing commas of lists
// that are broken over lines.
func squeeze(s string) string { return strings.Join(strings.Fields(s), "") }

var code = regexp.MustCompile("(?s)\n```.*?\n```|`[^`\n]*`")

// Links between the documents lead somewhere.
func TestLinks(t *testing.T) {
	t.Parallel()
	for _, document := range documents(t) {
		for _, part := range strings.Split(code.ReplaceAllString(read(t, document), ""), "](")[1:] {
			target, _, _ := strings.Cut(part, ")")
			target, _, _ = strings.Cut(target, "#")
			if target == "" || strings.Contains(target, "://") || strings.ContainsAny(target, " \n") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(document), target)); err != nil {
				t.Errorf("%s links to %s: %v", document, target, err)
			}
		}
	}
}
