package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/format"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unicode"

	"github.com/sfere-go/sfere/inspect/console"
)

// goTest says what the Go test of a recording looks like.
type goTest struct {
	pkg     string // its package
	name    string // of the test function
	program string // the function that gives the dispatcher and the Ctx; empty for one to fill in
	ctx     bool   // give that the recorded Ctx
	real    bool   // run the effects
}

// test writes a Go test of a document. It asks no program.
func (c *cli) test(fs *flag.FlagSet) func(context.Context, []string) error {
	var g goTest
	fs.StringVar(&g.pkg, "pkg", "", "`package` of the test; default: that of the folder of -o, or main")
	fs.StringVar(&g.name, "name", "", "`name` of the test; default: TestRecordedDispatch and its number")
	fs.StringVar(&g.program, "program", "", "`function` of the package that takes a *testing.T, and with -ctx a string, and returns the dispatcher and a Ctx; default: one to fill in")
	fs.BoolVar(&g.ctx, "ctx", false, "give that function the recorded Ctx as JSON")
	fs.BoolVar(&g.real, "real", false, "run the effects in the test, in place of a dry run")
	file := fs.String("o", "", "`file` to write, which must not be there yet; default: standard output")
	return func(_ context.Context, args []string) error {
		_, r, err := c.recording(args)
		if err != nil {
			return err
		}
		g.pkg = cmp.Or(g.pkg, packageOf(*file), "main")
		g.name = cmp.Or(g.name, fmt.Sprintf("TestRecordedDispatch%d", r.Dispatch.Seq))
		text, err := g.write(r)
		if err != nil {
			return err
		}
		if *file == "" {
			_, err = c.raw.Write(text)
			return err
		}
		return writeNew(*file, text)
	}
}

// writeNew writes a file that is not there: somebody may have edited one that is.
func writeNew(name string, text []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	switch {
	case errors.Is(err, fs.ErrExist):
		return &misuse{name + " is there already: remove it, or give another name"}
	case err != nil:
		return &misuse{err.Error()}
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}

// packageOf returns the package of the Go files beside file, "" if it has none.
func packageOf(file string) string {
	if file == "" {
		return ""
	}
	files, _ := filepath.Glob(filepath.Join(filepath.Dir(file), "*.go"))
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		if parsed, err := parser.ParseFile(token.NewFileSet(), f, nil, parser.PackageClauseOnly); err == nil {
			return parsed.Name.Name
		}
	}
	return ""
}

// check says what is wrong with the names, which become code.
func (g goTest) check(r console.Recording) error {
	for _, n := range []struct{ flag, name string }{{"pkg", g.pkg}, {"name", g.name}, {"program", g.program}} {
		if n.name != "" && (!token.IsIdentifier(n.name) || n.name == "_") {
			return &misuse{fmt.Sprintf("-%s: %q is no name of Go", n.flag, n.name)}
		}
	}
	switch {
	case !isTest(g.name):
		return &misuse{fmt.Sprintf("-name: %q is no name of a test: it begins with Test, and no small letter follows", g.name)}
	case g.real && r.Dispatch.Dry:
		return &misuse{"-real: it was a dry run that was recorded, which says nothing about a real one"}
	case g.ctx && len(r.Ctx) == 0:
		return &misuse{"-ctx: no Ctx was recorded; set record.Options.Ctx"}
	case g.ctx && g.program == "":
		return &misuse{"-ctx: say with -program which function takes it"}
	}
	return nil
}

func isTest(name string) bool {
	rest, ok := strings.CutPrefix(name, "Test")
	return ok && (rest == "" || !unicode.IsLower([]rune(rest)[0]))
}

// write returns the Go file. Nothing from the recording is in it but in literals, and in
// comments as quoted ASCII.
func (g goTest) write(r console.Recording) ([]byte, error) {
	if err := g.check(r); err != nil {
		return nil, err
	}
	list, err := json.Marshal(r.Effects)
	if err != nil {
		return nil, &misuse{err.Error()}
	}
	var effects, b bytes.Buffer
	if err := json.Indent(&effects, list, "", "  "); err != nil {
		return nil, &misuse{err.Error()}
	}
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	program := cmp.Or(g.program, "programOf"+g.name)
	p("package %s\n\nimport (\n\t\"testing\"\n\n\t\"github.com/google/go-cmp/cmp\"\n", g.pkg)
	if g.program == "" {
		p("\t\"github.com/sfere-go/sfere/dispatch\"")
	}
	p("\t\"github.com/sfere-go/sfere/inspect/console\"\n)\n")
	p("// %s runs a recorded dispatch again and compares what comes of it.", g.name)
	p("// \"sfere test\" has written it, and it is yours to change: see console.Line for what is")
	p("// not compared, and put console.Any in the place of an Item, Value or Error that may be")
	p("// another one.")
	for _, l := range r.Left {
		p("//\n// Effect %d is not as it was: %s.", l.Effect, strconv.QuoteToASCII(l.Why))
	}
	p("func %s(t *testing.T) {\n\trecorded := console.Recorded{", g.name)
	p("Effects: %s,\nLines: []console.Line{", literal(effects.String()))
	for _, l := range r.Lines() {
		fmt.Fprintf(&b, "{At: %s, Name: %s, State: %s", literal(l.At), literal(l.Name), literal(string(l.State)))
		for _, f := range []struct{ name, text string }{{"Item", l.Item}, {"Value", l.Value}, {"Error", l.Error}} {
			if f.text != "" {
				fmt.Fprintf(&b, ", %s: %s", f.name, literal(f.text))
			}
		}
		p("},")
	}
	p("},")
	if r.Dispatch.Omitted > 0 {
		p("Partial: true, // more ran than was kept")
	}
	if g.real {
		p("Real: true,")
	}
	given := "t"
	if g.ctx {
		given += ", " + literal(string(r.Ctx))
	}
	p("}\n\td, c := %s(%s)", program, given)
	p("\tgot, err := console.Again(t.Context(), d, c, recorded)\n\tif err != nil {\n\t\tt.Fatal(err)\n\t}")
	p("\tif diff := cmp.Diff(recorded.Lines, got); diff != \"\" {")
	p("\t\tt.Errorf(\"the program does something else than was recorded (-recorded +now):\\n%%s\", diff)\n\t}\n}")
	if g.program == "" {
		p("\n// %s returns the dispatcher of the program, with the", program)
		p("// interceptor of package inspect/record, and the Ctx to run with.")
		p("func %s(t *testing.T) (*dispatch.Dispatcher[struct{}], struct{}) {", program)
		p("\tt.Fatal(\"fill in the dispatcher of the program, and its Ctx in place of struct{}\")\n\treturn nil, struct{}{}\n}")
	}
	return format.Source(b.Bytes())
}

// literal returns text as a literal of Go: between backquotes where it is the same to
// every reader there, and else with escapes.
func literal(text string) string {
	plain := func(r rune) bool { return r == '\n' || r == '\t' || unicode.IsPrint(r) }
	if strings.ContainsAny(text, "\"\\\n") && !strings.ContainsAny(text, "`\ufffd") &&
		strings.IndexFunc(text, func(r rune) bool { return !plain(r) }) < 0 {
		return "`" + text + "`"
	}
	return strconv.Quote(text)
}
