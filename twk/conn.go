package twk

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sfere-go/sfere/gzipcast"
)

// Conn is one live stream to one client. Anybody may send to it and close it
// from any goroutine, at any time, also after it has ended: nothing is ever
// written to the response once its handler has returned.
//
// Sending appends to a bounded outbox and never waits. Frames are written in
// order by one goroutine at a time, all that have gathered at once.
type Conn struct {
	// The first 192 bytes are what a delivery touches: 64 to enqueue it, all to
	// write it. They are read from memory for nearly every delivery, so the order
	// of the fields matters more than it looks.

	// mu guards the outbox and the state. It is held for a few instructions
	// only and no other lock is taken under it.
	mu        sync.Mutex
	corked    bool // opening, or running its first effects: nothing is written yet
	scheduled bool // a writer will come by
	closed    bool // accepts no more frames
	isLive    bool // onLive has been called
	reports   bool // onSent is not empty
	hub       *Hub // constant
	outbox

	// write is the one lock that is held while writing to the response and
	// while taking the response away. It guards the fields that say so; mu, ctl
	// and the lock of the hub's poller may be taken under it.
	write   sync.Mutex
	headed  bool                            // under write: the response header has been written
	begun   bool                            // under write: the gzip header has been written
	takes   bool                            // under write: to be taken over with the first write
	zipped  bool                            // constant: shared gzip
	http2   bool                            // constant
	slow    atomic.Bool                     // its own goroutine writes: a shared writer got stuck on it
	taken   atomic.Bool                     // the connection has been taken over from net/http; never undone
	w       http.ResponseWriter             // under write: nil before the first and after the last write
	flusher interface{ FlushError() error } // under write: of w
	own     *ownEncoder                     // under write: nil if it has no compressor of its own; constant

	sock      *socket      // under write: nil unless the connection has been taken over
	deadline  time.Time    // under write: the response's write deadline
	until     atomic.Int64 // the deadline of the write in progress, or of the one that failed; else 0
	lastWrite int64        // under mu: unix nanoseconds
	sent      uint64       // under mu
	sentBytes uint64       // under mu

	zip   gzipcast.Stream          // under write
	rc    *http.ResponseController // under write
	quick int                      // under write: writes in a row that did not block while slow

	// ctl guards abort, with which Close frees a writer that is stuck. It is
	// held while setting a deadline; no other lock is taken under it.
	ctl     sync.Mutex
	abort   interface{ SetWriteDeadline(time.Time) error }
	aborted bool // the connection is of no more use

	// The rest of the state, guarded by mu.
	policy  Overflow
	dropped uint64
	cause   Cause
	onClose []func(Cause)
	onLive  []func()
	onEnd   []func(Cause)
	onSent  []func()
	values  []connValue
	leave   func() // ends the context of the first effects when the client leaves
	parked  func() // ends the stream on a goroutine of its own; nil while its handler does

	// Constant from the start.
	id       uint64
	opened   time.Time
	remote   string
	agent    string
	encoding string        // Content-Encoding, empty for none
	done     chan struct{} // closed when closed and the onClose hooks have run
	wake     chan struct{} // tells the own goroutine to write, one token

	stays        atomic.Bool // a long stream, not a short response
	spoke, place int         // position in the hub's wheel; guarded by the wheel
}

// ID returns a number that no other stream of the same hub has.
func (c *Conn) ID() uint64 { return c.id }

// Done returns a channel that is closed when the stream accepts no more frames.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Cause returns why the stream ended, empty while it is live.
func (c *Conn) Cause() Cause {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cause
}

// SetOverflow sets the policy for frames that have none of their own.
func (c *Conn) SetOverflow(o Overflow) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.policy = o
}

// ConnInfo is a snapshot of a stream's state.
type ConnInfo struct {
	ID         uint64    `json:"id"`
	Opened     time.Time `json:"opened"`
	LastWrite  time.Time `json:"lastWrite,omitzero"` // zero before the first
	Remote     string    `json:"remote,omitempty"`
	UserAgent  string    `json:"userAgent,omitempty"`
	Queued     int       `json:"queued"`      // frames in the outbox
	QueuedSize int       `json:"queuedBytes"` // bytes in the outbox
	Dropped    uint64    `json:"dropped"`     // frames lost to the overflow policy or replaced by a newer one
	Sent       uint64    `json:"sent"`        // frames written
	SentSize   uint64    `json:"sentBytes"`   // bytes written, compressed if the stream is
	Compressed bool      `json:"compressed,omitempty"`
	Cause      Cause     `json:"cause,omitempty"`
}

// Info returns a snapshot.
func (c *Conn) Info() ConnInfo {
	i := ConnInfo{ID: c.id, Opened: c.opened, Remote: c.remote, UserAgent: c.agent, Compressed: c.encoding != ""}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lastWrite != 0 {
		i.LastWrite = time.Unix(0, c.lastWrite)
	}
	i.Sent, i.SentSize = c.sent, c.sentBytes
	i.Queued, i.QueuedSize, i.Dropped, i.Cause = len(c.queue), c.bytes, c.dropped, c.cause
	return i
}

// Emit puts frames into the outbox, all or none. The error is ErrClosed or
// ErrOverflow; in the latter case the stream has been cut.
func (c *Conn) Emit(_ context.Context, frames ...*Frame) error {
	wake, err := c.push(frames)
	if wake {
		c.hub.schedule(c)
	}
	if err == ErrOverflow {
		c.Close(CauseSlow)
	}
	return err
}

// push appends frames and reports whether a writer has to be told.
func (c *Conn) push(frames []*Frame) (wake bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false, ErrClosed
	}
	for _, f := range frames {
		if f == c.hub.beat && len(c.queue) > 0 {
			return false, nil // it must not cost an event its place
		}
		if f.key != "" && c.replace(f.key) {
			c.dropped++
		}
		if !c.fits(f) {
			policy := f.overflow
			if policy == "" {
				policy = c.policy
			}
			if policy != DropOldest {
				return false, ErrOverflow
			}
			for len(c.queue) > 0 && !c.fits(f) {
				c.dropAt(0)
				c.dropped++
			}
		}
		c.outbox.push(f, &c.hub.slabs)
	}
	if c.corked || c.scheduled {
		return false, nil
	}
	c.scheduled = true
	return true, nil
}

// fits reports whether the outbox has room; an empty one has room for any
// single frame.
func (c *Conn) fits(f *Frame) bool {
	o := &c.hub.opts
	return len(c.queue) == 0 || len(c.queue) < o.MaxFrames && c.bytes+len(f.bytes) <= o.MaxBytes
}

// Close ends the stream for the given reason: it accepts no more frames, what
// is in the outbox is written if the client takes it in time, and the handler
// returns. Causes that cut the stream drop the outbox. Only the first Close
// has an effect; it reports whether it was this one. It does not wait.
func (c *Conn) Close(cause Cause) bool {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return false
	}
	c.closed, c.cause = true, cause
	if cause.Cut() && cause != CauseShutdown {
		c.drop()
	}
	hooks, parked, leave := c.onClose, c.parked, c.leave
	c.onClose, c.parked, c.leave = nil, nil, nil
	c.mu.Unlock()
	if leave != nil && cause == CauseClient {
		leave()
	}
	// The hooks come first: the handler waits for done before it calls what
	// they have registered with OnEnd.
	for _, hook := range hooks {
		contained("close", func() { hook(cause) })
	}
	close(c.done)
	c.release(cause)
	if parked != nil {
		go parked()
	}
	return true
}

// release frees a writer that is stuck on a stream that is not worth waiting
// for. It comes after close(done), see extend. Short responses wait for their
// write deadline: a cut one would be requested again.
func (c *Conn) release(cause Cause) {
	if c.stays.Load() && cause != CausePanic && (cause.Cut() || cause == CauseClient) {
		c.ctl.Lock()
		if c.abort != nil {
			c.aborted = true
			_ = c.abort.SetWriteDeadline(time.Now())
		}
		c.ctl.Unlock()
	}
}

// OnClose registers f to be called once, with the cause, by whoever closes the
// stream, outside all locks of this package. It must not block. If the stream
// is closed already, f is not called and OnClose returns false.
func (c *Conn) OnClose(f func(Cause)) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.onClose = append(c.onClose, f)
	return true
}

// OnLive registers f to be called once, on the request goroutine, when a long
// stream has run its first effects. If it has already, f is not called and
// OnLive returns false; if it never will, f is not called either.
func (c *Conn) OnLive(f func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.isLive {
		return false
	}
	c.onLive = append(c.onLive, f)
	return true
}

// OnSent registers f to be called, outside all locks of this package, each time
// something other than a heartbeat has been written. It must return at once: it
// holds up the writer of many streams.
func (c *Conn) OnSent(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.onSent, c.reports = append(c.onSent, f), true
}

// connValue is one pair of SetValue.
type connValue struct{ key, value any }

// SetValue keeps v with the stream, under a comparable key of the caller's own
// type, in place of what was there. It stays after the stream has ended.
func (c *Conn) SetValue(key, v any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.values {
		if c.values[i].key == key {
			c.values[i].value = v
			return
		}
	}
	c.values = append(c.values, connValue{key, v})
}

// Value returns what SetValue has put under key, nil if nothing.
func (c *Conn) Value(key any) any {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.values {
		if c.values[i].key == key {
			return c.values[i].value
		}
	}
	return nil
}

// OnEnd registers f to be called once, with the cause, on the request goroutine
// after the stream has ended and its response is out of reach. f may take its
// time and may send to other streams. It is called for streams closed already,
// as long as their handler has not returned.
func (c *Conn) OnEnd(f func(Cause)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.onEnd = append(c.onEnd, f)
}

// live and ended run what OnLive and OnEnd have registered.
func (c *Conn) live() {
	c.mu.Lock()
	hooks := c.onLive
	c.onLive, c.isLive = nil, true
	c.mu.Unlock()
	for _, hook := range hooks {
		contained("live", hook)
	}
}

func (c *Conn) ended() {
	c.mu.Lock()
	hooks, cause := c.onEnd, c.cause
	c.onEnd = nil
	c.mu.Unlock()
	for _, hook := range hooks {
		contained("end", func() { hook(cause) })
	}
}

// Hub returns the owner of the stream.
func (c *Conn) Hub() *Hub { return c.hub }

// uncork lets writers begin.
func (c *Conn) uncork() {
	if c.claim() {
		c.hub.schedule(c)
	}
}

// claim uncorks the stream and reports whether the caller has to see to it
// that what is waiting is written.
func (c *Conn) claim() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.corked = false
	if len(c.queue) == 0 || c.scheduled || c.closed {
		return false
	}
	c.scheduled = true
	return true
}
