// Command perfdoc compares sfere with other libraries and with hand-written
// floors, and writes the figures into docs/performance.md.
//
//	go run ./internal/bench/perfdoc -bench FOLDER
//
// The folder is that of the comparison; it is copied, sfere is added to it as a
// contestant (internal/bench/contestant), and every workload is run. Needs
// Linux, about 20 minutes of a machine that does nothing else, and the network
// for the modules of the others. The text around the generated parts is left
// alone.
//
// The part about views needs neither the folder nor the network:
//
//	go run ./internal/bench/perfdoc -only views -own 10000
package main

import (
	"bytes"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Names of what is generated, between marks in the document.
const (
	comparison = "generated"
	ofViews    = "views"
)

func main() {
	log.SetFlags(log.Ltime)
	folder := flag.String("bench", "", "folder of the comparison (required but for -only views)")
	doc := flag.String("doc", "docs/performance.md", "file to write")
	runs := flag.Int("runs", 2, "runs of each contestant")
	quick := flag.Bool("quick", false, "small numbers, to try the program out")
	only := flag.String("only", "", "run the parts whose title contains this only; the others disappear from the file, but for the part about views, which is called views")
	portraits := flag.Int("own", 500, "views: streams with a view of their own; 10000 takes some minutes more")
	flag.Parse()
	if *only == "" || strings.Contains("views", *only) {
		if err := runViews(*doc, *portraits, *quick); err != nil {
			log.Fatal(err)
		}
		if *only != "" {
			return
		}
	}
	if *folder == "" {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(*folder, *doc, *runs, *quick, *only); err != nil {
		log.Fatal(err)
	}
}

// runViews writes the part about views.
func runViews(doc string, own int, quick bool) error {
	root, err := filepath.Abs(".")
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "perfdoc")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	log.Print("views")
	head := machine()
	return write(doc, ofViews, fmt.Appendf(nil, "\n%s\n\n%s", head, views(root, work, own, quick)))
}

func run(folder, doc string, runs int, quick bool, only string) error {
	root, err := filepath.Abs(".")
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "perfdoc")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	bin, err := build(folder, root, work)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "\n%s\n", machine())
	for _, p := range parts(runs, quick) {
		if !strings.Contains(p.title, only) {
			continue
		}
		log.Print(p.title)
		text, err := p.table(bin, work)
		if err != nil {
			log.Printf("%s: %v", p.title, err)
			text = fmt.Sprintf("failed: %v\n", err)
		}
		fmt.Fprintf(&out, "\n### %s\n\n%s", p.title, text)
		// After each part, so that an interrupted run leaves what it has.
		if err := write(doc, comparison, out.Bytes()); err != nil {
			return err
		}
	}
	if only == "" || strings.Contains("benchmarks", only) {
		log.Print("benchmarks of this repository")
		fmt.Fprintf(&out, "\n### Benchmarks of this repository\n\n%s", own(root, quick))
	}
	if only == "" || strings.Contains("profiles", only) {
		for _, p := range profiles(quick) {
			log.Print("profile: ", p.title)
			fmt.Fprintf(&out, "\n### Profile: %s\n\n%s", p.title, p.profile(bin, work, filepath.Dir(doc)))
		}
	}
	return write(doc, comparison, out.Bytes())
}

// build copies the folder, adds the contestant and compiles it.
func build(folder, root, work string) (bin string, err error) {
	dir := filepath.Join(work, "bench")
	if err := os.CopyFS(dir, os.DirFS(folder)); err != nil {
		return "", err
	}
	_ = filepath.Walk(dir, func(p string, _ os.FileInfo, _ error) error { return os.Chmod(p, 0o755) }) // what fails shows below
	src, err := os.ReadFile(filepath.Join(root, "internal/bench/contestant/sfere.go.txt"))
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(dir, "c_sfere.go"), src, 0o644); err != nil {
		return "", err
	}
	bin = filepath.Join(work, "compare")
	for _, args := range [][]string{
		{"mod", "edit", "-require=github.com/sfere-go/sfere@v0.0.0", "-replace=github.com/sfere-go/sfere=" + root},
		{"mod", "tidy"},
		{"build", "-o", bin, "."},
	} {
		cmd := exec.Command("go", args...)
		cmd.Dir = dir
		if text, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("go %s: %v\n%s", strings.Join(args, " "), err, text)
		}
	}
	return bin, nil
}

// write puts text between the marks of a part in the file.
func write(doc, name string, text []byte) error {
	old, err := os.ReadFile(doc)
	if err != nil {
		return err
	}
	begin, end := "<!-- "+name+": begin -->\n", "<!-- "+name+": end -->\n"
	head, rest, ok := bytes.Cut(old, []byte(begin))
	_, tail, ok2 := bytes.Cut(rest, []byte(end))
	if !ok || !ok2 {
		return fmt.Errorf("%s has no marks for the part %s", doc, name)
	}
	return os.WriteFile(doc, bytes.Join([][]byte{head, []byte(begin), text, []byte("\n" + end), tail}, nil), 0o644)
}

// machine says where and when.
func machine() string {
	field := func(file, name string) string {
		b, _ := os.ReadFile(file)
		_, rest, _ := strings.Cut(string(b), name)
		line, _, _ := strings.Cut(rest, "\n")
		return strings.Trim(line, " \t:")
	}
	version, _ := exec.Command("go", "env", "GOVERSION").Output()
	cpus, _ := exec.Command("nproc").Output()
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	load, _ := os.ReadFile("/proc/loadavg")
	return fmt.Sprintf("Measured %s with %s on Linux %s, %s processors (%s), %s of memory; load average before: %s.",
		time.Now().UTC().Format("2006-01-02 15:04 MST"), bytes.TrimSpace(version), bytes.TrimSpace(kernel), bytes.TrimSpace(cpus),
		field("/proc/cpuinfo", "model name"), field("/proc/meminfo", "MemTotal:"), strings.Join(strings.Fields(string(load))[:3], " "))
}

// own runs the benchmarks of the repository.
func own(root string, quick bool) string {
	args := []string{"test", "-run", "-", "-timeout", "400s", "-bench", ".", "-skip", "Views|RefreshDirty", "-benchtime", "1s", "./internal/bench"}
	if quick {
		args[10] = "20x"
	}
	cmd := exec.Command("go", args...)
	cmd.Dir = root
	text, err := cmd.CombinedOutput()
	var b strings.Builder
	fmt.Fprintf(&b, "`go %s`; xN is the ratio to the first floor of the group.\n\n```\n", strings.Join(args, " "))
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "Benchmark") && !strings.HasPrefix(line, "goos") && !strings.HasPrefix(line, "goarch") &&
			!strings.HasPrefix(line, "pkg") && !strings.HasPrefix(line, "cpu:") && !strings.HasPrefix(line, "PASS") && !strings.HasPrefix(line, "ok") {
			b.WriteString(line)
		}
	}
	b.WriteString("```\n")
	if err != nil {
		fmt.Fprintf(&b, "\n(%v)\n", err)
	}
	return b.String()
}
