package sfere

import (
	"slices"
	"sync"
	"time"

	"github.com/sfere-go/sfere/sse"
)

// PresenceOptions adjust a [Presence]. Zero fields mean the defaults.
type PresenceOptions struct {
	// Grace is how long a key may be without a connection before it counts as
	// gone, so that a reload or a lost network is no departure. Default 5 s,
	// negative means none. There is none either after a connection that the
	// program closed for a reason other than expiry, size or shutdown.
	Grace time.Duration
	// Joined is called when a key gets its first connection, after the first
	// effects of that connection have run; Left when a key is gone that Joined
	// was called for, or that was there when the watch began. Calls for one key
	// alternate and come one after the other, also if it returns while Left is
	// still running; those for different keys may overlap. They are made
	// outside all locks and may take their time and broadcast. A panic is
	// contained.
	Joined, Left func(Key)
}

// Presence tells who is there: which keys have a live connection, or had one
// until a moment ago. All methods may be called from any goroutine.
type Presence struct {
	conns *Conns
	match Pattern
	opts  PresenceOptions

	// mu guards the fields below. It is taken under Conns.mu; under it the state
	// lock of a Conn may be taken, and nothing is called.
	mu      sync.Mutex
	present map[Key]*visitor
	lines   map[Key]*line
	stopped bool

	calls sync.WaitGroup // callbacks under way; Add is called under mu while not stopped
}

// visitor is one key that is there.
type visitor struct {
	count int // connections
	// epoch counts the comings and goings, by which a departure that has been
	// overtaken by a return knows itself.
	epoch uint64
	timer *time.Timer // runs out the grace period; nil if count > 0
	told  bool        // Joined has been called or is about to be
}

// line is the callbacks to be made for one key, in order. It outlives the
// visitor, so that those for its next visit wait for those of the last.
type line struct {
	pending []func(Key)
}

// Watch returns the presence of the keys that match p, from now on; those that
// are there already are not announced. Stop it to release it. nil options mean
// the defaults. It returns the errors of [Conns.List].
func (c *Conns) Watch(p Pattern, o *PresenceOptions) (*Presence, error) {
	p, err := c.outside(p)
	if err != nil {
		return nil, err
	}
	w := &Presence{conns: c, match: p, present: map[Key]*visitor{}, lines: map[Key]*line{}}
	if o != nil {
		w.opts = *o
	}
	if w.opts.Grace == 0 {
		w.opts.Grace = 5 * time.Second
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range c.index.keys(p) {
		w.present[k.Key] = &visitor{count: k.Count, told: true}
	}
	c.watches = append(slices.Clone(c.watches), w)
	return w, nil
}

// Stop ends the watch: nobody is there any more, nobody is announced, and no
// callback is running or will be when it returns. It must not be called from a
// callback, for which it waits. It may be called again.
func (w *Presence) Stop() {
	w.conns.mu.Lock()
	w.conns.watches = slices.DeleteFunc(slices.Clone(w.conns.watches), func(o *Presence) bool { return o == w })
	w.conns.mu.Unlock()
	w.mu.Lock()
	w.stopped = true
	for _, v := range w.present {
		v.wait(nil)
	}
	clear(w.present)
	w.mu.Unlock()
	w.calls.Wait()
}

// Online returns the keys that are there, sorted, those in their grace period
// included.
func (w *Presence) Online() []Key {
	w.mu.Lock()
	defer w.mu.Unlock()
	keys := make([]Key, 0, len(w.present))
	for k := range w.present {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, compareKeys)
	return keys
}

// Has reports whether k is there.
func (w *Presence) Has(k Key) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.present[k] != nil
}

// wait sets the timer in place of the one before.
func (v *visitor) wait(t *time.Timer) {
	if v.timer != nil {
		v.timer.Stop()
	}
	v.timer = t
}

// added is called under Conns.mu when e gets the key k. The caller calls
// what it returns outside the lock.
func (w *Presence) added(e *entry, k Key) func() {
	if !w.match.Matches(k) {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped {
		return nil
	}
	v := w.present[k]
	if v == nil {
		v = &visitor{}
		w.present[k] = v
	}
	v.wait(nil)
	v.count++
	v.epoch++
	if v.told {
		return nil
	}
	// Whichever connection of the key is live first tells; this one may have
	// been for long.
	tell := func() { w.arrived(k, v) }
	if !e.isLive {
		e.onLive = append(e.onLive, tell)
		return nil
	}
	return tell
}

func (w *Presence) arrived(k Key, v *visitor) {
	w.mu.Lock()
	if v.told || w.present[k] != v {
		w.mu.Unlock()
		return
	}
	v.told = true
	w.call(k, w.opts.Joined)
}

// removed is called under Conns.mu when e is gone. What it returns is called
// when its stream has ended.
func (w *Presence) removed(e *entry, cause sse.Cause) (after []func()) {
	for h := range e.holdings() {
		if w.match.Matches(h.key) {
			if f := w.lost(h.key, cause); f != nil {
				after = append(after, f)
			}
		}
	}
	return after
}

func (w *Presence) lost(k Key, cause sse.Cause) func() {
	w.mu.Lock()
	defer w.mu.Unlock()
	v := w.present[k]
	if v == nil { // stopped
		return nil
	}
	v.epoch++
	if v.count--; v.count > 0 {
		return nil
	}
	epoch := v.epoch
	if w.opts.Grace < 0 || !returns(cause) {
		return func() { w.gone(k, v, epoch) }
	}
	v.wait(time.AfterFunc(w.opts.Grace, func() { w.gone(k, v, epoch) }))
	return nil
}

// returns reports whether the client of a stream with this cause may be on its
// way back, as opposed to one that the program has sent away.
func returns(cause sse.Cause) bool {
	return cause == sse.CauseClient || cause == CauseReplaced || cause.Cut()
}

// gone makes k absent unless it has come back since.
func (w *Presence) gone(k Key, v *visitor, epoch uint64) {
	w.mu.Lock()
	if w.present[k] != v || v.epoch != epoch {
		w.mu.Unlock()
		return
	}
	delete(w.present, k)
	if !v.told { // it was never announced
		w.mu.Unlock()
		return
	}
	w.call(k, w.opts.Left)
}

// call makes a callback after those for the same key that are on their way. If
// somebody is making those, this one is left to them. w.mu is held and
// released.
func (w *Presence) call(k Key, f func(Key)) {
	if f == nil || w.stopped {
		w.mu.Unlock()
		return
	}
	if l := w.lines[k]; l != nil {
		l.pending = append(l.pending, f)
		w.mu.Unlock()
		return
	}
	l := &line{pending: []func(Key){f}}
	w.lines[k] = l
	w.calls.Add(1)
	defer w.calls.Done()
	for len(l.pending) > 0 && !w.stopped {
		next := l.pending[0]
		l.pending = l.pending[1:]
		w.mu.Unlock()
		func() {
			defer contain("presence callback")
			next(k)
		}()
		w.mu.Lock()
	}
	delete(w.lines, k)
	w.mu.Unlock()
}
