package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sfere-go/sfere/internal/consoletest"
	"github.com/sfere-go/sfere/schema/httpapi"
	"github.com/sfere-go/sfere/twk/twktest"
)

// api serves the API of a program; requests with the header Token may send.
func api(t *testing.T, p *consoletest.Program) string {
	t.Helper()
	srv := httptest.NewServer(httpapi.New(p.Console, &httpapi.Options{Guard: func(r *http.Request) httpapi.Access {
		if r.Header.Get("Token") != "" {
			return httpapi.Write
		}
		return httpapi.Read
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
		{"a pattern that is none", "connections lobby", "", 3, "", "pattern"},
		{"valid", "validate", mail, 0, "valid", ""},
		{"not valid", "validate", `[{"effect":"test/mail","args":{}}]`, 1, "", "/0/args: missing property 'to'"},
		{"not valid, as JSON", "validate -json", `[{"effect":"test/mail","args":{}}]`, 1, `"valid": false`, ""},
		{"a file that is not there", "validate none.json", "", 2, "", "none.json"},
		{"a dry run", "dry-run", mail, 0, "test/mail is external and was left out", ""},
		{"a dry run to a pattern", "dry-run -to */lobby/* " + file, "", 0, "data: signals {\"n\":1}", ""},
		{"a dry run of what cannot work", "dry-run", patch, 1, "this dispatch has no stream", "1 errors"},
		{"refused", "send", mail, 3, "", "refused"},
		{"nobody answers", "-url http://127.0.0.1:1 describe", "", 3, "", "does not answer"},
		{"not the API", "-url " + url + "/none describe", "", 3, "", "is this the address"},
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
	code, out, errs := invoke(t, url, `{"effect":"twk/patch-signals","args":{"signals":{"n":1}}}`, "send", "-H", "Token: x", "-to", "*/lobby/*")
	if code != 0 || !strings.Contains(out, "sfere/broadcast") {
		t.Errorf("send exits %d: %s%s", code, out, errs)
	}
	if e := ann.Next(); e.Fields()["signals"] != `{"n":1}` {
		t.Errorf("ann got %v", e)
	}
}

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
