package sfere

import (
	"cmp"
	"context"
	"iter"
	"log/slog"
	"runtime/debug"
	"slices"
	"time"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/relay"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
)

// entry is one connection in a [Conns], from the first key that it asks for to its
// removal. A connection that is held again after it was evicted and kept open gets
// another one.
//
// An entry leaves the index exactly once, by takeOut, and is announced exactly
// once after that: by the close hook of its stream, which runs once however
// many close it, or by the one who evicts it and leaves it open.
type entry struct {
	owner *Conns
	conn  *sse.Conn

	// own has the Ctx under which the stream was opened, without its request.
	// Constant once the entry can be found.
	own twk.Call

	seq uint64 // its number among all that were held; constant once the entry can be found

	// The fields below are guarded by owner.mu. first.key is constant once the
	// entry can be found.
	first holding // most connections have one key
	more  []*holding
	cause sse.Cause // why it was removed
	lease Lease     // nil if the store keeps none; constant once the entry can be found
	// failed is the panic of the store when the lease was released. It is logged
	// with the removal, as a logger is called under no lock.
	failed *effect.PanicError

	// asks are the keys that the stream gets when it opens. They count for nobody
	// else. Empty unless state is entryNew.
	asks []ask

	state    entryState
	tell     bool // the removal is announced when the stream has ended
	kept     bool // removed and left open (Options.KeepEvicted)
	attached bool // it is an owner of the stream
	isLive   bool // the first effects of the stream have run
}

// indexed is an entry in the index, with its stream beside it: a broadcast to many
// need not read the entries from memory to find their streams.
type indexed struct {
	*entry
	stream *sse.Conn
}

var _ interface {
	sse.Owner
	Opens(*sse.Conn) error
} = (*entry)(nil)

// entryState is how far an entry has come: new, held, gone. There is no way
// back, so that nothing that comes late can register a stream again.
type entryState uint8

const (
	entryNew entryState = iota
	entryHeld
	entryGone
)

// holding is one key of an entry.
type holding struct {
	slot  slot[indexed]
	key   Key
	claim *claim      // of the key, if the stream is of its owner
	at    relay.Clock // since when; 0 without a relay
}

func (e *entry) holdings() iter.Seq[*holding] {
	return func(yield func(*holding) bool) {
		if !yield(&e.first) {
			return
		}
		for _, h := range e.more {
			if !yield(h) {
				return
			}
		}
	}
}

func (e *entry) has(k Key) bool {
	for h := range e.holdings() {
		if h.key == k {
			return true
		}
	}
	return false
}

// wants reports whether e has k, or is to get it.
func (e *entry) wants(k Key) bool {
	return e.state == entryHeld && e.has(k) || slices.ContainsFunc(e.asks, func(a ask) bool { return a.key == k })
}

// hold adds k and returns its slot and the one before.
func (e *entry) hold(k Key) (s, earlier *slot[indexed]) {
	if e.state == entryNew {
		e.state, e.first.key = entryHeld, k
		return &e.first.slot, nil
	}
	earlier = &e.first.slot
	if n := len(e.more); n > 0 {
		earlier = &e.more[n-1].slot
	}
	h := &holding{key: k}
	e.more = append(e.more, h)
	return &h.slot, earlier
}

// keys returns all keys, sorted.
func (e *entry) keys() []Key {
	keys := make([]Key, 0, 1+len(e.more))
	for h := range e.holdings() {
		keys = append(keys, h.key)
	}
	slices.SortFunc(keys, compareKeys)
	return keys
}

// keyIn returns the first key that p matches, or else the first of all.
// owner.mu is held.
func (e *entry) keyIn(p Pattern) Key {
	for h := range e.holdings() {
		if p.Matches(h.key) {
			return h.key
		}
	}
	return e.first.key
}

// latest returns the key that was held last.
func (e *entry) latest() *holding {
	if n := len(e.more); n > 0 {
		return e.more[n-1]
	}
	return &e.first
}

// touch says that the client of e is there. No lock is held.
func (e *entry) touch() {
	if e.lease != nil {
		defer contain("store")
		e.lease.Touch()
	}
}

// release gives the place in the store back. owner.mu is held; a panic of the store
// is told with the removal.
func (e *entry) release() {
	if e.lease == nil {
		return
	}
	defer func() {
		if p := recover(); p != nil {
			e.failed = &effect.PanicError{Value: p, Stack: debug.Stack()}
		}
	}()
	e.lease.Release()
}

// Evict implements [Member].
func (e *entry) Evict(cause sse.Cause) {
	if e.leave(cause) {
		e.end()
	}
}

// leave takes e out and reports whether it was there.
func (e *entry) leave(cause sse.Cause) bool {
	e.owner.mu.Lock()
	defer e.owner.mu.Unlock()
	return e.owner.takeOut(e, cause)
}

// Opens is asked by the stream, see [sse.Owner]: the stream gets its keys.
func (e *entry) Opens(*sse.Conn) error {
	a, wait, err := e.owner.open(e, nil)
	for wait && err == nil {
		a, wait, err = e.openWith(context.Background())
	}
	e.owner.makeRoom(a)
	if a.instead != nil {
		return twk.Reuse{Conn: a.instead.conn}
	}
	return err
}

// openWith is open after the other nodes have agreed.
func (e *entry) openWith(ctx context.Context) (a admission, wait bool, err error) {
	c := e.owner
	b, err := c.secure(ctx, "holding", func(now time.Time) ([]want, error) {
		if c.admissible(e) != nil {
			return nil, nil
		}
		return c.plan(e.asks, now)
	})
	defer b.end()
	if err != nil {
		c.giveUp(e)
		return a, false, err
	}
	return c.open(e, b)
}

// end ends the stream of e, which has been taken out for a cause of this
// package.
func (e *entry) end() {
	defer contain("end of a stream")
	if e.kept {
		e.announce()
		return
	}
	e.conn.Close(e.cause)
}

// Live implements [sse.Owner].
func (e *entry) Live(*sse.Conn) {
	e.owner.mu.Lock()
	defer e.owner.mu.Unlock()
	e.isLive = true
	if e.state != entryHeld { // closed by its first effects
		return
	}
	for _, w := range e.owner.watches {
		w.live(e)
	}
	if f := e.owner.feeding.Load(); f != nil {
		f.live(e)
	}
}

// Closed implements [sse.Owner]. It runs on whatever goroutine closes the stream:
// the entry is gone at once, and those who want to know are told by Ended, after
// the response is out of reach.
func (e *entry) Closed(_ *sse.Conn, cause sse.Cause) {
	e.owner.mu.Lock()
	defer e.owner.mu.Unlock()
	e.owner.takeOut(e, cmp.Or(cause, sse.CauseClosed))
	e.asks = nil
	e.tell = e.cause != "" && !e.kept
}

// Ended implements [sse.Owner].
func (e *entry) Ended(*sse.Conn, sse.Cause) {
	if e.isToTell() {
		e.announce()
	}
}

func (e *entry) isToTell() bool {
	e.owner.mu.RLock()
	defer e.owner.mu.RUnlock()
	return e.tell
}

// announce tells of the removal of e.
func (e *entry) announce() {
	if e.failed != nil {
		logPanic("store", e.failed)
	}
	one := Removal{Keys: e.keys(), Info: e.conn.Info(), Cause: e.cause, At: time.Now()}
	e.owner.gone.add(gone{one, e.conn.Hub()})
	if hook := e.owner.opts.OnRemove; hook != nil {
		defer contain("removal hook")
		one.Keys = slices.Clone(one.Keys) // the hook may keep and change them
		hook(one)
	}
}

// contain logs a panic of somebody else's code and goes on.
func contain(what string) {
	if p := recover(); p != nil {
		logPanic(what, &effect.PanicError{Value: p, Stack: debug.Stack()})
	}
}

func logPanic(what string, err *effect.PanicError) {
	slog.LogAttrs(context.Background(), slog.LevelError, "sfere: a "+what+" panicked", slog.Any("error", err))
}
