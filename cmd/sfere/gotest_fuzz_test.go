package main

import (
	"encoding/json"
	"fmt"
	"go/parser"
	"go/scanner"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/inspect/console"
)

// shape returns a Go file without its literals, its comments, and the texts of its
// literals.
func shape(t testing.TB, src []byte) (code string, comments, texts []string) {
	t.Helper()
	files := token.NewFileSet()
	if _, err := parser.ParseFile(files, "x_test.go", src, parser.ParseComments|parser.SkipObjectResolution); err != nil {
		t.Fatalf("it is no Go: %v\n%s", err, src)
	}
	var s scanner.Scanner
	s.Init(token.NewFileSet().AddFile("x", -1, len(src)), src, nil, scanner.ScanComments)
	var out strings.Builder
	for {
		_, tok, lit := s.Scan()
		switch tok {
		case token.EOF:
			return out.String(), comments, texts
		case token.COMMENT:
			comments = append(comments, lit)
			continue
		case token.STRING:
			text, err := strconv.Unquote(lit)
			if err != nil {
				t.Fatalf("%s: %v", lit, err)
			}
			texts = append(texts, text)
			lit = "S"
		}
		if lit == "" || lit == "\n" {
			lit = tok.String()
		}
		out.WriteString(lit + " ")
	}
}

var (
	lines    = regexp.MustCompile(`\{ At : S , Name : S , State : S (, (Item|Value|Error) : S )*\} , `)
	isPart   = "Partial : true , "
	ofEffect = regexp.MustCompile(`^// Effect -?[0-9]+ is not as it was: "[ -~]*"\.$`)
)

// Whatever is in a recording, and anybody may have made it: the test of it is Go, what
// it does is what every test does, and the recording is in its literals, as it was.
func FuzzRecordingIsNoCode(f *testing.F) {
	f.Add(`{"version":1,"effects":[{"effect":"a/b","args":{"x":"` + "`" + `\"*/"}}],"recorded":{"seq":1,"steps":[{"path":"0","name":"a","state":"done"}]}}`)
	f.Add(`{"version":1,"effects":[null,1,"x\u2028\r\n` + "`" + `"],"leftOut":[{"effect":-1,"why":"\n}\nfunc init() { panic(1) }\n//"}],"recorded":{"omitted":1,"steps":[{"path":"` + "`" + `+f()+` + "`" + `","name":"\u202e\u0000","state":"*/","error":"\ufffd","item":"x\ny","nested":[{"steps":[{"path":"0"}]}]}]}}`)
	f.Add("{\"version\":1,\"effects\":[\"\xff`\"],\"ctx\":\"`\xfe\",\"recorded\":{}}")
	base, err := goTest{pkg: "p", name: "TestX"}.write(console.Recording{Version: 1, Effects: []json.RawMessage{[]byte("0")}})
	if err != nil {
		f.Fatal(err)
	}
	want, known, fixed := shape(f, base)
	f.Fuzz(func(t *testing.T, doc string) {
		r, err := console.ParseRecording([]byte(doc))
		if err != nil {
			return
		}
		src, err := goTest{pkg: "p", name: "TestX"}.write(r)
		if err != nil {
			t.Fatalf("%q: %v", doc, err)
		}
		code, comments, texts := shape(t, src)
		if got := strings.Replace(lines.ReplaceAllString(code, ""), isPart, "", 1); got != want {
			t.Errorf("there is other code in\n%s", src)
		}
		for _, c := range comments {
			if !slices.Contains(known, c) && c != "//" && c != "// more ran than was kept" && !ofEffect.MatchString(c) {
				t.Errorf("comment %q", c)
			}
		}
		var told []string
		for _, l := range r.Lines() {
			told = append(told, l.At, l.Name, string(l.State))
			for _, text := range []string{l.Item, l.Value, l.Error} {
				if text != "" {
					told = append(told, text)
				}
			}
		}
		at := slices.IndexFunc(fixed, func(s string) bool { return strings.HasPrefix(s, "[") })
		list := texts[at]
		texts = slices.Delete(texts, at, at+1)
		if !slices.Equal(texts, slices.Insert(slices.Delete(slices.Clone(fixed), at, at+1), at, told...)) {
			t.Errorf("the literals are other texts: %q, want %q", texts, told)
		}
		var effects []json.RawMessage
		if err := json.Unmarshal([]byte(list), &effects); err != nil || len(effects) != len(r.Effects) {
			t.Errorf("the effects are %q (%v)", list, err)
		}
	})
}

// What comes from the command line becomes code, too.
func TestNamesOfGeneratedTests(t *testing.T) {
	doc := `{"version":1,"effects":[{"effect":"a/b"}],"leftOut":[{"effect":0,"why":"ü\n"}],"recorded":{"seq":7,"omitted":2}}`
	for _, test := range []struct {
		reason, args string
		code         int
		want         string
	}{
		{"by default there is a function to fill in", "", exitOK, "func programOfTestRecordedDispatch7(t *testing.T) (*dispatch.Dispatcher[struct{}], struct{}) {"},
		{"a package", "-pkg shop_test", exitOK, "package shop_test\n"},
		{"a name", "-name TestÄ", exitOK, "func TestÄ(t *testing.T)"},
		{"a function", "-program newShop", exitOK, "d, c := newShop(t)"},
		{"in earnest", "-real", exitOK, "Real:    true,"},
		{"what is not as it was is told", "", exitOK, `// Effect 0 is not as it was: "\u00fc\n".`},
		{"more ran than was kept", "", exitOK, "Partial: true,"},
		{"a package that is none", "-pkg a;b", exitUsage, "is no name of Go"},
		{"a keyword", "-pkg func", exitUsage, "is no name of Go"},
		{"a name that is none", "-name Test()", exitUsage, "is no name of Go"},
		{"a name that is not that of a test", "-name Testing", exitUsage, "is no name of a test"},
		{"a function that is none", "-program f(0)", exitUsage, "is no name of Go"},
		{"a Ctx that was not recorded", "-ctx -program f", exitUsage, "no Ctx was recorded"},
		{"a folder that is not there", "-o none/x_test.go", exitUsage, "no such file"},
	} {
		code, out, errs := invoke(t, "", doc, append([]string{"test"}, strings.Fields(test.args)...)...)
		if code != test.code || !strings.Contains(out+errs, test.want) {
			t.Errorf("%s: exit %d, want %d with %q:\n%s%s", test.reason, code, test.code, test.want, out, errs)
		}
		if code == exitOK {
			shape(t, []byte(out))
		}
	}
	for _, test := range []struct{ reason, doc, args, want string }{
		{"no JSON", "x", "", "read recording"},
		{"another document", `{"effects":[1]}`, "", `"version" is missing`},
		{"of a newer program", `{"version":2,"effects":[1]}`, "", "its version is 2"},
		{"nothing to run", `{"version":1}`, "", "nothing to run"},
		{"more than a recorder keeps", `{"version":1,"effects":[1],"recorded":{"steps":[` + strings.Repeat(`{"path":"0"},`, 600) + `{}]}}`, "", "more in it than"},
		{"a dry run in earnest", `{"version":1,"effects":[1],"recorded":{"dry":true}}`, "-real", "says nothing about a real one"},
		{"a Ctx without a function", `{"version":1,"effects":[1],"ctx":{}}`, "-ctx", "say with -program"},
	} {
		for _, command := range []string{"test " + test.args, "replay"} {
			if test.args != "" && command == "replay" {
				continue
			}
			code, _, errs := invoke(t, "http://127.0.0.1:1", test.doc, strings.Fields(command)...)
			if code != exitUsage || !strings.Contains(errs, test.want) {
				t.Errorf("%s: sfere %s exits %d with %q, want %q", test.reason, command, code, errs, test.want)
			}
		}
	}
}

// A literal is its text again, and hides nothing from who reads it.
func TestLiteral(t *testing.T) {
	for _, text := range []string{"", "a", `"`, "`", "\"`", "a\nb", "a\r\n", "\x00", "\xff\"", "\ufffd\"", "\u202e\"x", "\ufeff\"", "\u2028\n", `\`, "ü\n", "\u200b\n"} {
		lit := literal(text)
		got, err := strconv.Unquote(lit)
		if err != nil || got != text {
			t.Errorf("%q is %s, which is %q (%v)", text, lit, got, err)
		}
		for _, r := range lit {
			if r != '\n' && !strconv.IsPrint(r) {
				t.Errorf("%q is %s, with %s in it", text, lit, fmt.Sprintf("%U", r))
			}
		}
	}
	if diff := cmp.Diff("`{\"a\":1}`", literal(`{"a":1}`)); diff != "" {
		t.Error(diff)
	}
}
