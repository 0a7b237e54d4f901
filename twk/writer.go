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
	queue []*Frame // swapped with the outbox of each stream
	buf   []byte
	now   time.Time
}

// maxScratch bounds what a writer keeps between streams.
const maxScratch = 256 << 10

// attach gives the stream its response. The header is sent with the first write.
func (c *Conn) attach(w http.ResponseWriter) {
	rc := http.NewResponseController(w)
	c.write.Lock()
	c.w, c.rc = w, rc
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
	c.w, c.rc = nil, nil
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
	beat := true
	c.write.Lock()
	defer c.write.Unlock()
	c.mu.Lock()
	frames := c.queue
	c.queue, c.bytes = s.queue[:0], 0
	c.mu.Unlock()
	if len(frames) > 0 && c.w != nil {
		if err := c.writeFrames(s, frames, flush); err != nil {
			if failed = causeOf(err); c.overdue() {
				failed = CauseSlow
			}
			c.w = nil // a failed response stays failed
		} else {
			beat = len(frames) == 1 && frames[0] == c.hub.beat
		}
	}
	clear(frames)
	s.queue = frames[:0]
	c.mu.Lock()
	defer c.mu.Unlock()
	more = len(c.queue) > 0 && failed == ""
	c.scheduled = more
	if !beat {
		sent = c.onSent
	}
	return more, failed, sent
}

func causeOf(err error) Cause {
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		return CauseSlow
	}
	return CauseWrite
}

// writeFrames writes and flushes frames; the write lock is held.
func (c *Conn) writeFrames(s *scratch, frames []*Frame, flush bool) error {
	if err := c.extend(s.now); err != nil {
		return err
	}
	out := frames[0].bytes
	if c.own != nil {
		var err error
		if out, err = c.own.next(frames); err != nil {
			return err
		}
	} else if len(frames) > 1 || c.zipped {
		buf := s.buf[:0]
		if c.zipped && !c.begun {
			buf = append(buf, gzipcast.Header...)
			c.begun = true
		}
		for _, f := range frames {
			if c.zipped {
				zip := f.zip
				if zip == nil { // a frame for this stream alone
					zip = c.hub.enc.Event(f.bytes)
				}
				buf = append(buf, c.zip.Next(zip)...)
			} else {
				buf = append(buf, f.bytes...)
			}
		}
		if cap(buf) <= maxScratch {
			s.buf = buf
		}
		out = buf
	}
	c.headed = true
	if _, err := c.w.Write(out); err != nil {
		return err
	}
	if flush {
		if err := c.rc.Flush(); err != nil {
			return err
		}
	}
	c.rest()
	c.lastWrite.Store(s.now.UnixNano())
	c.sent.Add(uint64(len(frames)))
	c.sentBytes.Add(uint64(len(out)))
	return nil
}

// extend makes sure that a write that starts now is bounded. The deadline is
// set for twice the timeout, so that it has to be set only once per timeout
// and not once per write: a write may take between one and two timeouts.
func (c *Conn) extend(now time.Time) error {
	timeout := c.hub.opts.WriteTimeout
	if timeout < 0 || c.deadline.After(now.Add(timeout)) {
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
	if err := c.extend(time.Now()); err != nil {
		return err
	}
	c.headed = true
	c.w.WriteHeader(http.StatusOK)
	err := c.rc.Flush()
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

// overdue reports whether the deadline of a write has passed; the write lock is
// held. HTTP/2 does not say why it has reset a stream.
func (c *Conn) overdue() bool {
	return c.http2 && !c.deadline.IsZero() && !time.Now().Before(c.deadline)
}

// serve keeps the stream open until it is closed or its client leaves. It runs
// on the request goroutine, which writes only if shared writers do not.
func (c *Conn) serve(ctx context.Context) {
	if c.claim() {
		c.drainOwn()
	} else if err := c.head(); err != nil {
		c.Close(causeOf(err))
	}
	c.live()
	for {
		select {
		case <-ctx.Done():
			c.Close(c.leaving(ctx))
			return
		case <-c.done:
			return
		case <-c.wake:
			c.drainOwn()
		}
	}
}

// leaving says why the context of a request has ended: its client has left,
// middleware has set a timeout, or HTTP/2 has given up writing.
func (c *Conn) leaving(ctx context.Context) Cause {
	if ctx.Err() == context.DeadlineExceeded {
		return CauseExpired
	}
	if c.http2 {
		c.write.Lock()
		defer c.write.Unlock()
		if c.overdue() {
			return CauseSlow
		}
	}
	return CauseClient
}

// drainOwn writes on the request goroutine until the outbox is empty.
func (c *Conn) drainOwn() {
	var s scratch
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
		s := scratch{now: time.Now()}
		for more := true; more; {
			more, _ = c.drain(&s, flush)
		}
	}
	c.detach()
	c.ended()
}
