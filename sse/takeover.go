package sse

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

var errNoSocket = errors.New("it is neither a net.TCPConn nor a net.UnixConn; leave HubOptions.TakeOver off, or call ConfigureServer, which tells before a stream begins")

// takesOver reports whether the stream for r is to be taken over from net/http
// with its first write. It asks all that can be known before that: a connection
// that has been hijacked cannot be given back.
func (h *Hub) takesOver(r *http.Request) bool {
	if !h.opts.TakeOver || !canTakeOver || h.opts.Writers <= 0 ||
		r.ProtoMajor != 1 || r.ProtoMinor < 1 || r.TLS != nil || r.Method == http.MethodHead {
		return false
	}
	if conn := connOf(r); conn != nil {
		return takeable(conn) && !h.noPoll.Load()
	}
	return !h.barred.Load() && !h.noPoll.Load()
}

// takeable reports whether a socket may be written to past conn. The types are
// compared as they are: one that embeds a TCPConn may do something else in Write.
func takeable(conn net.Conn) bool {
	switch conn.(type) {
	case *net.TCPConn, *net.UnixConn:
		return true
	}
	return false
}

// takeOver takes the connection away from net/http if that is wanted and has not
// been done; the write lock is held. The bytes of the response stay the same, so
// that a client, or a proxy, can still tell an end from a cut.
//
// It happens before the first write and not when the stream opens, because
// until then the server can still answer with a status.
func (c *Conn) takeOver() {
	if !c.takes || c.broken {
		return
	}
	c.takes = false
	from, ok := c.resp.w.(http.Hijacker)
	if !ok || c.stillWanted() != nil { // see cut
		return
	}
	header := c.resp.w.Header()
	conn, buf, err := from.Hijack()
	if err != nil {
		return // it cannot be taken over, and nothing has been changed
	}
	unread := buf != nil && buf.Reader.Buffered() > 0
	sock, err := c.watchSocket(conn)
	if err != nil {
		c.hijacked(conn, header, unread)
		return
	}
	sock.rest, sock.unread = responseHead(header), unread
	c.leaveServer(sock, conn)
	c.taken.Store(true)
}

// watchSocket makes a socket of conn that the poller watches. If it cannot, later
// streams stay with net/http.
func (c *Conn) watchSocket(conn net.Conn) (*socket, error) {
	var sock *socket
	why := &c.hub.barred
	err := errNoSocket
	if takeable(conn) {
		why = &c.hub.noPoll
		if sock, err = newSocket(conn); err == nil {
			err = c.hub.poll.add(c, sock)
		}
		if t, ok := conn.(*net.TCPConn); ok { // on a server that is not configured it is out of reach before
			keepLittle(t)
		}
	}
	if err != nil && why.CompareAndSwap(false, true) {
		slog.Warn(fmt.Sprintf("sse: connections of type %T cannot be taken over: %v", conn, err))
	}
	return sock, err
}

// park leaves the end of a stream that has been taken over to a goroutine that
// Close starts. It reports false if the stream is closed already. A deadline of
// ctx, the context of the request, is kept; its cancellation is not, because the
// server cancels it when the handler returns.
func (c *Conn) park(ctx context.Context, afterwards func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	if at, ok := ctx.Deadline(); ok {
		c.expiry = time.AfterFunc(time.Until(at), func() { c.Close(CauseExpired) })
	}
	c.parked = afterwards
	return true
}

// onLeave registers f to be called when the client leaves; nil means nothing.
func (c *Conn) onLeave(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leave = f
}

// responseHead returns the head of a chunked response with the given header.
func responseHead(header http.Header) []byte {
	var b bytes.Buffer
	b.WriteString("HTTP/1.1 200 OK\r\n")
	if header["Date"] == nil {
		b.WriteString("Date: " + time.Now().UTC().Format(http.TimeFormat) + "\r\n")
	}
	_ = header.WriteSubset(&b, map[string]bool{"Connection": true, "Content-Length": true, "Transfer-Encoding": true}) // to memory
	b.WriteString("Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n")
	return b.Bytes()
}

// chunkHead is room for the head of a chunk: its size in hexadecimal, CR, LF.
const chunkHead = "        \r\n"

// lastChunk ends a response normally; without it the client sees a cut.
const lastChunk = "0\r\n\r\n"

// chunk makes a chunk of buf, which begins with chunkHead. It returns buf with
// its new end, and the chunk in it, which is empty if there is no content.
func chunk(buf []byte) (_, out []byte) {
	n := len(buf) - len(chunkHead)
	if n == 0 { // a chunk of this size would end the response
		return buf, nil
	}
	buf = append(buf, "\r\n"...)
	at := len(chunkHead) - 2
	for ; n > 0; n >>= 4 {
		at--
		buf[at] = "0123456789abcdef"[n&15]
	}
	return buf, buf[at:]
}
