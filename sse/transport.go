package sse

import (
	"cmp"
	"net"
	"time"
)

// piece is how much is written at once. A write has a deadline of its own, so
// that the client of a large event is not cut as long as it reads; and it is what
// a stream may hold for itself of events that are shared with others.
const piece = 32 << 10

// transport is the way from a stream to its client. There are two: a response of
// net/http ([response]), and a connection that was taken over from it ([socket]).
// The write lock of the stream guards it.
type transport interface {
	// room is how many bytes in front of the body the transport wants free.
	room() int
	// head sends the header of the response.
	head(c *Conn, now time.Time) error
	// send sends the body that buf holds after room bytes, and then the parts of
	// s.tail. Without flush it may wait for more.
	send(c *Conn, s *scratch, buf []byte, flush bool) error
	// waiting reports whether part of what was sent is kept until the client
	// reads on. Then nothing else is sent, and the stream counts as scheduled.
	waiting() bool
	// resume sends what is kept, as far as it goes.
	resume(c *Conn, s *scratch) error
	// end takes the way away. clean ends the response normally, if no write has
	// failed.
	end(c *Conn, clean bool)
}

// attach gives the stream its way. The header is sent with the first write.
func (c *Conn) attach(t transport, abort interface{ SetWriteDeadline(time.Time) error }) {
	c.write.Lock()
	c.way = t
	c.write.Unlock()
	c.abortBy(abort)
}

// leaveServer gives the stream a way past net/http, whose response is out of reach
// from here on; the write lock is held.
func (c *Conn) leaveServer(t transport, conn net.Conn) {
	c.way, c.resp = t, response{}
	c.deadline.Store(0)
	c.abortBy(conn)
}

// abortBy says by what Close frees a writer that is stuck; nil for nothing.
func (c *Conn) abortBy(abort interface{ SetWriteDeadline(time.Time) error }) {
	c.ctl.Lock()
	defer c.ctl.Unlock()
	c.abort = abort
}

// detach takes the way away. When it returns, nobody is writing to the client
// and nobody will.
func (c *Conn) detach() {
	c.abortBy(nil)
	c.hub.tell(c, c.takeAway(c.Cause()))
}

func (c *Conn) takeAway(cause Cause) (err error) {
	c.write.Lock()
	defer c.write.Unlock()
	if c.own != nil {
		err = guarded(func() { c.own.release() })
	}
	if way := c.way; way != nil {
		c.way = nil
		ended := guarded(func() { way.end(c, cause != CauseClient && !cause.Cut() && !c.broken) })
		err = cmp.Or(err, ended)
	}
	return err
}

// usable reports whether anything can be written. The write lock is held.
func (c *Conn) usable() bool { return c.way != nil && !c.broken }
