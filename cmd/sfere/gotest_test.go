package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sfere-go/sfere/inspect/console"
)

// program is the module of testdata/recorded, which uses this one.
type program struct {
	t   *testing.T
	dir string
}

func newProgram(t *testing.T) program {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	mod := "module example.com/app\n\ngo 1.26\n\nrequire github.com/sfere-go/sfere v0.0.0\n\nreplace github.com/sfere-go/sfere => " + root + "\n"
	if err := os.CopyFS(dir, os.DirFS("testdata/recorded")); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"go.mod": []byte(mod), "go.sum": sum} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return program{t, dir}
}

func (p program) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(p.t.Context(), "go", args...)
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off", "GOPROXY=off")
	return cmd
}

// start runs the program and returns the address of its API, and what ends it.
func (p program) start() (url string, stop func()) {
	p.t.Helper()
	exe := filepath.Join(p.dir, "serve.exe")
	if out, err := p.command("build", "-o", exe, "./serve").CombinedOutput(); err != nil {
		p.t.Fatalf("go build: %v\n%s", err, out)
	}
	cmd := exec.CommandContext(p.t.Context(), exe)
	in, err := cmd.StdinPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		_ = cmd.Wait()
		p.t.Fatal("the program says no address")
	}
	return lines.Text(), func() {
		_ = in.Close()
		_ = cmd.Wait()
	}
}

// change replaces texts in the source of the program.
func (p program) change(pairs ...string) {
	p.t.Helper()
	file := filepath.Join(p.dir, "app.go")
	text, err := os.ReadFile(file)
	if err != nil {
		p.t.Fatal(err)
	}
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(string(text), pairs[i]) {
			p.t.Fatalf("the program has no %q", pairs[i])
		}
	}
	if err := os.WriteFile(file, []byte(strings.NewReplacer(pairs...).Replace(string(text))), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// A dispatch of a running program becomes a Go test with one command. The test passes
// against the program that was recorded and fails against one that does something else,
// and a replay says the same.
func TestRecordedDispatchBecomesTest(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles a program")
	}
	p := newProgram(t)
	url, stop := p.start()
	code, out, errs := invoke(t, url, "", "dispatches", "-json", "-n", "0")
	if code != exitOK {
		t.Fatalf("dispatches exits %d: %s", code, errs)
	}
	var all []console.Dispatch
	if err := json.Unmarshal([]byte(out), &all); err != nil {
		t.Fatal(err)
	}
	const want = 9
	if len(all) < want {
		t.Fatalf("%d dispatches are recorded, want %d", len(all), want)
	}
	documents := map[string]string{}
	for _, d := range all[:want] {
		number := fmt.Sprint(d.Seq)
		file := filepath.Join(t.TempDir(), "d.json")
		code, doc, errs := invoke(t, url, "", "export", number)
		if code != exitOK {
			t.Fatalf("export %s exits %d: %s", number, code, errs)
		}
		if strings.Contains(doc, "hunter22") || strings.Contains(doc, "a secret of ann") {
			t.Errorf("a secret is in the document:\n%s", doc)
		}
		if err := os.WriteFile(file, []byte(doc), 0o600); err != nil {
			t.Fatal(err)
		}
		documents[number] = file
		if code, out, errs := invoke(t, url, "", "replay", file); code != exitOK {
			t.Errorf("replay of %s, %v, exits %d: %s%s", number, d.Names, code, out, errs)
		}
		args := []string{"test", "-program", "program", "-ctx", "-o", filepath.Join(p.dir, "dispatch"+number+"_test.go"), file}
		if code, _, errs := invoke(t, "", "", args...); code != exitOK {
			t.Fatalf("test of %s exits %d: %s", number, code, errs)
		}
		if code, _, errs := invoke(t, "", "", args...); code != exitUsage || !strings.Contains(errs, "there already") {
			t.Errorf("a test is written over: exit %d, %s", code, errs)
		}
		args = []string{"test", "-real", "-name", "TestReal" + number, "-program", "program", "-ctx", "-o", filepath.Join(p.dir, "real"+number+"_test.go"), file}
		if code, _, errs := invoke(t, "", "", args...); code != exitOK {
			t.Fatalf("test -real of %s exits %d: %s", number, code, errs)
		}
	}
	stop()
	// One whose function is still to be filled in compiles.
	stub := filepath.Join(p.dir, "stub", "stub_test.go")
	if err := os.Mkdir(filepath.Dir(stub), 0o700); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := invoke(t, "", "", "test", "-pkg", "stub", "-o", stub, documents[fmt.Sprint(all[0].Seq)]); code != exitOK {
		t.Fatalf("test exits %d: %s", code, errs)
	}
	if out, err := p.command("test", "./stub").CombinedOutput(); err == nil || !strings.Contains(string(out), "fill in the dispatcher") {
		t.Errorf("a test with nothing filled in: %v\n%s", err, out)
	}
	if out, err := exec.Command("gofmt", "-l", p.dir).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("gofmt would change %s (%v)", out, err)
	}
	text, err := p.command("test", "-v", "-vet=all", ".").CombinedOutput()
	if err != nil {
		t.Fatalf("the tests fail against the program that was recorded: %v\n%s", err, text)
	}
	for number := range documents {
		for _, name := range []string{"TestRecordedDispatch", "TestReal"} {
			if !strings.Contains(string(text), "--- PASS: "+name+number+" ") {
				t.Errorf("%s%s did not run:\n%s", name, number, text)
			}
		}
	}
	var others []string
	p.change(
		`"noted: "`, `"written: "`,
		`"hello "`, `"welcome "`,
		"is not good", "is bad",
		`"user "`, `"member "`,
		`return "app/mail"`, `return "app/letter"`,
		"has another password", "has no password",
	)
	broadcast := fmt.Sprint(all[want-5].Seq)
	fails := func(numbers ...string) {
		t.Helper()
		text, err := p.command("test", "-v", ".").CombinedOutput()
		if err == nil {
			t.Errorf("the tests pass against another program:\n%s", text)
		}
		for _, number := range numbers {
			for _, name := range []string{"TestRecordedDispatch", "TestReal"} {
				if !strings.Contains(string(text), "--- FAIL: "+name+number+" ") {
					t.Errorf("%s%s does not fail against another program:\n%s", name, number, text)
				}
			}
		}
	}
	for number := range documents {
		if number != broadcast { // nobody is there to get another note
			others = append(others, number)
		}
	}
	fails(others...)
	url, stop = p.start()
	defer stop()
	for number, file := range documents {
		code, out, errs := invoke(t, url, "", "replay", file)
		if code != exitNo || !strings.Contains(out, "DIFFERS") {
			t.Errorf("replay of %s against another program exits %d: %s%s", number, code, out, errs)
		}
	} // What it would send is no effect any more, which needs nobody to get it.
	p.change(`return "app/note"`, `return "app/notice"`)
	fails(broadcast)
}
