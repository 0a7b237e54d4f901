// Package browser drives a real Chromium for tests that need the page as users
// see it, with the real Datastar client.
//
//	b := browser.New(t)                      // skips without Chromium
//	mux.Handle("GET /datastar.js", b.Datastar())
//	alice := b.Page(t, "alice")              // own cookies
//	alice.Go(srv.URL)
//	alice.Click("#send")
//	alice.WaitText("#log", "hello")
//	second := alice.NewTab()                 // same cookies
//
// Every operation waits, at most [Page.Timeout], for what it needs and fails the
// test otherwise, with the text, the console and a screenshot of the page. Tests
// therefore contain neither sleeps nor error handling.
package browser

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"github.com/sfere-go/sfere/internal/datastarjs"
)

const (
	// EnvChromium is the environment variable that names the browser to start,
	// as a path or a command.
	EnvChromium = "CHROMIUM"

	// EnvScreenshots is the environment variable that names a directory for all
	// screenshots, which is made if it does not exist.
	EnvScreenshots = "SFERE_SCREENSHOTS"

	// startTime bounds the start of Chromium, which takes seconds on a busy
	// machine with a cold disk.
	startTime = 60 * time.Second
)

// Browser is a running Chromium with a profile of its own. Its methods may be
// called from several goroutines, as parallel subtests do.
type Browser struct {
	ctx context.Context // of the first tab, which stays empty
	js  []byte
}

// New starts a Chromium that ends with the test, together with its profile and
// all processes that belong to that profile, and no others.
//
// It skips the test, loudly, with -short, or if Chromium or the Datastar client
// is missing on this machine. A Datastar client with wrong content and a
// Chromium that does not start fail the test.
func New(t testing.TB) *Browser {
	t.Helper()
	if testing.Short() {
		skip(t, "-short is set")
	}
	path, err := find()
	if err != nil {
		skip(t, err.Error())
	}
	js, err := datastarjs.Load(t.Context())
	if _, wrong := errors.AsType[*datastarjs.HashError](err); wrong {
		t.Fatalf("browser: %v", err)
	} else if err != nil {
		skip(t, err.Error())
	}

	// Chromium leaves temporary files behind when it is killed.
	temp, err := os.MkdirTemp("", "sfere-browser-")
	if err != nil {
		t.Fatalf("browser: %v", err)
	}
	// chromedp makes the profile directory itself: it then also ends the helper
	// processes that outlive Chromium, found by that unique directory, and
	// removes it only after they are gone. t.TempDir would race with them.
	var output tail
	root, end := context.WithCancel(context.Background())
	alloc, stop := chromedp.NewExecAllocator(root,
		chromedp.ExecPath(path),
		chromedp.Env("TMPDIR="+temp),
		chromedp.Flag("headless", "new"),
		chromedp.NoSandbox,
		chromedp.Flag("disable-gpu", true),
		chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("disable-quic", true),
		chromedp.NoFirstRun,
		chromedp.NoDefaultBrowserCheck,
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-extensions", true),
		chromedp.Flag("password-store", "basic"),
		chromedp.Flag("hide-scrollbars", true),
		chromedp.Flag("mute-audio", true),
		chromedp.Flag("force-color-profile", "srgb"),
		chromedp.WindowSize(1280, 900),
		chromedp.CombinedOutput(&output),
	)
	ctx, cancel := chromedp.NewContext(alloc)
	t.Cleanup(func() {
		cancel() // ends the browser and waits for it
		stop()   // waits for the removal of the profile
		end()
		if err := os.RemoveAll(temp); err != nil {
			t.Logf("browser: %v", err)
		}
	})

	// The first run decides how long the browser lives, so it gets no timeout of
	// its own; the bound ends the whole browser instead.
	bound := time.AfterFunc(startTime, end)
	err = chromedp.Do(ctx)
	if !bound.Stop() {
		err = fmt.Errorf("not ready within %v", startTime)
	}
	if err != nil {
		t.Fatalf("browser: starting %s: %v\n%s", path, err, output.String())
	}
	return &Browser{ctx: ctx, js: js}
}

// Datastar serves the Datastar client, for a script tag of type module.
func (b *Browser) Datastar() http.Handler { return datastarjs.Handler(b.js) }

// Page opens a tab with cookies, storage and cache of its own, like another
// user's machine. Name stands for it in failures and screenshots. The tab is
// closed at the end of t, which may be a subtest of the one that started the
// browser, and is the test that the Page's failures belong to.
func (b *Browser) Page(t testing.TB, name string) *Page {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, startTime)
	defer cancel()
	// Made here rather than by the first tab: chromedp would dispose of it with
	// that tab, and close the other tabs of the same user.
	made, err := chromedp.CallBrowser(ctx, target.CreateBrowserContext, target.CreateBrowserContextParams{})
	if err != nil {
		t.Fatalf("browser: opening a page for %s: %v", name, err)
	}
	id := made.BrowserContextID
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(b.ctx, startTime)
		defer cancel()
		_, err := chromedp.CallBrowser(ctx, target.DisposeBrowserContext, target.DisposeBrowserContextParams{BrowserContextID: id})
		if err != nil && b.ctx.Err() == nil {
			t.Logf("browser: closing the pages of %s: %v", name, err)
		}
	})
	return open(t, &user{browser: b, id: id, name: name})
}

// find returns the path of the browser to start.
func find() (string, error) {
	if name := os.Getenv(EnvChromium); name != "" {
		path, err := exec.LookPath(name)
		if err != nil {
			return "", fmt.Errorf("the browser of $%s: %w", EnvChromium, err)
		}
		return path, nil
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("no chromium, chromium-browser or google-chrome in $PATH, and $%s is not set", EnvChromium)
}

// skip also writes to standard error, because a skip shows only with -v, and a
// suite without its browser tests proves much less than one with them.
func skip(t testing.TB, reason string) {
	t.Helper()
	line := fmt.Sprintf("==== BROWSER TEST SKIPPED: %s: %s ====", t.Name(), reason)
	fmt.Fprintln(os.Stderr, line)
	t.Skip(line)
}
