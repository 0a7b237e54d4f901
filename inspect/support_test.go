package inspect_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/inspect"
	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/inspect/httpapi"
	"github.com/sfere-go/sfere/inspect/mcp"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/twktest"
)

// looks is what an audit was told of looks at what people see.
type looks struct {
	mu   sync.Mutex
	list []string
	more chan struct{}
}

func (l *looks) audit(_ context.Context, a console.Audit) {
	s := a.Command.Sender
	line := fmt.Sprintf("%s via %s of %s", s.By, s.Via, a.Command.To)
	switch w := a.Watched; {
	case w == nil:
		line += ", refused: " + a.Err.Error()
	case !w.Over:
		line += ", begins"
	case w.Took == 0:
		line += fmt.Sprintf(", looked at %d with %d events", len(w.Streams), w.Events)
	default:
		line += fmt.Sprintf(", over, %d stream, some %t, took time %t", len(w.Streams), w.Events > 0, w.Took > 0)
	}
	if w := a.Watched; w != nil && (w.Key != "default/shop/ann" || time.Since(w.Began) > time.Hour) {
		line += fmt.Sprintf(" of %q at %v", w.Key, w.Began)
	}
	l.mu.Lock()
	l.list = append(l.list, line)
	l.mu.Unlock()
	l.more <- struct{}{}
}

// next waits for n lines.
func (l *looks) next(t *testing.T, n int) []string {
	t.Helper()
	for range n {
		select {
		case <-l.more:
		case <-time.After(twktest.Wait):
			t.Fatal("the audit is not told")
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	list := l.list
	l.list = nil
	return list
}

// asUser adds who asks to every request.
type asUser struct{ name string }

func (u asUser) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("X-User", u.name)
	return http.DefaultTransport.RoundTrip(r)
}

// surface is a way to ask what streams are sent. It returns all that came, once it has
// the text want in it, or when the answer is over.
type surface struct {
	name  string
	watch bool // it goes on
	ask   func(t *testing.T, base, user, key string, text bool, want string) (answer string)
}

func readUntil(t *testing.T, c *http.Client, r *http.Request, user, want string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), twktest.Wait)
	defer cancel()
	r.Header.Set("X-User", user)
	resp, err := c.Do(r.WithContext(ctx))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var all strings.Builder
	lines := bufio.NewReader(resp.Body)
	for want == "" || !strings.Contains(all.String(), want) {
		line, err := lines.ReadString('\n')
		all.WriteString(line)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("%v, after %s", err, all.String())
		}
	}
	return fmt.Sprint(resp.StatusCode, " ", all.String())
}

func request(t *testing.T, address string, q url.Values) *http.Request {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, address+"?"+q.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func surfaces() []surface {
	params := func(key string, text bool) url.Values {
		return url.Values{"key": {key}, "text": {fmt.Sprint(text)}}
	}
	api := func(path string) func(*testing.T, string, string, string, bool, string) string {
		return func(t *testing.T, base, user, key string, text bool, want string) string {
			return readUntil(t, http.DefaultClient, request(t, base+path, params(key, text)), user, want)
		}
	}
	return []surface{
		{"HTTP", false, api("/api/events")},
		{"HTTP, live", true, api("/api/watch")},
		{"the interface under the page", false, api("/inspect/api/events")},
		{"the same, live", true, api("/inspect/api/watch")},
		{"the page, live", true, func(t *testing.T, base, user, key string, text bool, want string) string {
			signals, err := json.Marshal(map[string]any{"key": key, "stream": "0", "text": text})
			if err != nil {
				t.Fatal(err)
			}
			r := request(t, base+"/inspect/live", url.Values{"tab": {"stream"}, "datastar": {string(signals)}})
			r.Header.Set("Datastar-Request", "true")
			return readUntil(t, http.DefaultClient, r, user, want)
		}},
		{"MCP", false, func(t *testing.T, base, user, key string, text bool, _ string) string {
			client := sdk.NewClient(&sdk.Implementation{Name: "test"}, nil)
			s, err := client.Connect(t.Context(), &sdk.StreamableClientTransport{Endpoint: base + "/mcp", HTTPClient: &http.Client{Transport: asUser{user}}, DisableStandaloneSSE: true}, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			res, err := s.CallTool(t.Context(), &sdk.CallToolParams{Name: "stream_events", Arguments: map[string]any{"key": key, "text": text}})
			if err != nil {
				t.Fatal(err)
			}
			out, err := json.Marshal(res)
			if err != nil {
				t.Fatal(err)
			}
			return string(out)
		}},
	}
}

// Through every door: when and how much somebody was sent is for those who may look; what
// it says is for those who may watch, if the program offers it. Whoever tries is told to
// the audit, and so is every beginning and every end.
func TestSupportViewIsGuardedAndAudited(t *testing.T) {
	heard := &looks{more: make(chan struct{}, 100)}
	p := newProgram(t, nil)
	users := func(r *http.Request) httpapi.Caller {
		user := r.Header.Get("X-User")
		return httpapi.Caller{By: user, Why: "not for " + user, Access: map[string]httpapi.Access{"root": httpapi.Write, "sue": httpapi.Watch, "rob": httpapi.Read}[user]}
	}
	serve := func(watch bool) string {
		c := console.New(p.d, p.conns, &console.Options[App]{Audit: heard.audit, Watch: watch, Recorder: p.rec, Token: token})
		mux := http.NewServeMux()
		mux.Handle("/inspect/", inspect.New(c, &inspect.Options{Guard: users, Hub: p.bridge.Hub(), Client: p.client()}))
		mux.Handle("/api/", http.StripPrefix("/api", httpapi.New(c, &httpapi.Options{Guard: users})))
		mux.Handle("/mcp", mcp.Handler(c, &mcp.Options{Guard: users}))
		srv := httptest.NewServer(mux)
		t.Cleanup(srv.Close)
		return srv.URL
	}
	offers, not := serve(true), serve(false)
	ann := p.join("ann")
	p.dispatch(sfere.Send(sfere.ID("shop", "ann"), twk.PatchSignals{Signals: json.RawMessage(`{"greeting":"hello ann","password":"hunter22"}`)}))
	ann.Next()
	const kept, said, secret = "datastar-patch-signals", "hello ann", "hunter22"

	for _, s := range surfaces() {
		t.Run(s.name, func(t *testing.T) {
			via := "api"
			if strings.Contains(s.name, "page, live") {
				via = "inspector"
			} else if s.name == "MCP" {
				via = "mcp"
			}
			check := func(reason, answer, want, never string) {
				t.Helper()
				if !strings.Contains(answer, want) {
					t.Errorf("%s: there is no %q in %s", reason, want, answer)
				}
				for _, word := range []string{never, secret} {
					if word != "" && strings.Contains(answer, word) {
						t.Errorf("%s: there is %q in %s", reason, word, answer)
					}
				}
			}
			audit := func(reason string, want ...string) {
				t.Helper()
				if diff := cmp.Diff(want, heard.next(t, len(want))); diff != "" {
					t.Errorf("%s: the audit (-want +got):\n%s", reason, diff)
				}
			}
			const key = "default/shop/ann"
			head := "via " + via + " of " + key
			check("who may look sees when", s.ask(t, offers, "rob", key, false, kept), kept, said)
			why := "not for rob"
			if via == "inspector" {
				why = "403" // the page has said why
			}
			check("who may look does not see what", s.ask(t, offers, "rob", key, true, ""), why, said)
			audit("who may look tries", "rob "+head+", refused: not for rob")
			for _, user := range []string{"sue", "root"} {
				check(user+" sees what", s.ask(t, offers, user, key, true, said), said, "")
				if s.watch {
					audit(user+" watches", user+" "+head+", begins", user+" "+head+", over, 1 stream, some true, took time true")
				} else {
					audit(user+" looks", user+" "+head+", looked at 1 with 2 events")
				}
			}
			check("a program that does not offer it", s.ask(t, not, "root", key, true, "offer"), "does not offer it", said)
			if lines := heard.next(t, 1); !strings.HasPrefix(lines[0], "root "+head+", refused: console: ") {
				t.Errorf("the audit of a program that does not offer it is told %q", lines)
			}
			for _, bad := range []string{"default/shop/nobody", "*/shop/*", "shop", "", "a/b/" + strings.Repeat("x", 5000), "default/shop/%00", "default/shop/<script>", "a/b/\u202e", "%/%/%"} {
				answer := s.ask(t, offers, "sue", bad, true, "problem")
				check("a key of nobody", answer, "", said)
				if via == "inspector" && strings.Contains(answer, "<script>") {
					t.Errorf("%q comes back as it is: %s", bad, answer)
				}
				if lines := heard.next(t, 1); !strings.Contains(lines[0], "refused: ") || len(lines[0]) > 12000 {
					t.Errorf("of %q the audit is told %q", bad, lines)
				}
			}
		})
	}
	select {
	case <-heard.more:
		t.Errorf("the audit is told more: %q", heard.list)
	default:
	}
}

// A program that shows what people see says who hears of it.
func TestWatchNeedsAudit(t *testing.T) {
	p := newProgram(t, nil)
	defer func() {
		if v := recover(); v == nil || !strings.Contains(fmt.Sprint(v), "Options.Audit") {
			t.Errorf("console.New panics with %v", v)
		}
	}()
	console.New(p.d, p.conns, &console.Options[App]{Watch: true})
}

// The page says when, how much and what became of it, also of a stream that is gone, and
// is reached from the list of connections.
func TestStreamPage(t *testing.T) {
	p := newProgram(t, may(httpapi.Read))
	ann := p.join("ann")
	_, list := p.get("/inspect/connections")
	at := regexp.MustCompile(`href="(/inspect/stream\?key=default%2Fshop%2Fann&amp;stream=[0-9]+)"`).FindStringSubmatch(list)
	if at == nil {
		t.Fatalf("nothing leads to a stream:\n%s", list)
	}
	link := strings.ReplaceAll(at[1], "&amp;", "&")
	p.dispatch(sfere.Send(sfere.ID("shop", "ann"), twk.ConsoleLog{Message: "<i>hello</i>"}))
	ann.Next()
	code, page := p.get(link)
	if code != 200 {
		t.Fatal(code)
	}
	has(t, page, "default/shop/ann", `<span class="badge">opened</span>`, `datastar-patch-elements`, "What they say is not shown: the program decides", `<span class="badge">live</span>`)
	if strings.Contains(page, "hello") {
		t.Error("the page tells what it says")
	}
	p.dispatch(sfere.Send(sfere.ID("shop", "ann"), sfere.Close{To: sfere.Exactly(sfere.ID("shop", "ann").In("default"))}))
	if err := ann.Ended(); err != nil {
		t.Error(err)
	}
	_, page = p.get(link)
	has(t, page, `<span class="badge">closed</span> closed <span class="soft">the program closed it</span>`)
	_, list = p.get("/inspect/connections")
	has(t, list, strings.ReplaceAll(link, "&", "&amp;"))
	for _, bad := range []string{"", "?key=x", "?key=default/shop/ann&stream=99", "?key=a/b/%22%3E%3Cscript%3E", "?key=" + strings.Repeat("x", 9000)} {
		code, page := p.get("/inspect/stream" + bad)
		if code != 200 || !strings.Contains(page, `class="card problem"`) || strings.Contains(page, "<script>\"") || len(page) > 20000 {
			t.Errorf("%.40s is answered %d with %d bytes: %.4000s", bad, code, len(page), page)
		}
	}
}

// The page follows what happens, and what is on another node is said to be there.
func TestFeedStream(t *testing.T) {
	p := newProgram(t, may(httpapi.Read))
	ann := p.join("ann")
	s := p.follow("stream", `{"key":"default/shop/ann","stream":"0"}`)
	shows(s, `id="entry-list"`, "opened")
	p.dispatch(sfere.Send(sfere.ID("shop", "ann"), twk.ConsoleLog{Message: "x"}))
	ann.Next()
	shows(s, `id="entry-list"`, "opened", "written", "datastar-patch-elements")
	p.join("ann")
	shows(s, `id="stream-list"`, "live", `href="/inspect/stream?key=default%2Fshop%2Fann&amp;stream=`)

	far, _, _, bus := machines(t, may(httpapi.Read), nil)
	shows(far.follow("stream", `{"key":"default/lobby/carl"}`), "stream-problem", "not on this node", "c (", "ask there")
	_, page := far.get("/inspect/stream?key=default/lobby/carl")
	has(t, page, "not on this node", "c (")
	bus.Split(2)
	_, page = far.get("/inspect/stream?key=default/lobby/carl")
	has(t, page, "nobody is there, as far as is known; not heard of: c (")
}
