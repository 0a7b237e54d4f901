// Package nginx starts an nginx for tests. Only tests import it.
package nginx

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// wait bounds the time in which nginx starts to listen.
const wait = 30 * time.Second

// Start starts a proxy in front of upstream, a host and port, on this machine only, and
// returns its host and port. The proxy has the settings that its package comes with, and
// settings, directives for its one location. It ends with the test. The test is skipped,
// in a line that nobody overlooks, where there is no nginx.
func Start(t *testing.T, upstream, settings string) string {
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
	var log bytes.Buffer
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
	for deadline := time.Now().Add(wait); ; time.Sleep(10 * time.Millisecond) {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
			return addr
		}
		if time.Now().After(deadline) {
			t.Fatal("nginx does not listen: ", err)
		}
	}
}
