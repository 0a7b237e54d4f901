package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// user is a set of cookies and the tabs that share them.
type user struct {
	browser *Browser
	id      cdp.BrowserContextID
	name    string

	mu   sync.Mutex
	tabs int
}

// Page is a tab. Its methods fail the test on trouble and so belong on the
// goroutine of the test that opened it; Console, Errors and Close may be called
// from anywhere. Selectors are CSS; where one matches several elements, the
// first one in the document is meant.
type Page struct {
	// Timeout bounds each operation, 10 s at first.
	Timeout time.Duration

	t       testing.TB
	user    *user
	name    string
	ctx     context.Context
	cancel  context.CancelFunc
	target  *chromedp.Target
	console console
	shots   int
}

// open opens a tab of u.
func open(t testing.TB, u *user) *Page {
	t.Helper()
	u.mu.Lock()
	u.tabs++
	name := u.name
	if u.tabs > 1 {
		name = fmt.Sprintf("%s-%d", u.name, u.tabs)
	}
	u.mu.Unlock()

	p := &Page{Timeout: 10 * time.Second, t: t, user: u, name: name}
	p.console.dialogs = make(chan struct{}, 1)
	p.ctx, p.cancel = chromedp.NewContext(u.browser.ctx,
		chromedp.WithExistingBrowserContext(u.id),
		chromedp.WithListener(p.console.listen))
	t.Cleanup(p.close)
	// As for the browser: the first run decides the life of the tab.
	bound := time.AfterFunc(startTime, p.cancel)
	err := chromedp.Do(p.ctx)
	if bound.Stop() && err == nil {
		p.target = chromedp.FromContext(p.ctx).Target
		go p.answerDialogs()
		return p
	}
	t.Fatalf("browser: opening a tab for %s: %v", name, err)
	return nil
}

// NewTab opens another tab with the same cookies, in a window of its own, so
// that both are visible to their pages. It outlives p.
func (p *Page) NewTab() *Page {
	p.t.Helper()
	return open(p.t, p.user)
}

// Context is the chromedp context of the tab, for what this package lacks.
func (p *Page) Context() context.Context { return p.ctx }

// Close closes the tab as a user does. Without it, the end of the test does.
func (p *Page) Close() { p.cancel() }

func (p *Page) close() {
	if lines := p.console.all(); p.t.Failed() && len(lines) > 0 {
		p.t.Logf("browser: console of %s:\n  %s", p.name, strings.Join(lines, "\n  "))
	}
	p.cancel()
}

// Go loads url and waits for its load event, which does not wait for streams.
func (p *Page) Go(url string) {
	p.t.Helper()
	p.do("go to "+url, chromedp.Navigate(url))
}

// Reload loads the page again and waits like [Page.Go].
func (p *Page) Reload() {
	p.t.Helper()
	p.do("reload", chromedp.Reload())
}

// SetViewport sets the size of the page in CSS pixels. A mobile page has touch
// events and honours the viewport meta tag.
func (p *Page) SetViewport(width, height int, mobile bool) {
	p.t.Helper()
	var opts []chromedp.EmulateViewportOption
	if mobile {
		opts = append(opts, chromedp.EmulateMobile, chromedp.EmulateTouch, chromedp.EmulatePortrait)
	}
	p.do("set viewport", chromedp.EmulateViewport(int64(width), int64(height), opts...))
}

// Hide hides the page as a minimised window does: document.hidden is true when
// it returns. The Datastar client closes its GET streams then.
func (p *Page) Hide() {
	p.t.Helper()
	p.setWindow(browser.WindowStateMinimized)
	p.WaitEval("document.hidden")
}

// Show ends [Page.Hide].
func (p *Page) Show() {
	p.t.Helper()
	p.setWindow(browser.WindowStateNormal)
	p.WaitEval("!document.hidden")
}

func (p *Page) setWindow(state browser.WindowState) {
	p.t.Helper()
	p.do("make the window "+string(state), chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		w, err := cdp.Call(ctx, t, browser.GetWindowForTarget, browser.GetWindowForTargetParams{})
		if err != nil {
			return err
		}
		_, err = cdp.Call(ctx, t, browser.SetWindowBounds, browser.SetWindowBoundsParams{
			WindowID: w.WindowID, Bounds: &browser.Bounds{WindowState: state},
		})
		return err
	}))
}

// Console returns what the page has written so far: console calls, uncaught
// exceptions, the browser's own messages and dialogs, which are accepted at
// once. Each line begins with its kind, such as "log: " or "exception: ".
func (p *Page) Console() []string { return p.console.all() }

// Errors returns the lines of Console that are errors or uncaught exceptions.
func (p *Page) Errors() []string { return p.console.errors() }

// Screenshot writes the visible part of the page as a PNG and returns its path,
// which contains the names of test, page and name. It is in $SFERE_SCREENSHOTS
// or else in the artifact directory of the test, which goes away with the test
// unless it runs with -artifacts.
func (p *Page) Screenshot(name string) string {
	p.t.Helper()
	dir := os.Getenv(EnvScreenshots)
	if dir == "" {
		dir = p.t.ArtifactDir()
	}
	path, err := p.shoot(dir, name)
	if err != nil {
		p.t.Fatalf("browser: %s: screenshot %s: %v", p.name, name, err)
	}
	return path
}

// shoot takes a screenshot into dir.
func (p *Page) shoot(dir, name string) (string, error) {
	ctx, cancel := context.WithTimeout(p.ctx, p.Timeout)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	clean := strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:*?"<>| `, r) {
			return '_'
		}
		return r
	}, strings.Join([]string{p.t.Name(), p.name, name}, "-"))
	path := filepath.Join(dir, clean+".png")
	return path, os.WriteFile(path, png, 0o644)
}

// do runs one command, bounded.
func (p *Page) do(what string, action chromedp.Action[struct{}]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, p.Timeout)
	defer cancel()
	if err := chromedp.Do(ctx, action); err != nil {
		p.fatal(what, err)
	}
}

// fatal ends the test with everything that helps to see what happened.
func (p *Page) fatal(what string, cause error) {
	p.t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "browser: %s: %s: %v", p.name, what, cause)

	// A page that no longer answers must not double the wait.
	ctx, cancel := context.WithTimeout(p.ctx, min(p.Timeout, 3*time.Second))
	defer cancel()
	state, err := chromedp.Run(ctx, chromedp.Evaluate[[2]string](
		`[location.href, document.body ? document.body.innerText.slice(0, 2000) : ""]`))
	if err != nil {
		fmt.Fprintf(&b, "\n  the page does not answer: %v", err)
	} else {
		fmt.Fprintf(&b, "\n  page %s\n    %s", state[0], strings.ReplaceAll(state[1], "\n", "\n    "))
	}
	if lines := p.console.all(); len(lines) > 0 {
		fmt.Fprintf(&b, "\n  console\n    %s", strings.Join(lines, "\n    "))
	}
	if err == nil {
		fmt.Fprintf(&b, "\n  screenshot %s", p.failureShot())
	}
	p.t.Fatal(b.String())
}

// failureShot takes a screenshot where it survives the test: that of a failure
// is wanted even if nobody asked for screenshots.
func (p *Page) failureShot() string {
	dir := os.Getenv(EnvScreenshots)
	if dir == "" {
		var err error
		if dir, err = os.MkdirTemp("", "sfere-failure-"); err != nil {
			return err.Error()
		}
	}
	p.shots++
	path, err := p.shoot(dir, fmt.Sprintf("failure-%d", p.shots))
	if err != nil {
		return "failed: " + err.Error()
	}
	return path
}

// quote is s as a JavaScript string.
func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string always has a JSON form
	}
	return string(b)
}

// bringToFront makes the tab the one that gets keys and animation frames.
func bringToFront(ctx context.Context, t *chromedp.Target) error {
	_, err := cdp.Call(ctx, t, page.BringToFront, cdp.Empty{})
	return err
}
