package inspect_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/sfere-go/sfere/inspect/httpapi"
	"github.com/sfere-go/sfere/inspect/record"
)

func idOf(d record.Dispatch) string { return fmt.Sprintf("#d-%d", d.Seq) }

func jsonOf(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // unreachable: strings marshal
	}
	return string(b)
}

func TestAdd(t *testing.T) {
	p := newProgram(t, nil)
	for _, tt := range []struct {
		reason string
		form   url.Values
		want   []string
	}{
		{"to an empty list", url.Values{"item": {"shop/mail"}, "/to": {"ann"}, "/copies": {"2"}, "/urgent": {"true"}},
			[]string{`\"to\": \"ann\"`, `\"copies\": 2`, `\"urgent\": true`, "was added"}},
		{"to a list", url.Values{"item": {"shop/fail"}, "list": {`[{"effect":"shop/mail","args":{"to":"x"}}]`}},
			[]string{`\"effect\": \"shop/mail\"`, `\"effect\": \"shop/fail\"`}},
		{"to a single effect", url.Values{"item": {"shop/fail"}, "list": {`{"effect":"shop/fail"}`}}, []string{`\"shop/fail\"\n  },\n`}},
		{"a field that is no JSON", url.Values{"item": {"shop/mail"}, "/to": {"ann"}, "/tags": {"a, b"}}, []string{"is not JSON", "a, b"}},
		{"a field that does not fit", url.Values{"item": {"shop/mail"}, "/to": {"ann"}, "/copies": {"12"}}, []string{`class="field bad"`, "maximum"}},
		{"to what is no list", url.Values{"item": {"shop/fail"}, "list": {"x"}}, []string{"not JSON"}},
		{"nothing is chosen", url.Values{}, []string{"Choose an effect"}},
		{"an unknown item", url.Values{"item": {"shop/mial"}}, []string{"Choose an effect"}},
	} {
		got := p.post("/inspect/add", tt.form)
		for _, want := range tt.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s: no %q in\n%s", tt.reason, want, got)
			}
		}
	}
}

func TestCheckAndDryRun(t *testing.T) {
	p := newProgram(t, nil)
	ann := p.join("ann")
	const news = `[{"effect":"shop/sold","args":{"item":"tea","text":"x"}}]`
	for _, tt := range []struct {
		reason, path, list, to string
		want                   []string
	}{
		{"valid", "check", news, "*/shop/*", []string{"Valid: 1 effect."}},
		{"a single effect is a list", "check", `{"effect":"shop/fail"}`, "", []string{"Valid: 1 effect."}},
		{"no JSON", "check", "[", "", []string{"not valid"}},
		{"nothing", "check", " ", "", []string{"not valid", "nothing to run"}},
		{"a misspelled name", "check", `[{"effect":"shop/mial"}]`, "", []string{"shop/mail", "/0/effect"}},
		{"a wrong field", "check", `[{"effect":"shop/mail","args":{"to":1}}]`, "", []string{"<code>/0/args/to</code>", "in shop/mail"}},
		{"a broken pattern", "check", news, "shop", []string{"not valid", "pattern"}},
		{"a broken pattern in a dry run", "dry-run", news, "shop", []string{"would not run", "/to"}},
		{"out of band", "dry-run", news, "", []string{"1 stream would get", "default/shop/ann", "data: elements &lt;p id=&#34;news&#34;&gt;tea was sold&lt;/p&gt;", "shop/mail", "external", "does not say what it does"}},
		{"against a stream", "dry-run", `[{"effect":"twk/console-log","args":{"message":"psst"}}]`, "*/shop/*", []string{"1 stream would get", "event: datastar-patch-elements"}},
		{"nobody is there", "dry-run", `[{"effect":"twk/console-log","args":{"message":"psst"}}]`, "*/lobby/*", []string{"nothing would be sent to */lobby/*", "No live connection matches"}},
		{"an error of its own", "dry-run", `[{"effect":"twk/redirect","args":{"url":"javascript:x"}}]`, "*/shop/*", []string{"Errors", "twk/redirect"}},
		{"a stream that would end", "dry-run", `[{"effect":"sfere/close","args":{"to":{"scope":"*","category":"shop","id":"*"}}}]`, "", []string{"1 stream would be closed", "would be closed: closed"}},
	} {
		got := p.post("/inspect/"+tt.path, url.Values{"list": {tt.list}, "to": {tt.to}})
		for _, want := range tt.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s: no %q in\n%s", tt.reason, want, got)
			}
		}
	}
	if got := ann.Pending(); len(got) > 0 {
		t.Errorf("a dry run sent %v", got)
	}
}

func TestSend(t *testing.T) {
	p := newProgram(t, may(httpapi.Write))
	ann := p.join("ann")
	for _, tt := range []struct {
		reason, list, to string
		want             []string
	}{
		{"to a pattern", `[{"effect":"twk/console-log","args":{"message":"psst"}}]`, "*/shop/*", []string{"1 of 1 stream", "matched 1, delivered 1", `href="/inspect/dispatches/`}},
		{"out of band", `[{"effect":"shop/mail","args":{"to":"ann","subject":"hello"}}]`, "", []string{"Run.", "<pre tabindex=\"0\">5</pre>"}},
		{"an error", `[{"effect":"shop/fail"}]`, "", []string{"with 1 error", "no mail server", "effect"}},
		{"nothing valid", `[{"effect":"shop/gone"}]`, "", []string{"Nothing was sent"}},
	} {
		got := p.post("/inspect/send", url.Values{"list": {tt.list}, "to": {tt.to}})
		for _, want := range tt.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s: no %q in\n%s", tt.reason, want, got)
			}
		}
	}
	if e := ann.Next(); !strings.Contains(e.Fields()["elements"], "psst") {
		t.Errorf("the stream got %v", e)
	}
	r := p.request("POST", "/inspect/send", url.Values{"list": {strings.Repeat(" ", 2<<20)}})
	r.Header.Set("Datastar-Request", "true")
	if code, body := p.do(r); code != http.StatusOK || !strings.Contains(body, "Nothing was sent") {
		t.Errorf("2 MiB are answered %d %s", code, body)
	}
}
