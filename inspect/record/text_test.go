package record_test

import (
	"strings"
	"testing"

	"github.com/sfere-go/sfere/inspect/record"
	"github.com/sfere-go/sfere/internal/growth"
)

func TestHideText(t *testing.T) {
	for _, tt := range []struct{ reason, text, want string }{
		{"JSON", `data: signals {"user":"ann","password":"s3cret!","n":1}`, `data: signals {"user":"ann","password":"[hidden]","n":1}`},
		{"a text that was cut within a secret", `{"apiKey":"abcdef`, `{"apiKey":"[hidden]`},
		{"or before one", `{"apiKey":`, `{"apiKey":`},
		{"with quotes inside", `{"token":"a\"b","x":1}`, `{"token":"[hidden]","x":1}`},
		{"an object", `{"credentials":{"a":"x}","b":[1]},"c":2}`, `{"credentials":[hidden],"c":2}`},
		{"a number", `{"cvv":1234, "c":2}`, `{"cvv":[hidden], "c":2}`},
		{"nothing is told by these", `{"hasToken":true,"token":null,"secret":""}`, `{"hasToken":true,"token":null,"secret":""}`},
		{"over lines of an event", "data: signals {\"password\":\ndata: signals \"hunter22\"}", "data: signals {\"password\":\ndata: signals \"[hidden]\"}"},
		{"in an attribute", `<p data-signals="{&quot;csrf&quot;:&quot;abcd&quot;,&quot;n&quot;:1}">`, `<p data-signals="{&quot;csrf&quot;:&quot;[hidden]&quot;,&quot;n&quot;:1}">`},
		{"an attribute of its own", `<p data-token='abcd' id=x>`, `<p data-token='[hidden]' id=x>`},
		{"a signal of its own", `<p data-signals:password="'abcd'">`, `<p data-signals:password="[hidden]">`},
		{"a script", "token = `abcd`; x['secret'] = 'efgh'", "token = `[hidden]`; x['secret'] = '[hidden]'"},
		{"a script in JSON", `{"s":"{\"token\":\"abcd\"}"}`, `{"s":"{\"token\":\"[hidden]\"}"}`},
		{"an address", `<a href="/in?token=abcd&x=1">`, `<a href="/in?token=[hidden]&x=1">`},
		{"a header", `Authorization: Bearer abcd`, `Authorization: [hidden]`},
		{"a form field", `<input name="csrf_token" type=hidden value="abcd">`, `<input name="csrf_token" type=hidden value="[hidden]">`},
		{"the value first", `<input value='ab>cd' type="password">`, `<input value='[hidden]' type="password">`},
		{"a field bound to a signal", `<input data-bind:password value=abcd>`, `<input data-bind:password value=[hidden]>`},
		{"a meta element", `<meta name="csrf-token" content="abcd">`, `<meta name="csrf-token" content="[hidden]">`},
		{"a text area", `<textarea name="passphrase">ab cd</textarea>`, `<textarea name="passphrase">[hidden]</textarea>`},
		{"a tag that was cut", `<input type="password" value="ab`, `<input type="password" value="[hidden]`},
		{"elsewhere in the text", `{"token":"abcdef"} <p>abcdef</p>`, `{"token":"[hidden]"} <p>[hidden]</p>`},
		{"what is no secret", `<b class="token" id="password-hint">8 letters: at least</b> {"key":"k"}`, `<b class="token" id="password-hint">8 letters: at least</b> {"key":"k"}`},
		{"nothing", "", ""},
		{"no text", "\xff\x00<\xff", "\xff\x00<\xff"},
	} {
		if got := record.New(1).HideText(tt.text); got != tt.want {
			t.Errorf("%s: %s\nbecomes %s\nwant    %s", tt.reason, tt.text, got, tt.want)
		}
	}
	if got := (*record.Recorder)(nil).HideText("token=abcd"); got != "token=[hidden]" {
		t.Errorf("without a recorder: %s", got)
	}
	own := record.NewWith(&record.Options{Secrets: []string{"salary"}})
	if got := own.HideText(`{"salary":1,"token":"x"}`); got != `{"salary":[hidden],"token":"x"}` {
		t.Errorf("with names of its own: %s", got)
	}
}

// The work grows with the text, whatever is in it.
func TestHideTextCost(t *testing.T) {
	for _, part := range []string{"<", "token:", "<input name=token value=", `{"token":`, "data: ", `"`, "\n", "token={{[", "&quot;"} {
		growth.Linear(t, part, 400, func(n int) func() {
			text := strings.Repeat(part, n)
			return func() { (*record.Recorder)(nil).HideText(text) }
		})
	}
}

func FuzzHideText(f *testing.F) {
	f.Add(`{"a":1`, "hunter22", `}`)
	f.Add(`<p data-x="`, "x\"y'z", `">`)
	f.Fuzz(func(t *testing.T, before, secret, after string) {
		_ = (*record.Recorder)(nil).HideText(before + secret + after) // must not panic
		if strings.ContainsAny(secret, "\\\"'`&") || len(secret) < 6 || strings.ContainsAny(before, "\\\"'`<>&") {
			return
		}
		if text := (*record.Recorder)(nil).HideText(before + ` "password":"` + secret + `"`); secret != record.Hidden && strings.Contains(text, `":"`+secret) {
			t.Errorf("%q is told: %s", secret, text)
		}
	})
}
