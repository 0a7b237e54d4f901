package twk_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/sfere-go/sfere/internal/browser"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/attr"
)

// silence is a network between browser and server that loses streams when told
// so: nothing comes back on their connections any more, and nobody is told.
type silence struct {
	l  net.Listener
	mu sync.Mutex
	// streams are the connections that carry one, with whether they are lost.
	streams map[*wireTo]bool
}

func newSilence(t *testing.T, target string) *silence {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &silence{l: l, streams: map[*wireTo]bool{}}
	var running sync.WaitGroup
	ctx, end := context.WithCancel(context.Background())
	t.Cleanup(func() { end(); l.Close(); running.Wait() })
	running.Go(func() {
		for {
			down, err := l.Accept()
			if err != nil {
				return
			}
			up, err := net.Dial("tcp", target)
			if err != nil {
				down.Close()
				continue
			}
			context.AfterFunc(ctx, func() { up.Close(); down.Close() })
			w := &wireTo{s: s, Conn: down}
			running.Go(func() { _, _ = io.Copy(up, w); up.Close() })
			running.Go(func() {
				_, _ = io.Copy(w, up)
				if !w.lost() {
					down.Close()
				}
			})
		}
	})
	return s
}

// lose loses the streams that there are.
func (s *silence) lose() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for w := range s.streams {
		s.streams[w] = true
	}
}

// wireTo is the connection to the browser.
type wireTo struct {
	s *silence
	net.Conn
}

func (w *wireTo) lost() bool {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	return w.s.streams[w]
}

func (w *wireTo) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	if strings.HasPrefix(string(b[:n]), "GET /sse") {
		w.s.mu.Lock()
		w.s.streams[w] = false
		w.s.mu.Unlock()
	}
	return n, err
}

func (w *wireTo) Write(b []byte) (int, error) {
	if w.lost() {
		return len(b), nil
	}
	return w.Conn.Write(b)
}

// lifecycle freezes or thaws a page.
func lifecycle(t *testing.T, p *browser.Page, s page.SetWebLifecycleStateState) {
	t.Helper()
	err := chromedp.Do(p.Context(), chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, page.SetWebLifecycleState, page.SetWebLifecycleStateParams{State: s})
		return err
	}))
	if err != nil {
		t.Fatal(err)
	}
}

// A page whose stream was lost while the browser had frozen it gets the next
// event after it is thawed, whether or not the browser knows of the loss.
func TestFrozenPageInBrowser(t *testing.T) {
	b := browser.New(t)
	hidden := func() *attr.Options { return &attr.Options{OpenWhenHidden: new(true)} }
	own := hidden()
	own.Cancellation = attr.CancelDisabled
	freeze := func(p *browser.Page, lose func()) {
		p.Hide()
		lifecycle(t, p, page.SetWebLifecycleStateStateFrozen)
		lose()
		lifecycle(t, p, page.SetWebLifecycleStateStateActive)
		p.Show()
	}
	tests := []struct {
		reason string
		o      *attr.Options
		silent bool // the loss is not told to the browser
		sleep  func(p *browser.Page, lose func())
	}{
		{"the server ends the stream", hidden(), false, freeze},
		{"the network goes away", hidden(), true, freeze},
		{"with a request that nothing cancels", own, true, freeze},
		{"a stream that a hidden page closes", nil, true, freeze},
		{"a page from the back/forward cache", hidden(), true, func(p *browser.Page, lose func()) {
			browser.Eval[int](p, "window.kept = 1")
			p.Go("about:blank")
			lose()
			browser.Eval[bool](p, "(setTimeout(() => history.back(), 50), true)") // chromedp waits for a load event, which there is none of
			p.WaitEval("window.kept === 1")
		}},
		{"a browser that is online again", hidden(), true, func(p *browser.Page, lose func()) {
			lose()
			browser.Eval[bool](p, "dispatchEvent(new Event('online'))")
		}},
		{"a browser that tells nothing, as its clock shows", hidden(), true, func(p *browser.Page, lose func()) {
			p.Hide()
			lose()
			browser.Eval[bool](p, "(now => { Date.now = () => now() + 180000; return true })(Date.now)")
			p.Show()
		}},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			r := newRig(t, setup{})
			r.mux.Handle("GET /datastar.js", b.Datastar())
			r.mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
			r.handle("GET /{$}", func(*twk.Request) twk.Response {
				return twk.Page(twk.HTML(fmt.Sprintf(`<!doctype html><html><head><title>Freeze</title>%s</head><body %s><p id="n" data-text="$n"></p></body></html>`,
					twk.Client{URL: "/datastar.js"}.Script(), attr.Stream("/sse", tt.o))))
			})
			r.stay("GET /sse")
			network := newSilence(t, r.srv.Listener.Addr().String())
			p := b.Page(t, "ann")
			p.Go("http://" + network.l.Addr().String())
			c := r.conn()
			if err := r.send(c, n("first")); err != nil {
				t.Fatal(err)
			}
			p.WaitText("#n", "first")

			tt.sleep(p, func() {
				if tt.silent {
					network.lose()
				}
				c.Close(sse.CauseClosed)
				<-c.Done()
			})
			if err := r.send(r.conn(), n("second")); err != nil {
				t.Fatal(err)
			}
			p.WaitText("#n", "second")
			if n := r.hub.Len(); n != 1 {
				t.Errorf("%d streams, want 1", n)
			}
			p.Close()
			until(t, "the stream ends with its page", func() bool { return r.hub.Len() == 0 })
		})
	}
}

// A page that the server has sent away does not ask again when it wakes up, and
// opening a stream twice leaves one.
func TestStreamWakesOnce(t *testing.T) {
	b := browser.New(t)
	r := newRig(t, setup{})
	asked := make(chan struct{}, 8)
	r.handle("GET /away", func(*twk.Request) twk.Response { asked <- struct{}{}; return twk.NoContent() })
	r.stay("GET /sse", n("here"))
	o := &attr.Options{OpenWhenHidden: new(true)}
	r.mux.Handle("GET /datastar.js", b.Datastar())
	r.handle("GET /{$}", func(*twk.Request) twk.Response {
		return twk.Page(twk.HTML(fmt.Sprintf(`<!doctype html><html><head><title>Once</title><link rel="icon" href="data:,">
			<script>asks = 0; fetch = (f => (u, o) => { asks += String(u).includes("/sse"); return f(u, o) })(fetch)</script>%s</head><body>
			<i %s></i><i %s></i><i %s></i><p id="n" data-text="$n"></p></body></html>`,
			twk.Client{URL: "/datastar.js"}.Script(), attr.Stream("/away", o), attr.Stream("/sse", o), attr.Stream("/sse", o))))
	})
	p := b.Page(t, "ann")
	p.Go(r.srv.URL)
	p.WaitText("#n", "here")
	receive(t, asked)
	p.WaitEval("asks === 2") // the browser may take the first back before it is sent
	until(t, "one stream is left", func() bool { return r.hub.Len() == 1 })
	browser.Eval[bool](p, "(document.dispatchEvent(new Event('resume')), dispatchEvent(new Event('online')))")
	p.WaitEval("asks === 3") // one for both
	browser.Eval[bool](p, "new Promise(r => setTimeout(() => r(true), 200))")
	until(t, "one stream is left", func() bool { return r.hub.Len() == 1 })
	// The page is asked, because a busy browser may also send a request twice.
	if asks := browser.Eval[int](p, "asks"); len(asked) > 0 || asks != 3 {
		t.Errorf("%d more requests where the server said 204, %d for the stream, want 3", len(asked), asks)
	}
	if errs := p.Errors(); len(errs) > 0 {
		t.Errorf("%q", errs)
	}
}
