package sfere

import (
	"slices"
	"sync"
	"time"

	"github.com/sfere-go/sfere/twk"
)

// PresenceOptions adjust a [Presence]. Zero fields mean the defaults.
type PresenceOptions struct {
	// Grace is how long a key may be without a connection before it counts as
	// gone, so that a reload or a lost network is no departure. A connection that
	// the program closed (twk.CauseClosed) is gone at once. Default 5 s, negative
	// means none.
	Grace time.Duration
	// Joined is called when a key gets its first connection, after the first
	// effects of that connection have run; Left when a key is gone. Calls for one
	// key come one after the other, those for different keys may overlap; they
	// are made outside all locks and may broadcast. A panic is contained.
	Joined, Left func(Key)
}

// Presence tells who is there: which keys have a live connection, or had one
// until a moment ago. All methods may be called from any goroutine.
type Presence struct {
	conns *Conns
	match Pattern
	opts  PresenceOptions

	// mu guards the fields below; it is taken under Conns.mu and nothing is
	// called under it.
	mu      sync.Mutex
	present map[Key]*visitor
	stopped bool
}

// visitor is one key that is there.
type visitor struct {
	count   int         // connections
	timer   *time.Timer // runs out the grace period; nil if count > 0
	told    bool        // Joined has been called or is about to be
	pending []func(Key) // calls to make, in order
	busy    bool        // somebody is making them
}

// Watch returns the presence of the keys that match p, from now on. Stop it to
// release it. nil options mean the defaults. It returns the error of
// [Pattern.Validate].
func (c *Conns) Watch(p Pattern, o *PresenceOptions) (*Presence, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	w := &Presence{conns: c, match: p, present: map[Key]*visitor{}}
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

// Stop ends the watch; no callback starts after it returns.
func (w *Presence) Stop() {
	w.conns.mu.Lock()
	w.conns.watches = slices.DeleteFunc(slices.Clone(w.conns.watches), func(o *Presence) bool { return o == w })
	w.conns.mu.Unlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	for _, v := range w.present {
		if v.timer != nil {
			v.timer.Stop()
		}
	}
	clear(w.present)
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

// added is called under Conns.mu when conn gets the key k.
func (w *Presence) added(conn *twk.Conn, k Key) {
	if !w.match.Matches(k) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped {
		return
	}
	v := w.present[k]
	if v == nil {
		v = &visitor{}
		w.present[k] = v
	}
	if v.timer != nil {
		v.timer.Stop()
		v.timer = nil
	}
	v.count++
	if v.told {
		return
	}
	// Whichever connection of the key is live first tells.
	conn.OnLive(func() {
		w.mu.Lock()
		if v.told || w.present[k] != v {
			w.mu.Unlock()
			return
		}
		v.told = true
		w.call(k, v, w.opts.Joined)
	})
}

// removed is called under Conns.mu when e is gone.
func (w *Presence) removed(conn *twk.Conn, e *entry, cause twk.Cause) {
	for h := range e.holdings() {
		if w.match.Matches(h.key) {
			w.lost(conn, h.key, cause)
		}
	}
}

func (w *Presence) lost(conn *twk.Conn, k Key, cause twk.Cause) {
	w.mu.Lock()
	defer w.mu.Unlock()
	v := w.present[k]
	if v == nil {
		return
	}
	if v.count--; v.count > 0 {
		return
	}
	if cause == twk.CauseClosed || w.opts.Grace < 0 {
		conn.OnEnd(func(twk.Cause) { w.gone(k, v) })
		return
	}
	v.timer = time.AfterFunc(w.opts.Grace, func() { w.gone(k, v) })
}

// gone makes k absent unless it has come back.
func (w *Presence) gone(k Key, v *visitor) {
	w.mu.Lock()
	if w.present[k] != v || v.count > 0 {
		w.mu.Unlock()
		return
	}
	delete(w.present, k)
	if !v.told { // it was never announced
		w.mu.Unlock()
		return
	}
	w.call(k, v, w.opts.Left)
}

// call makes a callback after those for the same visitor that are on their
// way. w.mu is held and released.
func (w *Presence) call(k Key, v *visitor, f func(Key)) {
	if f == nil {
		w.mu.Unlock()
		return
	}
	v.pending = append(v.pending, f)
	if v.busy {
		w.mu.Unlock()
		return
	}
	v.busy = true
	for len(v.pending) > 0 && !w.stopped {
		next := v.pending[0]
		v.pending = v.pending[1:]
		w.mu.Unlock()
		func() {
			defer contain("presence callback")
			next(k)
		}()
		w.mu.Lock()
	}
	v.busy = false
	w.mu.Unlock()
}
