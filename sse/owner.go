package sse

import (
	"errors"
	"iter"
	"log/slog"
	"runtime/debug"
	"slices"
)

// Owner is told of the life of a stream that it is attached to ([Conn.Attach]).
// Every method is called at most once per stream, outside all locks of this
// package. A panic is contained and logged.
//
// An Owner may also have a say in whether the stream opens, by a method
//
//	Opens(c *Conn) error
//
// It is for owners that change something for a stream, such as who has a name:
// they note it while [ServeOptions].Open runs, and do it in Opens, when nothing
// but other owners can refuse the stream any more. It is called after Open has
// let the stream in and before the response begins, on the goroutine of the
// request. An error, or a panic, refuses the stream: Serve returns it, and all
// owners are told Closed, with CauseRefused, and Ended. Owners are asked in the
// order in which they were attached, up to the first that refuses; one that has
// agreed takes back what it did when it is told Closed. One that is attached
// when the stream is no longer [Conn.Pending] is not asked.
//
// An Owner may also save a stream from being cut because its outbox is full, by a
// method
//
//	Lost(c *Conn)
//
// It is for owners that can say again how everything is. The events that wait are
// dropped then, but for those with a version ([FrameOptions]), the new ones are taken
// in, and Lost is called, on a goroutine of its own, each time.
type Owner interface {
	// Live is called on the goroutine of the request when a long stream has run
	// its first effects, also if it has been closed meanwhile.
	Live(c *Conn)
	// Closed is called by whoever closes the stream, when it accepts no more
	// frames. It must not block.
	Closed(c *Conn, cause Cause)
	// Ended is called after the response is out of reach, on the goroutine of the
	// request, or for a connection that was taken over on one of its own. It may
	// block, and may send to other streams.
	Ended(c *Conn, cause Cause)
}

// opener is an Owner with a say in whether its stream opens.
type opener interface {
	Owner
	Opens(c *Conn) error
}

// Pending reports whether it is still open whether the stream opens: its
// [ServeOptions].Open is running. An [Owner] with a method Opens that is attached
// before a call of Pending that returns true will be asked, unless Open refuses.
func (c *Conn) Pending() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pending
}

// decide asks the owners whether the stream opens.
func (c *Conn) decide() error {
	c.mu.Lock()
	c.pending = false
	owners := c.owners
	c.mu.Unlock()
	for _, o := range owners {
		o, ok := o.(opener)
		if !ok {
			continue
		}
		var err error
		asked := false
		contained("open", func() { err = o.Opens(c); asked = true })
		if !asked {
			err = &Error{Op: "opening a stream", Err: errors.New("one of its owners panicked")}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Hooks is an [Owner] made of functions; nil functions are left out. Two Hooks
// attached to one stream are told in the order in which they were attached.
type Hooks struct {
	OnLive   func(*Conn)
	OnClosed func(*Conn, Cause)
	OnEnded  func(*Conn, Cause)
}

// Live calls OnLive.
func (h Hooks) Live(c *Conn) {
	if h.OnLive != nil {
		h.OnLive(c)
	}
}

// Closed calls OnClosed.
func (h Hooks) Closed(c *Conn, cause Cause) {
	if h.OnClosed != nil {
		h.OnClosed(c, cause)
	}
}

// Ended calls OnEnded.
func (h Hooks) Ended(c *Conn, cause Cause) {
	if h.OnEnded != nil {
		h.OnEnded(c, cause)
	}
}

// Attach adds an owner. ok is false if the stream has been closed; then o is
// not told anything. live is true if the first effects have run already; then
// Live is not called. A Conn keeps its owners after it has ended.
func (c *Conn) Attach(o Owner) (live, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return c.isLive, false
	}
	c.owners = append(slices.Clip(c.owners), o)
	if _, ok := o.(loser); ok {
		c.resyncs = true
	}
	return c.isLive, true
}

// loser is an Owner that sends everything again if events are lost.
type loser interface {
	Owner
	Lost(c *Conn)
}

// lost tells the owners that events were lost.
func (c *Conn) lost() {
	for o := range c.Owners() {
		if o, ok := o.(loser); ok {
			contained("loss", func() { o.Lost(c) })
		}
	}
}

// Owners iterates over the owners of the stream in the order in which they were
// attached, also after it has ended.
func (c *Conn) Owners() iter.Seq[Owner] {
	c.mu.Lock()
	owners := c.owners
	c.mu.Unlock()
	return slices.Values(owners)
}

// LastOwner returns the owner, of those for which is returns true, that was attached
// last; nil if there is none. is is called outside all locks.
func (c *Conn) LastOwner(is func(Owner) bool) Owner {
	c.mu.Lock()
	owners := c.owners
	c.mu.Unlock()
	for _, o := range slices.Backward(owners) {
		if is(o) {
			return o
		}
	}
	return nil
}

// OnSent registers f to be called, outside all locks of this package, each time
// something other than a heartbeat has been written. f must return at once,
// because it holds up the writer of many streams. A panic is contained and
// logged.
func (c *Conn) OnSent(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.onSent, c.reports = append(slices.Clip(c.onSent), f), true
}

// live tells the owners that the first effects have run.
func (c *Conn) live() {
	c.mu.Lock()
	owners := c.owners
	c.isLive = true
	c.mu.Unlock()
	for _, o := range owners {
		contained("live", func() { o.Live(c) })
	}
}

// ended tells the owners that the response is out of reach.
func (c *Conn) ended() {
	c.mu.Lock()
	owners, cause := c.owners, c.cause
	c.mu.Unlock()
	for _, o := range owners {
		contained("end", func() { o.Ended(c, cause) })
	}
}

// contained runs a hook of the program. A panic is logged: it may happen on the
// goroutine of anybody who closes a stream, or of a writer of many.
func contained(kind string, hook func()) {
	defer func() {
		if p := recover(); p != nil {
			slog.Error("sse: a hook panicked", "hook", kind, "panic", p, "stack", string(debug.Stack()))
		}
	}()
	hook()
}
