package house

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// elsewhere makes a module outside this one that uses it from its folder.
func elsewhere(t *testing.T) (dir string) {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	mod := "module example.com/elsewhere\n\ngo 1.26\n\nrequire " + module + " v0.0.0\n\nreplace " + module + " => " + root + "\n"
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(mod), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func run(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// A reader copies an example into a module of their own, with its tests.
func TestExamplesCanBeCopied(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles the examples again")
	}
	dir := elsewhere(t)
	if err := os.CopyFS(filepath.Join(dir, "examples"), os.DirFS("../../examples")); err != nil {
		t.Fatal(err)
	}
	run(t, dir, "mod", "tidy")
	run(t, dir, "build", "./...")
	out := run(t, dir, "test", "./...")
	for _, name := range []string{"counter", "kanban", "lobby"} {
		if !strings.Contains(out, "ok  \texample.com/elsewhere/examples/"+name) {
			t.Errorf("the tests of %s did not run:\n%s", name, out)
		}
	}
}

// Somebody who writes effects for others to run pays for nothing else.
func TestEffectCostsNoModules(t *testing.T) {
	if testing.Short() {
		t.Skip("resolves modules")
	}
	dir := elsewhere(t)
	src := "package main\n\nimport _ \"" + module + "/effect\"\n\nfunc main() {}\n"
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(src), 0o644); err != nil {
		t.Fatal(err)
	}
	run(t, dir, "mod", "tidy")
	run(t, dir, "build", "./...")
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(mod), "// indirect"); n != 0 {
		t.Errorf("importing effect costs %d indirect modules:\n%s", n, mod)
	}
}
