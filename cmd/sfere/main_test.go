package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/inspect/httpapi"
	"github.com/sfere-go/sfere/internal/consoletest"
	"github.com/sfere-go/sfere/twk"
)

// api serves the API of a program; requests with the header Token or a token may send.
func api(t *testing.T, p *consoletest.Program) string {
	t.Helper()
	srv := httptest.NewServer(httpapi.New(p.Console, &httpapi.Options{Guard: func(r *http.Request) httpapi.Caller {
		if r.Header.Get("Token")+r.Header.Get("Authorization") != "" {
			return httpapi.Caller{Access: httpapi.Write}
		}
		return httpapi.Caller{Access: httpapi.Read}
	}}))
	t.Cleanup(srv.Close)
	return srv.URL
}

// invoke runs the command.
func invoke(t *testing.T, url, in string, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(t.Context(), args, strings.NewReader(in), &o, &e, func(name string) string {
		return map[string]string{"SFERE_URL": url}[name]
	})
	return code, o.String(), e.String()
}

func TestCommands(t *testing.T) {
	p := consoletest.New(t, nil)
	url := api(t, p)
	p.Join(t, "ann")
	file := filepath.Join(t.TempDir(), "effects.json")
	doc := `{"version":1,"effects":[{"effect":"test/mail","args":{"to":"a"}}],"recorded":{"steps":[{"path":"0","name":"test/mail","item":{"effect":"test/mail","args":{"to":"a"}},"state":"done","value":7}]}}`
	other := strings.ReplaceAll(doc, "test/mail", "test/letter")
	mail, patch := `[{"effect":"test/mail","args":{"to":"a"}}]`, `[{"effect":"twk/patch-signals","args":{"signals":{"n":1}}}]`
	if err := os.WriteFile(file, []byte(patch), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		reason   string
		args, in string
		code     int
		out, err string // parts of
	}{
		{"without arguments it explains itself", "", "", 2, "", "usage: sfere"},
		{"when asked it explains itself", "help", "", 0, "usage: sfere", ""},
		{"a command that does not exist", "descrieb", "", 2, "", `no command "descrieb"`},
		{"a flag that does not exist", "describe -x", "", 2, "", "not defined"},
		{"help of one command", "grep -h", "", 0, "", "usage: sfere grep"},
		{"a list", "describe", "", 0, "test/mail  ", ""},
		{"one kind", "describe -kind placeholder", "", 0, "sfere/own-key", ""},
		{"one item", "describe test/mail", "", 0, "required  whom to write to", ""},
		{"fields that can be late", "describe sfere/with-connection", "", 0, "effects", ""},
		{"as JSON", "describe -json test/mail", "", 0, `"name": "test/mail"`, ""},
		{"flags in front", "-json describe test/mail", "", 0, `"name": "test/mail"`, ""},
		{"flags behind", "describe test/mail -json", "", 0, `"name": "test/mail"`, ""},
		{"a name that does not exist", "describe test/mial", "", 1, "", "did you mean test/mail"},
		{"a search", "grep post_office", "", 0, "meta.owner", ""},
		{"an expression", "grep -e ^test/", "", 0, "test/mail", ""},
		{"nothing found", "grep zebra", "", 1, "", "nothing matches"},
		{"grep without a text", "grep", "", 2, "", "want a text"},
		{"samples", "sample -n 2 test/mail", "", 0, `"effect": "test/mail"`, ""},
		{"schemas", "schemas", "", 0, "urn:sfere:registry", ""},
		{"connections", "connections */lobby/*", "", 0, "default/lobby/ann", ""},
		{"connections as JSON", "connections -json", "", 0, `"id": "ann"`, ""},
		{"a pattern that is none", "connections lobby", "", 2, "", "must be scope/category/id"},
		{"a pattern that nobody matches", "connections */lobby/carl", "", 1, "", "nobody"},
		{"the same as JSON", "-json connections */lobby/carl", "", 1, `"matched": 0`, "nobody"},
		{"how many", "connections -count */lobby/*", "", 0, "1 match, 1 in all\ncategories: lobby 1\nscopes: default 1\n", ""},
		{"fewer than none", "connections -n -1", "", 2, "", "negative"},
		{"a kind that does not exist", "describe -kind thing", "", 2, "", "use effect, action or placeholder"},
		{"a kind of which there is none", "describe -kind action", "", 1, "", "the program has none"},
		{"an expression that is none", "grep -e (", "", 2, "", "missing closing"},
		{"too many samples", "sample -n 1000 test/mail", "", 2, "", "ask for"},
		{"a sample of what does not exist", "sample test/mial", "", 1, "", "did you mean"},
		{"valid", "validate", mail, 0, "valid", ""},
		{"not valid", "validate", `[{"effect":"test/mail","args":{}}]`, 1, "", "/0/args: missing property 'to'"},
		{"not valid, as JSON", "validate -json", `[{"effect":"test/mail","args":{}}]`, 1, `"valid": false`, ""},
		{"a file that is not there", "validate none.json", "", 2, "", "none.json"},
		{"a dry run", "dry-run", mail, 0, "test/mail is external and would run; it does not say what it does", ""},
		{"a dry run to a pattern", "dry-run -to */lobby/* " + file, "", 0, "data: signals {\"n\":1}", ""},
		{"a dry run to nobody", "dry-run -to */lobby/carl " + file, "", 1, "", "nobody"},
		{"a dry run to a pattern that is none", "dry-run -to lobby " + file, "", 2, "", "must be scope/category/id"},
		{"a dry run of what is not valid", "dry-run", `[{"effect":"test/mail","args":{}}]`, 1, "", "missing property 'to'"},
		{"a dry run of what cannot work", "dry-run", patch, 1, "this dispatch has no stream", "an error"},
		{"refused", "send", mail, 3, "", "refused"},
		{"an address that is none", "-url localhost:8080 describe", "", 2, "", "is no address"},
		{"a header that is none", "-header Token describe", "", 2, "", "want"},
		{"a token that no header can hold", "-token a\x00b describe", "", 2, "", "cannot hold"},
		{"an argument too many", "describe a b", "", 2, "", "at most one name"},
		{"nobody answers", "-url http://127.0.0.1:1 describe", "", 3, "", "does not answer"},
		{"not the API", "-url " + url + "/none describe", "", 3, "", "is this the address"},
		{"a document of nothing", "export", "", 2, "", "want the number"},
		{"a document of no number", "export x", "", 2, "", "not the number"},
		{"a document that is not kept", "export 99", "", 1, "", "no dispatch with this number"},
		{"a replay of effects", "replay", mail, 2, "", "read recording"},
		{"a replay of a file that is not there", "replay none.json", "", 2, "", "none.json"},
		{"a replay", "replay", doc, 0, "the same\na dry run cannot tell what would come of 0\n", ""},
		{"a replay of another program", "replay", other, 1, "test/letter  unknown  done", "a difference"},
		{"a replay as JSON", "replay -json", other, 1, `"what": "unknown"`, "a difference"},
		{"completion", "completion bash", "", 0, "complete -F _sfere sfere", ""},
		{"completion for another shell", "completion csh", "", 2, "", "use bash, zsh or fish"},
	} {
		args := strings.Fields(test.args)
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], "_", " ")
		}
		code, out, errs := invoke(t, url, test.in, args...)
		if code != test.code || !strings.Contains(out, test.out) || !strings.Contains(errs, test.err) {
			t.Errorf("%s: sfere %s exits %d with %q and %q, want %d with %q and %q", test.reason, test.args, code, out, errs, test.code, test.out, test.err)
		}
	}
	if n := p.Mails.Load(); n != 0 {
		t.Errorf("%d mails were sent", n)
	}
}

func TestSendReachesAStream(t *testing.T) {
	p := consoletest.New(t, nil)
	url := api(t, p)
	ann := p.Join(t, "ann")
	code, out, errs := invoke(t, url, `{"effect":"twk/patch-signals","args":{"signals":{"n":1}}}`, "send", "-header", "Token: x", "-to", "*/lobby/*")
	if code != 0 || !strings.Contains(out, "sfere/broadcast") || !strings.Contains(out, `"delivered":1`) {
		t.Fatalf("send exits %d: %s%s", code, out, errs)
	}
	if e := ann.Next(); e.Fields()["signals"] != `{"n":1}` {
		t.Errorf("ann got %v", e)
	}
}

func TestDispatches(t *testing.T) {
	p := consoletest.New(t, nil)
	url := api(t, p)
	bare := httptest.NewServer(httpapi.New(console.New(p.Dispatcher, p.Conns, nil), &httpapi.Options{Guard: func(*http.Request) httpapi.Caller {
		return httpapi.Caller{Access: httpapi.Read}
	}}))
	t.Cleanup(bare.Close)
	if code, out, _ := invoke(t, url, "", "dispatches"); code != exitNo || !strings.HasPrefix(out, "NUMBER") {
		t.Errorf("before the first dispatch: exit %d, %q", code, out)
	}
	p.Join(t, "ann")
	nested := effect.List{twk.PatchSignals{Signals: map[string]any{"n": 1}}}
	p.Dispatcher.Dispatch(t.Context(), consoletest.App{}, sfere.Broadcast{To: sfere.Everyone(), Effects: nested}, consoletest.Mail{To: "a"})
	sent := fmt.Sprint(p.Recorder.Summaries()[0].Seq)
	p.Dispatcher.Dispatch(t.Context(), consoletest.App{}, effect.Raw{Effect: "test/\x1bgone"})
	failed := fmt.Sprint(p.Recorder.Summaries()[0].Seq)
	p.Dispatcher.DryRun(t.Context(), consoletest.App{}, consoletest.Mail{To: strings.Repeat("b", 200)})
	dry := fmt.Sprint(p.Recorder.Summaries()[0].Seq)
	for _, test := range []struct {
		reason   string
		url      string
		args     string
		code     int
		out, err []string // parts of
	}{
		{"a list", url, "dispatches", exitOK, []string{"NUMBER  ", sent + "  ", "done ", "failed ", "done, dry run", "sfere/broadcast(*/*/*) test/mail"}, nil},
		{"the newest only", url, "dispatches -n 1", exitOK, []string{dry + "  "}, nil},
		{"one, with its continuations indented", url, "dispatches " + sent, exitOK, []string{"dispatch " + sent + ", done", "\n0  ", "\n  0", "twk/patch-signals", `"delivered":1`, `{"effect":"test/mail","args":{"to":"a"}}`}, nil},
		{"one that failed, with nothing to control a terminal", url, "dispatches " + failed, exitOK, []string{"failed", "lookup", `test/\x1bgone`}, nil},
		{"long data is cut", url, "dispatches " + dry, exitOK, []string{", done, dry run", "bbb…"}, nil},
		{"those that failed", url, "dispatches -failed", exitOK, []string{failed + "  ", "failed "}, nil},
		{"those with a text", url, "dispatches -match BROADCAST", exitOK, []string{sent + "  "}, nil},
		{"none with a text", url, "dispatches -failed -match broadcast", exitNo, []string{"NUMBER"}, []string{"no dispatch"}},
		{"what failed", url, "failures", exitOK, []string{failed + " ", "1 ", `test/\x1bgone`, "lookup"}, nil},
		{"what failed, as JSON", url, "failures -json -n 1", exitOK, []string{`"times": 1`}, nil},
		{"failures fewer than none", url, "failures -n -1", exitUsage, nil, []string{"negative"}},
		{"those in which it ran", url, "dispatches -name patch-sig", exitOK, []string{sent + "  "}, nil},
		{"a list as JSON", url, "dispatches -json -failed", exitOK, []string{`"seq": ` + failed}, nil},
		{"as a document", url, "export " + sent, exitOK, []string{`"version": 1`, `"effect": "sfere/broadcast"`}, nil},
		{"one that failed as a document", url, "export " + failed, exitOK, []string{`test/\u001bgone`}, nil},
		{"as JSON", url, "dispatches -json " + sent, exitOK, []string{`"names": [`}, nil},
		{"one that is not kept", url, "dispatches 99", exitNo, nil, []string{"no dispatch with this number"}},
		{"a number that is none", url, "dispatches x", exitUsage, nil, []string{"not the number"}},
		{"two numbers", url, "dispatches 1 2", exitUsage, nil, []string{"at most one number"}},
		{"fewer than none", url, "dispatches -n -1", exitUsage, nil, []string{"negative"}},
		{"nothing is recorded", bare.URL, "dispatches", exitUnreachable, nil, []string{"does not offer it"}},
	} {
		code, out, errs := invoke(t, test.url, "", strings.Fields(test.args)...)
		if code != test.code {
			t.Errorf("%s: sfere %s exits %d with %q and %q, want %d", test.reason, test.args, code, out, errs, test.code)
		}
		for _, want := range test.out {
			if !strings.Contains(out, want) {
				t.Errorf("%s: sfere %s has no %q:\n%s", test.reason, test.args, want, out)
			}
		}
		for _, want := range test.err {
			if !strings.Contains(errs, want) {
				t.Errorf("%s: sfere %s says %q, want %q", test.reason, test.args, errs, want)
			}
		}
		if strings.Contains(out, "\x1b") {
			t.Errorf("%s: sfere %s controls the terminal: %q", test.reason, test.args, out)
		}
	}
	if _, out, _ := invoke(t, url, "", "dispatches", "-n", "1"); strings.Count(out, "\n") != 2 {
		t.Errorf("with -n 1: %q", out)
	}
}
