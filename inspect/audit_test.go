package inspect_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/sfere-go/sfere/inspect"
	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/inspect/httpapi"
	"github.com/sfere-go/sfere/inspect/mcp"
)

// heard is what an audit was told.
type heard struct {
	mu   sync.Mutex
	list []string
}

func (h *heard) audit(_ context.Context, a console.Audit) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := a.Command.Sender
	h.list = append(h.list, fmt.Sprintf("%s via %s: %s, ran %t", s.By, s.Via, s.Asked, a.Result != nil))
}

func (h *heard) take() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := h.list
	h.list = nil
	return list
}

// Every refusal is told to the audit, once, whichever door it was at, and says who
// it was by what the guard knows.
func TestAuditHearsOfEveryRefusal(t *testing.T) {
	var h heard
	p := newProgram(t, nil)
	c := console.New(p.d, p.conns, &console.Options[App]{Audit: h.audit, Token: token})
	users := func(r *http.Request) httpapi.Caller {
		user := userOf(r)
		return httpapi.Caller{By: user, Access: map[string]httpapi.Access{"root": httpapi.Write, "ann": httpapi.Read}[user]}
	}
	mux := http.NewServeMux()
	mux.Handle("/inspect/", inspect.New(c, &inspect.Options{Guard: users, Hub: p.bridge.Hub(), Client: p.client()}))
	mux.Handle("/token/", inspect.New(c, &inspect.Options{Prefix: "/token/", Hub: p.bridge.Hub(), Client: p.client()}))
	mux.Handle("/api/", http.StripPrefix("/api", httpapi.New(c, &httpapi.Options{Guard: users, MaxBody: 1000})))
	mux.Handle("/mcp", mcp.Handler(c, &mcp.Options{Guard: users}))
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)

	const fine = `[{"effect":"twk/console-log","args":{"message":"x"}}]`
	const call = `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`
	json := []string{"Content-Type", "application/json"}
	form := []string{"Content-Type", "application/x-www-form-urlencoded", "Datastar-Request", "true"}
	cross := []string{"Sec-Fetch-Site", "cross-site"}
	for _, tt := range []struct {
		reason, user, method, path, body string
		header                           []string
		status                           int
		want                             string
	}{
		{"a stranger looks at a page", "", "GET", "/inspect/connections", "", nil, 403, "127.0.0.1 via inspector: GET /inspect/connections, ran false"},
		{"somebody whom the guard knows and lets do nothing", "eve", "GET", "/inspect/", "", nil, 403, "eve via inspector: GET /inspect/, ran false"},
		{"a stranger opens a stream", "", "GET", "/inspect/live", "", nil, 403, "127.0.0.1 via inspector: GET /inspect/live, ran false"},
		{"a stranger sends", "eve", "POST", "/inspect/send", "list=[]", form, 403, "eve via inspector: POST /inspect/send, ran false"},
		{"a stranger at the interface under the page", "eve", "POST", "/inspect/api/send", fine, json, 403, "eve via inspector: POST /inspect/api/send, ran false"},
		{"a stranger without a token", "", "GET", "/token/", "", nil, 403, "127.0.0.1 via inspector: GET /token/, ran false"},
		{"a wrong token", "", "GET", "/token/", "", []string{"Authorization", "Bearer x"}, 403, "127.0.0.1 via inspector: GET /token/, ran false"},
		{"a wrong token in the address, which is not told", "", "GET", "/token/?token=x", "", nil, 403, "127.0.0.1 via inspector: GET /token/, ran false"},
		{"the page of another site", "root", "POST", "/inspect/send", "list=" + fine, append(cross, form...), 403, "root via inspector: POST /inspect/send, ran false"},
		{"the page of another site at the interface", "root", "POST", "/inspect/api/send", fine, append(cross, json...), 403, "root via inspector: POST /inspect/api/send, ran false"},
		{"a reader sends", "ann", "POST", "/inspect/send", "list=" + fine, form, 200, "ann via inspector: POST /inspect/send, ran false"},
		{"a list that is none", "root", "POST", "/inspect/send", "list=[", form, 200, "root via inspector: POST /inspect/send, ran false"},
		{"a form that does not decode", "root", "POST", "/inspect/send", "list=%zz", form, 200, "root via inspector: POST /inspect/send, ran false"},
		{"a list that is not valid", "root", "POST", "/inspect/send", `list=[{"effect":"none"}]`, form, 200, "root via inspector: POST /inspect/send, ran false"},
		{"a pattern that is none", "root", "POST", "/inspect/send", "to=x&list=" + fine, form, 200, "root via inspector: POST /inspect/send, ran false"},
		{"a post that is not Datastar's", "root", "POST", "/inspect/send", "list=" + fine, form[:2], 406, "root via inspector: POST /inspect/send, ran false"},
		{"a reader sends at the interface under the page", "ann", "POST", "/inspect/api/send", fine, json, 403, "ann via api: POST /send, ran false"},

		{"a stranger at the interface", "", "GET", "/api/describe", "", nil, 403, "127.0.0.1 via api: GET /describe, ran false"},
		{"a stranger sends at the interface", "eve", "POST", "/api/send", fine, json, 403, "eve via api: POST /send, ran false"},
		{"the page of another site posts", "root", "POST", "/api/dry-run", fine, append(cross, json...), 403, "root via api: POST /dry-run, ran false"},
		{"a reader sends", "ann", "POST", "/api/send", fine, json, 403, "ann via api: POST /send, ran false"},
		{"a body that is not JSON", "root", "POST", "/api/send", "[", json, 422, "root via api: POST /send, ran false"},
		{"a body that is no command", "root", "POST", "/api/send", `{"efects":[]}`, json, 422, "root via api: POST /send, ran false"},
		{"a body of another type", "root", "POST", "/api/send", fine, []string{"Content-Type", "text/plain"}, 415, "root via api: POST /send, ran false"},
		{"a body that is too long", "root", "POST", "/api/send", "[" + strings.Repeat(" ", 2000) + "]", json, 413, "root via api: POST /send, ran false"},
		{"effects that are not valid", "root", "POST", "/api/send", `[{"effect":"none"}]`, json, 422, "root via api: POST /send, ran false"},

		{"a stranger with a path that is long", "eve", "GET", "/api/" + strings.Repeat("x", 5000), "", nil, 403, "eve via api: GET /" + strings.Repeat("x", 195) + "…, ran false"},
		{"a stranger at MCP", "", "POST", "/mcp", call, json, 403, "127.0.0.1 via mcp: POST /mcp, ran false"},
		{"somebody whom the guard knows at MCP", "eve", "POST", "/mcp", call, json, 403, "eve via mcp: POST /mcp, ran false"},
		{"the page of another site at MCP", "root", "POST", "/mcp", call, append(cross, json...), 403, "root via mcp: POST /mcp, ran false"},

		{"what is not refused is told as before", "root", "POST", "/api/send", fine, json, 200, "root via api: POST /send, ran true"},
		{"who looks is not told", "ann", "GET", "/inspect/", "", nil, 200, ""},
		{"nor who rehearses", "ann", "POST", "/api/dry-run", fine, json, 200, ""},
		{"nor who rehearses what is not valid", "ann", "POST", "/api/dry-run", `[`, json, 422, ""},
	} {
		resp := ask(t, tt.method, srv.URL+tt.path, tt.body, append(slices.Clone(tt.header), "X-User", tt.user)...)
		if resp.StatusCode != tt.status {
			t.Errorf("%s: %s %s is answered %d, want %d", tt.reason, tt.method, tt.path, resp.StatusCode, tt.status)
		}
		var want []string
		if tt.want != "" {
			want = []string{tt.want}
		}
		if diff := cmp.Diff(want, withoutPorts(h.take())); diff != "" {
			t.Errorf("%s: the audit (-want +got):\n%s", tt.reason, diff)
		}
	}
	for user, want := range map[string]string{"ann": "ann via mcp: send, ran false", "root": "root via mcp: send, ran true"} {
		client := sdk.NewClient(&sdk.Implementation{Name: "ceo@example.com", Version: "1"}, nil)
		s, err := client.Connect(t.Context(), &sdk.StreamableClientTransport{
			Endpoint: srv.URL + "/mcp", HTTPClient: &http.Client{Transport: as{user}}, DisableStandaloneSSE: true,
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = s.CallTool(t.Context(), &sdk.CallToolParams{Name: "send", Arguments: map[string]any{"effects": []any{map[string]any{"effect": "twk/console-log", "args": map[string]any{"message": "x"}}}}})
		if diff := cmp.Diff([]string{want}, h.take()); diff != "" {
			t.Errorf("%s sends over MCP: the audit (-want +got):\n%s", user, diff)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// as sends requests of a user.
type as struct{ user string }

func (a as) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("X-User", a.user)
	return http.DefaultTransport.RoundTrip(r)
}

func withoutPorts(lines []string) []string {
	for i, l := range lines {
		if rest, ok := strings.CutPrefix(l, "127.0.0.1:"); ok {
			_, rest, _ = strings.Cut(rest, " ")
			lines[i] = "127.0.0.1 " + rest
		}
	}
	return lines
}
