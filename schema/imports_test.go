package schema_test

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Package schema reads only: it imports nothing that runs, holds or sends
// anything.
func TestImports(t *testing.T) {
	const module = "github.com/sfere-go/sfere/"
	allowed := []string{"effect", "registry", "dispatch"} // and internal/
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range file.Imports {
			path, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			own, ours := strings.CutPrefix(path, module)
			if ours && !strings.HasPrefix(own, "internal/") && !slices.Contains(allowed, own) {
				t.Errorf("%s imports %s", name, path)
			}
		}
	}
}
