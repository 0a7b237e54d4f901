package sse

import (
	"net"
	"net/http"
	"time"
)

// hijacked is the transport of a stream whose connection has been taken away from
// net/http and turned out to be no socket that can be watched. There is no way
// back, so the stream goes on as one that stays with net/http does: with a
// goroutine of its own, and writes that may wait for the client.
type hijacked struct {
	response
	unread bool // the client has sent more than its request
}

// hijacked makes conn the way to the client; the write lock is held.
func (c *Conn) hijacked(conn net.Conn, header http.Header, unread bool) {
	w := &rawResponse{conn: conn, header: header}
	c.leaveServer(&hijacked{response{w, w}, unread}, conn)
	// net/http no longer notices that the client leaves. It ends when end closes
	// the connection.
	go contained("reading", func() {
		var buf [512]byte
		for {
			if _, err := conn.Read(buf[:]); err != nil {
				break
			}
		}
		c.Close(CauseClient)
	})
}

// end ends the response, normally or by cutting it, and closes the connection.
func (k *hijacked) end(c *Conn, clean bool) {
	w := k.w.(*rawResponse)
	if clean {
		_ = k.extend(c, time.Now())
		_, _ = w.conn.Write([]byte(lastChunk)) // there is nobody left to tell of an error
	}
	k.response = response{}
	if clean && k.unread {
		linger(w.conn)
		return
	}
	_ = w.conn.Close()
}

// rawResponse writes a chunked response to a connection.
type rawResponse struct {
	conn   net.Conn
	header http.Header
	headed bool
	buf    []byte
}

func (w *rawResponse) Header() http.Header                 { return w.header }
func (w *rawResponse) WriteHeader(int)                     {} // the status is 200
func (w *rawResponse) SetWriteDeadline(at time.Time) error { return w.conn.SetWriteDeadline(at) }

func (w *rawResponse) Write(b []byte) (int, error) {
	if err := w.FlushError(); err != nil {
		return 0, err
	}
	buf, out := chunk(append(append(w.buf[:0], chunkHead...), b...))
	if w.buf = nil; cap(buf) <= maxScratch {
		w.buf = buf
	}
	if _, err := w.conn.Write(out); err != nil {
		return 0, err
	}
	return len(b), nil
}

// FlushError sends the header, if it has not been sent. Nothing else waits.
func (w *rawResponse) FlushError() error {
	if w.headed {
		return nil
	}
	w.headed = true
	_, err := w.conn.Write(responseHead(w.header))
	return err
}

// lingerFor is how long the server takes in what a client sends that has been
// answered, before it closes the connection: closing it at once would lose the end
// of the answer. net/http waits as long.
const lingerFor = 500 * time.Millisecond

// linger closes conn in two steps, so that what has been sent to the client is
// not lost to a reset: see [socket.discard].
func linger(conn net.Conn) {
	half, ok := conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		_ = conn.Close()
		return
	}
	time.AfterFunc(lingerFor, func() { _ = conn.Close() })
}
