package examples_test

import (
	"testing"

	"github.com/sfere-go/sfere/internal/browser"
)

// Two people count together, one on a phone, which lays the page out for its screen.
func TestBrowserCounter(t *testing.T) {
	b := browser.New(t)
	addr := freeAddr(t)
	serve(t, build(t, "counter"), addr, "-addr", addr)
	desk, phone := b.Page(t, "desk"), b.Page(t, "phone")
	phone.SetViewport(360, 640, true)
	for _, p := range []*browser.Page{desk, phone} {
		p.Go("http://" + addr)
		p.WaitText("#sum", "0")
	}
	desk.Click("button")
	phone.WaitText("#sum", "1")
	phone.Click("button")
	for _, p := range []*browser.Page{desk, phone} {
		p.WaitText("#sum", "2")
		p.Screenshot("counter")
	}
	if width := browser.Eval[int](phone, "document.documentElement.clientWidth"); width != 360 {
		t.Errorf("the phone lays the page out %d px wide, want 360", width)
	}
	if lang := browser.Eval[string](desk, "document.documentElement.lang + document.characterSet"); lang != "enUTF-8" {
		t.Errorf("language and character set are %s", lang)
	}
}
