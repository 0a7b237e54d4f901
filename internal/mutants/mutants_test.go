package main

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"testing"
)

// Every mutant can still be made of the source, and is one.
func TestTableApplies(t *testing.T) {
	names := map[string]bool{}
	for _, m := range table() {
		t.Run(m.name, func(t *testing.T) {
			if names[m.name] {
				t.Error("the name is there twice")
			}
			names[m.name] = true
			src, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(m.file)))
			if err != nil {
				t.Fatal(err)
			}
			mutated, err := m.apply(string(src))
			if err != nil {
				t.Fatal(err)
			}
			if mutated == string(src) {
				t.Error("it changes nothing")
			}
			if _, err := parser.ParseFile(token.NewFileSet(), m.file, mutated, parser.SkipObjectResolution); err != nil {
				t.Error(err)
			}
			if m.stands == "" {
				t.Error("it does not say what it stands for")
			}
		})
	}
}

// A row whose line is not there, or twice, is told.
func TestApplyRefuses(t *testing.T) {
	m := mutant{name: "x", file: "x.go", from: "a", to: "b"}
	for _, src := range []string{"", "a a"} {
		if got, err := m.apply(src); err == nil {
			t.Errorf("%q became %q", src, got)
		}
	}
}
