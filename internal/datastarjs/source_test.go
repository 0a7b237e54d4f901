package datastarjs

import (
	"context"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

func TestResolve(t *testing.T) {
	file := filepath.Join(t.TempDir(), "client.js")
	if err := os.WriteFile(file, []byte("my client"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(EnvFile, filepath.Join(t.TempDir(), "missing.js"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // nothing is downloaded
	for _, tt := range []struct {
		flag, script, integrity, body string
		fails                         bool
		reason                        string
	}{
		{"https://cdn.example/d.js", "https://cdn.example/d.js", "", "", false, "a URL is passed on"},
		{file, "/datastar.js", "", "my client", false, "a file is served, whatever its version"},
		{file + "x", "", "", "", true, "a missing file is a mistake of the user"},
		{"", URL, Integrity, "", false, "without the bundle the browser is sent to the CDN, with the hash"},
	} {
		got, err := Resolve(ctx, tt.flag)
		if (err != nil) != tt.fails || got.Script != tt.script || got.Integrity != tt.integrity || (got.Handler != nil) != (tt.body != "") {
			t.Errorf("Resolve(%q) = %+v, %v (%s)", tt.flag, got, err, tt.reason)
			continue
		}
		if got.Handler != nil {
			w := httptest.NewRecorder()
			got.Handler.ServeHTTP(w, httptest.NewRequest("GET", got.Script, nil))
			if w.Body.String() != tt.body {
				t.Errorf("%s serves %q, want %q", tt.flag, w.Body, tt.body)
			}
		}
	}
}
