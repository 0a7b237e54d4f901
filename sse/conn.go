package sse

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sfere-go/sfere/sse/gzipcast"
)

// Conn is one live stream to one client. Anybody may send to it and close it,
// from any goroutine, at any time, even after it has ended. Nothing is ever
// written to the response once its handler has returned.
//
// Sending appends to a bounded outbox and never waits. Frames are written in
// order by one goroutine at a time, all that have gathered at once.
type Conn struct {
	// The first 192 bytes are what a delivery touches: 64 to enqueue it, all to
	// write it. They are read from memory for nearly every delivery, so the order
	// of the fields matters more than it looks.

	// mu guards the outbox and the state. It is held for a few instructions
	// only, and no lock but trace.mu is taken under it.
	mu        sync.Mutex
	corked    bool // nothing is written yet: the first effects gather
	scheduled bool // a writer will come by
	closed    bool // accepts no more frames
	isLive    bool // the owners have been told
	reports   bool // onSent is not empty
	turned    bool // turns is not empty
	resyncs   bool // an owner sends everything again rather than have the stream cut
	traced    bool // what happens is recorded
	hub       *Hub // constant
	outbox         // what waits

	// write is the one lock that is held while writing to the client and while
	// taking the way to it away. It guards the fields that say so. mu, ctl and
	// the lock of the hub's poller may be taken under it.
	write    sync.Mutex
	headed   bool         // under write: the response header has been written
	begun    bool         // under write: the gzip header has been written
	takes    bool         // under write: to be taken over with the first write
	broken   bool         // under write: a write has failed, nothing more is written
	zipped   bool         // constant: shared gzip
	http2    bool         // constant
	uploads  bool         // under write: the body of the request was not read, which the first write has to heed
	slow     atomic.Bool  // its own goroutine writes: a shared writer got stuck on it
	taken    atomic.Bool  // the connection has been taken over from net/http; never undone
	serving  atomic.Bool  // the stream's own goroutine writes when it is told to
	way      transport    // under write: nil before the first and after the last write
	own      *ownEncoder  // under write: nil if it has no compressor of its own; constant
	deadline atomic.Int64 // of writes to resp, by the clock of the hub, 0 for none; stored under write

	resp      response     // under write: what way points to until the connection is taken over
	began     atomic.Int64 // when the write in progress, or the one that failed, began; else 0
	lastWrite int64        // under mu: by the clock of the hub, 0 before the first
	sent      uint64       // under mu
	sentBytes uint64       // under mu

	zip   gzipcast.Stream // under write
	quick int             // under write: writes in a row that did not block while slow

	// ctl guards abort, with which Close frees a writer that is stuck. It is
	// held while setting a deadline; no other lock is taken under it.
	ctl     sync.Mutex
	abort   interface{ SetWriteDeadline(time.Time) error }
	aborted bool // the connection is of no more use

	// The rest of the state, guarded by mu.
	pending bool // it is not decided yet whether the stream opens
	settled bool // the hub has counted what was sent
	policy  Overflow
	dropped uint64
	cause   Cause
	first   *Turn   // of the first effects
	turns   []*Turn // what is sent now comes after them
	owners  []Owner
	onSent  []func()
	leave   func()      // ends the context of the first effects when the client leaves
	parked  func()      // ends the stream on a goroutine of its own; nil while its handler does
	expiry  *time.Timer // closes a parked stream at the deadline of its request

	// Constant from the start.
	id       uint64
	opened   time.Time
	remote   string
	agent    string
	encoding string        // Content-Encoding, empty for none
	done     chan struct{} // closed when closed and the owners have been told
	wake     chan struct{} // tells the own goroutine to write, one token

	stays        atomic.Bool // a long stream, not a short response
	spoke, place int32       // position in the hub's wheel; guarded by the wheel
	trace        *trace      // under mu: what has happened lately; nil before the first event, and if it is not recorded
}

// newConn returns a stream for r that is opening. front is the header of its
// response as middleware has left it.
func newConn(h *Hub, r *http.Request, front http.Header, now time.Time, stay bool) *Conn {
	c := &Conn{
		id: h.ids.Add(1), hub: h, opened: now, remote: r.RemoteAddr, agent: beginning(r.UserAgent()), policy: h.opts.Overflow,
		corked: true, pending: true, done: make(chan struct{}), wake: make(chan struct{}, 1),
	}
	opening := &struct { // one piece of memory, as it goes at once
		turn  Turn
		turns [1]*Turn
	}{turn: Turn{c: c, first: true}}
	c.first, opening.turns[0] = &opening.turn, &opening.turn
	c.turns, c.turned = opening.turns[:], true
	c.stays.Store(stay)
	c.traced = stay && h.opts.Record > 0
	// Middleware that has set an encoding encodes what passes through it: what is
	// encoded already would be so twice, and what goes past it not at all.
	// For a short response it would cost more than it saves.
	if stay && front.Get("Content-Encoding") == "" {
		c.encoding, c.own = h.negotiate(r)
		c.zipped = c.encoding != "" && c.own == nil
		c.takes = h.takesOver(r)
	}
	c.slow.Store(h.opts.Writers < 0)
	return c
}

// ID returns a number that no other stream of the same hub has.
func (c *Conn) ID() uint64 { return c.id }

// Hub returns the owner of the stream.
func (c *Conn) Hub() *Hub { return c.hub }

// Done returns a channel that is closed when the stream accepts no more frames.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Cause returns why the stream ended, empty while it is live.
func (c *Conn) Cause() Cause {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cause
}

// SetOverflow sets the policy for frames that have none of their own; the empty one
// means that of the hub. The error is an *[Error] if o is no policy; then nothing
// has changed.
func (c *Conn) SetOverflow(o Overflow) error {
	if err := o.check(); err != nil {
		return &Error{Op: "setting an overflow policy", Err: err}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.policy = cmp.Or(o, c.hub.opts.Overflow)
	return nil
}

// ConnInfo is a snapshot of a stream's state.
type ConnInfo struct {
	ID         uint64    `json:"id"`
	Opened     time.Time `json:"opened"`
	LastWrite  time.Time `json:"lastWrite,omitzero"` // zero before the first
	Remote     string    `json:"remote,omitempty"`
	UserAgent  string    `json:"userAgent,omitempty"` // at most 256 bytes of it
	Queued     int       `json:"queued"`              // frames in the outbox
	QueuedSize int       `json:"queuedBytes"`         // bytes in the outbox
	Dropped    uint64    `json:"dropped"`             // frames lost to the overflow policy or replaced by a newer one
	Sent       uint64    `json:"sent"`                // frames written
	SentSize   uint64    `json:"sentBytes"`           // bytes written, compressed if the stream is
	Compressed bool      `json:"compressed,omitempty"`
	Cause      Cause     `json:"cause,omitempty"`
}

// beginning returns what is kept of a name that the client has chosen. It has memory
// of its own if it is shorter: the rest belongs to the request.
func beginning(agent string) string {
	const limit = 256
	if len(agent) <= limit {
		return agent
	}
	return strings.Clone(agent[:limit])
}

// Info returns a snapshot.
func (c *Conn) Info() ConnInfo {
	i := ConnInfo{ID: c.id, Opened: c.opened, Remote: c.remote, UserAgent: c.agent, Compressed: c.encoding != ""}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lastWrite != 0 {
		i.LastWrite = c.hub.at(c.lastWrite)
	}
	i.Sent, i.SentSize = c.sent, c.sentBytes
	i.Dropped, i.Cause = c.dropped, c.cause
	i.Queued, i.QueuedSize = c.waits()
	return i
}

// Emit puts frames into the outbox, all or none. While the stream is opening
// they follow its first effects. The error is ErrClosed, ErrDropped or
// ErrOverflow; with ErrOverflow the stream has been cut. ctx is not used,
// because sending does not wait.
func (c *Conn) Emit(_ context.Context, frames ...*Frame) error {
	wake, err := c.push(frames)
	return c.afterwards(wake, err)
}

// push appends frames and reports whether a writer must be told.
func (c *Conn) push(frames []*Frame) (wake bool, err error) {
	c.mu.Lock()
	wake, err = c.pushLocked(frames)
	c.mu.Unlock() // nothing of ours panics here, and a defer costs a tenth of a delivery
	return wake, err
}

func (c *Conn) pushLocked(frames []*Frame) (wake bool, err error) {
	if c.closed {
		return false, ErrClosed
	}
	box := &c.outbox
	if len(frames) == 1 && frames[0] == c.hub.beat {
		if c.corked || len(c.queue) > 0 {
			return false, nil // it must not cost an event its place
		}
	} else if c.turned {
		box = c.lastTurn()
	}
	if err := c.enter(box, frames, false); err != nil || c.corked {
		return false, err
	}
	return c.waiting(), nil
}

// Close ends the stream for the given reason. The stream accepts no more
// frames, what is in the outbox is written if the client takes it in time, and
// the handler returns. Causes that cut the stream drop the outbox. Only the
// first call has an effect; Close reports whether this was the first. It does
// not wait.
func (c *Conn) Close(cause Cause) bool {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return false
	}
	c.closed, c.cause = true, cause
	c.endTurns()
	if cause.Cut() && cause != CauseShutdown {
		c.drop()
	}
	owners, parked, leave, expiry, traced := c.owners, c.parked, c.leave, c.expiry, c.traced
	c.parked, c.leave, c.expiry = nil, nil, nil
	c.mu.Unlock()
	c.hub.counts.close(c.stays.Load(), cause)
	if traced {
		c.closeTrace(cause)
	}
	if leave != nil && cause == CauseClient {
		leave()
	}
	if expiry != nil {
		expiry.Stop()
	}
	// The owners come first: the handler waits for done before it tells them of
	// the end.
	for _, o := range owners {
		contained("close", func() { o.Closed(c, cause) })
	}
	close(c.done)
	c.release(cause)
	if parked != nil {
		go parked()
	}
	return true
}

// release frees a writer that is stuck on a stream that is not worth waiting
// for. It comes after close(done), see [response.extend]. Short responses wait
// for their write deadline: a cut one would be requested again.
func (c *Conn) release(cause Cause) {
	if c.stays.Load() && cause != CausePanic && (cause.Cut() || cause == CauseClient) {
		c.hub.tell(c, c.abandon())
	}
}

func (c *Conn) abandon() (err error) {
	c.ctl.Lock()
	defer c.ctl.Unlock()
	defer caught(&err)
	if c.abort != nil {
		c.aborted = true
		_ = c.abort.SetWriteDeadline(time.Now())
	}
	return nil
}
