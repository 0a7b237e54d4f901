package sse_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

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

// A client that reads all the time is not cut if it reads only a little in each
// timeout, and the kernel, which has seen it read fast, takes megabytes at once. It would then ask for more only when
// a third of them has gone, which takes such a client longer than the timeout.
func TestSteadyReaderBehindLargeBuffer(t *testing.T) {
	if testing.Short() {
		t.Skip("-short is set")
	}
	t.Parallel()
	eachTransport(t, func(t *testing.T, via sse.HubOptions) {
		t.Parallel()
		const first, then, timeouts, reads, size = 4 << 20, 16 << 20, 4, 8, 10 << 10
		via.WriteTimeout, via.Heartbeat = time.Second, -1
		r := newRig(t, setup{hub: via, server: func(s *httptest.Server) { sse.ConfigureServer(s.Config, nil) }})
		r.stay("GET /sse", n(strings.Repeat("x", first)))
		d := net.Dialer{Control: func(_, _ string, raw syscall.RawConn) error { // as over a network: loopback has packets of 64 KiB
			return raw.Control(func(fd uintptr) {
				_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_MAXSEG, 1400)
				_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 16<<10)
			})
		}}
		steadily(t, via.WriteTimeout, func(stands func()) error {
			nc, err := d.Dial("tcp", r.srv.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			fmt.Fprintf(nc, rawGet, "/sse")
			c := r.conn()
			total := 0
			read := func(more int, pause time.Duration) error {
				for end, buf := total+more, make([]byte, size); total < end; stands() {
					k, err := nc.Read(buf)
					total += k
					if cause := c.Cause(); err != nil || cause != "" { // what the kernel has comes after a cut
						return fmt.Errorf("cut after %d bytes with cause %q: %w", total, cause, err)
					}
					time.Sleep(pause)
				}
				return nil
			}
			if err := read(first, 0); err != nil {
				return err
			}
			if err := r.send(c, n(strings.Repeat("x", then))); err != nil {
				t.Fatal(err)
			}
			if err := read(timeouts*reads*size, via.WriteTimeout/reads); err != nil { // with the default timeout that is 8 KiB/s
				return err
			}
			if c.Info().Sent > 2 {
				t.Errorf("all has gone into the buffers: %+v", c.Info())
			}
			return nil
		})
	})
}
