package twk

import (
	"context"
	"errors"
	"net/http"
	"os"
	"time"

	"github.com/sfere-go/sfere/gzipcast"
)

// scratch is what a writer goroutine carries from one stream to the next.
type scratch struct {
	one [1]*Frame
	buf []byte
	now time.Time
	raw rawWrite
	// wait says that writes may wait for the client, on streams that have been
	// taken over; on the others they do in any case.
	wait bool
}

// maxScratch bounds what a writer keeps between streams.
const maxScratch = 256 << 10

// attach gives the stream its response. The header is sent with the first write.
func (c *Conn) attach(w http.ResponseWriter) {
	rc := http.NewResponseController(w)
	c.write.Lock()
	c.w, c.flusher, c.rc = w, flusherOf(w), rc
	c.write.Unlock()
	c.ctl.Lock()
	c.abort = rc
	c.ctl.Unlock()
}

// detach takes the response away. When it returns, nobody is writing to the
// response and nobody will, and no write deadline is left on its connection,
// which net/http may use for the client's next request.
func (c *Conn) detach() {
	c.ctl.Lock()
	aborted := c.aborted
	c.abort = nil
	c.ctl.Unlock()
	c.write.Lock()
	defer c.write.Unlock()
	if c.rc != nil && !c.deadline.IsZero() && !aborted {
		_ = c.rc.SetWriteDeadline(time.Time{})
	}
	if c.own != nil {
		c.own.release()
	}
	c.w, c.flusher, c.rc = nil, nil, nil
	if c.sock != nil {
		c.sock.close(c)
	}
}

// drain writes what is in the outbox. more tells that frames have come in
// meanwhile, in which case the stream stays scheduled. A cause tells that the
// response has failed; the caller closes the stream with it, which must not
// happen under the write lock.
func (c *Conn) drain(s *scratch, flush bool) (more bool, failed Cause) {
	more, failed, sent := c.drainLocked(s, flush)
	for _, f := range sent {
		f()
	}
	return more, failed
}

// drainLocked is drain; the caller calls sent, outside the locks.
func (c *Conn) drainLocked(s *scratch, flush bool) (more bool, failed Cause, sent []func()) {
	c.write.Lock()
	defer c.write.Unlock()
	if c.sock != nil && c.sock.waiting() { // what is left of the last write comes first
		if err := c.sock.send(c, s, nil); err != nil {
			failed = causeOf(err)
			c.fail()
		} else if c.sock.waiting() {
			return false, "", nil // still scheduled: the poller tells when to go on
		}
	}
	c.mu.Lock()
	frames := c.take(&s.one)
	c.mu.Unlock()
	size, beat := 0, true
	if len(frames) > 0 && (c.w != nil || c.sock != nil && !c.sock.dead) && failed == "" {
		var err error
		if size, err = c.writeFrames(s, frames, flush); err != nil {
			if failed = causeOf(err); c.overdue() {
				failed = CauseSlow
			}
			c.fail()
		} else {
			beat = len(frames) == 1 && frames[0] == c.hub.beat
		}
	}
	n := len(frames)
	c.hub.slabs.give(frames)
	waiting := c.sock != nil && c.sock.waiting()
	c.mu.Lock()
	defer c.mu.Unlock()
	if size > 0 {
		c.lastWrite = s.now.UnixNano()
		c.sent += uint64(n)
		c.sentBytes += uint64(size)
	}
	c.scheduled = failed == "" && (waiting || len(c.queue) > 0)
	if !beat && c.reports {
		sent = c.onSent
	}
	return c.scheduled && !waiting, failed, sent
}

// fail notes that a write has failed: a failed response stays failed. The write
// lock is held.
func (c *Conn) fail() {
	c.w = nil
	if c.sock != nil {
		c.sock.dead = true
	}
}

func causeOf(err error) Cause {
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		return CauseSlow
	}
	return CauseWrite
}

// writeFrames writes and flushes frames and returns the number of bytes; the
// write lock is held.
func (c *Conn) writeFrames(s *scratch, frames []*Frame, flush bool) (int, error) {
	if err := c.takeOver(); err != nil {
		return 0, err
	}
	if err := c.extend(s.now); err != nil {
		return 0, err
	}
	out, err := c.encode(s, frames)
	if err != nil {
		return 0, err
	}
	c.headed = true
	if c.sock != nil {
		return len(out), c.sock.send(c, s, out)
	}
	if !c.deadline.IsZero() {
		c.until.Store(c.deadline.UnixNano())
	}
	if _, err := c.w.Write(out); err != nil {
		return 0, err
	}
	if flush {
		if err := c.flusher.FlushError(); err != nil {
			return 0, err
		}
	}
	c.until.Store(0)
	c.rest()
	return len(out), nil
}

// encode returns what frames are on the wire, valid until the next use of s;
// the write lock is held.
func (c *Conn) encode(s *scratch, frames []*Frame) ([]byte, error) {
	var own []byte
	if c.own != nil {
		var err error
		if own, err = c.own.next(frames); err != nil || c.sock == nil {
			return own, err
		}
	} else if len(frames) == 1 && !c.zipped && c.sock == nil {
		return frames[0].bytes, nil
	}
	buf := s.buf[:0]
	if c.sock != nil {
		buf = append(buf, chunkHead...)
	}
	if c.zipped && !c.begun {
		buf = append(buf, gzipcast.Header...)
		c.begun = true
	}
	switch {
	case c.own != nil:
		buf = append(buf, own...)
	case c.zipped:
		for _, f := range frames {
			zip := f.zip
			if zip == nil { // a frame for this stream alone
				zip = c.hub.enc.Event(f.bytes)
			}
			buf = append(buf, c.zip.Next(zip)...)
		}
	default:
		for _, f := range frames {
			buf = append(buf, f.bytes...)
		}
	}
	out := buf
	if c.sock != nil {
		buf, out = chunk(buf)
	}
	if cap(buf) <= maxScratch {
		s.buf = buf
	}
	return out, nil
}

// extend makes sure that a write that starts now is bounded. The deadline is
// set for twice the timeout, so that it has to be set only once per timeout
// and not once per write: a write may take between one and two timeouts.
func (c *Conn) extend(now time.Time) error {
	timeout := c.hub.opts.WriteTimeout
	if timeout < 0 || c.sock != nil || c.deadline.After(now.Add(timeout)) {
		return nil
	}
	c.deadline = now.Add(2 * timeout)
	if err := c.rc.SetWriteDeadline(c.deadline); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	select {
	case <-c.done: // Close may have set an earlier deadline that has just been lost
		if c.Cause().Cut() {
			return ErrClosed
		}
	default:
	}
	return nil
}

// head sends the response header if nothing has been written yet, so that the
// client knows that the stream is open.
func (c *Conn) head() error {
	c.write.Lock()
	defer c.write.Unlock()
	if c.headed || c.w == nil {
		return nil
	}
	if err := c.takeOver(); err != nil {
		return err
	}
	c.headed = true
	if c.sock != nil {
		return c.sock.send(c, &scratch{wait: true}, nil)
	}
	if err := c.extend(time.Now()); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusOK)
	err := c.flusher.FlushError()
	if err == nil {
		c.rest()
	}
	return err
}

// rest takes the deadline of an HTTP/2 stream away until the next write: when
// it passes, the stream is reset, writing or not. The write lock is held.
func (c *Conn) rest() {
	if c.http2 && !c.deadline.IsZero() {
		c.deadline = time.Time{}
		_ = c.rc.SetWriteDeadline(c.deadline)
	}
}

// overdue reports whether a write has not ended by its deadline. Whoever sees
// the outcome otherwise may see it differently: net/http ends the context of the
// request as if the client had left, and HTTP/2 resets the stream.
func (c *Conn) overdue() bool {
	until := c.until.Load()
	return until > 0 && time.Now().UnixNano() >= until
}

// serve keeps the stream open until it is closed or its client leaves. It runs
// on the request goroutine, which writes only if shared writers do not. If the
// connection has been taken over, serve returns true at once, and afterwards is
// called on a goroutine of its own when the stream has been closed.
func (c *Conn) serve(ctx context.Context, afterwards func()) (parked bool) {
	if c.claim() {
		c.drainOwn()
	} else if err := c.head(); err != nil {
		c.Close(causeOf(err))
	}
	c.live()
	if c.taken.Load() && c.park(ctx, afterwards) {
		return true
	}
	for {
		select {
		case <-ctx.Done():
			c.Close(c.leaving(ctx))
			return false
		case <-c.done:
			return false
		case <-c.wake:
			c.drainOwn()
		}
	}
}

// leaving says why the context of a request has ended: its client has left,
// middleware has set a timeout, or a write took too long.
func (c *Conn) leaving(ctx context.Context) Cause {
	if ctx.Err() == context.DeadlineExceeded {
		return CauseExpired
	}
	if c.overdue() {
		return CauseSlow
	}
	return CauseClient
}

// drainOwn writes on the request goroutine until the outbox is empty.
func (c *Conn) drainOwn() {
	s := scratch{wait: true}
	for {
		s.now = time.Now()
		more, failed := c.drain(&s, true)
		if failed != "" {
			c.Close(failed)
			return
		}
		c.settle(time.Since(s.now))
		if !more {
			return
		}
	}
}

// settle gives a stream back to the shared writers once it has proved quick.
func (c *Conn) settle(took time.Duration) {
	if !c.slow.Load() {
		return
	}
	c.write.Lock()
	defer c.write.Unlock()
	if took > stuckAfter/2 {
		c.quick = 0
	} else if c.quick++; c.quick >= 64 && c.hub.opts.Writers > 0 {
		c.quick = 0
		c.slow.Store(false)
	}
}

// finish ends the stream on the request goroutine: it writes what is left,
// unless the cause cuts the stream, and takes the response away.
func (c *Conn) finish(cause Cause, flush bool) {
	c.Close(cause)
	<-c.done // whoever closes it may still be running the hooks
	if cause = c.Cause(); cause != CauseClient && !cause.Cut() {
		s := scratch{now: time.Now(), wait: true}
		for more := true; more; {
			more, _ = c.drain(&s, flush)
		}
		c.trail()
	} else {
		// A writer may be stuck on it, and whoever closed it may not have come
		// round to freeing that one before detach makes it impossible.
		c.release(cause)
	}
	c.detach()
	c.ended()
}
