package sse

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// ServerOptions adjust [ConfigureServer]. Zero fields mean the defaults. A duration
// whose unit was forgotten is logged as a warning and means the default, too.
type ServerOptions struct {
	// ReadHeaderTimeout bounds the reading of a request's header. Default 10 s,
	// negative means none.
	ReadHeaderTimeout time.Duration
	// IdleTimeout is how long a connection without a request stays open. Default
	// 2 min, negative means none.
	IdleTimeout time.Duration
	// PeerTimeout is how long sent bytes may stay unacknowledged before the
	// connection is closed. It notices a client whose network has gone, which
	// takes 15 minutes otherwise. The machine of the client acknowledges, not the
	// client. It works on Linux, through TCP_USER_TIMEOUT; elsewhere it does
	// nothing. Together with a heartbeat, a silent client is noticed within the
	// sum of both. A connection that wraps another one must have a method
	// NetConn() net.Conn, as tls.Conn has; a warning is logged if it has not.
	// Default 20 s, negative means none.
	PeerTimeout time.Duration
	// PingAfter is how long an HTTP/2 connection may be silent before it is
	// pinged, PingTimeout how long the answer may take. Defaults 10 s and 10 s,
	// negative means none.
	PingAfter   time.Duration
	PingTimeout time.Duration
}

// ConfigureServer readies srv for long streams; call it before srv starts. Nil
// options mean the defaults. What srv has set already is kept: its timeouts, and
// its ConnContext and ConnState hooks, which are called first.
//
// It sets no ReadTimeout and no WriteTimeout. A program may set them; they do
// not apply to long streams.
func ConfigureServer(srv *http.Server, o *ServerOptions) {
	var v ServerOptions
	if o != nil {
		v = *o
	}
	srv.ReadHeaderTimeout = cmp.Or(srv.ReadHeaderTimeout, duration("ServerOptions.ReadHeaderTimeout", v.ReadHeaderTimeout, 10*time.Second))
	srv.IdleTimeout = cmp.Or(srv.IdleTimeout, duration("ServerOptions.IdleTimeout", v.IdleTimeout, 2*time.Minute))
	peer := duration("ServerOptions.PeerTimeout", v.PeerTimeout, 20*time.Second)
	if srv.HTTP2 == nil {
		srv.HTTP2 = &http.HTTP2Config{}
	}
	if after := duration("ServerOptions.PingAfter", v.PingAfter, 10*time.Second); after > 0 && srv.HTTP2.SendPingTimeout == 0 {
		srv.HTTP2.SendPingTimeout = after
	}
	if timeout := duration("ServerOptions.PingTimeout", v.PingTimeout, 10*time.Second); timeout > 0 && srv.HTTP2.PingTimeout == 0 {
		srv.HTTP2.PingTimeout = timeout
	}
	var outOfReach sync.Once
	connContext := srv.ConnContext
	srv.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		if connContext != nil {
			ctx = connContext(ctx, c)
		}
		if peer > 0 {
			if !setPeerTimeout(c, peer) && overTCP(c) {
				outOfReach.Do(func() {
					slog.Warn(fmt.Sprintf("sse: %T hides its TCP connection: ServerOptions.PeerTimeout is not set, and a client whose network has gone is noticed late; give it a method NetConn() net.Conn, or set PeerTimeout to -1", c))
				})
			}
		}
		ctx = context.WithValue(ctx, serverContext{}, ctx)
		return context.WithValue(ctx, connKey{}, c)
	}
	spare := &spareConns{conns: map[net.Conn]struct{}{}}
	connState := srv.ConnState
	srv.ConnState = func(c net.Conn, s http.ConnState) {
		if connState != nil {
			connState(c, s)
		}
		spare.state(c, s)
	}
	srv.RegisterOnShutdown(spare.close)
}

// connKey is the key of a request's connection in its context.
type connKey struct{}

// connOf returns the connection of r. It is nil if ConfigureServer was not called
// for its server.
func connOf(r *http.Request) net.Conn {
	c, _ := r.Context().Value(connKey{}).(net.Conn)
	return c
}

// setPeerTimeout sets the option of the TCP socket below c and reports whether it
// could. It cannot be set on the listener, whose sockets are multipath TCP.
func setPeerTimeout(c net.Conn, d time.Duration) bool {
	if t := tcpOf(c); t != nil {
		setUserTimeout(t, d)
		return true
	}
	return false
}

// tcpOf returns the TCP connection below c, nil if it is out of reach. A
// connection that wraps another one says which by a method NetConn, as that of
// crypto/tls does.
func tcpOf(c net.Conn) *net.TCPConn {
	for range 16 { // one may wrap itself
		switch v := c.(type) {
		case *net.TCPConn:
			return v
		case interface{ NetConn() net.Conn }:
			c = v.NetConn()
		default:
			return nil
		}
	}
	return nil
}

// overTCP reports whether c should have a TCP socket below it.
func overTCP(c net.Conn) bool {
	addr := c.LocalAddr()
	return addr != nil && strings.HasPrefix(addr.Network(), "tcp")
}

// spareConns are connections that have not yet sent a byte. Browsers open some
// in advance; a shutdown would wait 5 s for each to be used.
type spareConns struct {
	mu     sync.Mutex
	conns  map[net.Conn]struct{}
	closed bool
}

func (s *spareConns) state(c net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case state != http.StateNew:
		delete(s.conns, c)
	case s.closed:
		_ = c.Close()
	default:
		s.conns[c] = struct{}{}
	}
}

func (s *spareConns) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for c := range s.conns {
		_ = c.Close()
	}
	clear(s.conns)
}

// Shutdown ends srv and the streams of all hubs whose streams it serves, for a
// restart. It stops listening and cuts the long streams at random moments within
// window, so that their clients do not all come back at once. It waits for short
// responses and for requests of other handlers to finish, and closes what is
// left. The clients of cut streams try again until the next process listens.
//
// The streams of a hub that is left out hold the shutdown up until ctx ends.
// When ctx ends first, everything is closed at once and the error wraps that of
// ctx. A window of zero cuts all streams at once, which suits a process that
// its successor waits for.
func Shutdown(ctx context.Context, srv *http.Server, window time.Duration, hubs ...*Hub) error {
	errs := make([]error, len(hubs)+1)
	var all sync.WaitGroup
	// It closes the listeners first, so that no client is sent away by a server
	// that is about to end.
	all.Go(func() { errs[len(hubs)] = srv.Shutdown(ctx) })
	for i, h := range hubs {
		all.Go(func() { errs[i] = h.Drain(ctx, window) })
	}
	all.Wait()
	err := errors.Join(errs...)
	if closed := srv.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return &Error{Op: "shutting down", Err: err}
	}
	return nil
}
