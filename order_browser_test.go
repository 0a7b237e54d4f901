package sfere_test

import (
	"context"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	chromium "github.com/sfere-go/sfere/internal/browser"
	"github.com/sfere-go/sfere/registry"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/attr"
	"github.com/sfere-go/sfere/twk/twktest"
)

// A page reads the list, which takes time, and meanwhile somebody says something.
// In the end the page shows it, in its place, over both transports.
func TestFirstEffectsComeFirstInBrowser(t *testing.T) {
	t.Parallel()
	b := chromium.New(t)
	for _, take := range []bool{false, true} {
		var mu sync.Mutex
		lines := []string{"old"}
		read, said := make(chan struct{}), make(chan struct{})
		item := func(text string) string { return "<li>" + html.EscapeString(text) + "</li>" }
		shows := effect.Do("Show the list.", func(ctx context.Context, call effect.Call[guest], _ readThenSend) error {
			mu.Lock()
			now := slices.Clone(lines)
			mu.Unlock()
			read <- struct{}{}
			<-said // the reading takes as long as that
			markup := ""
			for _, l := range now {
				markup += item(l)
			}
			return call.Dispatch(ctx, twk.Patch(twk.HTML(`<ul id="log">`+markup+`</ul>`))).Err()
		})
		app := hallWith(&sfere.AppOptions{Hub: &sse.HubOptions{TakeOver: take}}, registry.New("page", shows))
		app.HandleHTTP("GET /datastar.js", b.Datastar())
		app.Handle("GET /{$}", func(*twk.Request) twk.Response {
			return twk.Page(twk.HTML(fmt.Sprintf(`<!doctype html><html><head><link rel="icon" href="data:,">%s</head><body %s><ul id="log"></ul></body></html>`,
				twk.Client{URL: "/datastar.js"}.Script(), attr.Stream("/page", nil))))
		})
		app.Handle("GET /page", func(*twk.Request) twk.Response {
			return sfere.Hold(sfere.ID("room", "ann"), twk.Stream(readThenSend{}))
		})
		srv := httptest.NewServer(http.Handler(app))
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), twktest.Wait)
			defer cancel()
			if err := app.Hub().Drain(ctx, 0); err != nil {
				t.Error(err)
			}
			srv.CloseClientConnections()
			srv.Close()
		})
		p := b.Page(t, fmt.Sprint("ann ", take))
		p.Go(srv.URL)
		<-read
		say := func(text string, items ...effect.Data) {
			mu.Lock()
			lines = append(lines, text)
			mu.Unlock()
			rep := sfere.ReportOf(as(app, "eve", sfere.Tell(hallAll, items...)))
			if rep.Matched != 1 || rep.Delivered != 1 {
				t.Errorf("taken over %t, %s: report %+v", take, text, rep)
			}
		}
		say("hello", twk.Append("#log", twk.HTML(item("hello"))))
		say("to each", twk.Append("#log", twk.PerRecipient(twk.HTML(item("to each")))))
		said <- struct{}{}
		p.WaitText("#log", "to each")
		say("later", twk.Append("#log", twk.HTML(item("later"))))
		p.WaitText("#log", "later")
		got := chromium.Eval[[]string](p, `[...document.querySelectorAll("#log li")].map(e => e.textContent)`)
		if diff := cmp.Diff([]string{"old", "hello", "to each", "later"}, got); diff != "" {
			t.Errorf("taken over %t: the page shows (-want +got):\n%s", take, diff)
		}
		if errs := p.Errors(); len(errs) > 0 {
			t.Errorf("taken over %t: %q", take, errs)
		}
		p.Close()
	}
}
