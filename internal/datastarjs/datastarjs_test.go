package datastarjs

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const bundle = "export const datastar = true\n"

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func TestIntegrityIsTheSameHash(t *testing.T) {
	sum, err := hex.DecodeString(SHA256)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("sha256-"+base64.StdEncoding.EncodeToString(sum), Integrity); diff != "" {
		t.Errorf("Integrity (-want +got):\n%s", diff)
	}
}

// isolate points every place that Find looks at into a temporary directory, and
// returns the path of the cached bundle, which does not exist yet.
func isolate(t *testing.T) (cached string) {
	t.Helper()
	t.Setenv(EnvFile, "")
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir()) // macOS has its cache below it
	dir, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "sfere", "datastar-1.0.2.js")
}

func write(t *testing.T, path, content string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFind(t *testing.T) {
	tests := []struct {
		name   string
		reason string
		env    string // content of the $DATASTAR_JS file, "-" for a name without file
		cache  string // content of the cached file
		served string // what the server answers

		wantFrom string // env, cache or an empty string for an error
		wantHash string // hash that a HashError reports
		wantHits int
	}{
		{name: "env", env: bundle, cache: "old", wantFrom: "env",
			reason: "the variable wins over the cache, which is not even looked at"},
		{name: "env wrong hash", env: "other", cache: bundle, wantHash: hash("other"),
			reason: "a wrong explicit file must not be replaced silently by a good one"},
		{name: "env missing", env: "-", cache: bundle,
			reason: "a typing mistake in the variable must show"},
		{name: "cache", cache: bundle, wantFrom: "cache",
			reason: "a machine without network works after the first time"},
		{name: "cache wrong hash", cache: "other", served: bundle, wantHash: hash("other"),
			reason: "somebody changed the file; overwriting it would hide that"},
		{name: "download", served: bundle, wantFrom: "cache", wantHits: 1,
			reason: "the first run fetches, the second one reads the cache"},
		{name: "download wrong hash", served: "other", wantHash: hash("other"), wantHits: 2,
			reason: "a changed release must neither run nor be cached"},
		{name: "download too large", served: strings.Repeat("x", maxSize+1), wantHits: 2,
			reason: "a wrong address must not fill the disk"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.reason == "" {
				t.Fatal("row without a reason")
			}
			cached := isolate(t)
			paths := map[string]string{"cache": cached}
			if tt.env != "" {
				paths["env"] = filepath.Join(t.TempDir(), "my.js")
				if tt.env != "-" {
					write(t, paths["env"], tt.env)
				}
				t.Setenv(EnvFile, paths["env"])
			}
			if tt.cache != "" {
				write(t, cached, tt.cache)
			}
			hits := 0
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				hits++
				w.Write([]byte(tt.served))
			}))
			defer srv.Close()
			f := &Finder{Client: srv.Client(), URL: srv.URL, sum: hash(bundle)}

			// Twice, as the second call shows what the first one left behind.
			for range 2 {
				path, err := f.Find(t.Context())
				if diff := cmp.Diff(paths[tt.wantFrom], path); diff != "" {
					t.Errorf("path (-want +got):\n%s\nerror: %v", diff, err)
				}
				if (err == nil) != (tt.wantFrom != "") {
					t.Errorf("error = %v", err)
				}
				if herr, ok := errors.AsType[*HashError](err); ok || tt.wantHash != "" {
					if !ok || herr.Got != tt.wantHash || herr.Want != hash(bundle) || herr.Path == "" {
						t.Errorf("error = %v, want a HashError that got %s", err, tt.wantHash)
					}
				}
				js, err := f.Load(t.Context())
				if err == nil && string(js) != bundle {
					t.Errorf("Load = %q, want the bundle", js)
				}
			}
			// Load is a call as well, so each failing download happens four times.
			want := tt.wantHits
			if tt.wantFrom == "" {
				want *= 2
			}
			if hits != want {
				t.Errorf("%d downloads, want %d", hits, want)
			}
			if tt.cache == "" && tt.wantFrom != "cache" {
				if left, err := filepath.Glob(filepath.Join(filepath.Dir(cached), "*")); len(left) > 0 || err != nil {
					t.Errorf("left in the cache: %v (%v)", left, err)
				}
			}
		})
	}
}

func TestFindErrors(t *testing.T) {
	isolate(t)
	srv := httptest.NewServer(http.NotFoundHandler())
	defer srv.Close()
	f := &Finder{Client: srv.Client(), URL: srv.URL}
	if _, err := f.Find(t.Context()); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("error = %v, want the status 404", err)
	}

	t.Setenv(EnvFile, filepath.Join(t.TempDir(), "none.js"))
	if _, err := f.Find(t.Context()); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), EnvFile) {
		t.Errorf("error = %v, want fs.ErrNotExist and the name of the variable", err)
	}
}

func TestHandler(t *testing.T) {
	h := Handler([]byte(bundle))
	get := func(method, match string) *http.Response {
		r := httptest.NewRequest(method, "/datastar.js", nil)
		r.Header.Set("If-None-Match", match)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Result()
	}
	res := get(http.MethodGet, "")
	var body bytes.Buffer
	if _, err := body.ReadFrom(res.Body); err != nil {
		t.Fatal(err)
	}
	got := []string{res.Status, res.Header.Get("Content-Type"), res.Header.Get("Cache-Control"), body.String()}
	want := []string{"200 OK", "text/javascript; charset=utf-8", "public, max-age=3600", bundle}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("GET (-want +got):\n%s", diff)
	}
	if got := get(http.MethodGet, res.Header.Get("ETag")).StatusCode; got != http.StatusNotModified {
		t.Errorf("conditional GET: status %d, want 304", got)
	}
	if got := get(http.MethodHead, ""); got.ContentLength != int64(len(bundle)) {
		t.Errorf("HEAD: length %d, want %d", got.ContentLength, len(bundle))
	}
}
