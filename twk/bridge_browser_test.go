package twk_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sfere-go/sfere/internal/browser"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/sse/compress"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/attr"
	"github.com/sfere-go/sfere/twk/twktest"
)

// site serves a page with a long stream and a button.
func (r *rig) site(b *browser.Browser, name string) {
	r.mux.Handle("GET /datastar.js", b.Datastar())
	r.mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	r.handle("GET /{$}", func(*twk.Request) twk.Response {
		return twk.Page(twk.HTML(fmt.Sprintf(`<!doctype html><html><head><title>%s</title>%s</head>
			<body %s><p id="status">waiting</p><ol id="log"></ol><p id="n" data-text="$n"></p><button %s>Go</button></body></html>`,
			name, twk.Client{URL: "/datastar.js"}.Script(), attr.Stream("/sse", nil), attr.On("click", attr.Post("/act", nil)))))
	})
	r.stay("GET /sse", twk.PatchElements{Elements: twk.HTML(`<p id="status">` + name + `</p>`)})
	r.handle("POST /act", func(*twk.Request) twk.Response { return twk.Respond(n("answered by " + name)) })
}

func item(v any) twk.PatchElements {
	return twk.PatchElements{Elements: twk.HTML(fmt.Sprintf("<li>%v</li>", v)), Selector: "#log", Mode: twk.ModeAppend}
}

// A page goes on working when its server is replaced by another.
func TestRestartInBrowser(t *testing.T) {
	t.Parallel()
	b := browser.New(t)
	serve := func(name, addr string) *rig {
		r := newRig(t, setup{bridge: twk.BridgeOptions{RootAttrs: map[string]string{"lang": "en"}}, server: func(s *httptest.Server) {
			sse.ConfigureServer(s.Config, nil)
			if addr != "" {
				s.Listener.Close()
				l, err := net.Listen("tcp", addr)
				if err != nil {
					t.Fatal(err)
				}
				s.Listener = l
			}
		}})
		r.site(b, name)
		return r
	}
	shutdown := func(r *rig) {
		ctx, cancel := context.WithTimeout(t.Context(), twktest.Wait)
		defer cancel()
		if err := sse.Shutdown(ctx, r.srv.Config, 100*time.Millisecond, r.hub); err != nil {
			t.Error(err)
		}
	}
	first := serve("server one", "")
	p := b.Page(t, "ann")
	p.Go(first.srv.URL)
	if lang := browser.Eval[string](p, "document.documentElement.lang"); lang != "en" {
		t.Errorf("lang is %q", lang)
	}
	p.WaitText("#status", "server one")
	addr := first.srv.Listener.Addr().String()
	shutdown(first)
	second := serve("server two", addr)
	p.WaitText("#status", "server two")
	if err := second.send(second.conn(), item("hello")); err != nil {
		t.Fatal(err)
	}
	p.WaitText("#log", "hello")
	p.Click("button")
	p.WaitText("#n", "answered by server two")
	// Once more, with the stream ended normally in between.
	third := func() *rig { shutdown(second); return serve("server three", addr) }()
	p.WaitText("#status", "server three")
	third.conn().Close(sse.CauseClosed)
	c := third.conn() // retry 'always' comes back
	if err := third.send(c, item("again")); err != nil {
		t.Fatal(err)
	}
	p.WaitText("#log", "again")
	p.Close()
}

// The real client in a real browser applies every event of a compressed
// stream, shared or its own.
func TestCompressionInBrowser(t *testing.T) {
	t.Parallel()
	b := browser.New(t)
	tests := []struct {
		encoding string
		hub      sse.HubOptions
	}{
		{"gzip", sse.HubOptions{Compress: true}},
		{"br", sse.HubOptions{PerStream: []sse.Compressor{compress.Brotli(4, 18)}}},
		{"zstd", sse.HubOptions{PerStream: []sse.Compressor{compress.Zstd(3, 18)}}},
	}
	for i, tt := range tests {
		t.Run(fmt.Sprintf("%s %d", tt.encoding, i), func(t *testing.T) {
			tt.hub.Heartbeat = 160 * time.Millisecond
			r := newRig(t, setup{hub: tt.hub})
			r.site(b, "compressed")
			var pages []*browser.Page
			var conns []*sse.Conn
			for _, name := range []string{"ann", "bob"} {
				p := b.Page(t, name)
				p.Go(r.srv.URL)
				p.WaitText("#status", "compressed")
				pages, conns = append(pages, p), append(conns, r.conn())
			}
			var room sse.Audience
			want := make([][]string, len(conns))
			for k := range 120 {
				text := fmt.Sprintf("message %d is much like the others", k)
				room.Fanout(conns, r.hub.Prepare(r.frames(item(text)), &room), nil)
				for i := range want {
					want[i] = append(want[i], text)
				}
				if k%7 == 0 { // an event of its own breaks the chain
					own := fmt.Sprintf("private %d", k)
					if err := r.send(conns[k%2], item(own)); err != nil {
						t.Fatal(err)
					}
					want[k%2] = append(want[k%2], own)
				}
				if k%50 == 0 {
					time.Sleep(tt.hub.Heartbeat)
				}
			}
			for i, p := range pages {
				p.WaitText("#log", "message 119 ")
				got := browser.Eval[[]string](p, `[...document.querySelectorAll("#log li")].map(e => e.textContent)`)
				if strings.Join(got, "\n") != strings.Join(want[i], "\n") {
					t.Errorf("page %d shows %d items, want %d", i, len(got), len(want[i]))
				}
				if info := conns[i].Info(); !info.Compressed || info.Sent < 120 {
					t.Errorf("%+v", info)
				}
				if errs := p.Errors(); len(errs) > 0 {
					t.Errorf("page %d: %q", i, errs)
				}
				p.Close()
			}
			if got := browserEncoding(r); got != tt.encoding {
				t.Errorf("encoding %q, want %q", got, tt.encoding)
			}
		})
	}
}

// browserEncoding is what a stream gets that offers what Chromium does.
func browserEncoding(r *rig) string {
	s := r.srv.Client()
	res, err := s.Do(r.request("GET", "/sse", "", "Accept-Encoding", "gzip, deflate, br, zstd"))
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	return res.Header.Get("Content-Encoding")
}

// The client of a stream never gives up, however often it is refused: by itself it
// would after ten attempts.
func TestStreamNeverGivesUpInBrowser(t *testing.T) {
	t.Parallel()
	b := browser.New(t)
	const refusals = 25
	r := newRig(t, setup{})
	var asked atomic.Int32
	r.mux.Handle("GET /datastar.js", b.Datastar())
	r.handle("GET /{$}", func(*twk.Request) twk.Response {
		return twk.Page(twk.HTML(fmt.Sprintf(`<!doctype html><html><head><link rel="icon" href="data:,">%s</head><body %s><p id="status"></p></body></html>`,
			twk.Client{URL: "/datastar.js"}.Script(),
			attr.Stream("/sse", &attr.Options{RetryInterval: 10 * time.Millisecond, RetryMaxWait: 20 * time.Millisecond}))))
	})
	r.handle("GET /sse", func(*twk.Request) twk.Response {
		if asked.Add(1) <= refusals {
			return twk.Status(http.StatusServiceUnavailable)
		}
		return twk.Stream(twk.PatchElements{Elements: twk.HTML(`<p id="status">here</p>`)})
	})
	p := b.Page(t, "ann")
	p.Go(r.srv.URL)
	p.WaitText("#status", "here")
	p.Close()
}
