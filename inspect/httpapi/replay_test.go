package httpapi_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/inspect/httpapi"
	"github.com/sfere-go/sfere/internal/consoletest"
)

// Who may not look gets no document and replays none, and the audit hears of it; nor
// does a page of another site, or a form of one.
func TestReplayIsGuarded(t *testing.T) {
	var refused []string
	p := consoletest.New(t, &console.Options[consoletest.App]{Audit: func(_ context.Context, a console.Audit) {
		refused = append(refused, a.Command.Via+" "+a.Command.Asked)
	}})
	p.Dispatcher.Dispatch(t.Context(), consoletest.App{}, consoletest.Mail{To: "a"})
	nobody := serve(t, p, &httpapi.Options{Guard: func(*http.Request) httpapi.Caller { return httpapi.Caller{} }})
	reader := serve(t, p, nil)
	doc := `{"version":1,"effects":[{"effect":"test/mail","args":{"to":"a"}}],"recorded":{}}`
	for _, test := range []struct {
		reason       string
		status       int
		method, path string
		header       []string
	}{
		{"without access", 403, "GET", "/dispatches/1/export", nil},
		{"without access", 403, "POST", "/replay", nil},
		{"from another site", 403, "POST", "/replay", []string{"Sec-Fetch-Site", "cross-site"}},
		{"a form", 415, "POST", "/replay", []string{"Content-Type", "text/plain"}},
		{"a reader", 200, "POST", "/replay", nil},
	} {
		srv := reader
		if test.reason == "without access" {
			srv = nobody
		}
		if status, v := ask(t, srv, test.method, test.path, doc, test.header...); status != test.status {
			t.Errorf("%s: %s answers %d %v, want %d", test.reason, test.path, status, v, test.status)
		}
	}
	if diff := cmp.Diff([]string{"api GET /dispatches/1/export", "api POST /replay", "api POST /replay"}, refused); diff != "" {
		t.Errorf("audit (-want +got):\n%s", diff)
	}
	if n := p.Mails.Load(); n != 1 {
		t.Errorf("%d mails were sent, want that of the recording", n)
	}
}
