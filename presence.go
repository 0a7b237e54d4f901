package sfere

import (
	"cmp"
	"container/list"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/sfere-go/sfere/sse"
)

// PresenceOptions adjust a [Presence]. Zero fields mean the defaults.
type PresenceOptions struct {
	// Grace is how long a key may be without a live stream before it counts as
	// gone, so that a reload or a lost network is no departure. Default 5 s,
	// negative means none. There is none either after a stream that the program
	// closed for a reason other than expiry, size or shutdown.
	Grace time.Duration
	// Local keeps to the streams of this machine. Default: with a relay the Presence
	// is of the streams of all machines.
	Local bool
	// Joined is called when a key has its first live stream: one whose first
	// effects have run. Left is called when a key is gone. Default: nothing is
	// called.
	//
	// All calls of one Presence come one after the other, in the order of the list:
	// see [Presence.List]. They are made on a goroutine of the Presence, outside
	// all locks, and may block and broadcast: a slow one delays those
	// after it and nothing else. What is undone before its turn comes is not told:
	// who left and came back meanwhile has done neither. A panic is contained.
	Joined, Left func(Visitor)
}

// Visitor is one key that is there, or has just left. It is a value without
// references and may be kept and sent.
type Visitor struct {
	Key Key `json:"key"`
	// Since is when the key got its first live stream; for a key that was there
	// when the watch began, when the oldest of its streams was opened. Of several
	// machines it is the earliest, as far as they were known when the visitor was told.
	// It is by the clock of that machine, but never in the future.
	Since time.Time `json:"since"`
	// Seq is the number of the change: of the departure in Left, and otherwise of
	// the arrival. It is 0 for a key that was there when the watch began.
	Seq uint64 `json:"seq"`
}

// Presence tells who is there: which keys have a live stream, or had one until a
// moment ago. Make one with [Conns.Watch]. All methods may be called from any
// goroutine, also from a callback.
//
// With a relay it is about all machines: a key joins with its first live stream
// anywhere, and leaves when its last one anywhere is gone. Every machine has a sequence
// of its own: two of them may tell of the same people in another order. Those of a
// machine that fell silent stay until it counts as down (10 beats, 10 s by default),
// and those of one that left or is down have the grace period to come back elsewhere. A
// machine that is cut off keeps to the same rules, and ends up with its own people.
type Presence struct {
	conns *Conns
	match Pattern
	opts  PresenceOptions

	// mu guards the fields below and those of every visit. It is taken under
	// Conns.mu or others.mu; no lock is taken and nothing is called under it.
	mu      sync.Mutex
	visits  shrinking[Key, *visit]
	list    list.List // of *visit: who is there as far as it has been told
	queue   list.List // of *visit: who is to be told, each at most once
	seq     uint64    // number of changes of list
	running bool      // there is a goroutine that makes callbacks
	stopped bool

	calls sync.WaitGroup // that goroutine; Add is called under mu while not stopped
}

// visit is what a Presence knows of one key that has a stream here or elsewhere, is in
// the list, or both. It is there as soon as a stream is live, and until the grace period is
// over; the list follows when its turn in the queue comes. So the queue is no
// longer than the list and the streams together, however slow a callback is.
type visit struct {
	count int  // streams, also those that are opening and may be refused
	far   int  // other nodes with a live stream
	here  bool // it has been live, and is, or is in its grace period
	since time.Time
	// ended and final are of the live stream that ended last, final if its client is not
	// on its way back. A stream that never was live has no say in when the key is gone.
	ended time.Time
	final bool
	timer *time.Timer // runs out the grace period; nil if there is none

	told Visitor       // the last that was told of it
	at   *list.Element // in list, nil if it is not there
	turn *list.Element // in queue, nil if there is nothing to tell
}

// Watch returns the presence of the keys that match p, from now on. Those that
// are there already are in its list and not announced; those of other machines are
// announced if this one does not know them yet. Stop it to release it. nil options mean the defaults. It returns the errors of [Conns.List], and one if
// Grace makes no sense.
func (c *Conns) Watch(p Pattern, o *PresenceOptions) (*Presence, error) {
	p, err := c.outside(p)
	if err != nil {
		return nil, err
	}
	w := &Presence{conns: c, match: p}
	if o != nil {
		w.opts = *o
	}
	if d := w.opts.Grace; d > 0 && d < shortest {
		return nil, &Error{Op: "watching", Err: fmt.Errorf("PresenceOptions.Grace is %v: use a duration such as 5*time.Second, or a negative one for none", d)}
	}
	w.opts.Grace = cmp.Or(w.opts.Grace, 5*time.Second)
	for !c.watch(w) { // a relay was joined in between
	}
	return w, nil
}

// watch makes w begin, unless there is a relay that was not there a moment ago.
func (c *Conns) watch(w *Presence) bool {
	cl := c.cluster.Load()
	far := func(func(Key, time.Time) bool) {}
	if cl != nil && !w.opts.Local {
		cl.sharing.others.mu.Lock()
		defer cl.sharing.others.mu.Unlock()
		far = cl.sharing.others.known(w)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cluster.Load() != cl {
		return false
	}
	w.begin(c.index.appendMatches(nil, w.match), far)
	c.watches = append(slices.Clone(c.watches), w)
	if cl != nil && !w.opts.Local {
		cl.sharing.others.follow(w)
	}
	return true
}

// begin takes in the streams that are there already, and who is known to be elsewhere.
func (w *Presence) begin(es []indexed, far iter.Seq2[Key, time.Time]) {
	opened := make(map[*entry]time.Time, len(es))
	for _, e := range es {
		opened[e.entry] = e.stream.Info().Opened
	}
	slices.SortFunc(es, func(a, b indexed) int {
		return cmp.Or(opened[a.entry].Compare(opened[b.entry]), cmp.Compare(a.conn.ID(), b.conn.ID()))
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	var first []*visit
	there := func(v *visit, since time.Time) {
		if !v.here {
			v.here, v.since = true, since
			first = append(first, v)
		} else if since.Before(v.since) {
			v.since = since
		}
	}
	for _, e := range es {
		for h := range e.holdings() {
			if !w.match.Matches(h.key) {
				continue
			}
			v := w.visit(h.key)
			v.count++
			if e.isLive {
				there(v, opened[e.entry])
			}
		}
	}
	for k, since := range far {
		v := w.visit(k)
		v.far++
		there(v, since)
	}
	slices.SortStableFunc(first, func(a, b *visit) int { return a.since.Compare(b.since) })
	for _, v := range first {
		v.told.Since = v.since
		v.at = w.list.PushBack(v)
	}
}

// List returns who is there in the order of their arrival, and the number of
// changes so far. Visitors in their grace period are among them.
//
// The list and the calls of Joined and Left are one sequence. The list changes
// when a call begins, so that call n finds the list as of change n, and it stays so
// until the call returns. Somebody who takes a list with number n, and then applies
// the calls whose Visitor.Seq is larger, in their order, has what List returns at
// any later time: Joined appends a key and Left removes it.
//
// A slow callback holds up the list as well. [Conns.List] and [Conns.Count] tell
// which streams there are at this moment.
func (w *Presence) List() (there []Visitor, seq uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	there = make([]Visitor, 0, w.list.Len())
	for at := w.list.Front(); at != nil; at = at.Next() {
		there = append(there, at.Value.(*visit).told)
	}
	return there, w.seq
}

// Has reports whether k is in the list.
func (w *Presence) Has(k Key) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	v := w.visits.m[k]
	return v != nil && v.at != nil
}

// Stop ends the watch: nobody is there any more, nobody is announced, and no
// callback is running or will be when it returns. It may be called again. Called
// by a callback of a Presence it does not wait, as it would wait for itself: that
// callback is the last one if it is one of w.
func (w *Presence) Stop() {
	w.conns.unwatch(w)
	w.forgetAll()
	if cl := w.conns.cluster.Load(); cl != nil {
		cl.sharing.others.unfollow(w)
	}
	if !inCallback() {
		w.calls.Wait()
	}
}

func (c *Conns) unwatch(w *Presence) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.watches = slices.DeleteFunc(slices.Clone(c.watches), func(o *Presence) bool { return o == w })
}

func (w *Presence) forgetAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	for _, v := range w.visits.m {
		v.wait(nil)
	}
	w.visits = shrinking[Key, *visit]{}
	w.list.Init()
	w.queue.Init()
}

// visit returns the visit of k, a new one if there is none. w.mu is held.
func (w *Presence) visit(k Key) *visit {
	v := w.visits.m[k]
	if v == nil {
		v = &visit{told: Visitor{Key: k}}
		w.visits.set(k, v)
	}
	return v
}

// wait sets the timer in place of the one before.
func (v *visit) wait(t *time.Timer) {
	if v.timer != nil {
		v.timer.Stop()
	}
	v.timer = t
}

// added is called under Conns.mu when e gets the key k.
func (w *Presence) added(e *entry, k Key) {
	if !w.match.Matches(k) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped {
		return
	}
	v := w.visit(k)
	v.count++
	v.wait(nil)
	if e.isLive {
		w.arrive(v, time.Now())
	}
}

// live is called under Conns.mu when the first effects of e have run.
func (w *Presence) live(e *entry) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for h := range e.holdings() {
		if v := w.visits.m[h.key]; v != nil && w.match.Matches(h.key) {
			w.arrive(v, time.Now())
		}
	}
}

// arrive makes v be there. w.mu is held.
func (w *Presence) arrive(v *visit, since time.Time) {
	if !v.here {
		v.here, v.since = true, since
		w.settle(v)
	} else if v.at == nil && since.Before(v.since) { // it is still to be told
		v.since = since
	}
}

// removed is called under Conns.mu when e is gone.
func (w *Presence) removed(e *entry, cause sse.Cause) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for h := range e.holdings() {
		v := w.visits.m[h.key]
		if v == nil || !w.match.Matches(h.key) { // stopped, or none of ours
			continue
		}
		if e.isLive {
			v.ended, v.final = time.Now(), !returns(cause)
		}
		v.count--
		w.lost(v)
	}
}

// lost is called when v has one stream less. w.mu is held.
func (w *Presence) lost(v *visit) {
	if v.count > 0 || v.far > 0 {
		return
	}
	if !v.here || w.opts.Grace < 0 || v.final {
		w.depart(v)
		return
	}
	var t *time.Timer
	t = time.AfterFunc(w.opts.Grace-time.Since(v.ended), func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if v.timer == t { // nothing has happened since
			v.timer = nil
			w.depart(v)
		}
	})
	v.wait(t)
}

// depart makes v be gone. w.mu is held.
func (w *Presence) depart(v *visit) {
	v.here = false
	w.settle(v)
}

// returns reports whether the client of a stream with this cause may be on its
// way back, as opposed to one that the program has sent away.
func returns(cause sse.Cause) bool {
	return cause == sse.CauseClient || cause == CauseReplaced || cause.Cut()
}

// settle queues v if there is something to tell of it, takes it out of the queue
// if there is nothing any more, and forgets it if it is nowhere. w.mu is held.
func (w *Presence) settle(v *visit) {
	switch differs := v.here != (v.at != nil); {
	case differs && v.turn == nil:
		v.turn = w.queue.PushBack(v)
		w.wake()
	case !differs && v.turn != nil:
		w.queue.Remove(v.turn)
		v.turn = nil
	}
	if v.count == 0 && v.far == 0 && !v.here && v.at == nil {
		w.visits.delete(v.told.Key)
	}
}
