package twk_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/sfere-go/sfere/internal/browser"
	"github.com/sfere-go/sfere/twk"
)

// Under a content security policy with nonces, scripts that carry the nonce of
// the page run and others do not; without 'unsafe-eval' the client does nothing.
func TestPolicyInBrowser(t *testing.T) {
	b := browser.New(t)
	const nonce = "c2VjcmV0"
	frames, err := wire(t.Context(), plain(t),
		twk.ExecuteScript{Script: "window.bare = 1"},
		twk.ExecuteScript{Script: "window.nonced = 1", Attributes: map[string]string{"nonce": nonce}},
		twk.DispatchCustomEvent{Name: "ping", Detail: "x", Nonce: nonce},
		twk.PatchSignals{Signals: map[string]any{"done": "yes"}},
	)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /datastar.js", b.Datastar())
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "script-src 'nonce-"+nonce+"'"+r.FormValue("more"))
		_, _ = fmt.Fprintf(w, `<!doctype html><html lang="en"><head><title>Policy</title>%s</head>
			<body><p id="done" data-text="$done"></p><p data-on:ping__document="window.pinged = evt.detail" data-init="@get('/stream')"></p></body></html>`,
			twk.Client{URL: "/datastar.js"}.ScriptNonce(nonce))
	})
	mux.HandleFunc("GET /stream", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = w.Write(frames)
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)

	p := b.Page(t, "with eval")
	p.Go(srv.URL + "/?more=" + "%20%27unsafe-eval%27")
	p.WaitText("#done", "yes")
	if got, want := browser.Eval[[]any](p, "[window.bare ?? null, window.nonced, window.pinged]"), []any{nil, 1.0, "x"}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("without and with nonce, and the event: %v, want %v", got, want)
	}

	p = b.Page(t, "without eval")
	p.Go(srv.URL)
	p.WaitEval("performance.getEntriesByName(new URL('/datastar.js', location)).length === 1")
	if got := browser.Eval[string](p, "new Promise(r => setTimeout(() => r(document.querySelector('#done').textContent), 300))"); got != "" {
		t.Errorf("the client works without 'unsafe-eval': %q", got)
	}
}
