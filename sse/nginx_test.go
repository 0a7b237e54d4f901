package sse_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/sfere-go/sfere/sse"
)

// nginx starts a proxy in front of upstream, on this machine only, and returns
// its address. The settings of a proxy are those of its package, but for
// settings. It ends with the test, which is skipped where there is none.
func nginx(t *testing.T, upstream, settings string) string {
	t.Helper()
	bin, err := exec.LookPath("nginx")
	if err != nil {
		fmt.Fprintf(os.Stderr, "==== PROXY TEST SKIPPED: %s: it needs nginx: apt-get install nginx-light ====\n", t.Name())
		t.Skip("it needs nginx")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	dir := t.TempDir()
	conf := filepath.Join(dir, "nginx.conf")
	var temp strings.Builder
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&temp, "\t%s_temp_path %s;\n", kind, filepath.Join(dir, kind))
	}
	text := fmt.Sprintf(`daemon off;
master_process off;
pid %s/pid;
error_log stderr error;
events {}
http {
	access_log off;
%s	server {
		listen %s;
		location / {
			proxy_pass http://%s;
			%s
		}
	}
}
`, dir, temp.String(), addr, upstream, settings)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	cmd := exec.Command(bin, "-e", "stderr", "-p", dir, "-c", conf)
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	until(t, "nginx listens", func() bool {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return addr
}

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
				addr := nginx(t, r.srv.Listener.Addr().String(), settings)
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
