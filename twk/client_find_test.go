package twk_test

import (
	"context"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sfere-go/sfere/internal/datastarjs"
	"github.com/sfere-go/sfere/twk"
)

func TestFindClient(t *testing.T) {
	file := filepath.Join(t.TempDir(), "client.js")
	if err := os.WriteFile(file, []byte("my client"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(datastarjs.EnvFile, filepath.Join(t.TempDir(), "missing.js"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // nothing is downloaded
	for _, tt := range []struct {
		flag, url, script, body string
		fails                   bool
		reason                  string
	}{
		{"https://cdn.example/d.js", "https://cdn.example/d.js", `src="https://cdn.example/d.js"></script>`, "", false, "a URL is passed on"},
		{file, "/datastar.js", `integrity="sha256-`, "my client", false, "a file is served, whatever its version, and checked by the browser"},
		{file + "x", "", "", "", true, "a missing file is a mistake of the user"},
		{"", "", datastarjs.Integrity, "", false, "without the bundle the browser is sent to the CDN, with the hash"},
	} {
		got, err := twk.FindClient(ctx, tt.flag)
		if (err != nil) != tt.fails || got.URL != tt.url || (got.Handler != nil) != (tt.body != "") {
			t.Errorf("FindClient(%q) = %+v, %v (%s)", tt.flag, got, err, tt.reason)
			continue
		}
		if err == nil && !strings.Contains(string(got.Script()), tt.script) {
			t.Errorf("FindClient(%q).Script() = %s, want %s in it (%s)", tt.flag, got.Script(), tt.script, tt.reason)
		}
		if got.Handler != nil {
			w := httptest.NewRecorder()
			got.Handler.ServeHTTP(w, httptest.NewRequest("GET", got.URL, nil))
			if w.Body.String() != tt.body {
				t.Errorf("%s serves %q, want %q", tt.flag, w.Body, tt.body)
			}
		}
	}
}
