package sse_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk/twktest"
)

// A client that asks for answers and reads none holds its connection no longer than
// the server's WriteTimeout allows, or the hub's if that is shorter. Long streams
// are not told of the server's.
func TestWriteTimeoutOfServer(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name        string
		server, hub time.Duration
	}{
		{"of the server", 200 * time.Millisecond, time.Hour},
		{"of the hub", time.Hour, 100 * time.Millisecond},
		{"of the hub alone", 0, 100 * time.Millisecond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, setup{hub: sse.HubOptions{WriteTimeout: tt.hub}, server: func(s *httptest.Server) { s.Config.WriteTimeout = tt.server }})
			r.short("GET /a", n(strings.Repeat("x", 3000)))
			r.stay("GET /sse", n(1))
			s := r.open("/sse")
			s.Next()
			c := r.conn()
			nc := r.raw("")
			_ = nc.(*net.TCPConn).SetReadBuffer(4096)
			_ = nc.SetWriteDeadline(time.Now().Add(twktest.Wait))
			ask := strings.Repeat("GET /a HTTP/1.1\r\nHost: x\r\n\r\n", 100)
			var err error
			for err == nil { // until the server resets the connection
				_, err = io.WriteString(nc, ask)
			}
			if errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("the server still holds the connection")
			}
			time.Sleep(2 * min(tt.server, tt.hub))
			_ = r.send(c, n(2))
			if got := got1(s.Next()); got != "2" {
				t.Errorf("the stream got %s", got)
			}
		})
	}
}

// The end of a stream is written also if the deadline of its last write has passed
// long ago, and that of one answer does not hold for the next.
func TestDeadlinePasses(t *testing.T) {
	t.Parallel()
	const timeout = 50 * time.Millisecond
	r := newRig(t, setup{hub: sse.HubOptions{WriteTimeout: timeout, Heartbeat: -1}})
	r.stay("GET /sse", n(1))
	r.short("GET /a", n(1))
	s := r.open("/sse")
	s.Next()
	c := r.conn()
	for range 3 {
		if got := r.do(r.request(http.MethodGet, "/a")); got.Status != http.StatusOK {
			t.Errorf("answer %+v", got)
		}
		time.Sleep(3 * timeout)
	}
	c.Close(sse.CauseClosed)
	if err := s.Ended(); err != nil {
		t.Error(err)
	}
}
