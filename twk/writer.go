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
	c.abort = nil
	c.ctl.Unlock()
	c.write.Lock()
	defer c.write.Unlock()
	if c.rc != nil && !c.deadline.IsZero() {
		_ = c.rc.SetWriteDeadline(time.Time{})
	}
	c.w, c.rc = nil, nil
}

// drain writes what is in the outbox. more tells that frames have come in
// meanwhile, in which case the stream stays scheduled. A cause tells that the
// response has failed; the caller closes the stream with it, which must not
// happen under the write lock.
func (c *Conn) drain(s *scratch, flush bool) (more bool, failed Cause) {
	c.write.Lock()
	defer c.write.Unlock()
	c.mu.Lock()
	frames := c.queue
	c.queue, c.bytes = s.queue[:0], 0
	c.mu.Unlock()
	if len(frames) > 0 && c.w != nil {
		if err := c.writeFrames(s, frames, flush); err != nil {
			failed = causeOf(err)
			c.w = nil // a failed response stays failed
		}
	}
	clear(frames)
	s.queue = frames[:0]
	c.mu.Lock()
	defer c.mu.Unlock()
	more = len(c.queue) > 0 && failed == ""
	c.scheduled = more
	return more, failed
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
	if len(frames) > 1 || c.zipped {
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
	return c.rc.Flush()
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
			c.Close(CauseClient)
			return
		case <-c.done:
			return
		case <-c.wake:
			c.drainOwn()
		}
	}
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
	if cause = c.Cause(); cause != CauseClient && !cause.Cut() {
		s := scratch{now: time.Now()}
		for more := true; more; {
			more, _ = c.drain(&s, flush)
		}
	}
	c.detach()
	c.hub.remove(c)
	c.ended()
}
