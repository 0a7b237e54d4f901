package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestHarmless(t *testing.T) {
	for _, test := range []struct{ reason, text, want string }{
		{"plain text is as it was", "José ate 2 🍕, 日本", "José ate 2 🍕, 日本"},
		{"an escape sequence", "\x1b[2Jgone", `\x1b[2Jgone`},
		{"the eight-bit form of one", "\u009b2J", `\x9b2J`},
		{"a byte that some terminals take for one", "a\x9b2J", `a\x9b2J`},
		{"a line that begins again", "good\rbad", `good\rbad`},
		{"a line in a line", "a\nb\tc", `a\nb\tc`},
		{"text that turns round", "user\u202etxt.exe", `user\u202etxt.exe`},
		{"what nobody sees", "a\u200bb\ufeff\U000e0041", `a\u200bb\ufeff\U000e0041`},
		{"lines of Unicode", "a\u2028b\u2029", `a\u2028b\u2029`},
		{"joiners of emoji and scripts", "👩\u200d👧 می\u200cخواهم", "👩\u200d👧 می\u200cخواهم"},
		{"nothing", "", ""},
	} {
		if got := line(test.text); got != test.want {
			t.Errorf("%s: %q becomes %q, want %q", test.reason, test.text, got, test.want)
		}
	}
}

// What is printed as JSON says the same as what came.
func TestHarmlessJSON(t *testing.T) {
	for _, text := range []string{`{"a":"\u001b[31m","b":[1,{"c":"` + "\u009b\u202e\u007f\U000e0041" + `"}]}`, `"x"`, `[]`} {
		for how, got := range map[string]string{"indented": indented([]byte(text), "  "), "compact": compact(json.RawMessage(text))} {
			var was, is any
			if err := json.Unmarshal([]byte(text), &was); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(got), &is); err != nil {
				t.Errorf("%s: %v in %q", how, err, got)
			}
			if diff := cmp.Diff(was, is); diff != "" {
				t.Errorf("%s (-came +printed):\n%s", how, diff)
			}
			if i := strings.IndexFunc(got, func(r rune) bool { return controls(r) && r != '\n' }); i >= 0 {
				t.Errorf("%s: %q controls the terminal at %d", how, got, i)
			}
		}
	}
}

func FuzzHarmless(f *testing.F) {
	for _, text := range []string{evil, `{"a":"\u001b"}`, "\x9b\xff", `"` + "\xe2\x80" + `"`, "\"\U000e0041\"", "[1,\r\n2]"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := line(text)
		if strings.ContainsFunc(got, controls) || !utf8.ValidString(got) {
			t.Errorf("%q becomes %q", text, got)
		}
		if was := !strings.ContainsFunc(text, controls) && utf8.ValidString(text); was != (got == text) {
			t.Errorf("%q, which is harmless: %t, becomes %q", text, was, got)
		}
		var was, is any
		if json.Unmarshal([]byte(text), &was) != nil {
			return
		}
		for _, got := range []string{indented([]byte(text), "  "), compact(json.RawMessage(text))} {
			if err := json.Unmarshal([]byte(got), &is); err != nil {
				t.Errorf("%q becomes %q: %v", text, got, err)
			}
			if diff := cmp.Diff(was, is); diff != "" {
				t.Errorf("%q becomes %q (-was +is):\n%s", text, got, diff)
			}
		}
	})
}

// evil is a text with all that a terminal may take for more than text.
const evil = "\x1b]0;owned\x07\u009b31m\r\u202e\u2066\x7f\b"

// A program that answers everything with such texts, in each field that is text.
func hostile(t *testing.T) string {
	t.Helper()
	text, err := json.Marshal(evil)
	if err != nil {
		t.Fatal(err)
	}
	answers := map[string]string{
		"/describe":    `[{"name":@,"kind":@,"doc":@,"registry":@,"site":@,"ctx":@,"state":@,"reach":@,"schemaError":@,"meta":{@:@},"examples":[{"effect":@}],"args":{"type":"object","properties":{@:{"type":@,"description":@}}}}]`,
		"/grep":        `[{"item":{"name":@},"hits":[{"field":@,"text":@,"start":-5,"end":900}]}]`,
		"/sample":      `[{"effect":@}]`,
		"/schemas":     `{"title":@}`,
		"/connections": `{"matched":2,"all":3,"scopes":{@:1},"categories":{@:2},"connections":[{"keys":[{"scope":"a","category":"b","id":@}],"conn":{"id":1,"remote":@},"views":[@]}]}`,
		"/dispatches":  `[{"seq":1,"state":@,"names":[@],"targets":[@],"request":@,"key":@}]`,
		"/dispatches/1": `{"seq":1,"state":@,"names":[@],"targets":[@],"request":@,"key":@,"steps":[{"path":@,"name":@,"state":@,"item":{"effect":@},"value":@},
			{"path":@,"name":@,"state":@,"error":@,"phase":@}]}`,
		"/validate": `{"valid":false,"problems":[{"pointer":@,"keyword":@,"message":@}]}`,
		"/dry-run": `{"dry":true,"wouldRun":[{"path":@,"name":@,"value":@}],` + hostileRest + `,
			"plan":[{"path":@,"name":@,"reach":@,"more":3,"sends":[{"streams":9,"to":[{"conn":1,"key":@}],"text":@},{"cause":@}],"would":[{"x":@}],
				"renders":{"values":1,"streams":2,"sample":[{"name":@,"value":@,"scope":@,"viewers":2}]}}]}`,
		"/views": `{"matched":2,"counts":{@:2},"views":[{"id":1,"name":@,"value":@,"scope":@,"error":@}]}`,
		"/send":  `{"ran":[{"path":@,"name":@,"value":@}],` + hostileRest + `}`,
	}
	mux := http.NewServeMux()
	for path, answer := range answers {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(strings.ReplaceAll(answer, "@", string(text))))
		})
	}
	for path, status := range map[string]int{"/no/": 403, "/gone/": 404, "/bad/": 400, "/broken/": 500, "/invalid/": 422} {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			answer := `{"error":@}`
			if status == 422 {
				answer = `{"error":@,"problems":[{"pointer":@,"keyword":@,"message":@}]}`
			}
			_, _ = w.Write([]byte(strings.ReplaceAll(answer, "@", string(text))))
		})
	}
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv.URL
}

const hostileRest = `"skipped":[{"path":@,"name":@,"reason":@}],"errors":[{"path":@,"name":@,"phase":@,"error":@}]`

func TestNothingControlsTheTerminal(t *testing.T) {
	url := hostile(t)
	for _, args := range []string{
		"describe", "describe x", "grep x", "sample x", "schemas", "connections", "views", "dispatches", "dispatches 1", "validate", "dry-run", "send",
	} {
		for _, flags := range []string{"", " -json"} {
			for _, at := range []string{url, url + "/no", url + "/gone", url + "/bad", url + "/broken", url + "/invalid"} {
				var out, errs bytes.Buffer
				run(t.Context(), append(strings.Fields(args+flags), "-url", at), strings.NewReader(`[]`), &out, &errs, func(string) string { return "" })
				if out.Len()+errs.Len() == 0 {
					t.Errorf("sfere %s says nothing", args+flags)
				}
				for _, text := range []string{out.String(), errs.String()} {
					if i := strings.IndexFunc(text, func(r rune) bool {
						return r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == unicode.ReplacementChar)
					}); i >= 0 {
						t.Errorf("sfere %s at %s prints %q", args+flags, at, text[i:min(len(text), i+40)])
					}
				}
				if flags != "" && at == url && !json.Valid(out.Bytes()) {
					t.Errorf("sfere %s is no JSON: %s", args+flags, out.String())
				}
			}
		}
	}
}
