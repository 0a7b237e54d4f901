package sse

import (
	"bytes"
	"net"
	"syscall"
	"time"
)

const canTakeOver = true

// socket is the transport of a stream whose connection has been taken over from
// net/http. The write lock of the stream guards it.
//
// Writes do not block, but for those of the stream's own goroutine. What the
// kernel does not take is kept, and the poller tells when it takes more. Until
// then the stream counts as scheduled, so that its outbox fills up as that of any
// slow client does.
type socket struct {
	conn  net.Conn
	raw   syscall.RawConn
	rest  []byte      // written later, before everything else; about one piece
	tail  []byte      // of a large event, after rest; shared with other streams, not yet compressed by one's own
	stall *time.Timer // cuts the stream if nothing goes in time; nil if nothing is left
	// unread says that the client has sent more than its request: net/http had
	// read it already when the connection was taken over. It is not answered; the
	// header of the response says that the connection closes.
	unread bool
}

func newSocket(conn net.Conn) (*socket, error) {
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return nil, errNoSocket
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil, err
	}
	return &socket{conn: conn, raw: raw}, nil
}

// waiting reports whether the client must read before anything can be written.
func (k *socket) waiting() bool { return len(k.rest) > 0 || len(k.tail) > 0 }

func (k *socket) room() int { return len(chunkHead) }

// head sends what newSocket was given as the rest.
func (k *socket) head(c *Conn, _ time.Time) error { return k.resume(c, &scratch{wait: true}) }

func (k *socket) send(c *Conn, s *scratch, buf []byte, _ bool) error {
	k.tail, s.tail = s.tail, nil
	return k.push(c, s, s.chunk(buf))
}

func (k *socket) resume(c *Conn, s *scratch) error { return k.push(c, s, nil) }

// push writes what is left, out, and the tail, as far as the kernel takes it.
func (k *socket) push(c *Conn, s *scratch, out []byte) error {
	kept := len(k.rest) > 0 // out is what is kept already
	if kept {
		k.rest = append(k.rest, out...)
		out = k.rest
	}
	for moved := false; ; {
		if len(out) == 0 {
			var err error
			if out, err = k.next(c, s); err != nil {
				return k.fail(err)
			}
			if kept, k.rest = false, nil; len(out) == 0 {
				k.settle()
				return nil
			}
		}
		n, err := k.write(c, s, out)
		if err != nil {
			return k.fail(err)
		}
		moved = moved || n > 0
		if out = out[n:]; len(out) == 0 {
			continue
		}
		if kept {
			k.rest = out
		} else {
			k.rest = bytes.Clone(out)
		}
		k.await(c, moved)
		return c.hub.poll.writable(c, k)
	}
}

func (k *socket) fail(err error) error {
	k.rest, k.tail = nil, nil
	k.settle()
	return err
}

// next returns the next piece of the tail as a chunk, in the buffer of s; nothing if
// there is none.
func (k *socket) next(c *Conn, s *scratch) (out []byte, err error) {
	for len(out) == 0 && len(k.tail) > 0 {
		var part []byte
		if part, k.tail, err = c.part(k.tail); err != nil {
			return nil, err
		}
		out = s.chunk(append(append(s.buf[:0], chunkHead...), part...))
	}
	if len(k.tail) == 0 {
		k.tail = nil
	}
	return out, nil
}

// chunk makes a chunk of buf, as [chunk] does, and keeps buf for the next.
func (s *scratch) chunk(buf []byte) []byte {
	buf, out := chunk(buf)
	if cap(buf) <= maxScratch {
		s.buf = buf
	}
	return out
}

// await gives the client time to read; anew if the kernel has taken something.
func (k *socket) await(c *Conn, moved bool) {
	timeout := c.hub.opts.WriteTimeout
	switch {
	case timeout <= 0:
	case k.stall == nil:
		k.stall = time.AfterFunc(timeout, func() { c.Close(CauseSlow) })
	case moved:
		k.stall.Reset(timeout)
	}
}

func (k *socket) settle() {
	if k.stall != nil {
		k.stall.Stop()
		k.stall = nil
	}
}

func (k *socket) write(c *Conn, s *scratch, out []byte) (int, error) {
	if !s.wait {
		return s.raw.do(k.raw, out)
	}
	if timeout := c.hub.opts.WriteTimeout; timeout > 0 {
		if err := k.conn.SetWriteDeadline(time.Now().Add(timeout)); err != nil {
			return 0, err
		}
		defer k.conn.SetWriteDeadline(time.Time{}) // it would end writes that do not wait, too
	}
	if err := c.stillWanted(); err != nil {
		return 0, err
	}
	return k.conn.Write(out)
}

// end ends the response, normally or by cutting it, and closes the connection.
func (k *socket) end(c *Conn, clean bool) {
	k.settle()
	c.hub.poll.remove(c)
	if clean {
		// There is nobody left to tell of an error.
		if s := (&scratch{wait: true}); k.resume(c, s) == nil {
			_ = k.push(c, s, []byte(lastChunk))
		}
	}
	k.rest, k.tail = nil, nil
	if clean && (k.discard() || k.unread) {
		linger(k.conn)
		return
	}
	_ = k.conn.Close()
}

// discard reads what the client has sent and reports whether there was anything.
// The kernel answers the closing of a connection with unread bytes by a reset,
// and a reset makes the client's kernel throw away what its program has not read.
func (k *socket) discard() (some bool) {
	var buf [4096]byte
	_ = k.raw.Read(func(fd uintptr) bool {
		for range 256 { // a client that keeps sending is reset in the end
			n, err := syscall.Read(int(fd), buf[:])
			if err == syscall.EINTR {
				continue
			}
			if n <= 0 || err != nil {
				break
			}
			some = true
		}
		return true // do not wait for the client
	})
	return some
}

// rawWrite is one write that does not block. It is reused, because the function
// that a RawConn is given, and all it refers to, would be allocated anew.
type rawWrite struct {
	try func(fd uintptr) bool
	out []byte
	n   int
	err error
}

func (w *rawWrite) do(raw syscall.RawConn, out []byte) (int, error) {
	if w.try == nil {
		w.try = w.once
	}
	w.out, w.n, w.err = out, 0, nil
	err := raw.Write(w.try)
	w.out = nil
	if err == nil && w.err != syscall.EAGAIN {
		err = w.err
	}
	return w.n, err
}

func (w *rawWrite) once(fd uintptr) bool {
	for {
		n, err := syscall.Write(int(fd), w.out)
		if err == syscall.EINTR {
			continue
		}
		w.n, w.err = max(n, 0), err
		return true // do not wait for the client
	}
}
