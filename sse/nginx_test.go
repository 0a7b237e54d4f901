package sse_test

import (
	"context"
	"io"
	"net/http"
	"testing"

	"github.com/sfere-go/sfere/internal/nginx"
	"github.com/sfere-go/sfere/sse"
)

// Behind nginx, which speaks HTTP/1.0 to its upstreams unless told otherwise, a
// client can tell a cut from an end. A stream that comes while the program
// drains is cut, too, and not answered with a 502, which keeps clients away.
func TestNginxDrainIsACut(t *testing.T) {
	for name, settings := range map[string]string{
		"defaults": "",
		"HTTP/1.1": `proxy_http_version 1.1; proxy_set_header Connection "";`,
		"buffers":  "proxy_ignore_headers X-Accel-Buffering;", // which nobody should want
	} {
		t.Run(name, func(t *testing.T) {
			eachTransport(t, func(t *testing.T, via sse.HubOptions) {
				r := newRig(t, setup{hub: via})
				cuts(r)
				r.stay("GET /clean", n(1))
				r.stay("GET /drained", n(1))
				addr := nginx.Start(t, r.srv.Listener.Addr().String(), settings)
				drained := make(chan error, 1)
				for _, path := range []string{"/clean", "/early", "/fails", "/panics", "/drained", "/draining"} {
					switch path { // not after the answer: a proxy that buffers tells its client of nothing before
					case "/clean":
						r.whenSent(func(c *sse.Conn) { c.Close(sse.CauseClosed) })
					case "/drained":
						r.whenSent(func(*sse.Conn) { drained <- r.hub.Drain(context.Background(), 0) })
					}
					res, err := r.srv.Client().Get("http://" + addr + path)
					if err != nil {
						t.Errorf("%s: %v", path, err)
						continue
					}
					body, err := io.ReadAll(res.Body)
					res.Body.Close()
					if res.StatusCode != http.StatusOK {
						t.Errorf("%s: status %d", path, res.StatusCode)
					} else if (err == nil) != (path == "/clean") {
						t.Errorf("%s: ended with %q, %v", path, body, err)
					}
					if path == "/drained" {
						if err := receive(t, drained); err != nil {
							t.Error(err)
						}
					}
				}
			})
		})
	}
}
