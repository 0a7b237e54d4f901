package sse_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sfere-go/sfere/sse"
)

// openConn is a wrapped connection that says what it wraps.
type openConn struct{ net.Conn }

func (c openConn) NetConn() net.Conn { return c.Conn }

// PeerTimeout is set on the socket below a connection that a listener has
// wrapped, or a warning says once that it is not.
func TestPeerTimeoutWrappedListener(t *testing.T) {
	tests := []struct {
		name, reason string
		wrap         func(net.Conn) net.Conn
		tls          bool
		timeout      int
		warnings     int
	}{
		{"plain", "nothing is wrapped", func(c net.Conn) net.Conn { return c }, false, 20_000, 0},
		{"NetConn", "it says what it wraps", func(c net.Conn) net.Conn { return openConn{openConn{c}} }, false, 20_000, 0},
		{"tls", "below TLS as well", func(c net.Conn) net.Conn { return openConn{c} }, true, 20_000, 0},
		{"foreign", "its socket is out of reach", func(c net.Conn) net.Conn { return foreignConn{c} }, false, 0, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			logs := captureLog(t)
			var mu sync.Mutex
			var below []*net.TCPConn
			r := newRig(t, setup{http2: tt.tls, server: func(s *httptest.Server) {
				s.Listener = wrapped{s.Listener, func(c net.Conn) net.Conn {
					mu.Lock()
					defer mu.Unlock()
					below = append(below, c.(*net.TCPConn))
					return tt.wrap(c)
				}}
				sse.ConfigureServer(s.Config, nil)
			}})
			r.stay("GET /sse", n(1))
			for range 2 {
				s := r.open("/sse")
				s.Next()
				defer r.conn().Close(sse.CauseClosed)
			}
			mu.Lock()
			defer mu.Unlock()
			for _, c := range below {
				raw, err := c.SyscallConn()
				if err != nil {
					t.Fatal(err)
				}
				err = raw.Control(func(fd uintptr) {
					got, err := unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT)
					if err != nil || got != tt.timeout {
						t.Errorf("%s: TCP_USER_TIMEOUT is %d (%v), want %d", tt.reason, got, err, tt.timeout)
					}
				})
				if err != nil {
					t.Error(err)
				}
			}
			if got := strings.Count(logs(), "PeerTimeout is not set"); got != tt.warnings {
				t.Errorf("%s: %d warnings, want %d: %s", tt.reason, got, tt.warnings, logs())
			}
		})
	}
}

// captureLog collects what is logged until the test ends.
func captureLog(t *testing.T) (logs func() string) {
	t.Helper()
	var mu sync.Mutex
	var buf bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(recording{slog.NewTextHandler(&buf, nil), &mu}))
	t.Cleanup(func() { slog.SetDefault(before) })
	return func() string {
		mu.Lock()
		defer mu.Unlock()
		return buf.String()
	}
}

type recording struct {
	slog.Handler
	mu *sync.Mutex
}

func (h recording) Handle(ctx context.Context, r slog.Record) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.Handler.Handle(ctx, r)
}
