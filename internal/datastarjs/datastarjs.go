// Package datastarjs finds the Datastar client, the JavaScript bundle that runs
// in the page, for tests that need the real one.
//
// The bundle is not kept in this repository. [Load] takes it from the file that
// $DATASTAR_JS names, else from the user's cache, else from its public CDN:
//
//	js, err := datastarjs.Load(ctx)
//	mux.Handle("GET /datastar.js", datastarjs.Handler(js))
//
// Whatever the source, the bytes are compared with [SHA256] first, so a test
// never runs against another client than the one its facts were measured with.
package datastarjs

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

const (
	// Version is the release of the client.
	Version = "1.0.2"

	// URL is where the bundle is published. The host serves a tag from Git, so
	// the hash below, not the address, is what fixes the content.
	URL = "https://cdn.jsdelivr.net/gh/starfederation/datastar@" + Version + "/bundles/datastar.js"

	// SHA256 is the hash of the bundle in lower-case hex.
	SHA256 = "2837d87acf6ee0ba8e4e63765926c25a98d63883b02f88be194a86b81d3fd24a"

	// Integrity is the same hash as the integrity attribute of a script tag.
	Integrity = "sha256-KDfYes9u4LqOTmN2WSbCWpjWOIOwL4i+GUqGuB0/0ko="

	// EnvFile is the environment variable that names a bundle file. If it is
	// set, no other place is tried.
	EnvFile = "DATASTAR_JS"

	// maxSize and maxTime bound a download. The bundle is 34 kB.
	maxSize = 1 << 20
	maxTime = 10 * time.Second
)

// HashError reports a bundle whose content is not the expected one. It is an
// error rather than a reason for a new download: somebody put that file there.
type HashError struct {
	Path string // the file, or the URL of a download
	Want string // lower-case hex
	Got  string // lower-case hex
}

// Error names the file and both hashes.
func (e *HashError) Error() string {
	return fmt.Sprintf("datastarjs: %s has sha256 %s, want %s (Datastar %s)", e.Path, e.Got, e.Want, Version)
}

// Load returns the content of a verified bundle, which belongs to the caller,
// downloading it into the user's cache if it is nowhere else. A download takes
// at most 10 s and 1 MiB. It may be called from several goroutines and processes
// at once; the cached file appears whole or not at all. A file with another
// content is a [*HashError].
func Load(ctx context.Context) ([]byte, error) {
	_, js, err := new(Finder).find(ctx)
	return js, err
}

// Finder is [Load] with another way to the network. The zero value
// is ready to use. Its methods may be called concurrently.
type Finder struct {
	// Client does the download. Default: http.DefaultClient.
	Client *http.Client
	// URL replaces the constant [URL]. Default: that constant.
	URL string

	// sum replaces SHA256, because a test cannot produce the real content.
	sum string
}

// Find is [Load] but returns the path of the bundle.
func (f *Finder) Find(ctx context.Context) (path string, err error) {
	path, _, err = f.find(ctx)
	return path, err
}

// Load is the method form of the function [Load].
func (f *Finder) Load(ctx context.Context) ([]byte, error) {
	_, js, err := f.find(ctx)
	return js, err
}

func (f *Finder) find(ctx context.Context) (string, []byte, error) {
	if path := os.Getenv(EnvFile); path != "" {
		js, err := f.read(path)
		if err != nil && !isHash(err) {
			err = fmt.Errorf("datastarjs: reading the file of $%s: %w", EnvFile, err)
		}
		if err != nil {
			return "", nil, err
		}
		return path, js, nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", nil, fmt.Errorf("datastarjs: %w", err)
	}
	path := filepath.Join(dir, "sfere", "datastar-"+Version+".js")
	js, err := f.read(path)
	switch {
	case err == nil:
		return path, js, nil
	case isHash(err):
		return "", nil, err
	case !errors.Is(err, fs.ErrNotExist):
		return "", nil, fmt.Errorf("datastarjs: reading the cache: %w", err)
	}
	if js, err = f.download(ctx); err != nil {
		return "", nil, err
	}
	if err := writeFile(path, js); err != nil {
		return "", nil, fmt.Errorf("datastarjs: writing the cache: %w", err)
	}
	return path, js, nil
}

// read returns the verified content of path.
func (f *Finder) read(path string) ([]byte, error) {
	js, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return js, f.verify(path, js)
}

func (f *Finder) download(ctx context.Context) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, maxTime)
	defer cancel()
	url, client := f.URL, f.Client
	if url == "" {
		url = URL
	}
	if client == nil {
		client = http.DefaultClient
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("datastarjs: %w", err)
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("datastarjs: downloading: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("datastarjs: downloading %s: %s", url, res.Status)
	}
	// One byte more than allowed, so that a bundle of exactly the bound passes.
	js, err := io.ReadAll(io.LimitReader(res.Body, maxSize+1))
	if err != nil {
		return nil, fmt.Errorf("datastarjs: downloading %s: %w", url, err)
	}
	if len(js) > maxSize {
		return nil, fmt.Errorf("datastarjs: downloading %s: more than %d bytes", url, maxSize)
	}
	return js, f.verify(url, js)
}

func (f *Finder) verify(path string, js []byte) error {
	want := f.sum
	if want == "" {
		want = SHA256
	}
	sum := sha256.Sum256(js)
	if got := hex.EncodeToString(sum[:]); got != want {
		return &HashError{Path: path, Want: want, Got: got}
	}
	return nil
}

func isHash(err error) bool {
	_, ok := errors.AsType[*HashError](err)
	return ok
}

// writeFile puts js at path through a rename: test binaries of several packages
// run at once, and none may read a half-written file.
func writeFile(path string, js []byte) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".datastar-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(tmp.Name())
		}
	}()
	_, err = tmp.Write(js)
	if err := errors.Join(err, tmp.Chmod(0o644), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

// Handler serves js as a script, with an ETag and one hour of caching, and
// answers HEAD, ranges and conditional requests. It keeps js, which must not
// change any more. It is safe for concurrent use.
func Handler(js []byte) http.Handler {
	sum := sha256.Sum256(js)
	etag := `"` + hex.EncodeToString(sum[:]) + `"`
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "text/javascript; charset=utf-8")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "public, max-age=3600")
		h.Set("ETag", etag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(js))
	})
}
