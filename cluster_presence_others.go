package sfere

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/sfere-go/sfere/relay"
)

// others is what this node knows of who is on other nodes, of what is watched here.
type others struct {
	s                 *sharing
	maxKeys, maxBytes int // of one node

	// mu guards the fields below and those of all they point to. Conns.mu and Presence.mu
	// may be taken under it; nothing is called and no other lock is taken.
	mu        sync.Mutex
	following map[relay.Address]*following
	nodes     map[relay.ID]*remote
	dirty     map[relay.Address]bool // to be subscribed to from now on, or no more
	closed    bool
}

// following is an address that is watched here.
type following struct {
	to      relay.Address
	match   Pattern
	watches []*Presence
}

// remote is another node.
type remote struct {
	id   relay.ID
	name string
	of   map[relay.Address]*replica
	mark relay.PresenceMark // of its last beat
	// seq and hash are what its mark is if nothing is missing and it tells nobody of
	// another address. verified is a mark that did not fit although nothing was missing.
	seq, hash uint64
	verified  relay.PresenceMark
	suspect   bool

	keys, bytes int
	held        int // bytes of messages that wait for others
	warned      warnings

	due     time.Time // when it is asked next; zero: never
	renew   time.Time // when it is asked for everything
	asking  int       // replicas that are due
	check   time.Time // when the mark is looked at; zero: it fits
	checked relay.PresenceMark
	backoff time.Duration
}

// replica is what is known of one address of one node.
type replica struct {
	to        *following
	seq, hash uint64 // as the node says; seq 0: nothing is known for certain
	keys      shrinking[Key, time.Time]
	sum       uint64 // the hash of keys, which is hash unless r is flawed
	flawed    bool   // something was refused

	due   time.Time // when the node is asked (again); zero: nothing is missing
	asked time.Time // when it was asked last
	tries int
	// waiting are messages that have come before those that they follow.
	waiting []relay.Presence
	// parts are those of a full state that have come, by number. last is the number of
	// the last one, -1 if that has not come.
	parts   map[int]relay.Presence
	partsOf uint64 // their seq
	last    int
	held    int // bytes of waiting and parts
}

// perKey is what an entry costs beside the text of its key.
const perKey = 100 // bytes

func bytesOf(k Key) int { return len(k.Scope) + len(k.Category) + len(k.ID) + perKey }

// known returns who is known to be there of what w watches: a key once for each node.
// o.mu is held.
func (o *others) known(w *Presence) func(yield func(Key, time.Time) bool) {
	return func(yield func(Key, time.Time) bool) {
		to := w.match.address().Carrier()
		for _, n := range o.nodes {
			r := n.of[to]
			if r == nil {
				continue
			}
			for k, since := range r.keys.m {
				if w.match.Matches(k) && !yield(k, since) {
					return
				}
			}
		}
	}
}

// follow begins to tell w, which has who is known. o.mu is held.
func (o *others) follow(w *Presence) {
	if o.closed {
		return
	}
	to := w.match.address().Carrier()
	f := o.following[to]
	if f == nil {
		f = &following{to: to, match: patternOf(to)}
		o.following[to] = f
		o.dirty[to] = true
		for _, n := range o.nodes {
			o.start(n, f)
		}
		poke(o.s.wake)
	}
	f.watches = append(f.watches, w)
}

// followAll follows watches that were there before the relay was joined.
func (o *others) followAll(watches []*Presence) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, w := range watches {
		if !w.opts.Local && !w.hasStopped() {
			o.follow(w)
		}
	}
}

// unfollow ends that.
func (o *others) unfollow(w *Presence) {
	o.mu.Lock()
	defer o.mu.Unlock()
	to := w.match.address().Carrier()
	f := o.following[to]
	if f == nil {
		return
	}
	f.watches = slices.DeleteFunc(f.watches, func(x *Presence) bool { return x == w })
	if len(f.watches) > 0 {
		return
	}
	delete(o.following, to)
	o.dirty[to] = false
	for _, n := range o.nodes {
		if r := n.of[to]; r != nil {
			n.settle(r)
			n.hash ^= r.part()
			delete(n.of, to)
			n.held -= r.held
			n.keys -= len(r.keys.m)
			for k := range r.keys.m {
				n.bytes -= bytesOf(k)
			}
			n.compare(time.Now())
		}
	}
	poke(o.s.wake)
}

// start begins to ask a node for an address. o.mu is held.
func (o *others) start(n *remote, f *following) {
	r := &replica{to: f}
	n.of[f.to] = r
	n.ask(r, time.Now())
}

// ask has a node asked for a replica at a time, or earlier. o.mu is held.
func (n *remote) ask(r *replica, due time.Time) {
	if next := r.asked.Add(askEvery); due.Before(next) {
		due = next
	}
	if r.due.IsZero() {
		n.asking++
		r.tries = 0
	} else if !due.Before(r.due) {
		return
	}
	r.due = due
	n.due = earliest(n.due, due)
}

// settle notes that nothing of r is missing. o.mu is held.
func (n *remote) settle(r *replica) {
	if r.due.IsZero() {
		return
	}
	r.due, r.tries = time.Time{}, 0
	if n.asking--; n.asking == 0 {
		n.verified = n.checked
	}
}

// part is what r adds to the hash of its node.
func (r *replica) part() uint64 {
	if r.seq == 0 {
		return 0
	}
	return partOf(r.to.to, r.hash)
}

// heard takes what a node says of itself.
func (o *others) heard(m relay.Member) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return
	}
	now := time.Now()
	n := o.nodes[m.ID]
	if n == nil {
		n = &remote{id: m.ID, of: map[relay.Address]*replica{}, renew: now.Add(renewEvery)}
		o.nodes[m.ID] = n
		for _, f := range o.following {
			o.start(n, f)
		}
	}
	back := n.suspect && m.State == relay.Live
	n.name, n.mark, n.suspect = m.Name, m.Presence, m.State == relay.Suspect
	if back {
		n.askAll(now)
	}
	n.compare(now)
	poke(o.s.wake)
}

// askAll has everything of n asked. o.mu is held.
func (n *remote) askAll(due time.Time) {
	for _, r := range n.of {
		n.ask(r, due)
	}
}

// fits reports whether the mark of the last beat of n says that nothing is missing.
// o.mu is held.
func (n *remote) fits() bool {
	return len(n.of) == 0 || n.mark.Hash == n.hash || n.mark == n.verified || n.mark.Seq < n.seq
}

// compare sees to it that a mark that does not fit is looked at. o.mu is held.
func (n *remote) compare(now time.Time) {
	switch {
	case n.fits():
		if n.check = (time.Time{}); n.mark.Hash == n.hash {
			n.backoff = 0
		}
	case n.check.IsZero():
		n.check = now.Add(n.backoff)
		n.due = earliest(n.due, n.check)
	}
}

// missed takes a gap of the relay.
func (o *others) missed(g relay.Gap) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	due := now
	if !g.Presence {
		due = now.Add(rand.N(perAsker*time.Duration(len(o.nodes)) + 1))
	}
	for id, n := range o.nodes {
		if g.From != (relay.ID{}) && g.From != id {
			continue
		}
		if !g.Presence {
			n.askAll(due)
		} else if r := n.of[g.To]; r != nil {
			n.ask(r, due)
		}
	}
	poke(o.s.wake)
}

// lose forgets a node: those who are there alone have their grace period.
func (o *others) lose(id relay.ID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.forget(id)
}

// forget is lose. o.mu is held.
func (o *others) forget(id relay.ID) {
	n := o.nodes[id]
	if n == nil {
		return
	}
	delete(o.nodes, id)
	for _, r := range n.of {
		for k := range r.keys.m {
			r.to.went(k, false)
		}
	}
}

// close forgets everybody.
func (o *others) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	for id := range o.nodes {
		o.forget(id)
	}
	o.following = map[relay.Address]*following{}
}

// came and went tell the watches. others.mu is held.
func (f *following) came(k Key, since time.Time) {
	for _, w := range f.watches {
		w.came(k, since)
	}
}

func (f *following) went(k Key, final bool) {
	for _, w := range f.watches {
		w.went(k, final)
	}
}

// outline returns what is shown of the nodes.
func (o *others) outline() (all []NodePresence) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, n := range o.nodes {
		all = append(all, NodePresence{
			Node: n.id, Name: n.name, Addresses: len(n.of), Keys: n.keys, Refused: n.warned.count, Asking: n.asking > 0 || !n.fits(),
		})
	}
	return all
}
