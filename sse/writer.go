package sse

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/sfere-go/sfere/sse/gzipcast"
)

// scratch is what a writer goroutine carries from one stream to the next.
type scratch struct {
	one [1]*Frame
	buf []byte
	// tail is what follows buf on the wire: a large event, which is not copied. A
	// compressor of the stream's own has not seen it yet, see [Conn.part].
	tail    []byte
	now     time.Time
	at      int64   // now, by the clock of the hub
	written Written // since it was taken last, see [scratch.count]
	raw     rawWrite
	// wait says that writes may wait for the client, on streams that have been
	// taken over; on the others they do in any case.
	wait bool
	err  error // why the last write failed
}

// tick sets the time.
func (s *scratch) tick(h *Hub) {
	s.now = time.Now()
	s.at = h.clock(s.now)
}

// count adds what was written to to, which began when that is empty.
func (s *scratch) count(to *Written, began *time.Time) {
	if to.Streams == 0 {
		*began = s.now
	}
	to.Streams += s.written.Streams
	to.Frames += s.written.Frames
	to.Bytes += s.written.Bytes
	s.written = Written{}
}

// maxScratch bounds what a writer keeps between streams.
const maxScratch = 256 << 10

// drain writes what is in the outbox. more tells that frames have come in
// meanwhile, in which case the stream stays scheduled. A cause tells that the
// response has failed; the caller closes the stream with it, which must not
// happen under the write lock.
func (c *Conn) drain(s *scratch, flush bool) (more bool, failed Cause) {
	more, failed, sent := c.drainLocked(s, flush)
	for _, f := range sent {
		contained("sent", f)
	}
	if failed == CausePanic {
		c.hub.tell(c, s.err)
	}
	return more, failed
}

// drainLocked is drain; the caller calls sent, outside the locks.
func (c *Conn) drainLocked(s *scratch, flush bool) (more bool, failed Cause, sent []func()) {
	c.write.Lock()
	defer c.write.Unlock()
	if c.usable() && c.way.waiting() { // what is left of the last write comes first
		if err := c.resume(s); err != nil {
			failed = c.failed(s, err)
		} else if c.way.waiting() {
			c.began.Store(s.at)   // it has taken some
			return false, "", nil // still scheduled: the poller tells when to go on
		} else {
			c.began.Store(0)
		}
	}
	c.mu.Lock()
	frames := c.take(&s.one)
	var t *trace
	if c.traced && len(frames) > 0 {
		t = c.tracer()
		t.writes(frames)
	}
	c.mu.Unlock()
	size, beat := 0, true
	if len(frames) > 0 && c.usable() {
		var err error
		if size, err = c.writeFrames(s, frames, flush); err != nil {
			failed = c.failed(s, err)
		} else {
			beat = len(frames) == 1 && frames[0] == c.hub.beat
		}
	}
	if t != nil {
		fate := FateCut
		if size > 0 && failed == "" {
			fate = FateWritten
		}
		t.wrote(frames, fate)
	}
	n := len(frames)
	c.hub.slabs.give(frames)
	waiting := c.usable() && c.way.waiting()
	c.mu.Lock()
	defer c.mu.Unlock()
	if size > 0 {
		c.lastWrite = s.at
		c.sent += uint64(n)
		c.sentBytes += uint64(size)
		s.written.Streams++
		s.written.Frames += n
		s.written.Bytes += size
	}
	if c.own != nil { // whose parts are counted when they are made
		c.sentBytes = c.own.made
	}
	c.scheduled = failed == "" && (waiting || len(c.queue) > 0)
	if !beat && c.reports {
		sent = c.onSent
	}
	return c.scheduled && !waiting, failed, sent
}

// failed notes that a write has failed, and returns why. A failed response stays
// failed. The write lock is held.
func (c *Conn) failed(s *scratch, err error) Cause {
	c.broken, s.err = true, err
	cause := causeOf(err)
	if cause == CausePanic {
		c.headed = c.headed || c.began.Load() > 0 // something may have gone out
	} else if c.overdue() {
		return CauseSlow
	}
	return cause
}

func causeOf(err error) Cause {
	if _, ok := errors.AsType[*panicked](err); ok {
		return CausePanic
	}
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		return CauseSlow
	}
	return CauseWrite
}

// resume sends what is left of the last write; the write lock is held.
func (c *Conn) resume(s *scratch) (err error) {
	defer caught(&err)
	return c.way.resume(c, s)
}

// writeFrames writes and flushes frames and returns the number of bytes; the
// write lock is held.
func (c *Conn) writeFrames(s *scratch, frames []*Frame, flush bool) (size int, err error) {
	defer caught(&err)
	c.begin()
	out, err := c.encode(s, frames)
	if err != nil {
		return 0, err
	}
	c.began.Store(s.at)
	size = len(out) - c.way.room() + len(s.tail)
	err = c.way.send(c, s, out, flush)
	c.noteHead(err)
	if err == nil && !c.way.waiting() {
		c.began.Store(0)
	}
	return size, err
}

// encode returns what frames are on the wire, after the room that the transport
// wants; the rest, if it is large, is in s.tail. It is valid until the next use of
// s; the write lock is held.
func (c *Conn) encode(s *scratch, frames []*Frame) ([]byte, error) {
	s.tail = nil
	room := c.way.room()
	var own []byte
	if c.own != nil && len(frames) == 1 && len(frames[0].bytes) > piece {
		s.tail = frames[0].bytes // its parts are compressed as they are sent
	} else if c.own != nil {
		var err error
		if own, err = c.own.next(frames); err != nil || room == 0 {
			return own, err
		}
	} else if len(frames) == 1 && !c.zipped && room == 0 {
		return frames[0].bytes, nil
	}
	buf := append(s.buf[:0], chunkHead[:room]...)
	if c.zipped && !c.begun {
		buf = append(buf, gzipcast.Header...)
		c.begun = true
	}
	if c.own != nil {
		buf = append(buf, own...)
	} else {
		for _, f := range frames {
			b := f.bytes
			if c.zipped {
				zip := f.zip
				if zip == nil { // a frame for this stream alone
					zip = c.hub.enc.Event(f.bytes)
				}
				b = c.zip.Next(zip)
			}
			buf = s.add(buf, b, len(frames) == 1)
		}
	}
	if cap(buf) <= maxScratch {
		s.buf = buf
	}
	return buf, nil
}

// add appends b to buf, or makes it the tail if it is large and nothing follows.
func (s *scratch) add(buf, b []byte, last bool) []byte {
	if last && len(b) > piece {
		s.tail = b
		return buf
	}
	return append(buf, b...)
}

// head sends the response header if nothing has been written yet, so that the
// client knows that the stream is open.
func (c *Conn) head() error {
	err := c.headLocked()
	c.hub.tell(c, err)
	return err
}

func (c *Conn) headLocked() (err error) {
	c.write.Lock()
	defer c.write.Unlock()
	defer caught(&err)
	if c.headed || !c.usable() {
		return nil
	}
	c.begin()
	err = c.way.head(c, time.Now())
	c.noteHead(err)
	return err
}

// overdue reports whether a write has not ended by its deadline. Whoever sees
// the outcome otherwise may see it differently: net/http ends the context of the
// request as if the client had left, and HTTP/2 resets the stream.
func (c *Conn) overdue() bool {
	until := c.deadline.Load()
	return until > 0 && c.began.Load() > 0 && c.hub.clock(time.Now()) >= until
}

// drainOwn writes on the request goroutine until the outbox is empty.
func (c *Conn) drainOwn() {
	s := scratch{wait: true}
	for {
		s.tick(c.hub)
		more, failed := c.drain(&s, true)
		c.hub.wrote(s.written, s.now)
		s.written = Written{}
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
