package httpapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/inspect/httpapi"
	"github.com/sfere-go/sfere/internal/consoletest"
	"github.com/sfere-go/sfere/schema"
)

// ask returns the status and the answer as plain values.
func ask(t *testing.T, srv *httptest.Server, method, path, body string, header ...string) (int, any) {
	t.Helper()
	req, err := http.NewRequest(method, srv.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+consoletest.Token)
	if method == "POST" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
		}
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		return resp.StatusCode, string(text)
	}
	return resp.StatusCode, v
}

func serve(t *testing.T, p *consoletest.Program, o *httpapi.Options) *httptest.Server {
	srv := httptest.NewServer(httpapi.New(p.Console, o))
	t.Cleanup(srv.Close)
	return srv
}

func TestAnswers(t *testing.T) {
	p := consoletest.New(t, nil)
	srv := serve(t, p, nil)
	p.Join(t, "ann")
	mail := `[{"effect":"test/mail","args":{"to":"a"}}]`
	p.Dispatcher.DryRun(t.Context(), consoletest.App{}, consoletest.Mail{To: "a"})
	seq := fmt.Sprint(p.Recorder.Summaries()[0].Seq)
	_, exported := ask(t, srv, "GET", "/dispatches/"+seq+"/export", "")
	text, err := json.Marshal(exported)
	if err != nil {
		t.Fatal(err)
	}
	doc, running := string(text), runs(t, p)
	for _, test := range []struct {
		reason, method, path, body string
		status                     int
		has                        string // in the answer
	}{
		{"everything", "GET", "/describe", "", 200, "twk/patch-elements"},
		{"one item", "GET", "/describe?name=test/mail", "", 200, "Send a mail."},
		{"one kind", "GET", "/describe?kind=placeholder", "", 200, "sfere/own-key"},
		{"no such kind", "GET", "/describe?kind=thing", "", 400, "use effect, action or placeholder"},
		{"no such name", "GET", "/describe?name=test/mial", "", 404, "did you mean test/mail"},
		{"a search", "GET", "/grep?q=post+office", "", 200, "meta.owner"},
		{"an expression", "GET", "/grep?re=^test/", "", 200, "test/mail"},
		{"a bad expression", "GET", "/grep?re=(", "", 400, "missing closing"},
		{"an expression that costs too much", "GET", "/grep?re=(.?.?.?.?.?.?.?.?.?.?){100}!", "", 400, "instructions when compiled"},
		{"bytes that are no text", "GET", "/grep?q=%ff", "", 200, "[]"},
		{"a long text", "GET", "/grep?q=" + strings.Repeat("a", 201), "", 400, "at most 200"},
		{"nothing found", "GET", "/grep?q=zebra", "", 200, "[]"},
		{"a sample", "GET", "/sample?name=test/mail&n=2&seed=3", "", 200, "test/mail"},
		{"too many samples", "GET", "/sample?name=test/mail&n=1000", "", 400, "ask for 0 to 100"},
		{"a sample of nothing", "GET", "/sample?name=none", "", 404, "nothing is registered"},
		{"the schema of all lists", "GET", "/schemas", "", 200, schema.RegistryID},
		{"the schema of one item", "GET", "/schemas?name=test/mail", "", 200, "whom to write to"},
		{"what the Ctx must hold", "GET", "/ctx", "", 200, "twk.Session"},
		{"connections", "GET", "/connections?pattern=*/lobby/*", "", 200, `"id":"ann"`},
		{"no connections", "GET", "/connections?pattern=*/none/*", "", 200, `"connections":[]`},
		{"a bad pattern", "GET", "/connections?pattern=lobby", "", 400, "pattern"},
		{"counts", "GET", "/connections?limit=-1", "", 200, `"categories":{"lobby":1},"connections":[],"matched":1,"scopes":{"default":1}`},
		{"too large a page", "GET", "/connections?limit=5000", "", 400, "at most 1000"},
		{"a page of no number", "GET", "/connections?limit=x", "", 400, "want a number"},
		{"after nobody", "GET", "/connections?after=x", "", 400, "Page.Next"},
		{"who has left", "GET", "/removals?n=5", "", 200, "[]"},
		{"who has left, of no number", "GET", "/removals?n=x", "", 400, "want a number"},
		{"a valid list", "POST", "/validate", mail, 200, `"valid":true`},
		{"an invalid one", "POST", "/validate", `[{"effect":"test/mail","args":{}}]`, 200, "missing property 'to'"},
		{"not JSON", "POST", "/validate", `[`, 200, "unexpected end of JSON input"},
		{"a dry run", "POST", "/dry-run", mail, 200, `"rehearsed":false`},
		{"a dry run of one effect", "POST", "/dry-run", `{"effect":"test/mail","args":{"to":"a"}}`, 200, `"plan"`},
		{"a dry run to a pattern", "POST", "/dry-run", `{"to":"*/lobby/*","effects":[{"effect":"twk/patch-signals","args":{"signals":{"n":1}}}]}`, 200, `"key":"default/lobby/ann"`},
		{"a dry run to a bad pattern", "POST", "/dry-run", `{"to":"lobby","effects":[]}`, 422, `"/to"`},
		{"a dry run of what is not valid", "POST", "/dry-run", `[{"effect":"test/mail"}]`, 422, `"problems"`},
		{"a document of a dispatch", "GET", "/dispatches/" + seq + "/export", "", 200, `"version":1`},
		{"one that is not kept", "GET", "/dispatches/99/export", "", 404, "no dispatch with this number"},
		{"one of no number", "GET", "/dispatches/x/export", "", 400, "is not the number"},
		{"one that still runs", "GET", "/dispatches/" + running + "/export", "", 409, "not ended yet"},
		{"a replay", "POST", "/replay", doc, 200, `"same":true`},
		{"a replay of another program", "POST", "/replay", strings.ReplaceAll(doc, "test/mail", "test/letter"), 200, `"what":"unknown"`},
		{"a replay of something else", "POST", "/replay", mail, 400, "read recording"},
		{"a replay of nothing", "POST", "/replay", "", 400, "read recording"},
		{"a replay that is as long as a recording", "POST", "/replay", `{"version":1,"x":"` + strings.Repeat("x", 7<<20) + `"}`, 400, "nothing to run"},
		{"a replay that is longer", "POST", "/replay", `{"version":1,"x":"` + strings.Repeat("x", 8<<20) + `"}`, 413, "too large"},
		{"sending is refused", "POST", "/send", mail, 403, "look only"},
		{"no such address", "GET", "/none", "", 404, ""},
		{"the wrong method", "GET", "/send", "", 405, ""},
	} {
		status, v := ask(t, srv, test.method, test.path, test.body)
		text, _ := json.Marshal(v)
		if status != test.status || !strings.Contains(string(text), test.has) {
			t.Errorf("%s: %s %s answers %d %.300s, want %d with %s", test.reason, test.method, test.path, status, text, test.status, test.has)
		}
	}
	if n := p.Mails.Load(); n != 0 { // that of runs has not returned
		t.Errorf("%d mails were sent", n)
	}
}

// runs dispatches something that ends with the test, and returns its number.
func runs(t *testing.T, p *consoletest.Program) string {
	began, end := make(chan struct{}), make(chan struct{})
	p.Heard = func(context.Context) { close(began); <-end }
	over := make(chan struct{})
	go func() {
		defer close(over)
		p.Dispatcher.Dispatch(context.Background(), consoletest.App{}, consoletest.Mail{To: "a"})
	}()
	<-began
	t.Cleanup(func() { close(end); <-over })
	return fmt.Sprint(p.Recorder.Summaries()[0].Seq)
}

func TestSend(t *testing.T) {
	var audits []string
	p := consoletest.New(t, &console.Options[consoletest.App]{Audit: func(_ context.Context, a console.Audit) {
		audits = append(audits, fmt.Sprintf("%s, %s %s to %q: ran %t, err %v", a.Command.By, a.Command.Via, a.Command.Asked, a.Command.To, a.Result != nil, a.Err))
	}})
	srv := serve(t, p, &httpapi.Options{
		Guard: func(r *http.Request) httpapi.Caller {
			token := r.Header.Get("Token")
			return httpapi.Caller{By: "someone who may " + token, Access: map[string]httpapi.Access{"write": httpapi.Write, "read": httpapi.Read}[token]}
		},
	})
	ann := p.Join(t, "ann")
	body := `{"to":"*/lobby/*","effects":[{"effect":"twk/patch-signals","args":{"signals":{"n":1}}}]}`
	for _, test := range []struct {
		token  string
		status int
	}{{"", 403}, {"read", 403}, {"write", 200}} {
		if status, v := ask(t, srv, "POST", "/send", body, "Token", test.token); status != test.status {
			t.Errorf("with token %q: %d %v", test.token, status, v)
		}
	}
	if e := ann.Next(); e.Type != "datastar-patch-signals" {
		t.Errorf("ann got %v", e)
	}
	if status, _ := ask(t, srv, "POST", "/send", `[{"effect":"test/mial"}]`, "Token", "write"); status != 422 {
		t.Errorf("what is not valid is answered %d", status)
	}
	want := []string{
		`someone who may , api POST /send to "": ran false, err the guard of the program does not allow it`,
		`someone who may read, api POST /send to "*/lobby/*": ran false, err the guard of the program does not allow it`,
		`someone who may write, api POST /send to "*/lobby/*": ran true, err <nil>`,
		`someone who may write, api POST /send to "": ran false, err console: send: schema: /0/effect: nothing is registered under this name: "test/mial": did you mean test/mail?`,
	}
	if diff := cmp.Diff(want, audits); diff != "" {
		t.Errorf("audit (-want +got):\n%s", diff)
	}
}

func TestOnlyThisMachine(t *testing.T) {
	p := consoletest.New(t, nil)
	srv := serve(t, p, nil)
	for _, test := range []struct {
		reason string
		header []string
		want   int
	}{
		{"a plain request", nil, 200},
		{"a name that leads here", []string{"Host", "evil.example:80"}, 403},
		{"localhost by name", []string{"Host", "localhost:8080"}, 200},
		{"localhost, IPv6", []string{"Host", "[::1]:8080"}, 200},
		{"through a proxy that tells the scheme", []string{"X-Forwarded-Proto", "https"}, 403},
		{"through Cloudflare", []string{"CF-Connecting-IP", "192.0.2.1"}, 403},
		{"through something that tells the client", []string{"True-Client-IP", "192.0.2.1"}, 403},
		{"without the token", []string{"Authorization", ""}, 403},
		{"with another token", []string{"Authorization", "Bearer " + consoletest.Token + "x"}, 403},
		{"with a part of it", []string{"Authorization", "Bearer " + consoletest.Token[1:]}, 403},
		{"with the token as a password", []string{"Authorization", "Basic " + consoletest.Token}, 403},
		{"in the spelling of others", []string{"Authorization", "bearer  " + consoletest.Token}, 200},
		{"through a proxy", []string{"X-Forwarded-For", "192.0.2.1"}, 403},
		{"through a proxy that says so properly", []string{"Forwarded", "for=192.0.2.1"}, 403},
	} {
		if status, v := ask(t, srv, "GET", "/describe?name=test/mail", "", test.header...); status != test.want {
			t.Errorf("%s: %d %v, want %d", test.reason, status, v, test.want)
		}
	}
	for _, remote := range []string{"192.0.2.1:1234", "", "@"} {
		r := httptest.NewRequest("GET", "http://localhost/describe", nil)
		r.RemoteAddr = remote
		r.Header.Set("Authorization", "Bearer "+consoletest.Token)
		w := httptest.NewRecorder()
		httpapi.New(p.Console, nil).ServeHTTP(w, r)
		if w.Code != 403 {
			t.Errorf("a request from %q is answered %d", remote, w.Code)
		}
	}
}

func TestOtherPagesCannotPost(t *testing.T) {
	p := consoletest.New(t, nil)
	srv := serve(t, p, &httpapi.Options{Access: httpapi.Write, MaxBody: 100})
	mail := `[{"effect":"test/mail","args":{"to":"a"}}]`
	for _, test := range []struct {
		reason string
		body   string
		header []string
		want   int
	}{
		{"a form", mail, []string{"Content-Type", "text/plain"}, 415},
		{"another origin", mail, []string{"Origin", "https://evil.example"}, 403},
		{"the browser says so", mail, []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"too large", `[` + strings.Repeat(" ", 100) + `]`, nil, 413},
		{"as it should be", mail, nil, 200},
	} {
		if status, v := ask(t, srv, "POST", "/send", test.body, test.header...); status != test.want {
			t.Errorf("%s: %d %v, want %d", test.reason, status, v, test.want)
		}
	}
	if n := p.Mails.Load(); n != 1 {
		t.Errorf("%d mails were sent, want 1", n)
	}
}

func TestDispatches(t *testing.T) {
	p := consoletest.New(t, nil)
	srv := serve(t, p, nil)
	p.Dispatcher.Dispatch(t.Context(), consoletest.App{}, consoletest.Mail{To: "ann"})
	p.Dispatcher.Dispatch(t.Context(), consoletest.App{}, effect.Raw{Effect: "test/gone"})
	newest := p.Recorder.Summaries()[0].Seq
	bare := httptest.NewServer(httpapi.New(console.New(p.Dispatcher, p.Conns, &console.Options[consoletest.App]{Token: consoletest.Token}), nil))
	t.Cleanup(bare.Close)
	none := serve(t, p, &httpapi.Options{Guard: func(*http.Request) httpapi.Caller { return httpapi.Caller{} }})
	for _, test := range []struct {
		reason string
		srv    *httptest.Server
		path   string
		status int
		has    []string // in the answer
	}{
		{"all", srv, "/dispatches", 200, []string{`"names":["test/gone"]`, `"state":"failed"`, `"names":["test/mail"]`}},
		{"one with everything", srv, fmt.Sprint("/dispatches/", newest), 200, []string{`"phase":"lookup"`, `"name":"test/gone"`}},
		{"the one before", srv, fmt.Sprint("/dispatches/", newest-1), 200, []string{`"args":{"to":"ann"}`, `"value":1`}},
		{"those that failed", srv, "/dispatches?failed=true", 200, []string{`"names":["test/gone"]`}},
		{"those with a name", srv, "/dispatches?name=MAIL", 200, []string{`"names":["test/mail"]`}},
		{"those with a text in their data", srv, "/dispatches?q=ann", 200, []string{`"names":["test/mail"]`}},
		{"those that nothing is", srv, "/dispatches?q=zebra", 200, []string{`[]`}},
		{"a filter that is none", srv, "/dispatches?failed=maybe", 400, []string{"want true or false"}},
		{"what failed", srv, "/failures", 200, []string{`"name":"test/gone"`, `"times":1`}},
		{"who may not look at failures", none, "/failures", 403, []string{"does not allow"}},
		{"no failures are recorded", bare, "/failures", 501, []string{"does not offer"}},
		{"one that is not kept", srv, "/dispatches/99", 404, []string{"no dispatch with this number"}},
		{"a number that is none", srv, "/dispatches/x", 400, []string{"not the number"}},
		{"a limit that is none", srv, "/dispatches?n=-1", 400, []string{"want a number"}},
		{"nothing is recorded", bare, "/dispatches", 501, []string{"does not offer"}},
		{"nor one of it", bare, "/dispatches/1", 501, []string{"does not offer"}},
		{"who may not look", none, "/dispatches", 403, []string{"does not allow"}},
		{"nor at one", none, fmt.Sprint("/dispatches/", newest), 403, []string{"does not allow"}},
	} {
		status, v := ask(t, test.srv, "GET", test.path, "")
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if status != test.status {
			t.Errorf("%s: GET %s answers %d %.300s, want %d", test.reason, test.path, status, text, test.status)
		}
		for _, want := range test.has {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s: GET %s has no %s: %.600s", test.reason, test.path, want, text)
			}
		}
	}
	for _, q := range []string{"failed=true", "name=mail", "q=ann"} {
		if _, v := ask(t, srv, "GET", "/dispatches?"+q, ""); len(v.([]any)) != 1 {
			t.Errorf("with %s: %v", q, v)
		}
	}
	if _, v := ask(t, srv, "GET", "/dispatches?n=1", ""); len(v.([]any)) != 1 {
		t.Errorf("with a limit of 1: %v", v)
	}
}
