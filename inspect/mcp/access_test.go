package mcp_test

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

	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/inspect/httpapi"
	"github.com/sfere-go/sfere/inspect/mcp"
	"github.com/sfere-go/sfere/internal/consoletest"
)

// heard is what an audit was told.
type heard struct {
	mu   sync.Mutex
	said []string
}

func (h *heard) options() *console.Options[consoletest.App] {
	return &console.Options[consoletest.App]{Audit: func(_ context.Context, a console.Audit) {
		h.mu.Lock()
		defer h.mu.Unlock()
		why := "ran"
		if a.Err != nil {
			why = a.Err.Error()
		}
		h.said = append(h.said, fmt.Sprintf("%s, %s %s, calls itself %s: %s %s", a.Command.By, a.Command.Via, a.Command.Asked, a.Command.Note, a.Command.Effects, why))
	}}
}

// take returns what was said since the last time.
func (h *heard) take() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	said := h.said
	h.said = nil
	return said
}

// header adds a header to every request.
type header struct{ name, value string }

func (h header) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set(h.name, h.value)
	r.Header.Set("User-Agent", "ceo@example.com")
	return http.DefaultTransport.RoundTrip(r)
}

// dial returns a session of the SDK's own client over HTTP.
func dial(t *testing.T, url string, h header) (*sdk.ClientSession, error) {
	t.Helper()
	return sdk.NewClient(&sdk.Implementation{Name: "ceo@example.com", Version: "1"}, nil).Connect(t.Context(),
		&sdk.StreamableClientTransport{Endpoint: url, HTTPClient: &http.Client{Transport: h}}, nil)
}

func sendMail(t *testing.T, s *sdk.ClientSession) (text string, isError bool) {
	t.Helper()
	return use(t, s, "send", map[string]any{"effects": []any{map[string]any{"effect": "test/mail", "args": map[string]any{"to": "a"}}}}, nil)
}

// Who may do what is for the guard to say, of each request; and the audit hears
// whom the guard has found, not what a client calls itself.
func TestHTTP(t *testing.T) {
	var h heard
	p := consoletest.New(t, h.options())
	people := map[string]httpapi.Caller{
		"ann": {By: "ann", Access: httpapi.Read, Why: "ann may look only"},
		"bob": {By: "bob", Access: httpapi.Write},
	}
	srv := httptest.NewServer(mcp.Handler(p.Console, &mcp.Options{Guard: func(r *http.Request) httpapi.Caller { return people[r.Header.Get("Name")] }}))
	defer srv.Close()
	const mail = `[{"args":{"to":"a"},"effect":"test/mail"}]`
	for _, test := range []struct {
		reason, name string
		lists, sends bool
		want         string // the audit
	}{
		{"a reader", "ann", false, false, "ann, mcp send, calls itself ceo@example.com: " + mail + " ann may look only"},
		{"a writer", "bob", true, true, "bob, mcp send, calls itself ceo@example.com: " + mail + " ran"},
	} {
		s, err := dial(t, srv.URL, header{"Name", test.name})
		if err != nil {
			t.Fatal(err)
		}
		if got := slices.Contains(toolNames(t, s), "send"); got != test.lists {
			t.Errorf("%s: send is listed: %t", test.reason, got)
		}
		before := p.Mails.Load()
		text, isError := sendMail(t, s)
		if isError == test.sends || p.Mails.Load()-before != map[bool]int64{true: 1}[test.sends] {
			t.Errorf("%s: send answers %t %q, and %d mails are sent", test.reason, isError, text, p.Mails.Load()-before)
		}
		if !test.sends && !strings.Contains(text, "refused, nothing was sent: ann may look only") {
			t.Errorf("%s is told %q", test.reason, text)
		}
		if diff := cmp.Diff([]string{test.want}, h.take()); diff != "" {
			t.Errorf("%s: audit (-want +got):\n%s", test.reason, diff)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := dial(t, srv.URL, header{"Name", "eve"}); err == nil {
		t.Error("a request without access gets a session")
	}
	if said := h.take(); len(said) == 0 || !strings.HasPrefix(said[0], "127.0.0.1:") || !strings.Contains(said[0], "the guard of the program does not allow it") {
		t.Errorf("of a stranger the audit hears %q", said)
	}
}

// The default guard wants the token of the console, and allows what the options
// say.
func TestDefaultGuard(t *testing.T) {
	p := consoletest.New(t, nil)
	for _, test := range []struct {
		reason string
		token  string
		o      *mcp.Options
		enters bool
		sends  bool
	}{
		{"no token", "", nil, false, false},
		{"another token", "the-token-of-others", &mcp.Options{Access: httpapi.Write}, false, false},
		{"the token", consoletest.Token, nil, true, false},
		{"the token, and to send is allowed", consoletest.Token, &mcp.Options{Access: httpapi.Write}, true, true},
	} {
		srv := httptest.NewServer(mcp.Handler(p.Console, test.o))
		s, err := dial(t, srv.URL, header{"Authorization", "Bearer " + test.token})
		if (err == nil) != test.enters {
			t.Errorf("%s: %v", test.reason, err)
		}
		if err == nil {
			if text, isError := sendMail(t, s); isError == test.sends {
				t.Errorf("%s: send answers %t %q", test.reason, isError, text)
			}
			_ = s.Close()
		}
		srv.Close()
	}
}

// Without HTTP, too, a client that may not send is told so, and the audit is.
func TestSendIsOffByDefault(t *testing.T) {
	var h heard
	p := consoletest.New(t, h.options())
	s := connect(t, p, nil)
	if diff := cmp.Diff(readTools(), toolNames(t, s)); diff != "" {
		t.Errorf("tools (-want +got):\n%s", diff)
	}
	if text, isError := sendMail(t, s); !isError || !strings.Contains(text, "refused, nothing was sent") || p.Mails.Load() != 0 {
		t.Errorf("send answers %t %q, and %d mails are sent", isError, text, p.Mails.Load())
	}
	want := []string{`mcp, mcp send, calls itself tester: [{"args":{"to":"a"},"effect":"test/mail"}] the guard of the program does not allow it`}
	if diff := cmp.Diff(want, h.take()); diff != "" {
		t.Errorf("audit (-want +got):\n%s", diff)
	}
}

// The audit hears of a send whatever its arguments are.
func TestAuditHearsOfMalformedSends(t *testing.T) {
	for _, access := range []httpapi.Access{httpapi.Read, httpapi.Write} {
		var h heard
		p := consoletest.New(t, h.options())
		s := connect(t, p, &mcp.Options{Access: access})
		for _, test := range []struct {
			reason string
			args   any
			want   string // what a writer is told
		}{
			{"no arguments", nil, "missing"},
			{"no effects", map[string]any{}, "missing"},
			{"effects of another kind", map[string]any{"effects": "all"}, "effects"},
			{"an argument that there is not", map[string]any{"effects": []any{}, "tp": "x"}, "tp"},
			{"an effect that there is not", map[string]any{"effects": []any{map[string]any{"effect": "test/none"}}}, "test/none"},
			{"a pattern that is none", map[string]any{"effects": []any{}, "to": "lobby"}, "must be scope/category/id"},
		} {
			text, isError := use(t, s, "send", test.args, nil)
			want := test.want
			if access == httpapi.Read {
				want = "refused, nothing was sent"
			}
			if !isError || !strings.Contains(text, want) {
				t.Errorf("%s with access %d: %t %q, want %q", test.reason, access, isError, text, want)
			}
			if said := h.take(); len(said) != 1 {
				t.Errorf("%s with access %d: the audit hears %q", test.reason, access, said)
			}
		}
	}
}

// A program may stand behind a proxy under a name of its own: the guard decides
// about that.
func TestHostIsForTheGuard(t *testing.T) {
	p := consoletest.New(t, nil)
	srv := httptest.NewServer(mcp.Handler(p.Console, &mcp.Options{Guard: httpapi.ByToken("abc", httpapi.Read)}))
	defer srv.Close()
	for _, test := range []struct {
		reason, token string
		status        int
	}{{"with the token", "abc", http.StatusOK}, {"without", "def", http.StatusForbidden}} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL, strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "tools.example.com"
		req.Header = http.Header{
			"Authorization": {"Bearer " + test.token}, "Content-Type": {"application/json"}, "Accept": {"application/json, text/event-stream"},
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != test.status {
			t.Errorf("%s: %s, want %d", test.reason, resp.Status, test.status)
		}
	}
}
