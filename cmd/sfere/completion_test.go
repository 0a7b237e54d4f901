package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The completion scripts are right as far as their shells can tell.
func TestCompletionScripts(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		path, err := exec.LookPath(shell)
		if err != nil {
			continue // nothing to check it with
		}
		_, script, _ := invoke(t, "", "", "completion", shell)
		cmd := exec.CommandContext(t.Context(), path, "-n")
		cmd.Stdin = strings.NewReader(script)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", shell, err, out)
		}
	}
}

// What the program says is completed as text. bash expands the words that it
// completes with, so a name that runs a command must not be among them.
func TestCompletionRunsNothing(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash here")
	}
	dir := t.TempDir()
	stub := "#!/bin/sh\necho 'NAME  KIND'\n" +
		"echo 'app/good  a/b/c'\necho '$(touch${IFS}owned)  `touch${IFS}owned`'\necho '`touch${IFS}owned`  $(touch${IFS}owned)'\n"
	if err := os.WriteFile(filepath.Join(dir, "sfere"), []byte(stub), 0o700); err != nil {
		t.Fatal(err)
	}
	_, script, _ := invoke(t, "", "", "completion", "bash")
	for _, test := range []struct{ reason, words, want string }{
		{"commands", "desc", "describe"},
		{"names", "describe ''", "app/good"},
		{"behind a flag with a value", "-url describe sample app", "app/good"},
		{"numbers", "dispatches ''", "app/good"},
		{"keys", "close ''", "a/b/c"},
	} {
		cmd := exec.CommandContext(t.Context(), bash, "-c", script+"\nCOMP_WORDS=(sfere "+test.words+"); COMP_CWORD=$((${#COMP_WORDS[@]}-1)); _sfere; echo \"${COMPREPLY[@]}\"")
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
		out, err := cmd.CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != test.want {
			t.Errorf("%s: completes to %q, want %q (%v)", test.reason, got, test.want, err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "owned")); err == nil {
		t.Error("a name of the program was run")
	}
}
