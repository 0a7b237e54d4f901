// Command mutants shows that the tests of views notice when they are wrong: it edits
// one line of the scheduler, or of what is around it, and runs the tests, which must
// fail then. It does so for every row of its table, in a copy of the module.
//
//	go run ./internal/mutants             # all, some minutes
//	go run ./internal/mutants -run hide   # those whose names match
//
// A mutant that survives is a test that is missing, and the command ends with
// status 1.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

func main() {
	only := flag.String("run", "", "regular expression of the names of mutants; all if empty")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	survived, err := hunt(ctx, *only)
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(2)
	}
	if survived > 0 {
		os.Exit(1)
	}
}

// hunt runs the tests against the mutants whose names match only, and returns how
// many have survived.
func hunt(ctx context.Context, only string) (survived int, err error) {
	match, err := regexp.Compile(only)
	if err != nil {
		return 0, err
	}
	root, err := moduleRoot(ctx)
	if err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp("", "sfere-mutants-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	if err := copyModule(dir, root); err != nil {
		return 0, fmt.Errorf("copying the module: %w", err)
	}
	for _, s := range suites() {
		if out, ok := s.test(ctx, dir); !ok {
			return 0, fmt.Errorf("the tests of %s fail without a mutant:\n%s", s.pkg, out)
		}
	}
	killed := 0
	for _, m := range table() {
		if !match.MatchString(m.name) {
			continue
		}
		start := time.Now()
		by, err := m.try(ctx, dir)
		if err != nil {
			return survived, err
		}
		took := time.Since(start).Round(100 * time.Millisecond)
		if by == "" {
			survived++
			fmt.Printf("SURVIVED  %-62s %s, which test %s should notice (%v)\n", m.name, m.file, m.stands, took)
			continue
		}
		killed++
		fmt.Printf("killed    %-62s by %s (%v)\n", m.name, by, took)
	}
	fmt.Printf("%d killed, %d survived\n", killed, survived)
	return survived, nil
}

// suite is a part of the tests.
type suite struct{ pkg, run string }

// suites returns the tests that are to notice mutants, the quickest first.
func suites() []suite {
	return []suite{
		{"./internal/flight", "."},
		{"./sse", "^TestAdmit$"},
		{".", "^(TestView|TestRefresh)"},
	}
}

// test runs the suite in the module at dir. What it has printed is returned.
func (s suite) test(ctx context.Context, dir string) (out string, ok bool) {
	args := []string{"test", "-short", "-failfast", "-timeout", "60s", "-run", s.run, s.pkg}
	if s.pkg != "./sse" { // it does not know rapid
		args = append(args, "-rapid.nofailfile", "-rapid.shrinktime", "1ms")
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	b, err := cmd.CombinedOutput()
	return string(b), err == nil
}

// try runs the tests with m in the module at dir, which is as before afterwards. It
// returns which test has failed, empty if none has.
func (m mutant) try(ctx context.Context, dir string) (by string, err error) {
	path := filepath.Join(dir, filepath.FromSlash(m.file))
	src, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	mutated, err := m.apply(string(src))
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(path, []byte(mutated), 0o644); err != nil {
		return "", err
	}
	defer func() {
		if e := os.WriteFile(path, src, 0o644); err == nil {
			err = e
		}
	}()
	for _, s := range suites() {
		out, ok := s.test(ctx, dir)
		switch {
		case ctx.Err() != nil:
			return "", ctx.Err()
		case ok:
		case strings.Contains(out, "[build failed]"):
			return "", fmt.Errorf("%s does not compile:\n%s", m.name, out)
		default:
			return s.pkg + " " + failedTest(out), nil
		}
	}
	return "", nil
}

// failedTest returns the name of the test that out says has failed.
func failedTest(out string) string {
	if m := regexp.MustCompile(`--- FAIL: (\S+)`).FindStringSubmatch(out); m != nil {
		return m[1]
	}
	if m := regexp.MustCompile(`panic: .*|fatal error: .*`).FindString(out); m != "" {
		return m
	}
	return "?"
}

// moduleRoot returns where the module is.
func moduleRoot(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("looking for the module: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// copyModule copies what is tested, which leaves out the directories with a dot.
func copyModule(dst, src string) error {
	return filepath.WalkDir(src, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(src, path)
		if err != nil {
			return err
		}
		switch to := filepath.Join(dst, rel); {
		case rel != "." && strings.HasPrefix(d.Name(), "."):
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		case d.IsDir():
			return os.MkdirAll(to, 0o755)
		case !d.Type().IsRegular():
			return nil
		default:
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			return os.WriteFile(to, b, 0o644)
		}
	})
}
